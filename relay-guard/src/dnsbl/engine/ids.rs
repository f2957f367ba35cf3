//! Numbers of questions: whose answer it is that comes, without a table to look it up in.
//!
//! ```text
//! bits 63…32 the source's or the test's own number   31…8 the source's place   7 a test   6…5 the probe   4…0 the zone
//! ```

use crate::dnsbl::health::Probe;

const PLACE_SHIFT: u32 = 8;

const TEST_BIT: u64 = 1 << 7;

const PROBE_SHIFT: u32 = 5;

const ZONE_MASK: u64 = 0x1f;

/// Sources that can be told apart at one time.
pub const MAX_PLACES: u32 = 1 << 24;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// A zone about a source.
    Source {
        /// Where the source is.
        place: u32,
        /// Its own number: that of no source that was at this place before.
        number: u32,
        /// Which zone.
        zone: usize,
    },
    /// A zone's test.
    Test {
        /// The test's own number.
        number: u32,
        /// Which zone.
        zone: usize,
        /// What was asked.
        probe: Probe,
    },
}

impl From<Id> for u64 {
    fn from(id: Id) -> Self {
        match id {
            Id::Source { place, number, zone } => {
                Self::from(number) << 32 | Self::from(place) << PLACE_SHIFT | zone as Self
            }
            Id::Test { number, zone, probe } => {
                Self::from(number) << 32 | TEST_BIT | (probe as Self) << PROBE_SHIFT | zone as Self
            }
        }
    }
}

impl From<u64> for Id {
    fn from(id: u64) -> Self {
        let (number, zone) = ((id >> 32) as u32, (id & ZONE_MASK) as usize);
        if id & TEST_BIT == 0 {
            Self::Source { place: id as u32 >> PLACE_SHIFT, number, zone }
        } else {
            Self::Test { number, zone, probe: Probe::ALL[(id >> PROBE_SHIFT & 3) as usize] }
        }
    }
}

/// Whether the question of this number is part of a zone's test.
#[must_use]
pub const fn is_test(id: u64) -> bool {
    id & TEST_BIT != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::MAX_ZONES;

    proptest! {
        #[test]
        fn a_number_says_what_was_asked(
            number in any::<u32>(), place in 0..MAX_PLACES, zone in 0..MAX_ZONES, probe in 0_usize..4, id in any::<u64>(),
        ) {
            let source = Id::Source { place, number, zone };
            let test = Id::Test { number, zone, probe: Probe::ALL[probe] };
            prop_assert_eq!(Id::from(u64::from(source)), source);
            prop_assert_eq!(Id::from(u64::from(test)), test);
            prop_assert_eq!((is_test(source.into()), is_test(test.into())), (false, true));
            let known = Id::from(u64::from(Id::from(id)));
            prop_assert_eq!(known, Id::from(id));
        }
    }
}
