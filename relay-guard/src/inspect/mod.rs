//! Looking into sessions, judging inside hosts by them and by what the kernel counted, and remembering whom it refused.
//!
//! Pure, but for [`service`]: time and records are arguments, commands are the output.

mod envelopes;
pub mod flows;
pub mod hosts;
mod inspection;
mod kind;
mod kinds;
pub mod ladder;
pub mod observation;
pub mod reassembly;
mod refused;
pub mod score;
pub mod segment;
pub mod service;
pub mod signals;
pub mod smtp;
pub mod tls;

pub use envelopes::{local_part, shown_reply, shown_text, words};
pub use inspection::Inspection;
pub use kind::{HostKind, Sample};
pub use kinds::Kinds;
pub use refused::{IDLE_NS, MAX_RECIPIENTS, MAX_REFUSED, MAX_TEXT, Refused, RefusedSenders};
