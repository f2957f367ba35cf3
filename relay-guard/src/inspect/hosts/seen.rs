//! Which of many things were seen when: a sketch from which the number of distinct ones in any last while can be read.

/// Seconds of a tick, the unit in which this remembers.
pub const TICK_S: u64 = 10;
/// Nanoseconds of a tick.
pub const TICK_NS: u64 = TICK_S * 1_000_000_000;
/// Ticks in two hours.
pub const TWO_HOURS: u32 = 7200 / TICK_S as u32;
/// Ticks in a day.
pub const DAY: u32 = 86_400 / TICK_S as u32;
/// What was not seen for so many ticks, two days, is new.
pub const REMEMBERED: u32 = 2 * DAY;

/// Stamps are of 16 bits, which last a week; this often, old ones have to go.
const SWEEP: u32 = DAY / 2;
/// Ticks by which a stamp may be ahead of the clock.
const AHEAD: u16 = 8;
/// Beyond that, stamps are of a former turn.
const TURN: u32 = 5 * DAY;

/// Linear counting (Whang et al. 1990) with a time in each place instead of a bit: things fall into places by their hash, and a
/// place knows when something last did.
#[derive(Clone, Debug)]
pub struct Seen<const PLACES: usize> {
    /// Low 16 bits of the tick, or 0 for a place where nothing was seen; a tick that is 0 is taken for the one after it.
    stamps: [u16; PLACES],
    swept: u32,
}

impl<const PLACES: usize> Seen<PLACES> {
    /// Nothing seen.
    #[must_use]
    pub const fn new(tick: u32) -> Self {
        const { assert!(PLACES <= u16::MAX as usize, "used places are counted in 16 bits") };
        Self { stamps: [0; PLACES], swept: tick }
    }

    /// Takes note of a thing by its hash. Whether it was not seen for [`REMEMBERED`]; where another one fell into its place, it
    /// is taken for that.
    pub fn note(&mut self, hash: u32, tick: u32) -> bool {
        self.sweep(tick);
        let place = &mut self.stamps[hash as usize % PLACES];
        let new = *place == 0 || age(*place, tick) > REMEMBERED;
        *place = stamp(tick);
        new
    }

    /// How many distinct things were seen in the last so many ticks, estimated.
    #[must_use]
    pub fn count(&self, within: u32, tick: u32) -> u32 {
        if tick.saturating_sub(self.swept) > TURN {
            return 0;
        }
        // As `age`, without branches: many places are looked at by one instruction.
        let (low, within) =
            ((tick as u16).wrapping_add(AHEAD), within.min((u16::MAX - AHEAD).into()) as u16 + AHEAD);
        let is_recent = |stamp: &u16| u16::from((*stamp != 0) & (low.wrapping_sub(*stamp) <= within));
        estimate(self.stamps.iter().map(is_recent).sum::<u16>().into(), PLACES)
    }

    /// Lets go what is older than [`REMEMBERED`], before its stamp looks new again.
    fn sweep(&mut self, tick: u32) {
        let idle = tick.saturating_sub(self.swept);
        if idle <= SWEEP {
            return;
        }
        for stamp in &mut self.stamps {
            if idle > TURN || age(*stamp, tick) > REMEMBERED {
                *stamp = 0;
            }
        }
        self.swept = tick;
    }
}

/// The tick of a time in nanoseconds.
#[must_use]
pub const fn tick(now_ns: u64) -> u32 {
    (now_ns / TICK_NS) as u32
}

const fn stamp(tick: u32) -> u16 {
    let low = tick as u16;
    if low == 0 { 1 } else { low }
}

const fn age(stamp: u16, tick: u32) -> u32 {
    // A clock that is a tick behind what was seen is not a week ahead of it.
    let age = (tick as u16).wrapping_sub(stamp);
    if age > u16::MAX - AHEAD { 0 } else { age as u32 }
}

/// How many things it takes to fill so many of all places: −m ln(share of empty ones). A full one says "at least this many".
#[must_use]
pub fn estimate(used: usize, places: usize) -> u32 {
    let (places, used) = (places as f64, used as f64);
    let empty = (places - used).max(1.0);
    (-places * (empty / places).ln()).round() as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn hash(thing: u32) -> u32 {
        relay_guard_common::address::mix(u64::from(thing) * 0x9e37_79b9)
    }

    proptest! {
        /// Against a map of when each thing was last seen, with pauses up to weeks: never far off, and never more than there are.
        #[test]
        fn counts_are_near_the_truth(events in proptest::collection::vec((0_u32..60, 0_u32..9), 1..300), start in 1_u32..200_000) {
            let mut seen = Seen::<1024>::new(start);
            let mut model = BTreeMap::new();
            let mut tick = start;
            for (thing, pause) in events {
                // Mostly nothing, seldom a day or a week.
                tick += [0, 0, 0, 1, 2, 30, 700, DAY, 8 * DAY][pause as usize];
                seen.note(hash(thing), tick);
                // A stamp of 0 says that nothing was seen: that tick is taken for the one after it.
                model.insert(hash(thing) % 1024, if tick as u16 == 0 { tick + 1 } else { tick });
                for within in [6, TWO_HOURS, DAY] {
                    let truth = model.values().filter(|at| tick.saturating_sub(**at) <= within).count();
                    let counted = seen.count(within, tick) as usize;
                    prop_assert!(counted >= truth && counted <= truth + truth / 10 + 1, "{} {}", counted, truth);
                }
            }
        }
    }

    #[test]
    fn what_was_not_seen_for_two_days_is_new() {
        let mut seen = Seen::<64>::new(0);
        let news: Vec<bool> = [
            100,
            101,
            101 + REMEMBERED,
            102 + 2 * REMEMBERED,
            9 * DAY + 3 * REMEMBERED,
            9 * DAY + 3 * REMEMBERED,
        ]
        .into_iter()
        .map(|tick| seen.note(7, tick))
        .collect();
        assert_eq!(news, [true, false, false, true, true, false]);
    }

    #[test]
    fn a_week_later_nothing_looks_recent() {
        let mut seen = Seen::<64>::new(1);
        seen.note(7, 1);
        for later in [65_536, 65_537, 2 * 65_536 + 1] {
            assert_eq!(seen.count(DAY, later), 0, "{later}");
        }
    }

    #[test]
    fn a_full_sketch_says_at_least_this_many() {
        let mut seen = Seen::<64>::new(0);
        (0..2000).for_each(|thing| {
            seen.note(hash(thing), 5);
        });
        assert!(seen.count(1, 5) > 200);
    }
}
