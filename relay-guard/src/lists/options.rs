//! How a list is to be read.

use serde::{Deserialize, Serialize};

use super::Format;

/// The longest line read, in bytes without its line end, unless told otherwise.
pub const DEFAULT_MAX_LINE_BYTES: usize = 4096;

/// The most entries that one list may hold, unless told otherwise.
pub const DEFAULT_MAX_ENTRIES: usize = 1 << 24;

/// What to do with a CIDR that has bits set beyond its prefix length, such as `10.0.0.1/24`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostBits {
    /// Read it as its network (`10.0.0.0/24`) and warn.
    #[default]
    Mask,
    /// Refuse the line, and with it the list.
    Reject,
}

/// The rules that a list is read by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// The format of the content.
    pub format: Format,
    /// Where the address stands, in formats with fields: a CSV column by name or by number from 1, or a JSON pointer
    /// such as `/cidr`.
    pub address_field: Option<String>,
    /// Where the note stands, in the same way; none if it is of no interest.
    pub note_field: Option<String>,
    /// Whether a list without any entry is fine.
    pub allow_empty: bool,
    /// The widest IPv4 prefix accepted, as a prefix length (0 to 32): a shorter one is an error.
    pub widest_v4: u8,
    /// The widest IPv6 prefix accepted, as a prefix length (0 to 128): a shorter one is an error.
    pub widest_v6: u8,
    /// What to do with host bits.
    pub host_bits: HostBits,
    /// The longest line accepted, in bytes without its line end.
    pub max_line_bytes: usize,
    /// The most entries accepted, duplicates included.
    pub max_entries: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            address_field: None,
            note_field: None,
            allow_empty: false,
            widest_v4: 8,
            widest_v6: 19,
            host_bits: HostBits::Mask,
            max_line_bytes: DEFAULT_MAX_LINE_BYTES,
            max_entries: DEFAULT_MAX_ENTRIES,
        }
    }
}
