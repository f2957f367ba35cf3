//! Verdicts: what userspace decided for one address or prefix, until when.

use crate::{
    action::Action,
    assert_layout,
    class::{MAX_PORT_GROUPS, Rule},
    reason::Reason,
};

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
    /// Until when `rules` hold, nanoseconds of `CLOCK_MONOTONIC`.
    pub until: u64,
    /// What is done, by the port's group for inbound SMTP ([`PortGroups`](crate::ports::PortGroups)); at none where nothing
    /// is said. Outbound SMTP is judged by the first. All are of one kind: either a containment
    /// ([`Reason::Contained`]) or what DNSBLs say ([`Reason::DnsblListed`], [`Reason::DnsblClean`],
    /// [`Reason::DnsblUnknown`]), which is about sources of inbound SMTP alone.
    pub rules: [Rule; MAX_PORT_GROUPS],
    /// The zones that list the address, a bit for each in the order of the configuration. For userspace only.
    pub listed: u32,
    /// The zones that could not say, likewise.
    pub unknown: u32,
}
assert_layout!(Verdict, 48, 8);

impl Verdict {
    /// A ban: an action for an address until a time, whatever the port.
    #[must_use]
    pub const fn ban(action: Action, reason: Reason, until: u64) -> Self {
        Self::of([Rule::new(action, reason); MAX_PORT_GROUPS], until)
    }

    /// Rules for an address until a time.
    #[must_use]
    pub const fn of(rules: [Rule; MAX_PORT_GROUPS], until: u64) -> Self {
        Self { steering: Steering { allow_until: 0, block_until: 0 }, until, rules, listed: 0, unknown: 0 }
    }

    /// The same, answered or limited as an entry of `RESPONSES` says.
    #[must_use]
    pub fn with_param(self, param: u16) -> Self {
        Self { rules: self.rules.map(|rule| rule.with_param(param)), ..self }
    }

    /// What is said of a source of inbound SMTP at ports of a group, which counts modulo [`MAX_PORT_GROUPS`].
    #[inline(always)]
    #[must_use]
    pub const fn rule(&self, group: usize) -> Rule {
        self.rules[group % MAX_PORT_GROUPS]
    }

    /// Whether DNSBLs once knew nothing against the source at ports of a group: what is asked again, and not held meanwhile.
    #[inline(always)]
    #[must_use]
    pub const fn was_clean(&self, group: usize) -> bool {
        self.rule(group).reason == Reason::DnsblClean as u8
    }
}
