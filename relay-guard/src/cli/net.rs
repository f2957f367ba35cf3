//! Addresses and CIDRs as arguments.

use anyhow::anyhow;
use ipnet::IpNet;

use crate::lists::Prefix;

/// An address or a CIDR, as strictly as lists are read; host bits are refused, because a block of the wrong size is
/// worse than a second look.
pub(super) fn parse(text: &str) -> anyhow::Result<IpNet> {
    let prefix = Prefix::parse(text.as_bytes())
        .map_err(|_| anyhow!("{text:?} is no address and no CIDR; names are never looked up"))?;
    anyhow::ensure!(
        !prefix.has_host_bits(),
        "{text:?} has host bits set; did you mean {} or {}?",
        prefix.network(),
        prefix.address()
    );
    Ok(prefix.network())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nets_are_read_strictly() {
        for (text, net) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.7/24", None),
            ("0.0.00.0/0", None),
            ("example.org", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok().map(|net| net.to_string()).as_deref(), net, "{text:?}");
        }
    }
}
