//! Inspection from end to end: real senders and scripted bots behind the guarded gateway, looked into, judged, contained and released.
//!
//! What takes hours is not waited for: [`replayed`] has the same bots in captures, and settings as they are without a configuration.

mod flood;
mod gaps;
mod honest;
mod replayed;
mod restarts;
mod shown;
mod slow;
mod stage;
mod steps;
mod tls;
