//! How many addresses: up to 2^128, which is one more than the largest integer there is.

use std::{fmt, iter::Sum, ops::Add};

use serde::{Serialize, Serializer};

/// A number of addresses.
///
/// Displays in decimal. Serializes as a number where every JSON reader takes it exactly (below 2^53), else as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// So many.
    Of(u128),
    /// All of IPv6: 2^128.
    AllIpv6,
}

/// 2^128 in decimal.
const ALL_IPV6: &str = "340282366920938463463374607431768211456";
/// From here on, JSON readers with floating-point numbers lose digits.
const FIRST_INEXACT_IN_JSON: u128 = 1 << 53;

impl Count {
    /// No address.
    pub const ZERO: Self = Self::Of(0);

    /// Whether there is none.
    pub const fn is_zero(self) -> bool {
        matches!(self, Self::Of(0))
    }

    /// Nearest floating-point number, for shares.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Of(value) => value as f64,
            Self::AllIpv6 => 2.0_f64.powi(128),
        }
    }

    /// This as per cent of `whole`; 0 of nothing.
    pub fn percent_of(self, whole: Self) -> f64 {
        if whole.is_zero() { 0.0 } else { 100.0 * self.as_f64() / whole.as_f64() }
    }
}

impl Add for Count {
    type Output = Self;

    /// The sum; of disjoint sets, it is never above 2^128, which is where it stops.
    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Of(a), Self::Of(b)) => a.checked_add(b).map_or(Self::AllIpv6, Self::Of),
            (Self::AllIpv6, _) | (_, Self::AllIpv6) => Self::AllIpv6,
        }
    }
}

impl Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(value) => f.pad(&value.to_string()),
            Self::AllIpv6 => f.pad(ALL_IPV6),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Of(value) if *value < FIRST_INEXACT_IN_JSON => serializer.serialize_u128(*value),
            Self::Of(_) | Self::AllIpv6 => serializer.collect_str(self),
        }
    }
}
