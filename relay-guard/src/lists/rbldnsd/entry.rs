//! Entries of data sets: what may stand at the beginning of a line, by kind.

use super::ZoneCause;
use super::dataset::Kind;
use super::special::{self, Special};
use super::token::{self, V4};
use super::value::{self, DEFAULT};
use crate::lists::address::Prefix;
use crate::lists::collect::Run;
use crate::lists::extent::Extent;

/// An entry's address, without what stands behind it.
pub(super) struct Entry<'t> {
    pub(super) extent: Extent,
    pub(super) rank: u8,
    /// Whether it is a prefix.
    pub(super) is_prefix: bool,
    pub(super) rest: &'t [u8],
}

/// Reads an entry of a kind.
pub(super) fn declared(kind: Kind, text: &[u8], excluded: bool) -> Result<Entry<'_>, ZoneCause> {
    let v4 = |name, found: Option<(V4, _)>| {
        let (v4, rest) = found.ok_or(ZoneCause::Address { kind: name })?;
        Ok::<_, ZoneCause>(match v4 {
            V4::Prefix { address, length } => {
                let extent = Extent::Network(Prefix::V4 { address, length, mapped: false });
                Entry { extent, rank: 32 - length, is_prefix: true, rest }
            }
            V4::Range { first, last } => {
                Entry { extent: Extent::V4 { first, last }, rank: 0, is_prefix: false, rest }
            }
        })
    };
    let v6 = |name| {
        let (address, length, rest) = token::v6(text).ok_or(ZoneCause::Address { kind: name })?;
        Ok::<_, ZoneCause>((address, length, rest))
    };
    let entry = match kind {
        Kind::Ip4Set => v4("ip4set", token::range(text))?,
        Kind::Ip4Trie => v4("ip4trie", token::cidr(text))?,
        Kind::Ip4Tset => {
            let single = |(v4, _): &(V4, &[u8])| matches!(v4, V4::Prefix { length: 32, .. });
            let found = token::cidr(text).filter(single).filter(|_| !excluded);
            v4("ip4tset", found.filter(|(_, rest)| !text[..text.len() - rest.len()].contains(&b'/')))?
        }
        Kind::Ip6Trie => network6(v6("ip6trie")?),
        Kind::Ip6Tset => {
            let (address, length, rest) = v6("ip6tset")?;
            let written = &text[..text.len() - rest.len()];
            if excluded && (length != 128 || written.contains(&b'/')) {
                return Err(ZoneCause::WholeAddress);
            }
            if !excluded && token::groups(written).is_none_or(|(_, bits)| bits != 64) {
                return Err(ZoneCause::FourGroups);
            }
            network6((address, length, rest))
        }
        Kind::Other(_) => return Err(ZoneCause::Entry),
    };
    if token::is_end(entry.rest) { Ok(entry) } else { Err(ZoneCause::Entry) }
}

/// A network of an `ip6trie`; IPv4-mapped ones are IPv4.
fn network6((address, length, rest): (u128, u8, &[u8])) -> Entry<'_> {
    let extent = match length.checked_sub(96) {
        // The cut to 32 bits is what takes the IPv4 address out.
        Some(length) if address >> 32 == 0xffff => {
            Extent::Network(Prefix::V4 { address: address as u32, length, mapped: true })
        }
        _ => Extent::Network(Prefix::V6 { address, length }),
    };
    Entry { extent, rank: 128 - length, is_prefix: true, rest }
}

/// How many IPv4 addresses an entry covers; 0 for IPv6, which `$MAXRANGE4` does not concern.
pub(super) fn covers(extent: Extent) -> u64 {
    match exclusion(extent) {
        Run::V4(first, last) => u64::from(last - first) + 1,
        Run::V6(..) => 0,
    }
}

/// The addresses of an entry, without any rule.
pub(super) fn exclusion(extent: Extent) -> Run {
    match extent {
        Extent::Network(prefix) => Run::of(prefix),
        Extent::V4 { first, last } => Run::V4(first, last),
        Extent::V6 { first, last } => Run::V6(first, last),
    }
}

/// Whether a line begins with a domain name, as in a `dnset`: labels of letters, digits, `-` and `_`, at least two, and
/// no number as the last.
pub(super) fn is_name(text: &[u8]) -> bool {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let name = &text[..end];
    let name = name.strip_prefix(b"*").unwrap_or(name);
    let name = name.strip_prefix(b".").unwrap_or(name);
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    let labels: Vec<_> = name.split(|b| *b == b'.').collect();
    labels.len() > 1
        && labels.iter().all(|label| !label.is_empty() && label.iter().all(letter))
        && labels.last().is_some_and(|last| last[0].is_ascii_alphabetic())
}

/// Whether a line can only be one of a zone file: special lines, defaults, exclusions and entries with an A value.
pub(in crate::lists) fn is_zone_line(line: &[u8]) -> bool {
    if let Some(text) = special::marked(line) {
        let read = special::parse(text);
        // A comment such as `#$5 for each` is none.
        return read.is_ok() && (line[0] == b'$' || !matches!(read, Ok(Special::Variable(..))));
    }
    let entry = |text, excluded| {
        let kinds = [Kind::Ip4Set, Kind::Ip6Trie];
        kinds.into_iter().find_map(|kind| declared(kind, text, excluded).ok())
    };
    if let Some(text) = line.strip_prefix(b"!") {
        return entry(text.trim_ascii_start(), true).is_some();
    }
    let is_value = |text: &[u8]| text.starts_with(b":") && value::parse(text, DEFAULT).is_ok();
    if line.starts_with(b":") && !line.starts_with(b"::") {
        return is_value(line);
    }
    entry(line, false).is_some_and(|entry| is_value(entry.rest.trim_ascii_start()))
}
