//! Names of zones, and the names that are asked in them.

use std::fmt;
use std::net::IpAddr;

/// The name of a DNSBL zone, without a dot at the end, in lower case. It may hold a customer's key: neither `Debug` nor
/// anything that the program shows may have it; [`ZoneName::expose`] is for asking alone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneName(String);

impl fmt::Debug for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZoneName(…)")
    }
}

impl ZoneName {
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
