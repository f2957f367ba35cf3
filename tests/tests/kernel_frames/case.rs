//! One line of a table of frames.

use relay_guard_common::counter::Effect;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::Frame;

use super::outcome::Outcome;
use super::support::kernel::At;

/// A frame, where it comes in, and what is to become of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is special about it.
    pub what: String,
    pub frame: Vec<u8>,
    pub at: At,
    pub expect: Outcome,
}

impl Case {
    /// The same where nothing is carried out.
    pub fn observed(mut self) -> Self {
        if self.expect.effect == Effect::Stopped {
            self.expect.effect = Effect::Observed;
        }
        self
    }
}

/// A case on the outside.
pub fn outside(what: impl Into<String>, frame: impl Bytes, expect: Outcome) -> Case {
    Case { what: what.into(), frame: frame.bytes(), at: At::Outside, expect }
}

/// A case on the inside.
pub fn inside(what: impl Into<String>, frame: impl Bytes, expect: Outcome) -> Case {
    Case { at: At::Inside, ..outside(what, frame, expect) }
}

/// A case on a device that is on no side.
pub fn stray(what: impl Into<String>, frame: impl Bytes, expect: Outcome) -> Case {
    Case { at: At::Stray, ..outside(what, frame, expect) }
}

/// Passed before anything was judged: `XDP_PASS`.
pub fn ignore(reason: Reason) -> Outcome {
    pass(Direction::Unknown, reason)
}

/// Passed: `XDP_PASS`.
pub fn pass(direction: Direction, reason: Reason) -> Outcome {
    Outcome { reason, direction, effect: Effect::Passed }
}

/// Passed because something only observes: `XDP_PASS`.
pub fn observe(direction: Direction, reason: Reason) -> Outcome {
    Outcome { reason, direction, effect: Effect::Observed }
}

/// Stopped: `XDP_DROP`.
pub fn drop(direction: Direction, reason: Reason) -> Outcome {
    Outcome { reason, direction, effect: Effect::Stopped }
}

/// A SYN from a listed source to a guarded port: `XDP_DROP`.
pub fn listed() -> Outcome {
    drop(Direction::Inbound, Reason::Listed)
}

/// What can be given as a frame.
pub trait Bytes {
    fn bytes(self) -> Vec<u8>;
}

impl Bytes for Vec<u8> {
    fn bytes(self) -> Vec<u8> {
        self
    }
}

impl Bytes for Frame {
    fn bytes(self) -> Vec<u8> {
        self.build()
    }
}
