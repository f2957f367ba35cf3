//! Verdicts: what userspace decided for one address or prefix, until when.

use crate::{action::Action, assert_layout, reason::Reason};

/// A time that never comes: a verdict "until forever".
pub const FOREVER: u64 = u64::MAX;

/// The administrator's word on an address or prefix: until when it is allowed and until when blocked.
///
/// Times are nanoseconds of `CLOCK_MONOTONIC`; 0 is never, [`FOREVER`] has no end. In `PREFIXES` the values of a
/// prefix already include those of every wider prefix (the later time wins), so that the longest match alone
/// gives the exact answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Steering {
    /// Allowed until then.
    pub allow_until: u64,
    /// Blocked until then.
    pub block_until: u64,
}
assert_layout!(Steering, 16, 8);

/// One entry of `VERDICTS`, for one exact address: an inside host or an outside source.
///
/// Written by userspace only; the kernel checks the times, so an expired entry is no entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Verdict {
    /// The administrator's word.
    pub steering: Steering,
    /// Until when `action` holds, nanoseconds of `CLOCK_MONOTONIC`.
    pub until: u64,
    /// An [`Action`]'s number.
    pub action: u8,
    /// A [`Reason`]'s number.
    pub reason: u8,
    /// Which entry of `RESPONSES` says how it is answered or limited; 0 for actions that do neither.
    pub param: u16,
    /// Always zero.
    pub reserved: [u8; 4],
}
assert_layout!(Verdict, 32, 8);

impl Verdict {
    /// A ban: an action for an address until a time.
    #[must_use]
    pub const fn ban(action: Action, reason: Reason, until: u64) -> Self {
        Self {
            steering: Steering { allow_until: 0, block_until: 0 },
            until,
            action: action as u8,
            reason: reason as u8,
            param: 0,
            reserved: [0; 4],
        }
    }
}
