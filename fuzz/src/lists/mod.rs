//! The readers of lists, each by itself.
//!
//! Invariant, whatever the document: reading is repeatable; what is read is well-formed (`content`) and knows the
//! lines that it is from (`origins`); a list that is refused is refused in words fit for a terminal (`refusal`);
//! stricter options only refuse, and change nothing that they do not refuse. Beyond that, where it makes sense: what was
//! recognised is read as if its format had been named (`recognition`), lines may stand in one document or in two
//! (`documents`), and what is written plainly again is the same (`rewriting`).

mod content;
mod documents;
mod origins;
mod recognition;
mod refusal;
mod rewriting;

use relay_guard::lists::{self, Format, HostBits, Input, ListError, ParseOptions, ParsedList};

/// The name of the document in messages.
const NAME: &str = "feed";

/// Where fields of CSV and JSON are looked for, besides where they are by default.
const FIELDS: [(&str, &str); 3] = [("ip", "note"), ("/cidr", "/note"), ("2", "1")];

/// Holds the invariants of `format` against one document.
///
/// # Panics
/// If one does not hold.
pub fn check(format: Format, document: &[u8]) {
    let input = Input { name: NAME, bytes: document };
    for options in lenient(format) {
        let list = one(input, &options);
        if let Ok(list) = &list {
            rewriting::keeps_addresses(list);
        }
        stricter_only_refuses(input, &options, list.as_ref().ok());
        recognition::names_what_is_read(input, &options, list.as_ref().ok());
        documents::may_be_cut_between_lines(input, &options, list.ok().as_ref());
    }
}

/// Reads the document, and holds against the result what is always so.
fn one(input: Input<'_>, options: &ParseOptions) -> Result<ParsedList, ListError> {
    let list = lists::parse(&[input], options);
    assert_eq!(list, lists::parse(&[input], options), "read twice, with two results");
    match &list {
        Ok(list) => {
            content::is_well_formed(list, options);
            origins::are_lines(list, &[input], options);
        }
        Err(error) => refusal::is_shown_well(error, input),
    }
    list
}

/// Options that refuse as little as possible.
fn lenient(format: Format) -> Vec<ParseOptions> {
    let plain = ParseOptions {
        format,
        allow_empty: true,
        widest_v4: 0,
        widest_v6: 0,
        max_entries: 1 << 16,
        ..ParseOptions::default()
    };
    let fields = FIELDS.map(|(address, note)| ParseOptions {
        address_field: Some(address.to_owned()),
        note_field: Some(note.to_owned()),
        ..plain.clone()
    });
    let with_fields = matches!(format, Format::Csv | Format::Json);
    [plain].into_iter().chain(fields.into_iter().filter(|_| with_fields)).collect()
}

/// The same options, as strict as they get.
fn strict(options: &ParseOptions) -> ParseOptions {
    let usual = ParseOptions::default();
    ParseOptions {
        allow_empty: false,
        widest_v4: usual.widest_v4,
        widest_v6: usual.widest_v6,
        host_bits: HostBits::Reject,
        max_line_bytes: 200,
        max_entries: 20,
        ..options.clone()
    }
}

/// What strict options let through is what lenient ones do.
fn stricter_only_refuses(input: Input<'_>, options: &ParseOptions, lenient: Option<&ParsedList>) {
    if let Ok(strict) = one(input, &strict(options)) {
        assert_eq!(Some(&strict), lenient, "stricter options changed what is read");
    }
}
