//! Every span knows a line that the documents have, and that line can be shown.

use std::net::IpAddr;

use relay_guard::lists::{Input, ParseOptions, ParsedList, describe};

/// How many spans of each family are asked for: finding a line reads all lines before it.
const MOST_ASKED: usize = 8;

/// The most characters of a line that are shown.
const MOST_SHOWN: usize = 255;

/// Holds it against a list read from `inputs`.
///
/// # Panics
/// If it is not so.
pub(super) fn are_lines(list: &ParsedList, inputs: &[Input<'_>], options: &ParseOptions) {
    let names: Vec<&str> = list.documents.iter().map(|document| document.name.as_str()).collect();
    assert_eq!(names, inputs.iter().map(|input| input.name).collect::<Vec<_>>());
    assert!(list.documents.is_sorted_by_key(|document| document.first_line));
    let v4 = list.v4().map(|span| IpAddr::V4(span.first.into())).take(MOST_ASKED);
    let v6 = list.v6().map(|span| IpAddr::V6(span.first.into())).take(MOST_ASKED);
    for address in v4.chain(v6) {
        is_found(address, list, inputs, options);
    }
}

fn is_found(address: IpAddr, list: &ParsedList, inputs: &[Input<'_>], options: &ParseOptions) {
    let origins = list.origin(address);
    assert!(!origins.is_empty(), "{address} comes from nowhere");
    for origin in origins {
        let entry = describe(inputs, options, origin.global_line, Some(address));
        let entry = entry.unwrap_or_else(|| panic!("{address}: cannot show line {}", origin.global_line));
        assert_eq!((entry.document.as_str(), entry.line), (origin.document, origin.line), "{address}");
        let shown = [Some(&entry.text), entry.note.as_ref()];
        for text in shown.into_iter().flatten() {
            assert!(!text.chars().any(char::is_control), "not printable: {text:?}");
        }
        let written =
            inputs.iter().find(|input| input.name == entry.document).map(|input| line(input, entry.line));
        // Anything else is escaped or cut, which is for the reader's own tests.
        if let Some(written) = written
            && written.iter().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'\'' | b'"' | b'\\'))
            && written.len() <= MOST_SHOWN
        {
            assert_eq!(entry.text.as_bytes(), written, "{address}: another line");
        }
    }
}

/// A line of a document, without blanks at its ends.
fn line<'d>(input: &Input<'d>, number: u32) -> &'d [u8] {
    let line = input.bytes.split(|b| *b == b'\n').nth(number as usize - 1).unwrap_or_default();
    line.trim_ascii()
}
