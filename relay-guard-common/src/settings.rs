//! Settings that change while the programs run.

use crate::{
    address::Address, assert_layout, class::MAX_PORT_GROUPS, flow::Budgets, respond::response::Rate,
};

/// The one entry of `SETTINGS`. Written by userspace only, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// 1 if actions are carried out, 0 if they are only counted.
    pub enforce: u32,
    /// Entries in `VERDICTS`; at 0 the kernel does not look there.
    pub verdicts: u32,
    /// Entries in `PREFIXES`; at 0 the kernel does not look there.
    pub prefixes: u32,
    /// 1 if lists judge the destinations of outbound SMTP; at 0 the kernel does not look destinations up.
    pub destinations: u32,
    /// Length of a host's counting window, nanoseconds.
    pub window_ns: u64,
    /// Which sources DNSBLs are asked about: bit `group` for IPv4 sources and bit `4 + group` for IPv6 sources, by the port's
    /// group for inbound SMTP; and [`Settings::HOLD`]. 0: nobody.
    pub ask: u32,
    /// Which SMTP is looked into: [`INSPECT_OUTBOUND`](crate::flow::INSPECT_OUTBOUND),
    /// [`INSPECT_INBOUND`](crate::flow::INSPECT_INBOUND). 0: none.
    pub inspect: u32,
    /// How often at most they are asked, on all CPUs together.
    pub asks: Rate,
    /// When the daemon last showed that it lives, nanoseconds of `CLOCK_MONOTONIC`.
    pub heartbeat_ns: u64,
    /// How much is captured of a connection that is looked into.
    pub budgets: Budgets,
}
assert_layout!(Settings, 72, 8);

impl Settings {
    /// Bit of [`Settings::ask`]: the first SYN of a source that is asked about is held.
    pub const HOLD: u32 = 1 << 8;

    /// Whether DNSBLs are asked about a source at ports of a group, which counts modulo [`MAX_PORT_GROUPS`].
    #[inline(always)]
    #[must_use]
    pub const fn asks_about(&self, source: Address, group: usize) -> bool {
        let family = if source.as_v4().is_some() { 0 } else { MAX_PORT_GROUPS };
        self.ask >> (family + group % MAX_PORT_GROUPS) & 1 != 0
    }

    /// Whether the first SYN of a source that is asked about is held, at a time (nanoseconds of `CLOCK_MONOTONIC`): there must
    /// be a daemon that hears the question.
    #[inline(always)]
    #[must_use]
    pub const fn holds(&self, now_ns: u64) -> bool {
        // A clock that is a tick behind comes to an age of 0.
        let age_ns = now_ns.saturating_sub(self.heartbeat_ns);
        self.enforce != 0
            && self.ask & Self::HOLD != 0
            && self.heartbeat_ns != 0
            && age_ns < HEARTBEAT_LIFE_NS
    }
}

/// How long after its last heartbeat a daemon is taken to live, nanoseconds.
pub const HEARTBEAT_LIFE_NS: u64 = 3_000_000_000;

/// An entry of `SIDES`, keyed by ifindex: which side of the gateway an interface is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Interface {
    /// A [`Side`](crate::role::Side)'s number.
    pub side: u8,
    /// 1 on the loopback entry through which userspace asks by test-run what would happen: decisions are
    /// written into the frame, nothing is counted, nothing is remembered. See [`probe`](crate::probe).
    pub probe: u8,
    /// Always zero.
    pub reserved: [u8; 2],
}
assert_layout!(Interface, 4, 1);

#[cfg(test)]
mod tests {
    use super::*;

    const V4: Address = Address::v4([203, 0, 113, 7]);
    const V6: Address = Address::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    #[test]
    fn each_family_and_group_is_asked_about_by_its_bit() {
        for (source, first) in [(V4, 0), (V6, 4)] {
            for group in 0..MAX_PORT_GROUPS {
                for bit in 0..=8 {
                    let settings = Settings { ask: 1 << bit, ..Settings::default() };
                    assert_eq!(settings.asks_about(source, group), bit == first + group, "{bit}");
                }
                assert!(Settings { ask: u32::MAX, ..Settings::default() }.asks_about(source, group));
            }
        }
    }

    #[test]
    fn nothing_is_held_unless_somebody_hears() {
        const BEAT: u64 = 5_000_000_000;
        let holding = Settings { enforce: 1, ask: Settings::HOLD, heartbeat_ns: BEAT, ..Settings::default() };
        for (what, settings, now_ns, holds) in [
            ("a heartbeat of now", holding, BEAT, true),
            ("a clock behind", holding, BEAT - 4_000_000, true),
            ("the last moment", holding, BEAT + HEARTBEAT_LIFE_NS - 1, true),
            ("too late", holding, BEAT + HEARTBEAT_LIFE_NS, false),
            ("never a heartbeat", Settings { heartbeat_ns: 0, ..holding }, 1, false),
            ("only observing", Settings { enforce: 0, ..holding }, BEAT, false),
            ("not to be held", Settings { ask: !Settings::HOLD, ..holding }, BEAT, false),
        ] {
            assert_eq!(settings.holds(now_ns), holds, "{what}");
        }
    }
}
