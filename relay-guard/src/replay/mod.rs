//! Capture files, inspected as if their packets had been seen on the wire.
//!
//! ```text
//! file → capture (packets) → tcp → parties (client, server) → clock → Segment → inspect, as live
//! ```
//!
//! Nothing here looks at the clock: time is that of the packets, as far as it goes forward.

mod attempts;
pub mod capture;
mod clock;
mod envelopes;
mod hosts;
pub mod lines;
mod listings;
mod named;
mod parties;
mod run;
mod segments;
mod summary;
mod tcp;

pub use envelopes::Shown;
pub use listings::{Listing, Listings, ListingsError};
pub use named::Names;
pub use run::{MAX_SOURCES, Replay, Wanted};
pub use segments::{PacketTally, Segments};
pub use summary::{Client, MAX_CLIENTS, Messages, Summary};
