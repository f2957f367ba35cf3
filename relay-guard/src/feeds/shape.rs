//! The shape test: whether new content of a list may replace the old one without anybody looking at it.
//!
//! Feeds break by becoming empty, by losing most of their entries, or by listing the world. What is refused here stays
//! refused until it looks right again or the administrator accepts it; the caller skips the test then. Pure.

use thiserror::Error;

/// What the shape of a list is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Figures {
    /// Entries of both families, duplicates not counted.
    pub entries: u64,
    /// IPv4 addresses that the entries cover. IPv6 is judged by its entries alone: one prefix more or less of a width
    /// that is common there would outweigh all others.
    pub addresses: u64,
}

/// How much a list may change at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The most that entries and addresses may grow or shrink by, as a factor; 0 for any.
    pub max_factor: u32,
    /// Whether the list may be empty.
    pub allow_empty: bool,
}

impl Default for Change {
    /// By no more than ten times, never empty.
    fn default() -> Self {
        Self { max_factor: 10, allow_empty: false }
    }
}

/// Lists of fewer entries than this are judged as if they had this many: 3 → 40 is no accident, and a short list may lose
/// all but one.
pub const SMALL_ENTRIES: u64 = 100;

/// Lists that cover fewer addresses than this, a /16, are judged as if they covered this many.
pub const SMALL_ADDRESSES: u64 = 1 << 16;

/// Why new content does not replace the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// There is nothing in it.
    #[error("empty, after {before} entries before; set allow_empty = true for this list if that is meant")]
    Empty {
        /// Entries of the content before; 0 if there was none.
        before: u64,
    },
    /// Suddenly far less.
    #[error("shrunk from {before} to {now} {what}, below 1/{factor}; accept it by hand if it is right")]
    Shrunk {
        /// What of it: `entries` or `addresses`.
        what: &'static str,
        /// How many there were.
        before: u64,
        /// How many there are.
        now: u64,
        /// The factor allowed.
        factor: u32,
    },
    /// Suddenly far more.
    #[error("grown from {before} to {now} {what}, above {factor} times; accept it by hand if it is right")]
    Grown {
        /// What of it: `entries` or `addresses`.
        what: &'static str,
        /// How many there were.
        before: u64,
        /// How many there are.
        now: u64,
        /// The factor allowed.
        factor: u32,
    },
}

impl ShapeError {
    /// A short word for the cause; stable, for metrics and tables.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "empty",
            Self::Shrunk { .. } => "shrunk",
            Self::Grown { .. } => "grown",
        }
    }
}

/// Whether content of the figures `new` may replace content of the figures `previous`.
///
/// Without any content before, or after an empty one, everything but emptiness is fine. Growth is measured from at
/// least [`SMALL_ENTRIES`] and [`SMALL_ADDRESSES`], and below these nothing counts as shrunk.
///
/// # Errors
/// [`ShapeError`], if a human should look at it first.
pub fn judge(previous: Option<Figures>, new: Figures, change: Change) -> Result<(), ShapeError> {
    let before = previous.unwrap_or_default();
    if new.entries == 0 {
        return if change.allow_empty { Ok(()) } else { Err(ShapeError::Empty { before: before.entries }) };
    }
    if before.entries == 0 || change.max_factor == 0 {
        return Ok(());
    }
    compare("entries", before.entries, new.entries, SMALL_ENTRIES, change.max_factor)?;
    compare("addresses", before.addresses, new.addresses, SMALL_ADDRESSES, change.max_factor)
}

fn compare(what: &'static str, before: u64, now: u64, small: u64, factor: u32) -> Result<(), ShapeError> {
    let times = |count: u64| count.saturating_mul(u64::from(factor));
    if before >= small && times(now) < before {
        return Err(ShapeError::Shrunk { what, before, now, factor });
    }
    if now > times(before.max(small)) {
        return Err(ShapeError::Grown { what, before, now, factor });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn verdict(previous: Option<(u64, u64)>, new: (u64, u64), max_factor: u32, allow_empty: bool) -> String {
        let figures = |(entries, addresses)| Figures { entries, addresses };
        match judge(previous.map(figures), figures(new), Change { max_factor, allow_empty }) {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.kind().to_owned(),
        }
    }

    #[test]
    fn what_may_replace_what() {
        for (previous, new, factor, allow_empty, expected) in [
            // The first content: anything but nothing.
            (None, (1, 1), 10, false, "fine"),
            (None, (10_000_000, 4_000_000_000), 10, false, "fine"),
            (None, (0, 0), 10, false, "empty"),
            (None, (0, 0), 10, true, "fine"),
            // Suddenly empty, however small it was and whatever else is allowed.
            (Some((1, 1)), (0, 0), 10, false, "empty"),
            (Some((5000, 5000)), (0, 0), 0, false, "empty"),
            (Some((5000, 5000)), (0, 0), 10, true, "fine"),
            (Some((0, 0)), (5000, 5000), 10, true, "fine"),
            // Exactly a tenth and ten times are fine, one beyond is not.
            (Some((5000, 5000)), (500, 500), 10, false, "fine"),
            (Some((5000, 5000)), (499, 499), 10, false, "shrunk"),
            (Some((5000, 5000)), (50_000, 50_000), 10, false, "fine"),
            (Some((5000, 5000)), (50_001, 50_001), 10, false, "grown"),
            // Small lists have room.
            (Some((3, 3)), (40, 40), 10, false, "fine"),
            (Some((3, 3)), (1000, 1000), 10, false, "fine"),
            (Some((3, 3)), (1001, 1001), 10, false, "grown"),
            (Some((99, 99)), (1, 1), 10, false, "fine"),
            (Some((100, 100)), (10, 10), 10, false, "fine"),
            (Some((100, 100)), (9, 9), 10, false, "shrunk"),
            // As many entries, but the world in them.
            (Some((1700, 15_000_000)), (1701, 150_000_001), 10, false, "grown"),
            (Some((1700, 15_000_000)), (1700, 1_499_999), 10, false, "shrunk"),
            (Some((5, 5)), (5, 1280), 10, false, "fine"),
            (Some((5, 5)), (6, 655_361), 10, false, "grown"),
            // Any factor; a factor of the administrator's own.
            (Some((5000, 5000)), (1, 1), 0, false, "fine"),
            (Some((5000, 5000)), (9_000_000, 9_000_000), 0, false, "fine"),
            (Some((5000, 5000)), (2499, 2499), 2, false, "shrunk"),
            (Some((5000, 5000)), (10_001, 10_001), 2, false, "grown"),
            (Some((u64::MAX, u64::MAX)), (u64::MAX, u64::MAX), u32::MAX, false, "fine"),
        ] {
            let found = verdict(previous, new, factor, allow_empty);
            assert_eq!(found, expected, "{previous:?} to {new:?} by {factor}");
        }
    }

    #[test]
    fn messages_say_what_happened_and_what_to_do() {
        let large = Some(Figures { entries: 5000, addresses: 5000 });
        let message =
            |new| judge(large, Figures { entries: new, addresses: new }, Change::default()).unwrap_err();
        assert_eq!(
            message(0).to_string(),
            "empty, after 5000 entries before; set allow_empty = true for this list if that is meant"
        );
        assert_eq!(
            message(12).to_string(),
            "shrunk from 5000 to 12 entries, below 1/10; accept it by hand if it is right"
        );
        assert_eq!(
            message(60_000).to_string(),
            "grown from 5000 to 60000 entries, above 10 times; accept it by hand if it is right"
        );
    }

    proptest! {
        /// Against the rule in words, with numbers that cannot overflow.
        #[test]
        fn agrees_with_the_rule_in_words(before in 0_u64..100_000, now in 0_u64..100_000, factor in 0_u32..20) {
            let large = before.max(SMALL_ENTRIES);
            let factor_wide = u64::from(factor);
            let shrunk = before >= SMALL_ENTRIES && now * factor_wide < before;
            let grown = now > large * factor_wide;
            let expected = now != 0 && (factor == 0 || before == 0 || !(shrunk || grown));
            let figures = |entries| Figures { entries, addresses: 0 };
            let change = Change { max_factor: factor, allow_empty: false };
            prop_assert_eq!(judge(Some(figures(before)), figures(now), change).is_ok(), expected);
        }

        /// Content that did not change is never refused.
        #[test]
        fn the_same_again_is_fine(entries in 1_u64.., addresses: u64, factor: u32) {
            let figures = Figures { entries, addresses };
            let change = Change { max_factor: factor, allow_empty: false };
            prop_assert_eq!(judge(Some(figures), figures, change), Ok(()));
        }
    }
}
