//! The configuration: [`config::parse`] on any text.
//!
//! Invariant: a fault is one printable line with a place that the text has. Text that is fine is read to the same again,
//! also with a comment behind it.

use std::path::Path;

use relay_guard::config::{self, ConfigError};

const FILE: &str = "relay-guard.toml";

/// Holds the invariant against a file's content.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match read(text) {
        Ok(first) => {
            assert_eq!(read(text).ok().as_ref(), Some(&first), "read twice, with two results");
            let commented = format!("{text}\n# the end\n");
            assert_eq!(read(&commented).ok(), Some(first), "a comment made a difference");
        }
        Err(error) => is_shown_well(text, &error),
    }
}

/// The configuration as it is printed for debugging: all of it, and comparable.
fn read(text: &str) -> Result<String, ConfigError> {
    config::parse(text, Path::new(FILE)).map(|config| format!("{config:?}"))
}

fn is_shown_well(text: &str, error: &ConfigError) {
    let message = error.to_string();
    assert!(!message.chars().any(char::is_control), "not one printable line: {message:?}");
    let ConfigError::At { line, column, .. } = error else { panic!("no place in the file: {message}") };
    // Behind a last line end there is one more line, and behind a line's last character one more column.
    let found = text.split('\n').nth(line.wrapping_sub(1));
    let columns = found.map_or(0, |line| line.chars().count() + 1);
    assert!((1..=columns).contains(column), "{line}:{column} is not in the file: {message}");
}
