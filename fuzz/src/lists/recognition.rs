//! A format that is recognised is one that the document can be read in, with the same result.

use relay_guard::lists::{self, Format, Input, ParseOptions, ParsedList};

/// Holds it against what was read by `options`, if anything was.
///
/// # Panics
/// If it is not so.
pub(super) fn names_what_is_read(input: Input<'_>, options: &ParseOptions, read: Option<&ParsedList>) {
    let Some(list) = read else { return };
    if options.format == Format::Auto {
        let named = ParseOptions { format: list.format, ..options.clone() };
        assert_eq!(lists::parse(&[input], &named).as_ref(), Ok(list), "recognised as {}", list.format);
    } else {
        assert_eq!(list.format, options.format, "read as something else");
    }
}
