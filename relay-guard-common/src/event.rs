//! What the kernel tells userspace about a connection attempt that was not simply passed.

use crate::{address::Address, assert_layout};

/// One record of the ring `EVENTS`: a SYN whose action was not [`Pass`](crate::action::Action::Pass).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Event {
    /// When, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub time_ns: u64,
    /// Source address.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Source port, host byte order.
    pub source_port: u16,
    /// Destination port, host byte order.
    pub destination_port: u16,
    /// Interface.
    pub ifindex: u32,
    /// Class, 0 if none took part.
    pub class: u32,
    /// An [`Action`](crate::action::Action)'s number.
    pub action: u8,
    /// A [`Reason`](crate::reason::Reason)'s number.
    pub reason: u8,
    /// A [`Direction`](crate::role::Direction)'s number.
    pub direction: u8,
    /// An [`Effect`](crate::counter::Effect)'s number.
    pub effect: u8,
}
assert_layout!(Event, 56, 8);

/// Size of the ring `EVENTS` in bytes: 4,681 events.
pub const EVENT_RING_BYTES: usize = 256 * 1024;

/// Per-CPU state that keeps events below a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct EventBudget {
    /// Start of the running second, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub second_ns: u64,
    /// Events told in it.
    pub used: u64,
}
assert_layout!(EventBudget, 16, 8);

impl EventBudget {
    /// Takes one event's share of the second that `now_ns` is in; `false` if `per_second` is used up.
    #[inline(always)]
    pub fn take(&mut self, now_ns: u64, per_second: u64) -> bool {
        if now_ns.wrapping_sub(self.second_ns) >= 1_000_000_000 {
            self.second_ns = now_ns;
            self.used = 0;
        }
        if self.used >= per_second {
            return false;
        }
        self.used += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_is_per_second() {
        let mut budget = EventBudget::default();
        let start = 5_000_000_000;
        assert_eq!((0..10).filter(|_| budget.take(start, 3)).count(), 3);
        assert!(!budget.take(start + 999_999_999, 3));
        assert!(budget.take(start + 1_000_000_000, 3));
    }
}
