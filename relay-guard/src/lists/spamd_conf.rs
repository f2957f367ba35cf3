//! `spamd.conf` of OpenBSD's spamd: a description of sources in getcap form, not a list.
//!
//! ```text
//! all:\
//!         :nixspam:
//! nixspam:\
//!         :black:\
//!         :msg="Your address %A is in the nixspam list":\
//!         :method=http:\
//!         :file=www.openbsd.org/spamd/nixspam.gz:
//! ```
//!
//! Records are lines, continued with a backslash at their end; fields are separated by colons, and a value in quotes
//! may hold colons itself.

use super::error::readable;

/// The most characters of a field.
const MAX_FIELD: usize = 1024;

/// A source that a `spamd.conf` describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The record's name.
    pub name: String,
    /// `black` lists are refused, `white` ones are exceptions of the list before them.
    pub white: bool,
    /// The text for refused senders, `msg=`, without its quotes.
    pub message: Option<String>,
    /// How it is fetched, `method=`: `http`, `ftp`, `file`, `exec`.
    pub method: Option<String>,
    /// What is fetched, `file=`: a path, or a URL without its scheme.
    pub file: Option<String>,
}

/// The sources that a `spamd.conf` describes: each record with `black` or `white`, in order. What is no record is
/// ignored.
#[must_use]
pub fn sources(text: &[u8]) -> Vec<Source> {
    records(text).iter().filter_map(|record| source(record)).collect()
}

/// Joins continued lines; leaves out comments and empty lines.
fn records(text: &[u8]) -> Vec<Vec<u8>> {
    let mut records = Vec::new();
    let mut record: Vec<u8> = Vec::new();
    for line in text.split(|b| *b == b'\n') {
        let line = line.trim_ascii();
        if line.starts_with(b"#") {
            continue;
        }
        match line.strip_suffix(b"\\") {
            Some(begun) => record.extend_from_slice(begun.trim_ascii()),
            None => {
                record.extend_from_slice(line);
                if !record.is_empty() {
                    records.push(std::mem::take(&mut record));
                }
            }
        }
    }
    if !record.is_empty() {
        records.push(record);
    }
    records
}

fn source(record: &[u8]) -> Option<Source> {
    let fields = fields(record);
    let (name, fields) = fields.split_first()?;
    let mut source = Source { name: readable(name, MAX_FIELD), ..Source::default() };
    let mut is_source = false;
    for field in fields {
        match field.iter().position(|b| *b == b'=') {
            None if *field == b"black" || *field == b"white" => {
                is_source = true;
                source.white = *field == b"white";
            }
            None => {}
            Some(equals) => {
                let value = &field[equals + 1..];
                let value = value.strip_prefix(b"\"").map_or(value, |v| v.strip_suffix(b"\"").unwrap_or(v));
                match &field[..equals] {
                    b"msg" => source.message = Some(readable(value, MAX_FIELD)),
                    b"method" => source.method = Some(readable(value, MAX_FIELD)),
                    b"file" => source.file = Some(readable(value, MAX_FIELD)),
                    _ => {}
                }
            }
        }
    }
    is_source.then_some(source)
}

/// Splits at colons outside of quotes; a backslash takes the meaning of the next byte away.
fn fields(record: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let split = record.split(|b| {
        let literal = std::mem::take(&mut escaped);
        match b {
            _ if literal => false,
            b'\\' => {
                escaped = true;
                false
            }
            b'"' => {
                quoted = !quoted;
                false
            }
            b':' => !quoted,
            _ => false,
        }
    });
    split.map(<[u8]>::trim_ascii).filter(|field| !field.is_empty()).collect()
}

/// The sources in words, for the message that refuses the file as a list.
pub(super) fn in_words(text: &[u8]) -> String {
    let words = |source: &Source| {
        let method = source.method.as_deref().unwrap_or("no method");
        format!("{} ({method} {})", source.name, source.file.as_deref().unwrap_or("no file"))
    };
    let sources = sources(text);
    if sources.is_empty() {
        "none".to_owned()
    } else {
        sources.iter().map(words).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_colons_and_continued_lines_are_read() {
        let text = b"# comment\nall:\\\n\t:nixspam:local:\n\nnixspam:\\\n\t:black:\\\n\
            \t:msg=\"See: http://example.net/?%A \\\"x\\\"\":\\\n\t:method=http:\\\n\t:file=www.example.net/n.gz:\n\
            local:white:method=file:file=/etc/mail/white.txt:\n";
        let found = sources(text);
        assert_eq!(found.len(), 2, "`all` is no source: {found:?}");
        assert_eq!(found[0].name, "nixspam");
        assert!(!found[0].white && found[1].white);
        assert_eq!(found[0].message.as_deref(), Some("See: http://example.net/?%A \\\"x\\\""));
        assert_eq!(found[0].method.as_deref(), Some("http"));
        assert_eq!(found[0].file.as_deref(), Some("www.example.net/n.gz"));
        assert_eq!(found[1].file.as_deref(), Some("/etc/mail/white.txt"));
        assert_eq!(in_words(text), "nixspam (http www.example.net/n.gz), local (file /etc/mail/white.txt)");
        assert!(!sources(b"spam:black:msg=\"a:white:b\":method=http:")[0].white);
        assert!(sources(b"").is_empty() && sources(b"\\").is_empty() && sources(b":::").is_empty());
    }
}
