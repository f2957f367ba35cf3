//! Capture files, inspected as if their packets had been seen on the wire.
//!
//! ```text
//! file → capture (packets) → tcp → parties (client, server) → clock → Segment → inspect, as live
//! ```
//!
//! Nothing here looks at the clock: time is that of the packets, as far as it goes forward.

pub mod capture;
mod clock;
mod envelopes;
pub mod lines;
mod listings;
mod parties;
mod segments;
mod tcp;

pub use envelopes::Shown;
pub use listings::{Listing, Listings, ListingsError};
pub use segments::{PacketTally, Segments};
