//! Replies that say that a host is on a blocklist.

use std::net::IpAddr;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Match, Span};

use super::Own;
use crate::dnsbl::catalogue::{Kind, ZONES};

/// What servers say besides a zone's name.
const WORDS: [&str; 10] = [
    "blacklist",
    "black list",
    "black-list",
    "blocklist",
    "block list",
    "block-list",
    "denylist",
    "dnsbl",
    "blocked using",
    "listed at",
];
/// Words of which that is so only where an address or a place to look it up is named: users and domains are listed too.
const WEAK: [&str; 4] = ["blocked by", "is listed", "listed in", "listed by"];

/// Domains of operators that are not known for their lists alone: people have mailboxes and servers there. Only the zone counts.
const HOMES: [&str; 9] = [
    "abuse.ro",
    "anonmails.de",
    "cymru.com",
    "interserver.net",
    "junkemailfilter.com",
    "me.uk",
    "s5h.net",
    "surriel.com",
    "woody.ch",
];

/// All of them and all zones, in this order, which are looked for in one pass; none if there is no room for that.
static NAMES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let zones = ZONES.iter().filter(|zone| zone.kind != Kind::Vouches);
    let names = WORDS.into_iter().chain(WEAK).chain(zones.map(|zone| known_by(zone.zone)));
    AhoCorasick::builder().ascii_case_insensitive(true).build(names).ok()
});

/// Whether a reply's text names a blocklist: a zone of the catalogue, or the words for one.
#[must_use]
pub fn names_a_blocklist(text: &str) -> bool {
    let is_one = |found: Match| match found.pattern().as_usize() {
        number if number < WORDS.len() => true,
        number if number < WORDS.len() + WEAK.len() => tells_where(text),
        _ => is_domain(text.as_bytes(), found.span()),
    };
    NAMES.as_ref().is_some_and(|names| names.find_overlapping_iter(text).any(is_one))
        || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.eq_ignore_ascii_case("rbl"))
}

/// Whether a text names an address, or a page.
fn tells_where(text: &str) -> bool {
    text.contains("http") || words_of_addresses(text).any(|word| word.parse::<IpAddr>().is_ok())
}

/// Whether what was found is a domain or the end of one, and that not of a mailbox.
fn is_domain(text: &[u8], found: Span) -> bool {
    let is_label = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'-';
    let (before, behind) = (&text[..found.start], &text[found.end..]);
    let ends = match behind {
        [b'.', next, ..] | [next, ..] => !is_label(next),
        [] => true,
    };
    let in_front = before.iter().rfind(|octet| !is_label(octet) && **octet != b'.');
    ends && !before.last().is_some_and(is_label) && in_front != Some(&b'@')
}

/// What of a zone's name is looked for.
fn known_by(zone: &'static str) -> &'static str {
    let operator = operator_domain(zone);
    if HOMES.contains(&operator) { zone } else { operator }
}

/// The last two labels of a zone's name, by which it is known: `spamhaus.org`.
fn operator_domain(zone: &'static str) -> &'static str {
    let mut dots = zone.rmatch_indices('.').map(|(at, _)| at);
    let _ = dots.next();
    dots.next().map_or(zone, |at| &zone[at + 1..])
}

/// Whether one of these addresses stands in a text.
#[must_use]
pub fn has_address(text: &str, own: Own<'_>) -> bool {
    words_of_addresses(text)
        .filter_map(|word| word.parse::<IpAddr>().ok())
        .any(|address| own.has(address.to_canonical()))
}

/// What may be addresses.
fn words_of_addresses(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':')))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| word.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_name_blocklists() {
        for (text, expected) in [
            ("5.7.1 Service unavailable; Client host [203.0.113.5] blocked using zen.spamhaus.org", true),
            ("5.7.1 see https://www.spamhaus.org/query/ip/203.0.113.5", true),
            ("JunkMail rejected - host is in an RBL: http://example.org", true),
            ("Your IP is on our BLACKLIST", true),
            ("refused; bl.spamcop.net says no", true),
            ("5.1.1 User unknown", false),
            ("4.2.0 Greylisted, come back later", false),
            ("5.7.1 Relaying denied", false),
            ("no such user: herbl@example.org", false),
            ("", false),
            ("5.7.1 203.0.113.5 is listed", true),
            ("5.7.1 blocked by our policy, see https://example.org/why", true),
            ("5.1.1 user not listed in Domino Directory", false),
            ("5.7.1 attachment blocked by policy", false),
            ("5.1.2 domain is listed as inactive", false),
            ("5.1.1 <joe@woody.ch>: no such user", false),
            ("5.1.1 <joe@mail.woody.ch>: no such user", false),
            ("5.7.1 see http://blacklist.woody.ch.", true),
            ("5.1.1 no mail to nospamhaus.org", false),
            ("mx.woody.ch does not know him", false),
            ("home.me.uk has no such user", false),
            ("listed: rbl.interserver.net", true),
            ("5.1.1 no mail to spamhaus.org.example", false),
            ("<joe@spamhaus.org> said: see www.spamhaus.org/sbl", true),
        ] {
            assert_eq!(names_a_blocklist(text), expected, "{text}");
        }
    }

    #[test]
    fn every_zone_that_blocks_is_known_by_its_domain() {
        for zone in ZONES.iter().filter(|zone| zone.kind != Kind::Vouches) {
            let domain = operator_domain(zone.zone);
            assert!(domain.contains('.') && !domain.contains('{'), "{domain}");
            assert!(names_a_blocklist(&format!("listed: {}", zone.zone.to_uppercase())), "{}", zone.zone);
        }
        for home in HOMES {
            assert!(ZONES.iter().any(|zone| operator_domain(zone.zone) == home), "{home}");
        }
    }

    #[test]
    fn own_addresses_in_texts() {
        let own: Vec<IpAddr> = vec!["203.0.113.5".parse().unwrap(), "2001:db8::5".parse().unwrap()];
        for (text, expected) in [
            ("host [203.0.113.5] is listed", true),
            ("blocked: 203.0.113.5.", true),
            ("https://example.org/?ip=203.0.113.5", true),
            ("host ::ffff:203.0.113.5 is listed", true),
            ("host 2001:DB8::5: no", true),
            ("host 203.0.113.50 is listed", false),
            ("host 1203.0.113.5 is listed", false),
            ("nobody", false),
        ] {
            assert_eq!(has_address(text, Own { host: own[0], ours: &own[1..] }), expected, "{text}");
        }
    }
}
