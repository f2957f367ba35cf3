//! Numbers of addresses as people read them.

use crate::{cli::output, sets::Count};

/// From here on, digits say less than the magnitude does.
const FIRST_ROUNDED: u128 = 1_000_000_000_000_000;

/// A number of addresses: all digits, for large ones a power of two (`2^96`) or two digits (`7.9e28`).
pub(super) fn addresses(count: Count) -> String {
    match count {
        Count::Of(value) if value < FIRST_ROUNDED => output::number(value as u64),
        Count::Of(value) if value.is_power_of_two() => format!("2^{}", value.ilog2()),
        Count::Of(value) => format!("{:.1e}", value as f64),
        Count::AllIpv6 => "2^128".to_owned(),
    }
}

/// A share, in the three characters that a narrow column has: `100` only for all, `.` for nothing, `<1` for less than
/// one per cent, `>99` for nearly all.
pub(super) fn percent(part: Count, whole: Count) -> String {
    match part.percent_of(whole) {
        _ if part.is_zero() => ".".to_owned(),
        _ if part == whole => "100".to_owned(),
        share if share < 1.0 => "<1".to_owned(),
        share if share > 99.0 => ">99".to_owned(),
        share => format!("{share:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_rounded() {
        for (count, text) in [
            (Count::Of(0), "0"),
            (Count::Of(1 << 32), "4 294 967 296"),
            (Count::Of(999_999_999_999_999), "999 999 999 999 999"),
            (Count::Of(1 << 64), "2^64"),
            (Count::Of((1 << 96) + 1), "7.9e28"),
            (Count::Of(u128::MAX), "3.4e38"),
            (Count::AllIpv6, "2^128"),
        ] {
            assert_eq!(addresses(count), text);
        }
    }

    #[test]
    fn shares_do_not_claim_all_or_nothing() {
        for (part, whole, text) in [
            (0, 0, "."),
            (0, 9, "."),
            (1, 1000, "<1"),
            (1, 100, "1"),
            (1, 3, "33"),
            (999, 1000, ">99"),
            (7, 7, "100"),
        ] {
            assert_eq!(percent(Count::Of(part), Count::Of(whole)), text, "{part} of {whole}");
        }
        assert_eq!(percent(Count::Of(u128::MAX), Count::AllIpv6), ">99");
        assert_eq!(percent(Count::AllIpv6, Count::AllIpv6), "100");
    }
}
