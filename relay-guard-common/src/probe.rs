//! Asking the loaded program itself what it would do.
//!
//! Userspace hands a synthetic frame to the loaded XDP program by test-run (`BPF_PROG_TEST_RUN`), which runs it
//! as if it came in on the loopback device. No real packet can: the guard is never attached there. For frames
//! on an interface whose entry says so, the program counts and remembers nothing and writes a [`ProbeAnswer`]
//! over the frame's beginning, which test-run hands back.

use crate::{assert_layout, decide::Decision};

/// Ifindex of the loopback device in every network namespace, and the ingress interface of a test-run.
pub const PROBE_IFINDEX: u32 = 1;

/// Offset in the frame of the byte that says which [`Side`](crate::role::Side) the probe plays: last octet of the source MAC.
pub const PROBE_SIDE_OFFSET: usize = 11;

/// Offset in the frame of the byte that says which [`Half`](crate::decide::Half) of an outbound judgement is asked for.
pub const PROBE_HALF_OFFSET: usize = 10;

/// Offset in the frame of the byte that, at 1, asks for the reply itself: the frame that comes back is what would be sent, if
/// anything is. Nothing is capped.
pub const PROBE_ANSWER_OFFSET: usize = 9;

/// What the program writes over the first 8 bytes of a probe's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ProbeAnswer {
    /// An [`Action`](crate::action::Action)'s number.
    pub action: u8,
    /// A [`Reason`](crate::reason::Reason)'s number.
    pub reason: u8,
    /// An [`Effect`](crate::counter::Effect)'s number: what would really have happened.
    pub effect: u8,
    /// [`ProbeAnswer::MAGIC`]: tells an answer from a frame that the program left alone.
    pub magic: u8,
    /// Class in host byte order, 0 if none took part.
    pub class: [u8; 4],
}
assert_layout!(ProbeAnswer, 8, 1);

impl ProbeAnswer {
    /// A probe's frame begins with zeros, so that this cannot stand there by chance.
    pub const MAGIC: u8 = 0xa5;

    /// The answer for a decision.
    #[inline(always)]
    #[must_use]
    pub const fn new(decision: &Decision, enforce: bool) -> Self {
        Self {
            action: decision.action as u8,
            reason: decision.reason as u8,
            effect: decision.effect(enforce) as u8,
            magic: Self::MAGIC,
            class: decision.class.to_ne_bytes(),
        }
    }

    /// The answer as bytes.
    #[inline(always)]
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        let [a, b, c, d] = self.class;
        [self.action, self.reason, self.effect, self.magic, a, b, c, d]
    }

    /// The answer at a frame's beginning, if there is one.
    #[must_use]
    pub fn from_frame(frame: &[u8]) -> Option<Self> {
        let &[action, reason, effect, magic, a, b, c, d, ..] = frame else { return None };
        (magic == Self::MAGIC).then_some(Self { action, reason, effect, magic, class: [a, b, c, d] })
    }
}
