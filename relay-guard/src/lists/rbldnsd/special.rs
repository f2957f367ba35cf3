//! Special lines: `$TTL`, `$TIMESTAMP`, `$MAXRANGE4`, `$DATASET`, `$1`… and those that mean nothing here.

use super::ZoneCause;
use super::value::BASE;

/// A special line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special<'t> {
    /// `$SOA`, `$NS`, `$TTL`, `$ENT`: about the zone, not about addresses.
    Ignored,
    /// The most addresses that an IPv4 entry may cover.
    MaxRange4(u64),
    /// When the content expires, seconds since the epoch.
    Expires(Option<u64>),
    /// A variable, by index, and its text.
    Variable(usize, &'t [u8]),
    /// A data set: its kind, and the subzones that it is in.
    Dataset { kind: &'t [u8], subzones: &'t [u8] },
}

/// What stands behind the marker of a special line: `$`, `#$`, `;$` or `:$`.
pub(super) fn marked(line: &[u8]) -> Option<&[u8]> {
    match line {
        [b'$', rest @ ..] | [b'#' | b';' | b':', b'$', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// Reads a special line behind its marker.
pub(super) fn parse(text: &[u8]) -> Result<Special<'_>, ZoneCause> {
    let end = text.iter().position(|b| matches!(b, b' ' | b'\t')).ok_or(ZoneCause::Special)?;
    let (word, rest) = (text[..end].to_ascii_lowercase(), text[end..].trim_ascii());
    match word.as_slice() {
        b"soa" | b"ns" | b"nameserver" | b"ttl" | b"ent" => Ok(Special::Ignored),
        b"maxrange4" => max_range(rest).map(Special::MaxRange4).ok_or(ZoneCause::MaxRange),
        b"timestamp" => timestamp(rest).map(Special::Expires).ok_or(ZoneCause::Timestamp),
        b"dataset" => {
            let (kind, subzones) = crate::lists::lines::split_blank(uncommented(rest));
            let kind = kind.split(|b| *b == b':').next().unwrap_or_default();
            Ok(Special::Dataset { kind, subzones })
        }
        b"=" if !rest.is_empty() => Ok(Special::Variable(BASE, rest)),
        [digit @ b'0'..=b'9'] if !rest.is_empty() => Ok(Special::Variable(usize::from(digit - b'0'), rest)),
        _ => Err(ZoneCause::Special),
    }
}

/// A `$DATASET` line up to a comment, which begins behind a blank.
fn uncommented(text: &[u8]) -> &[u8] {
    let is_comment =
        |at: &usize| matches!(text[*at], b'#' | b';') && (*at == 0 || text[*at - 1].is_ascii_whitespace());
    &text[..(0..text.len()).find(is_comment).unwrap_or(text.len())]
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// A number of addresses, or `/` and a prefix length.
fn max_range(text: &[u8]) -> Option<u64> {
    match text.strip_prefix(b"/") {
        Some(length) => {
            number(length).filter(|length| (1..=32).contains(length)).map(|length| 1 << (32 - length))
        }
        None => number(text).filter(|count| (1..=u64::from(u32::MAX)).contains(count)),
    }
}

/// `stamp [expires]`; the outer `None` is a fault, the inner one says that nothing expires.
fn timestamp(text: &[u8]) -> Option<Option<u64>> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let stamp = moment(words.next()?)?;
    let expires = match words.next() {
        None => None,
        Some([b'+', time @ ..]) => Some(stamp?.checked_add(seconds(time).filter(|time| *time > 0)?)?),
        Some(word) => moment(word)?,
    };
    if words.next().is_some() { None } else { Some(expires) }
}

/// A time such as `35m` in seconds.
fn seconds(text: &[u8]) -> Option<u64> {
    let (digits, unit) = match text.split_last()? {
        (unit, digits) if unit.is_ascii_alphabetic() => (digits, unit.to_ascii_lowercase()),
        _ => (text, b's'),
    };
    let factor = match unit {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => return None,
    };
    number(digits)?.checked_mul(factor).filter(|time| *time <= u64::from(u32::MAX))
}

/// `yyyy:mm:dd[:hh[:mi[:ss]]]`, separators `:` or `-` or none, in UTC; `0`, `-` and `:` are no moment.
fn moment(text: &[u8]) -> Option<Option<u64>> {
    if matches!(text, b"0" | b"-" | b":") {
        return Some(None);
    }
    let mut rest = text;
    let mut part = |width: usize, low: u64, high: u64| {
        let digits = rest.iter().take(width).take_while(|b| b.is_ascii_digit()).count();
        let value = number(&rest[..digits])?;
        rest = &rest[digits..];
        if let [b':' | b'-', tail @ ..] = rest {
            rest = tail;
        }
        ((low..=high).contains(&value)).then_some((value, rest.is_empty()))
    };
    let (year, _) = part(4, 1970, 2038)?;
    let (month, _) = part(2, 1, 12)?;
    let (day, mut done) = part(2, 1, days_in(year, month))?;
    let mut time = [0; 3];
    for (value, high) in time.iter_mut().zip([23, 59, 59]) {
        if !done {
            (*value, done) = part(2, 0, high)?;
        }
    }
    let days = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>()
        + (1..month).map(|month| days_in(year, month)).sum::<u64>()
        + day
        - 1;
    done.then_some(Some(((days * 24 + time[0]) * 60 + time[1]) * 60 + time[2]))
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_in(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_lines_are_read_behind_any_marker() {
        for marker in ["$", "#$", ";$", ":$"] {
            let line = format!("{marker}TTL 2100");
            assert_eq!(marked(line.as_bytes()).map(parse), Some(Ok(Special::Ignored)), "{line}");
        }
        assert_eq!(marked(b"# $TTL 2100"), None);
        let dataset = |kind, subzones| Ok(Special::Dataset { kind, subzones });
        for (text, expected) in [
            (&b"SOA 1w ns.example a.example 0 1h 1h 1h 1h"[..], Ok(Special::Ignored)),
            (b"1  one two ", Ok(Special::Variable(1, b"one two"))),
            (b"= base", Ok(Special::Variable(BASE, b"base"))),
            (b"maxrange4 /24", Ok(Special::MaxRange4(256))),
            (b"MAXRANGE4 100", Ok(Special::MaxRange4(100))),
            (b"MAXRANGE4 /33", Err(ZoneCause::MaxRange)),
            (b"MAXRANGE4 0", Err(ZoneCause::MaxRange)),
            (b"DATASET ip4set:relay relays @ # why", dataset(b"ip4set", b"relays @")),
            (b"DATASET generic", dataset(b"generic", b"")),
            (b"1 ", Err(ZoneCause::Special)),
            (b"TTL", Err(ZoneCause::Special)),
            (b"TTLS 5", Err(ZoneCause::Special)),
        ] {
            assert_eq!(parse(text), expected, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn timestamps_are_moments_in_utc() {
        for (text, expected) in [
            ("2024:02:29 2024:03:01", Some(Some(1_709_251_200))),
            ("2024-02-29:12:00:01 +1d", Some(Some(1_709_294_401))),
            ("20240229 +35m", Some(Some(1_709_166_900))),
            ("1970:01:01 2038:12:31:23:59:59", Some(Some(2_177_452_799))),
            ("2024:02:29", Some(None)),
            ("0 -", Some(None)),
            ("0 2024:03:01", Some(Some(1_709_251_200))),
            ("0 +1d", None),
            ("2023:02:29 0", None),
            ("2024:13:01", None),
            ("2024:02:29 2024:03:01 x", None),
            ("2024:02:29:24", None),
            ("2024:02:29 +1y", None),
            ("", None),
        ] {
            assert_eq!(timestamp(text.as_bytes()), expected, "{text}");
        }
    }
}
