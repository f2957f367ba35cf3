//! Lists, the administrator, bans, and which of them wins. See [`super::scene`] for who is who.

use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction::{Inbound, Outbound};

use super::case::{Case, drop, inside, listed, observe, outside, pass};
use super::outcome::Outcome;
use super::scene::{CLEAN, CLEAN_V6, MAIL, MAIL_V6, OBSERVED, OBSERVED_V6, syn};

pub fn cases() -> Vec<Case> {
    [lists(), admin_addresses(), admin_prefixes(), bans()].concat()
}

/// A connection to our mail server.
fn from(source: &str, what: &str, expect: Outcome) -> Case {
    let mail = if source.contains(':') { MAIL_V6 } else { MAIL };
    outside(format!("{source}: {what}"), syn(source, mail, 25), expect)
}

/// A connection of an inside host to a server outside.
fn by(host: &str, what: &str, expect: Outcome) -> Case {
    let server = if host.contains(':') { CLEAN_V6 } else { CLEAN };
    inside(format!("{host}: {what}"), syn(host, server, 25), expect)
}

fn clean() -> Outcome {
    pass(Inbound, Reason::Clean)
}

fn allowed() -> Outcome {
    pass(Inbound, Reason::AdminAllow)
}

fn blocked() -> Outcome {
    drop(Inbound, Reason::AdminBlock)
}

fn lists() -> Vec<Case> {
    let protected = pass(Inbound, Reason::Protected);
    let allow_listed = pass(Inbound, Reason::AllowList);
    let observed = observe(Inbound, Reason::Listed);
    vec![
        from("203.0.113.0", "first of a listed /24", listed()),
        from("203.0.113.255", "last of a listed /24", listed()),
        from("203.0.112.255", "before a listed /24", clean()),
        from("203.0.114.0", "after a listed /24", clean()),
        from("2001:db8:bad::", "first of a listed /48", listed()),
        from("2001:db8:bad:ffff:ffff:ffff:ffff:ffff", "last of a listed /48", listed()),
        from("2001:db8:bac:ffff:ffff:ffff:ffff:ffff", "before a listed /48", clean()),
        from("2001:db8:bae::", "after a listed /48", clean()),
        from("0.0.0.0", "the lowest address", clean()),
        from("255.255.255.255", "the highest address", clean()),
        from(OBSERVED, "on a list that observes", observed),
        from(OBSERVED_V6, "on a list that observes", observed),
        from("203.0.113.100", "on a list that drops and one that observes", listed()),
        from("203.0.113.129", "on an allow list and a list", allow_listed),
        from("2001:db8:bad:a::1", "on an allow list and a list", allow_listed),
        from("203.0.113.191", "last on the allow list", allow_listed),
        from("203.0.113.192", "after the allow list", listed()),
        from("203.0.113.200", "protected and on a list", protected),
        from("2001:db8:bad:5::1", "protected and on a list", protected),
        from("10.0.2.30", "protected, from outside", protected),
        // They answer in the source's stead once they can; until then they drop.
        from("198.18.3.1", "on a list that resets", listed()),
        from("198.18.4.1", "on a list that refuses", listed()),
        from("198.18.5.1", "on a list that tarpits", listed()),
        from("198.18.6.1", "on a list that limits", pass(Inbound, Reason::Listed)),
    ]
}

fn admin_addresses() -> Vec<Case> {
    vec![
        from("203.0.113.10", "allowed and listed", allowed()),
        from("2001:db8:bad::10", "allowed and listed", allowed()),
        from("203.0.113.11", "allowed until some time ago", listed()),
        from("192.0.2.66", "blocked", blocked()),
        from("2001:db8:c1ea::66", "blocked", blocked()),
        from("192.0.2.67", "blocked until some time ago", clean()),
        from("192.0.2.68", "allowed and blocked", allowed()),
        from("10.0.2.27", "blocked and protected", blocked()),
        by("192.0.2.66", "blocked, on the inside", drop(Outbound, Reason::AdminBlock)),
        by("203.0.113.10", "allowed, on the inside", pass(Outbound, Reason::AdminAllow)),
        // Keys are the same for both ways to write an address.
        from("::ffff:192.0.2.66", "blocked as an IPv4 address", blocked()),
    ]
}

fn admin_prefixes() -> Vec<Case> {
    vec![
        from("203.0.113.16", "first of an allowed /28", allowed()),
        from("203.0.113.31", "last of an allowed /28", allowed()),
        from("203.0.113.32", "after an allowed /28", listed()),
        from("2001:db8:bad:1::9", "in an allowed /64", allowed()),
        from("203.0.113.50", "in a /28 that was allowed until some time ago", listed()),
        from("192.0.2.128", "in a blocked /25", blocked()),
        from("192.0.2.127", "before a blocked /25", clean()),
        from("192.0.2.200", "in an allowed /26 of a blocked /25", allowed()),
        from("2001:db8:c1ea:1::1", "in a blocked /64", blocked()),
        from("2001:db8:c1ea:2::1", "after a blocked /64", clean()),
        from("10.0.2.100", "in a blocked /28, and protected", blocked()),
        from("::7", "in a blocked ::/64", blocked()),
        from("9.9.9.9", "as a key in a blocked ::/64, but IPv4", clean()),
        from("0:0:0:1::7", "after a blocked ::/64", clean()),
        by("192.0.2.130", "in a blocked /25, on the inside", drop(Outbound, Reason::AdminBlock)),
    ]
}

fn bans() -> Vec<Case> {
    let contained = drop(Outbound, Reason::Contained);
    let clean = pass(Outbound, Reason::Clean);
    vec![
        by("10.0.1.66", "contained", contained),
        by("2001:db8:1::66", "contained", contained),
        by("10.0.1.67", "contained until some time ago", clean),
        by("10.0.1.65", "a contained host's neighbour", clean),
        by("10.0.1.68", "contained and allowed", pass(Outbound, Reason::AdminAllow)),
        by("10.0.1.69", "a verdict of a newer version", clean),
        by("10.0.1.70", "contained, to observe", observe(Outbound, Reason::Contained)),
        by("10.0.2.26", "contained and protected", pass(Outbound, Reason::Protected)),
        by("203.0.113.130", "contained and on an allow list", pass(Outbound, Reason::AllowList)),
        by("203.0.113.40", "contained and on a list", contained),
        from("203.0.113.130", "banned and on an allow list", pass(Inbound, Reason::AllowList)),
        from("203.0.113.40", "banned and on a list", drop(Inbound, Reason::Contained)),
        inside(
            "10.0.1.66: contained, submits mail",
            syn("10.0.1.66", CLEAN, 587),
            super::case::ignore(Reason::NotJudged),
        ),
    ]
}
