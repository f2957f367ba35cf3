//! A list that is refused is refused in one printable line, about lines that the document has.

use relay_guard::lists::{Input, ListError, MAX_ERRORS_KEPT};

/// Holds it against the error that reading `input` ended with.
///
/// # Panics
/// If it is not so.
pub(super) fn is_shown_well(error: &ListError, input: Input<'_>) {
    let message = error.to_string();
    assert!(!message.chars().any(char::is_control), "not one printable line: {message:?}");
    assert!(message.starts_with(input.name) && error.name() == input.name, "of what? {message}");
    let lines = input.bytes.split(|b| *b == b'\n').count();
    let bad: Vec<u32> = error.bad_lines().map(|bad| bad.line).collect();
    assert!(bad.len() <= MAX_ERRORS_KEPT);
    for line in bad {
        assert!((1..=lines).contains(&(line as usize)), "line {line} of {lines}: {message}");
    }
}
