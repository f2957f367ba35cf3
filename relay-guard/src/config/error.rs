//! Faults of a configuration, each as one line with its place in the file.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::lists::source::SourceError;

/// How many edits a key may be away from a known one to be taken for a slip of the pen.
const MAX_SLIPS: usize = 2;

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read. The message holds the cause, which is no source for that reason.
    #[error("{0}{hint}", hint = hint(.0))]
    Read(SourceError),
    /// The file is not UTF-8.
    #[error("{}: not UTF-8 text, from byte {offset} on; save it as UTF-8", file.display())]
    NotText {
        /// The file.
        file: PathBuf,
        /// The first bad byte, counted from 0.
        offset: usize,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}:{column}: {message}", file.display())]
    At {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column in characters, counted from 1.
        column: usize,
        /// What is wrong, and what to write instead.
        message: String,
    },
}

impl From<SourceError> for ConfigError {
    fn from(cause: SourceError) -> Self {
        Self::Read(cause)
    }
}

/// What to do about a file that is not there.
fn hint(error: &SourceError) -> &'static str {
    match error {
        SourceError::Unreadable { cause, .. } => match cause.kind() {
            ErrorKind::NotFound => "; create it (see relay-guard.example.toml) or pass --config",
            _ => "; make it readable or pass --config",
        },
        SourceError::NotAFile { .. } | SourceError::TooLarge { .. } | SourceError::Changing { .. } => "",
    }
}

/// Something wrong with a value, before anybody knows which line it is on.
#[derive(Debug)]
pub(super) struct Fault {
    /// The bytes of the file that are at fault; the file's start if it is about something that is not there.
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

impl ConfigError {
    pub(super) fn at(file: &Path, text: &str, fault: &Fault) -> Self {
        let (line, column) = place(text, fault.span.start);
        Self::At { file: file.to_owned(), line, column, message: printable(&fault.message) }
    }

    /// The TOML reader's fault, on one line and in the words of this program.
    pub(super) fn from_toml(file: &Path, text: &str, fault: &toml::de::Error) -> Self {
        let message = reworded(fault.message());
        Self::at(file, text, &Fault { span: fault.span().unwrap_or(0..0), message })
    }
}

/// The message on one line, fit for a terminal: it repeats what the file says, where TOML's escapes may hide anything.
fn printable(message: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    message.chars().map(escaped).collect()
}

/// Line and column of a byte of `text`, both counted from 1, the column in characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// Puts serde's messages about keys and words into the administrator's terms; others stay, on one line.
fn reworded(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let known = |kind: &str| message.starts_with(kind).then(|| quoted.clone().skip(1).collect::<Vec<_>>());
    let name = quoted.clone().next().unwrap_or_default();
    if let Some(known) = known("unknown field ") {
        return unknown("key", name, &known);
    }
    if let Some(known) = known("unknown variant ") {
        return unknown("word", name, &known);
    }
    if let (true, Some(key)) = (message.starts_with("missing field "), quoted.next()) {
        return format!("the key `{key}` is missing here; add it");
    }
    if let Some((found, wanted)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        return format!("the wrong type, {found}; write {} here", in_toml(wanted));
    }
    // How the TOML reader wants what serde calls an enum.
    if message == "wanted string or table" {
        return "the wrong type; write text in quotes here".to_owned();
    }
    message.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

/// What serde calls a type, as one writes it in TOML.
fn in_toml(wanted: &str) -> &str {
    match wanted {
        "a string" => "text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list: values in [ ], or tables under [[ ]]",
        "i64" => "a whole number",
        _ if wanted.starts_with("struct ") => "a table",
        _ => wanted,
    }
}

/// Keys that there once were, and what took their place.
const GONE: [(&str, &str); 1] =
    [("zombie", "write [inspection], [signals.NAME] and [[containment]] (see relay-guard.example.toml)")];

/// A name that is not among the `known` ones: names the one that was probably meant, or else all.
pub(super) fn unknown(kind: &str, name: &str, known: &[&str]) -> String {
    if let Some((_, instead)) = GONE.iter().find(|(gone, _)| kind == "key" && *gone == name) {
        return format!("there is no {kind} `{name}` any more; {instead}");
    }
    let nearest = known.iter().map(|known| (strsim::osa_distance(name, known), known)).min();
    match nearest {
        Some((slips, known)) if slips <= MAX_SLIPS && slips < name.len() => {
            format!("unknown {kind} `{name}`; did you mean `{known}`?")
        }
        _ => format!("unknown {kind} `{name}`; known here: {}", known.join(", ")),
    }
}
