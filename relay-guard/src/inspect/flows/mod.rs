//! Connections that are looked into: finds the session of each segment, within bounds.
//!
//! A session begins with the first payload, not with a SYN, and ends when both parties or one reset say so, when nothing is seen
//! of it for too long, when there is no room, or when another connection has its ports. A finished connection is remembered for a
//! while, so that what was sent twice begins no session.
//!
//! Nothing here has a clock: what is due is done when a segment or [`Flows::expire`] brings the time.

mod by_use;
mod counters;
mod listener;
mod marks;
mod shares;
mod table;
mod tracked;

pub use counters::{Counters, Limits};
pub use listener::Listener;
pub use table::Flows;

use crate::inspect::smtp;

/// How long a connection without payload is remembered: a client waits 5 minutes for the greeting (RFC 5321 §4.5.3.2.1).
pub const OPENED_NS: u64 = 330_000_000_000;

/// How long a finished connection is remembered: as long as Linux keeps one in TIME-WAIT.
pub const FINISHED_NS: u64 = 60_000_000_000;

/// How long the other party's end is waited for when one has ended.
pub const HALF_CLOSED_NS: u64 = 60_000_000_000;

/// Octets that an SMTP connection takes, at most.
pub const MAX_FLOW_BYTES: usize = Flows::<smtp::Session>::MAX_FLOW_BYTES;

#[cfg(test)]
mod tests;
