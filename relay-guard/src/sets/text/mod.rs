//! Sets as text, in the formats that other programs read. IPv4 comes first, each family ascending; the same set and the
//! same [`About`] give the same bytes.

mod blocks;
mod json;
mod zone;

use std::{
    fmt,
    io::{self, Write},
    net::Ipv4Addr,
    str::FromStr,
};

use thiserror::Error;

use super::{AddressSet, Cidr, Family, Range};
use blocks::Blocks;

/// How a set is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// The fewest CIDRs, one per line, single addresses without prefix length: what iprange prints.
    #[default]
    Cidr,
    /// `FIRST-LAST` on each line, also where both are the same: what `iprange --print-ranges` prints.
    Range,
    /// A zone file of rbldnsd, to be served as `combined`.
    Rbldnsd,
    /// As `Cidr`, below comments that say what it is.
    Netset,
    /// One JSON object: `entries`, `ipv4_addresses`, `ipv6_addresses`, and the CIDRs in `ipv4` and `ipv6`.
    Json,
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown output format {name:?}; known are {}", TextFormat::ALL.map(TextFormat::name).join(", "))]
pub struct UnknownTextFormat {
    /// The name.
    pub name: String,
}

impl TextFormat {
    /// All of them, in the order in which help names them.
    pub const ALL: [Self; 5] = [Self::Cidr, Self::Range, Self::Rbldnsd, Self::Netset, Self::Json];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cidr => "cidr",
            Self::Range => "range",
            Self::Rbldnsd => "rbldnsd",
            Self::Netset => "netset",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for TextFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TextFormat {
    type Err = UnknownTextFormat;

    fn from_str(name: &str) -> Result<Self, UnknownTextFormat> {
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownTextFormat { name: name.to_owned() })
    }
}

/// What is said of a set beside its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What it was made from, one remark each, such as `from drop.txt`. For formats with comments.
    pub remarks: Vec<String>,
    /// The A record of every address, for rbldnsd.
    pub value: Ipv4Addr,
    /// The TXT template of every address, for rbldnsd; it replaces `$` by the address.
    pub txt: String,
}

/// The A record that a listed address has, unless told otherwise (RFC 5782 §2.1).
pub const DEFAULT_VALUE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

impl Default for About {
    fn default() -> Self {
        Self { remarks: Vec::new(), value: DEFAULT_VALUE, txt: String::new() }
    }
}

/// Writes `set`, in blocks of some 64 KiB; `out` needs no buffer of its own.
///
/// # Errors
/// Those of `out`.
pub fn write(set: &AddressSet, format: TextFormat, about: &About, out: &mut dyn Write) -> io::Result<()> {
    let mut out = Blocks::new(out);
    match format {
        TextFormat::Cidr => cidr_lines(set, &mut out)?,
        TextFormat::Range => range_lines(set, &mut out)?,
        TextFormat::Rbldnsd => zone::write(set, about, &mut out)?,
        TextFormat::Netset => {
            out.push(header(set, about).as_bytes())?;
            cidr_lines(set, &mut out)?;
        }
        TextFormat::Json => json::write(set, &mut out)?,
    }
    out.finish()
}

fn cidr_lines(set: &AddressSet, out: &mut Blocks<'_>) -> io::Result<()> {
    family_lines(set.v4.cidrs(), out)?;
    family_lines(set.v6.cidrs(), out)
}

fn family_lines<A: Family>(cidrs: impl Iterator<Item = Cidr<A>>, out: &mut Blocks<'_>) -> io::Result<()> {
    for cidr in cidrs {
        cidr.push_text(out.room()?);
        out.end_line();
    }
    Ok(())
}

fn range_lines(set: &AddressSet, out: &mut Blocks<'_>) -> io::Result<()> {
    family_ranges(set.v4.ranges(), out)?;
    family_ranges(set.v6.ranges(), out)
}

fn family_ranges<A: Family>(ranges: &[Range<A>], out: &mut Blocks<'_>) -> io::Result<()> {
    for range in ranges {
        let line = out.room()?;
        range.first.push_text(line);
        line.push(b'-');
        range.last.push_text(line);
        out.end_line();
    }
    Ok(())
}

/// What a set is, as lines of comment.
fn header(set: &AddressSet, about: &About) -> String {
    let size = set.size();
    let figures = format!(
        "{} entries: {} IPv4 and {} IPv6 addresses, minimal and sorted",
        size.entries, size.ipv4_addresses, size.ipv6_addresses
    );
    let remarks = std::iter::once(&figures).chain(&about.remarks);
    // A line end in a file's name must not end the comment.
    remarks.map(|remark| format!("# {}\n", remark.replace(char::is_control, "?"))).collect()
}

#[cfg(test)]
mod tests;
