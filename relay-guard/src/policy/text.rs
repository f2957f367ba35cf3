//! What a refused sender is told: one line of ASCII in which the sender's address may stand.
//!
//! The administrator writes a template; what is known when the configuration is read (list, URL, contact) is filled in
//! then. Only the address is left to the kernel, so a text is literal pieces with an address between any two.

use relay_guard_common::respond::response::{MAX_LINE_LEN, MAX_PIECES};
use thiserror::Error;

/// How often the address may stand in a text.
pub const MAX_ADDRESSES: usize = MAX_PIECES - 1;

/// The longest that an address is as text, in octets: IPv6 with eight groups of four digits (RFC 5952).
pub const MAX_ADDRESS_LEN: usize = 39;

/// Octets of a reply line before its text: the code and the enhanced status code, each with a blank.
pub const CODE_LEN: usize = "550 5.7.1 ".len();

/// How long a text may be, in octets: what RFC 5321 §4.5.3.1.5 allows for a line, less the code and CRLF.
pub const MAX_TEXT_LEN: usize = MAX_LINE_LEN - CODE_LEN - "\r\n".len();

const PLACEHOLDERS: &str = "{address}, {list}, {url} and {contact}";

/// A text: literal pieces of printable ASCII, with the address between any two; at most [`MAX_PIECES`] of them, and at most
/// [`MAX_TEXT_LEN`] octets with the longest address; one less if it is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Text {
    pieces: Vec<String>,
}

/// What a template may name, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Words<'a> {
    /// The list's name.
    pub list: Option<&'a str>,
    /// Where to read about the listing; the address may stand in it.
    pub url: Option<&'a Text>,
    /// Whom to write to.
    pub contact: Option<&'a str>,
}

/// Why a template is no text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing is said.
    #[error("there is no text; leave this out for the default")]
    Empty,
    /// A character that no reply line may hold.
    #[error(
        "character {place} is {character:?}; a text is one line of printable ASCII, so that it can stand in a reply"
    )]
    Character {
        /// The character.
        character: char,
        /// Which one of the template it is, counted from 1.
        place: usize,
    },
    /// A `{` without its `}`, or the other way round.
    #[error(
        "{brace:?} stands alone; write a placeholder such as {{address}}, or {brace}{brace} for the character"
    )]
    Brace {
        /// The brace.
        brace: char,
    },
    /// A placeholder that there is not.
    #[error("unknown placeholder {{{0}}}; known are {PLACEHOLDERS}")]
    Unknown(String),
    /// A placeholder whose value is not known.
    #[error("{{{0}}} has no value here")]
    Missing(Placeholder),
    /// The address stands in it too often.
    #[error("{{address}} stands in it {0} times; {MAX_ADDRESSES} times at most")]
    Addresses(usize),
    /// It does not fit a reply line.
    #[error(
        "{beyond} octets too long for a reply, which is {MAX_LINE_LEN} octets at most, with its code and the longest \
         address"
    )]
    TooLong {
        /// How many octets too many there are.
        beyond: usize,
    },
}

/// What a template can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The client's address.
    Address,
    /// The list's name.
    List,
    /// The list's page.
    Url,
    /// Whom to write to.
    Contact,
}

impl std::fmt::Display for Placeholder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Address => "address",
            Self::List => "list",
            Self::Url => "url",
            Self::Contact => "contact",
        })
    }
}

impl Placeholder {
    fn named(name: &str) -> Result<Self, TextError> {
        match name {
            "address" => Ok(Self::Address),
            "list" => Ok(Self::List),
            "url" => Ok(Self::Url),
            "contact" => Ok(Self::Contact),
            _ => Err(TextError::Unknown(name.to_owned())),
        }
    }
}

impl Text {
    /// Fills `template` with `words`. `{address}` stays open; `{{` and `}}` are braces.
    ///
    /// # Errors
    /// [`TextError`].
    pub fn new(template: &str, words: Words<'_>) -> Result<Self, TextError> {
        if template.trim().is_empty() {
            return Err(TextError::Empty);
        }
        printable(template)?;
        let mut text = Self { pieces: vec![String::new()] };
        let mut rest = template;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, from_brace) = rest.split_at(at);
            text.push(literal);
            rest = text.take_brace(from_brace, words)?;
        }
        text.push(rest);
        text.checked()
    }

    /// A text without the address, of something that is known to be fit for one.
    #[must_use]
    pub(crate) fn literal(text: &str) -> Self {
        Self { pieces: vec![text.to_owned()] }
    }

    /// Takes what a brace begins; what comes after it.
    fn take_brace<'t>(&mut self, from_brace: &'t str, words: Words<'_>) -> Result<&'t str, TextError> {
        for (doubled, brace) in [("{{", "{"), ("}}", "}")] {
            if let Some(rest) = from_brace.strip_prefix(doubled) {
                self.push(brace);
                return Ok(rest);
            }
        }
        let inner = from_brace.strip_prefix('{').ok_or(TextError::Brace { brace: '}' })?;
        let (name, rest) = inner.split_once('}').ok_or(TextError::Brace { brace: '{' })?;
        let placeholder = Placeholder::named(name)?;
        let missing = TextError::Missing(placeholder);
        match placeholder {
            Placeholder::Address => self.pieces.push(String::new()),
            Placeholder::List => self.push(words.list.ok_or(missing)?),
            Placeholder::Contact => self.push(words.contact.ok_or(missing)?),
            Placeholder::Url => self.append(words.url.ok_or(missing)?),
        }
        Ok(rest)
    }

    /// Adds literal octets.
    fn push(&mut self, literal: &str) {
        if let Some(last) = self.pieces.last_mut() {
            last.push_str(literal);
        }
    }

    /// Adds another text.
    fn append(&mut self, other: &Self) {
        let mut pieces = other.pieces.iter();
        if let Some(first) = pieces.next() {
            self.push(first);
        }
        self.pieces.extend(pieces.cloned());
    }

    /// Within the bounds. What was filled in is looked at again: it comes from elsewhere.
    fn checked(self) -> Result<Self, TextError> {
        self.pieces.iter().try_for_each(|piece| printable(piece))?;
        if self.addresses() > MAX_ADDRESSES {
            return Err(TextError::Addresses(self.addresses()));
        }
        // A line without the address is one piece, and a piece is shorter than the longest line.
        let room = if self.addresses() == 0 { MAX_TEXT_LEN - 1 } else { MAX_TEXT_LEN };
        match self.longest().checked_sub(room) {
            None | Some(0) => Ok(self),
            Some(beyond) => Err(TextError::TooLong { beyond }),
        }
    }

    /// The literal pieces; the address stands between any two.
    #[must_use]
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// How often the address stands in it.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.pieces.len().saturating_sub(1)
    }

    /// Its length in octets with the longest address.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.pieces.iter().map(String::len).sum::<usize>() + self.addresses() * MAX_ADDRESS_LEN
    }

    /// With an address.
    #[must_use]
    pub fn with(&self, address: &str) -> String {
        self.pieces.join(address)
    }
}

/// Nothing but blanks and visible ASCII.
fn printable(text: &str) -> Result<(), TextError> {
    let bad = text.chars().zip(1..).find(|(character, _)| !matches!(character, ' '..='~'));
    bad.map_or(Ok(()), |(character, place)| Err(TextError::Character { character, place }))
}

#[cfg(test)]
mod tests;
