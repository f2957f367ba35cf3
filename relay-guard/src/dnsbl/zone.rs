//! Names of zones, and the names that are asked in them.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

/// The longest name that can be asked, in octets, without a dot at the end (RFC 1035 §3.1: 255 with length octets).
const MAX_NAME_LEN: usize = 253;

/// What an IPv6 address takes of it: 32 nibbles, each with a dot.
const V6_LEN: usize = 64;

/// The longest zone, in octets: every address can be asked about in it.
pub const MAX_ZONE_LEN: usize = MAX_NAME_LEN - V6_LEN;

/// The longest part of a name between dots, in octets (RFC 1035 §2.3.4).
const MAX_LABEL_LEN: usize = 63;

/// What stands in a zone's name for the customer's key.
pub const KEY_PLACE: &str = "{key}";

/// The name of a DNSBL zone, without a dot at the end, in lower case. It may hold a customer's key: neither `Debug` nor
/// anything that the program shows may have it; [`ZoneName::expose`] is for asking alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneName(String);

/// Why a text is no zone's name. None of the text is in it but a character that cannot be part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ZoneError {
    /// Nothing is there.
    #[error("there is no name")]
    Empty,
    /// Two dots in a row, or one at the beginning.
    #[error("character {0}: a part between dots is empty")]
    EmptyLabel(usize),
    /// Something that names of zones do not have.
    #[error(
        "character {place} is {character:?}; a zone's name has letters, digits, '-' and '_', with dots between"
    )]
    Character {
        /// The character.
        character: char,
        /// Which one it is, counted from 1.
        place: usize,
    },
    /// `-` at an end of a part.
    #[error("character {0}: a part between dots cannot begin or end with '-'")]
    Hyphen(usize),
    /// A part that no question can hold.
    #[error("character {0}: a part between dots is longer than {MAX_LABEL_LEN}")]
    LongLabel(usize),
    /// Longer than a question allows.
    #[error("it is too long: {0} characters, and {MAX_ZONE_LEN} leave room for an IPv6 address before it")]
    TooLong(usize),
    /// It looks like an address.
    #[error("its last part is a number, as in an address")]
    Number,
    /// A key has no place in it, or more than one.
    #[error("{KEY_PLACE} stands in it {0} times; write it once, where the key belongs")]
    Keys(usize),
    /// What is to take the key's place cannot.
    #[error(
        "the key is no part of a name: it may have letters, digits, '-' and '_' alone, {MAX_LABEL_LEN} at most"
    )]
    Key,
}

impl fmt::Debug for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZoneName(…)")
    }
}

impl ZoneName {
    /// A zone's name, in any case, with or without a dot at the end.
    ///
    /// # Errors
    /// [`ZoneError`].
    pub fn parse(name: &str) -> Result<Self, ZoneError> {
        let name = name.strip_suffix('.').unwrap_or(name);
        if name.is_empty() {
            return Err(ZoneError::Empty);
        }
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some((character, place)) = name.chars().zip(1..).find(|(c, _)| !good(*c)) {
            return Err(ZoneError::Character { character, place });
        }
        // From here on it is ASCII: places of octets are places of characters.
        let mut place = 1;
        for label in name.split('.') {
            check_label(label, place)?;
            place += label.len() + 1;
        }
        if name.len() > MAX_ZONE_LEN {
            return Err(ZoneError::TooLong(name.len()));
        }
        if name.rsplit('.').next().is_some_and(|last| last.bytes().all(|octet| octet.is_ascii_digit())) {
            return Err(ZoneError::Number);
        }
        Ok(Self(name.to_ascii_lowercase()))
    }

    /// The zone that `template` comes to with a customer's key in the place of [`KEY_PLACE`].
    ///
    /// # Errors
    /// [`ZoneError`], which never holds the key.
    pub fn with_key(template: &str, key: &str) -> Result<Self, ZoneError> {
        let places = template.matches(KEY_PLACE).count();
        if places != 1 {
            return Err(ZoneError::Keys(places));
        }
        // The key by itself, so that what is wrong with it is not told by a place in it; the template with one that is good,
        // and as long as what it takes the place of.
        let good = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
        if key.is_empty() || key.len() > MAX_LABEL_LEN || !key.bytes().all(good) {
            return Err(ZoneError::Key);
        }
        Self::parse(&template.replace(KEY_PLACE, "a-key"))?;
        match Self::parse(&template.replace(KEY_PLACE, key)) {
            Err(ZoneError::TooLong(len)) => Err(ZoneError::TooLong(len)),
            Err(_) => Err(ZoneError::Key),
            Ok(zone) => Ok(zone),
        }
    }

    /// The name, with whatever key it holds.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The name to ask about an address (RFC 5782 §2.1, §2.4): its octets or nibbles from the last to the first, then the
    /// zone, with a dot at the end.
    #[must_use]
    pub fn question(&self, address: IpAddr) -> String {
        let mut name = reversed(address);
        name.push_str(&self.0);
        name.push('.');
        name
    }
}

/// A part of a name between dots, which begins with this character, counted from 1.
fn check_label(label: &str, place: usize) -> Result<(), ZoneError> {
    if label.is_empty() {
        return Err(ZoneError::EmptyLabel(place));
    }
    if label.len() > MAX_LABEL_LEN {
        return Err(ZoneError::LongLabel(place));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(ZoneError::Hyphen(place));
    }
    Ok(())
}

/// Octets or nibbles from the last to the first, each with a dot behind it.
#[must_use]
pub fn reversed(address: IpAddr) -> String {
    use fmt::Write as _;
    let mut name = String::with_capacity(64);
    match address {
        IpAddr::V4(v4) => {
            for octet in v4.octets().iter().rev() {
                let _ = write!(name, "{octet}.");
            }
        }
        IpAddr::V6(v6) => {
            for octet in v6.octets().iter().rev() {
                let _ = write!(name, "{:x}.{:x}.", octet & 0xf, octet >> 4);
            }
        }
    }
    name
}

#[cfg(test)]
mod tests;
