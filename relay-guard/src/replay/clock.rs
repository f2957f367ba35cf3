//! The simulated clock: it goes with the times of packets, but never back.

/// Packets may be in a file this much later than the ones behind them, as several queues or interfaces make them. More is
/// another recording, or a clock that was set.
const REORDERED_NS: u64 = 10_000_000_000;

/// So many packets in a row that are that late say that the clock was set: of two interfaces with different clocks in one file
/// no more than a few come in a row.
const PERSISTENT: u32 = 64;

/// No time is later, so that nobody's sums with it overflow.
const LATEST_NS: u64 = u64::MAX / 2;

/// What time it is in a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    now_ns: u64,
    /// What is added to the packets' times.
    ahead_ns: u64,
    /// Packets in a row that are too late.
    late: u32,
    /// The next packet is the first of a file.
    is_new_file: bool,
    /// How often it had to go on where the capture's times went back.
    steps_back: u64,
}

impl Clock {
    /// The time at a packet, nanoseconds. The first packet's is its own; what comes out of order has the time of what came
    /// before it, as has what comes from a clock that is behind; where the capture's times go back for good, this clock goes on
    /// from where it is.
    pub(super) fn at(&mut self, time_ns: Option<u64>) -> u64 {
        let Some(time_ns) = time_ns else { return self.now_ns };
        let time_ns = time_ns.saturating_add(self.ahead_ns).min(LATEST_NS);
        let behind = self.now_ns.saturating_sub(time_ns);
        let is_first = std::mem::take(&mut self.is_new_file);
        self.late = if behind > REORDERED_NS { self.late + 1 } else { 0 };
        if self.late >= PERSISTENT || (is_first && self.late > 0) {
            self.late = 0;
            self.ahead_ns = self.ahead_ns.saturating_add(behind);
            self.steps_back += 1;
        }
        self.now_ns = self.now_ns.max(time_ns);
        self.now_ns
    }

    /// Another file begins: where its times are earlier, the clock goes on evenly.
    pub(super) const fn begin_file(&mut self) {
        self.is_new_file = true;
    }

    /// The time of the last packet, nanoseconds; 0 before the first.
    pub(super) const fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// How often the capture's times went back for good.
    pub(super) const fn steps_back(&self) -> u64 {
        self.steps_back
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn it_goes_with_the_packets_and_never_back() {
        let mut clock = Clock::default();
        for (time, expected) in [
            (Some(1000), 1000),
            (Some(1003), 1003),
            // Out of order.
            (Some(995), 1003),
            (Some(1004), 1004),
            (None, 1004),
        ] {
            assert_eq!(clock.at(time.map(|time| time * SECOND)), expected * SECOND, "{time:?}");
        }
        clock.begin_file();
        for (time, expected) in [
            // Another file: it goes on evenly.
            (400, 1004),
            (401, 1005),
            (405, 1009),
            // Ahead, however far.
            (100_405, 101_009),
        ] {
            assert_eq!(clock.at(Some(time * SECOND)), expected * SECOND, "{time:?}");
        }
        assert_eq!((clock.steps_back(), clock.now_ns()), (1, 101_009 * SECOND));
    }

    #[test]
    fn a_clock_that_was_set_back_goes_on() {
        let mut clock = Clock::default();
        clock.at(Some(10_000 * SECOND));
        for second in 0..u64::from(PERSISTENT) {
            assert_eq!(clock.at(Some((5_000 + second) * SECOND)), 10_000 * SECOND);
        }
        assert_eq!(clock.at(Some((5_000 + u64::from(PERSISTENT)) * SECOND)), 10_001 * SECOND);
        assert_eq!(clock.steps_back(), 1);
    }

    #[test]
    fn two_clocks_in_turns_do_not_make_it_run() {
        let mut clock = Clock::default();
        for second in 1000..3000 {
            clock.at(Some((second + 11) * SECOND));
            clock.at(Some(second * SECOND));
        }
        assert_eq!((clock.now_ns(), clock.steps_back()), (3010 * SECOND, 0));
    }

    #[test]
    fn one_wrong_time_does_not_stop_it() {
        let mut clock = Clock::default();
        clock.at(Some(1000 * SECOND));
        let wrong = clock.at(Some(u64::MAX / 4));
        for _ in 0..PERSISTENT {
            assert_eq!(clock.at(Some(1001 * SECOND)), wrong);
        }
        assert_eq!(clock.at(Some(1002 * SECOND)), wrong + SECOND);
    }

    proptest! {
        #[test]
        fn no_times_make_it_go_back_or_overflow(times in prop::collection::vec(
            prop::option::of(prop_oneof![0..100 * SECOND, 0..=1_u64 << 62]), 0..50)
        ) {
            let mut clock = Clock::default();
            let mut last = 0;
            for time in times {
                let now = clock.at(time);
                prop_assert!(now >= last && now <= LATEST_NS);
                last = now;
            }
        }
    }
}
