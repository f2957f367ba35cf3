//! HELO: by what a host introduces itself (RFC 5321 §4.1.1.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Own;

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It is no full name and no address.
    pub no_name: bool,
    /// It is an address without brackets.
    pub bare_address: bool,
    /// It is the name or the address of somebody else.
    pub of_others: bool,
}

/// Those whom bots like to be. No inside host is one of them.
const WELL_KNOWN: [&str; 18] = [
    "gmail.com",
    "google.com",
    "googlemail.com",
    "yahoo.com",
    "hotmail.com",
    "outlook.com",
    "live.com",
    "msn.com",
    "microsoft.com",
    "aol.com",
    "icloud.com",
    "apple.com",
    "amazon.com",
    "facebook.com",
    "gmx.net",
    "gmx.de",
    "web.de",
    "mail.ru",
];

/// Looks at the argument of HELO or EHLO. `greeting` is what the server said of itself.
#[must_use]
pub fn faults(helo: &str, own: Own<'_>, greeting: Option<&str>) -> Faults {
    let mut faults = Faults::default();
    if let Some(literal) = helo.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        match literal_address(literal) {
            Some(address) => faults.of_others = is_public(address) && !own.has(address),
            None => faults.no_name = true,
        }
    } else if helo.parse::<IpAddr>().is_ok() {
        faults.bare_address = true;
    } else if !is_full_name(helo) {
        faults.no_name = true;
    } else {
        let server = greeting.and_then(|text| text.split_ascii_whitespace().next());
        faults.of_others = server.is_some_and(|server| is_full_name(server) && same(server, helo))
            || WELL_KNOWN.iter().any(|known| is_within(helo, known));
    }
    faults
}

/// Whether the name is the domain of a recipient, and not that of the sender: bots say they are whom they write to.
#[must_use]
pub fn is_of_recipient(helo: &str, recipient: &str, sender: Option<&str>) -> bool {
    // Almost always they differ, which is seen at once.
    domain(recipient).is_some_and(|domain| same(domain, helo))
        && is_full_name(helo)
        && !sender.and_then(domain).is_some_and(|own| same(own, helo) || is_within(helo, own))
}

/// The domain of an envelope's address.
#[must_use]
pub fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.'))
}

fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.trim_end_matches('.').as_bytes(), domain.as_bytes());
    match name.len().checked_sub(domain.len()) {
        Some(0) => name.eq_ignore_ascii_case(domain),
        Some(before) => name[before - 1] == b'.' && name[before..].eq_ignore_ascii_case(domain),
        None => false,
    }
}

/// An address as it stands in brackets (§4.1.3).
fn literal_address(text: &str) -> Option<IpAddr> {
    match text.get(..5) {
        Some(tag) if tag.eq_ignore_ascii_case("ipv6:") => text[5..].parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        _ => text.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// Whether a host that hides behind others could have it by right: only public addresses tell.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified())
                && v4.octets()[..2] != [100, 64]
        }
        IpAddr::V6(v6) => v6.segments()[0] & 0xe000 == 0x2000,
    }
}

/// Two labels or more of letters, digits, `-` and `_`, the last of them not of digits alone.
fn is_full_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    let top = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && !top.bytes().all(|octet| octet.is_ascii_digit())
        && !top.eq_ignore_ascii_case("localdomain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_names() {
        let own: Vec<IpAddr> = vec!["10.0.1.5".parse().unwrap(), "198.51.100.7".parse().unwrap()];
        let own = Own { host: own[0], ours: &own[1..] };
        let fine = Faults::default();
        let no_name = Faults { no_name: true, ..fine };
        let bare = Faults { bare_address: true, ..fine };
        let others = Faults { of_others: true, ..fine };
        for (helo, expected) in [
            ("mail.example.com", fine),
            ("MAIL.example.com.", fine),
            ("my_pc.corp.example", fine),
            ("[10.0.1.5]", fine),
            ("[192.168.7.7]", fine),
            ("[100.64.1.1]", fine),
            ("[198.51.100.7]", fine),
            ("[IPv6:fd00::1]", fine),
            ("localhost", no_name),
            ("localhost.localdomain", no_name),
            ("WIN-3DF8A", no_name),
            ("", no_name),
            ("a..b", no_name),
            ("ex ample.com", no_name),
            ("mail.example.123", no_name),
            ("[not an address]", no_name),
            ("10.0.1.5", bare),
            ("203.0.113.9", bare),
            ("2001:db8::1", bare),
            ("[203.0.113.9]", others),
            ("[IPv6:2001:db8::1]", others),
            ("gmail.com", others),
            ("mail-wr1.Google.com", others),
            ("notgoogle.com", fine),
            ("mx.there.example", others),
        ] {
            assert_eq!(faults(helo, own, Some("mx.there.example ESMTP ready")), expected, "{helo:?}");
        }
        assert_eq!(faults("mx.there.example", own, None), fine);
        assert_eq!(faults("localhost", own, Some("localhost ready")), no_name);
    }

    #[test]
    fn names_of_recipients() {
        for (helo, recipient, sender, expected) in [
            ("there.example", "a@there.example", Some("b@here.example"), true),
            ("There.Example.", "a@there.example", None, true),
            ("there.example", "a@there.example", Some("b@there.example"), false),
            ("mail.there.example", "a@there.example", Some("b@here.example"), false),
            ("localhost", "a@localhost", Some("b@here.example"), false),
            ("there.example", "postmaster", Some(""), false),
        ] {
            assert_eq!(is_of_recipient(helo, recipient, sender), expected, "{helo} {recipient}");
        }
    }
}
