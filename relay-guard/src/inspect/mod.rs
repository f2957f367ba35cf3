//! Judging inside hosts by what the kernel counted. Pure: time and records are arguments, commands are the output.

mod engine;
mod figures;

pub use engine::{Command, Engine, HostKind, HostState, HostView, Rules, Sample};
pub use figures::{Figures, Thresholds};
