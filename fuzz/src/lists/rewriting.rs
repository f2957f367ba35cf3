//! What was read in any format, and is written plainly again, is the same.

use std::fmt::Write as _;
use std::net::Ipv6Addr;

use relay_guard::lists::{self, Format, Input, ParseOptions, ParsedList, Span};

/// The addresses of a list, family by family, as written: first and last of each span.
type Content = (Vec<(u32, u32)>, Vec<(u128, u128)>);

/// Writes the list's spans as ranges, one per line, and reads them.
///
/// # Panics
/// If they changed.
pub(super) fn keeps_addresses(list: &ParsedList) {
    let options = ParseOptions {
        format: Format::Plain,
        allow_empty: true,
        widest_v4: 0,
        widest_v6: 0,
        ..ParseOptions::default()
    };
    let text = written(list);
    let again = lists::parse(&[Input { name: "again", bytes: text.as_bytes() }], &options);
    let again = again.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(content(&again), content(list), "written and read again:\n{text}");
}

fn written(list: &ParsedList) -> String {
    let mut text = String::new();
    for span in list.v4() {
        let [first, last] = [span.first, span.last].map(std::net::Ipv4Addr::from);
        let _ = writeln!(text, "{first}-{last}");
    }
    for span in list.v6().filter(|span| !touches_mapped(span)) {
        let [first, last] = [span.first, span.last].map(Ipv6Addr::from);
        let _ = writeln!(text, "{first}-{last}");
    }
    text
}

fn content(list: &ParsedList) -> Content {
    let mut v4: Vec<_> = list.v4().map(|span| (span.first, span.last)).collect();
    let v6 = list.v6().filter(|span| !touches_mapped(span));
    let mut v6: Vec<_> = v6.map(|span| (span.first, span.last)).collect();
    // Groups of different values may hold the same span.
    v4.sort_unstable();
    v4.dedup();
    v6.sort_unstable();
    v6.dedup();
    (v4, v6)
}

/// Whether an end is an address of IPv4 in IPv6: such a range is of two families, and cannot be written.
fn touches_mapped(span: &Span<u128>) -> bool {
    [span.first, span.last].iter().any(|end| Ipv6Addr::from(*end).to_ipv4_mapped().is_some())
}
