//! Single values: numbers and durations in their ranges, and lists without duplicates.

use std::collections::HashSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::time::Duration;

use toml::Spanned;

use crate::config::error::Fault;
use crate::config::raw::{Number, Text};

/// The number written, or `default`. Errors name the range.
pub(super) fn number<T>(raw: Option<&Number>, default: T, least: T, most: T) -> Result<T, Fault>
where
    T: TryFrom<i64> + PartialOrd + Display + Copy,
{
    let Some(raw) = raw else { return Ok(default) };
    T::try_from(*raw.get_ref()).ok().filter(|value| (least..=most).contains(value)).ok_or_else(|| {
        Fault::new(
            raw.span(),
            format!("{} is out of range; write a number from {least} to {most}", raw.get_ref()),
        )
    })
}

/// The duration written, or `default`. Errors name the range, or show how to write one.
pub(super) fn duration(
    raw: Option<&Text>,
    default: Duration,
    (least, most): (Duration, Duration),
) -> Result<Duration, Fault> {
    let Some(raw) = raw else { return Ok(default) };
    let text = raw.get_ref();
    let value = humantime::parse_duration(text).map_err(|_| {
        Fault::new(
            raw.span(),
            format!("{text:?} is no duration; write one such as \"90s\", \"5m\" or \"1h 30m\""),
        )
    })?;
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    let shown = humantime::format_duration;
    let range = format!("{text:?} is out of range; write {} to {}", shown(least), shown(most));
    Err(Fault::new(raw.span(), range))
}

/// Refuses a value that is written twice. `what` is what a value is.
pub(super) fn unique<T: Eq + Hash + Debug>(values: &[Spanned<T>], what: &str) -> Result<(), Fault> {
    let mut seen = HashSet::new();
    match values.iter().find(|value| !seen.insert(value.get_ref())) {
        Some(twice) => {
            let message = format!("{what} is written twice: {:?}; leave it in one place", twice.get_ref());
            Err(Fault::new(twice.span(), message))
        }
        None => Ok(()),
    }
}
