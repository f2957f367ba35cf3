//! The formats that lists are written in, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The format that a list is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// Recognised by the content; [`ParsedList::format`](super::ParsedList::format) says what it was.
    #[default]
    Auto,
    /// Addresses, CIDRs, netmasks and ranges in any mix, one or several per line, with comments and notes.
    #[serde(alias = "netset", alias = "cidr", alias = "netmask", alias = "range")]
    Plain,
    /// Spamhaus DROP as text: `1.10.16.0/20 ; SBL256894`.
    DropText,
    /// Spamhaus DROP as JSON lines, the last of them metadata.
    DropJson,
    /// DShield's block list: first address, last address and prefix length, separated by tabs.
    Dshield,
    /// P2P blocklist: `name:first-last`.
    P2p,
    /// IP reputation: `address,category,score`.
    IpReputation,
    /// `hosts.deny` of TCP wrappers: `ALL: 192.168.0.0/16`.
    HostsDeny,
    /// `spamd.conf` of OpenBSD: describes where lists are, and is refused as a list.
    SpamdConf,
    /// Comma-separated values, the address in a named column.
    Csv,
    /// JSON or JSON lines, the address at a pointer.
    Json,
    /// A zone file of rbldnsd.
    Rbldnsd,
}

impl Format {
    /// All formats, in the order in which help names them.
    pub const ALL: [Self; 12] = [
        Self::Auto,
        Self::Plain,
        Self::DropText,
        Self::DropJson,
        Self::Dshield,
        Self::P2p,
        Self::IpReputation,
        Self::HostsDeny,
        Self::SpamdConf,
        Self::Csv,
        Self::Json,
        Self::Rbldnsd,
    ];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::DropText => "drop-text",
            Self::DropJson => "drop-json",
            Self::Dshield => "dshield",
            Self::P2p => "p2p",
            Self::IpReputation => "ip-reputation",
            Self::HostsDeny => "hosts-deny",
            Self::SpamdConf => "spamd-conf",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Rbldnsd => "rbldnsd",
        }
    }

    /// What it is, in a few words for help.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Auto => "recognised by the content",
            Self::Plain => {
                "addresses, CIDRs, netmasks and ranges in any mix (also: netset, cidr, netmask, range)"
            }
            Self::DropText => "Spamhaus DROP, text",
            Self::DropJson => "Spamhaus DROP, JSON lines",
            Self::Dshield => "DShield block list",
            Self::P2p => "P2P blocklist (name:first-last)",
            Self::IpReputation => "IP reputation (address,category,score)",
            Self::HostsDeny => "hosts.deny of TCP wrappers",
            Self::SpamdConf => "spamd.conf of OpenBSD (names sources; no list itself)",
            Self::Csv => "CSV, the address in a named column",
            Self::Json => "JSON or JSON lines, the address at a pointer",
            Self::Rbldnsd => "rbldnsd zone file",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no format has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown list format \"{name}\"; known are {}", Format::ALL.map(Format::name).join(", "))]
pub struct UnknownFormat {
    /// The name, escaped for a message.
    pub name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        match name {
            "netset" | "cidr" | "netmask" | "range" => return Ok(Self::Plain),
            _ => {}
        }
        let found = Self::ALL.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| UnknownFormat { name: super::error::shown(name.as_bytes()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_everywhere() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
            let quoted = format!("\"{format}\"");
            assert_eq!(serde_json::to_string(&format).unwrap(), quoted);
            assert_eq!(serde_json::from_str::<Format>(&quoted).unwrap(), format);
            assert!(!format.title().is_empty());
        }
        for alias in ["netset", "cidr", "netmask", "range"] {
            assert_eq!(alias.parse(), Ok(Format::Plain));
            assert_eq!(serde_json::from_str::<Format>(&format!("\"{alias}\"")).unwrap(), Format::Plain);
        }
        let error = "rbl\n".parse::<Format>().unwrap_err().to_string();
        assert!(
            error.starts_with("unknown list format \"rbl\\n\"; known are auto, plain, drop-text,"),
            "{error}"
        );
    }
}
