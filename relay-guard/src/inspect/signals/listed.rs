//! Replies that say that a host is on a blocklist.

use std::net::IpAddr;

use crate::dnsbl::catalogue::{Kind, ZONES};

/// Words for a blocklist, each a whole word.
const WORDS: [&str; 12] = [
    "blacklist",
    "blacklists",
    "blacklisted",
    "blocklist",
    "blocklists",
    "blocklisted",
    "denylist",
    "denylisted",
    "dnsbl",
    "dnsbls",
    "rbl",
    "rbls",
];
/// Two words for one: `block list`.
const TWO_WORDS: [&[&str]; 2] = [&["black", "block", "deny"], &["list", "lists", "listed"]];
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
/// Words between a denial and what it denies: `not listed in any blacklist`.
const FILLERS: [&str; 11] = ["a", "an", "any", "at", "by", "in", "is", "listed", "on", "our", "the"];
const DENIALS: [&str; 4] = ["isn't", "never", "no", "not"];

/// The words before one, the nearest first.
type Before<'a> = [&'a str; 4];

/// Whether a reply's text names a blocklist: a zone of the catalogue, its operator's site, or the words for one. Mailboxes say
/// nothing.
#[must_use]
pub fn names_a_blocklist(text: &str) -> bool {
    let mut before: Before<'_> = [""; 4];
    let mut has_address = false;
    for word in text.split(is_between).filter(|word| !word.is_empty()) {
        let word = word.trim_end_matches(['.', ':', '!']);
        let is_mailbox = word.contains('@') && !word.contains("://");
        has_address |= word.parse::<IpAddr>().is_ok();
        if !is_mailbox && says_listed(word, &before, has_address) && !is_denied(&before) {
            return true;
        }
        before.rotate_right(1);
        before[0] = word;
    }
    false
}

/// What stands between words.
fn is_between(character: char) -> bool {
    character.is_whitespace() || "<>()[]{},;\"`|".contains(character)
}

fn is_one(word: &str, of: &[&str]) -> bool {
    of.iter().any(|one| one.eq_ignore_ascii_case(word))
}

fn is_denied(before: &Before<'_>) -> bool {
    before.iter().find(|word| !is_one(word, &FILLERS)).is_some_and(|word| is_one(word, &DENIALS))
}

fn says_listed(word: &str, before: &Before<'_>, has_address: bool) -> bool {
    let domain = is_domain(word);
    if domain && word.split(['/', ':', '?', '=', '&']).any(is_of_operator) {
        return true;
    }
    let mut former = before[0];
    for part in word.split(|c: char| !c.is_ascii_alphanumeric()) {
        if is_one(part, &WORDS) || (is_one(former, TWO_WORDS[0]) && is_one(part, TWO_WORDS[1])) {
            return true;
        }
        former = part;
    }
    let by_whom = match (before[1], before[0]) {
        (verb, "using") => is_one(verb, &["blocked", "listed"]),
        (verb, "at" | "by" | "in" | "on") => {
            is_one(verb, &["listed"]) || (has_address && is_one(verb, &["blocked"]))
        }
        _ => false,
    };
    let listed = is_one(word, &["listed"]) && is_one(before[0], &["is"]);
    (domain && by_whom) || (listed && (before[1].parse::<IpAddr>().is_ok() || is_one(before[1], &["ip"])))
}

/// Whether it is a name with a dot, or an URL.
fn is_domain(word: &str) -> bool {
    let last = word.rsplit_once('.').map_or("", |(_, last)| last);
    word.contains("://") || last.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// Whether a name is a zone, or lies within the domain of an operator of one.
fn is_of_operator(name: &str) -> bool {
    let name = name.trim_matches('.');
    name.contains('.')
        && !name.contains('@')
        && ZONES.iter().filter(|zone| zone.kind != Kind::Vouches).any(|zone| {
            let operator = operator_domain(zone.zone);
            is_within(name, if HOMES.contains(&operator) { zone.zone } else { operator })
        })
}

/// Whether a name is a domain or below it, by whole labels.
fn is_within(name: &str, domain: &str) -> bool {
    let Some(start) = name.len().checked_sub(domain.len()) else { return false };
    name.as_bytes()[start..].eq_ignore_ascii_case(domain.as_bytes())
        && (start == 0 || name.as_bytes()[start - 1] == b'.')
}

/// The last two labels of a zone's name, by which it is known: `spamhaus.org`.
fn operator_domain(zone: &'static str) -> &'static str {
    let mut dots = zone.rmatch_indices('.').map(|(at, _)| at);
    let _ = dots.next();
    dots.next().map_or(zone, |at| &zone[at + 1..])
}

/// Whether one of these addresses stands in a text.
#[must_use]
pub fn has_address(text: &str, own: &[IpAddr]) -> bool {
    text.split(|c: char| !(c.is_ascii_hexdigit() || matches!(c, '.' | ':')))
        .filter_map(|word| word.trim_end_matches(['.', ':']).parse::<IpAddr>().ok())
        .any(|address| own.contains(&address.to_canonical()))
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
            ("5.7.1 Host [203.0.113.5] blocked by bl.corp.example", true),
            ("5.7.1 Client host blocked using lists.corp.example", true),
            ("203.0.113.5 is listed, go away", true),
            ("Your IP is listed at lists.example", true),
            ("you are on our Block-List", true),
            ("we keep a black list", true),
            ("5.7.1 see HTTP://WWW.SPAMHAUS.ORG.", true),
            ("listed by rbl.interserver.net", true),
            ("5.1.1 john (john@there.example) not listed in Domino Directory", false),
            ("5.7.1 attachment blocked by policy", false),
            ("5.7.1 blocked by mx.there.example", false),
            ("5.1.1 domain is listed as inactive", false),
            ("5.1.1 <john@interserver.net>: no such user", false),
            ("5.1.1 <john@woody.ch>: no such user", false),
            ("5.1.1 john@spamhaus.org: no such user", false),
            ("mx.woody.ch does not know him", false),
            ("mx.notspamhaus.org does not know him", false),
            ("spamhaus.org.example does not know him", false),
            ("home.me.uk has no such user", false),
            ("you are not on any blacklist", false),
            ("203.0.113.5 is not listed in zen.spamhaus.org", false),
            ("mail not accepted, blacklisted", true),
            ("5.7.1 refused: see http://lists.example/?who=a@spamhaus.org", false),
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
            assert_eq!(has_address(text, &own), expected, "{text}");
        }
    }
}
