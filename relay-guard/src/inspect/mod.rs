//! Judging inside hosts by what the kernel counted, and remembering whom it refused. Pure: time and records are arguments,
//! commands are the output.

mod engine;
mod figures;
pub mod flows;
pub mod hosts;
mod inspection;
mod kind;
pub mod ladder;
pub mod observation;
pub mod reassembly;
mod refused;
pub mod score;
pub mod segment;
pub mod signals;
pub mod smtp;
pub mod tls;

pub use engine::{Command, Engine, HostState, HostView, Rules};
pub use figures::{Figures, Thresholds};
pub use inspection::Inspection;
pub use kind::{HostKind, Sample};
pub use refused::{IDLE_NS, MAX_RECIPIENTS, MAX_REFUSED, MAX_TEXT, Refused, RefusedSenders};
