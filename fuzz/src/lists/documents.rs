//! Lines of a list may stand in one document or in two, as long as they mean something by themselves.

use relay_guard::lists::{self, Format, Input, ParseOptions, ParsedList};

use super::NAME;

/// Formats in which a line means the same wherever it stands.
const BY_LINE: [Format; 6] =
    [Format::Plain, Format::DropText, Format::Dshield, Format::P2p, Format::IpReputation, Format::HostsDeny];

/// Cuts the document behind its middle line end, and reads both parts as one list.
///
/// # Panics
/// If that is another list than the whole document.
pub(super) fn may_be_cut_between_lines(input: Input<'_>, options: &ParseOptions, whole: Option<&ParsedList>) {
    if !BY_LINE.contains(&options.format) {
        return;
    }
    let Some((first, second)) = halves(input.bytes) else { return };
    let parts = [Input { name: NAME, bytes: first }, Input { name: "more", bytes: second }];
    let both = lists::parse(&parts, options).ok();
    let content = |list: &ParsedList| (list.groups.clone(), list.summary.clone());
    assert_eq!(both.as_ref().map(content), whole.map(content), "in two documents");
    if let Some(both) = both {
        super::origins::are_lines(&both, &parts, options);
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The document cut behind its middle line end; not where its second part would begin like something special, nor where
/// a part is an empty line alone: as a document that has no line.
fn halves(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    let (first, second) = bytes.split_at(ends.get(ends.len() / 2)? + 1);
    // A byte order mark, what tells a binary file, or a web page.
    let start = second.trim_ascii_start().first();
    let special = start.is_some_and(|first| !first.is_ascii_graphic() || *first == b'<');
    let is_line = |part: &[u8]| !matches!(part.strip_prefix(BYTE_ORDER_MARK).unwrap_or(part), b"" | b"\n");
    (is_line(first) && is_line(second) && !special).then_some((first, second))
}
