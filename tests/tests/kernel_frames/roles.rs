//! Ports and sides: who is judged where.

use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Frame, flags};

use super::case::{Case, ignore, inside, listed, outside, pass, stray};
use super::outcome::Outcome;
use super::scene::{
    CLEAN, CLEAN_V6, HOST, HOST_V6, LISTED, LISTED_V6, MAIL, MAIL_V6, listed_syn, listed_syn_v6, segment, syn,
};

pub fn cases() -> Vec<Case> {
    [inbound(), inbound_flags(), outbound(), replies(), elsewhere()].concat()
}

fn not_judged() -> Outcome {
    ignore(Reason::NotJudged)
}

fn inbound() -> Vec<Case> {
    let clean = pass(Direction::Inbound, Reason::Clean);
    let mut cases = Vec::new();
    for port in [25, 465, 587] {
        cases.push(outside(format!("listed to {port}"), syn(LISTED, MAIL, port), listed()));
        cases.push(outside(format!("listed to {port}, IPv6"), syn(LISTED_V6, MAIL_V6, port), listed()));
        cases.push(outside(format!("clean to {port}"), syn(CLEAN, MAIL, port), clean));
        cases.push(outside(format!("clean to {port}, IPv6"), syn(CLEAN_V6, MAIL_V6, port), clean));
    }
    for port in [0, 22, 24, 26, 80, 443, 464, 993, 2525, 6400, 65535] {
        cases.push(outside(format!("listed to {port}"), syn(LISTED, MAIL, port), ignore(Reason::OtherPort)));
    }
    cases.push(outside("listed, forwarded to an inside host", syn(LISTED, HOST, 25), listed()));
    cases.push(outside("clean to a listed destination", syn(CLEAN, LISTED, 25), clean));
    cases
}

/// All segments of a listed source are stopped, not only those that open a connection.
fn inbound_flags() -> Vec<Case> {
    [
        (flags::SYN | flags::ACK, "SYN-ACK"),
        (flags::ACK, "ACK"),
        (flags::PSH | flags::ACK, "data"),
        (flags::FIN | flags::ACK, "FIN"),
        (flags::RST, "RST"),
        (0, "no flags"),
        (0xff, "all flags"),
    ]
    .into_iter()
    .map(|(bits, name)| outside(format!("listed, {name}"), listed_syn().flags(bits).payload("x"), listed()))
    .collect()
}

fn outbound() -> Vec<Case> {
    let clean = pass(Direction::Outbound, Reason::Clean);
    vec![
        inside("a host opens SMTP", syn(HOST, CLEAN, 25), clean),
        inside("a host opens SMTP, IPv6", syn(HOST_V6, CLEAN_V6, 25), clean),
        inside("a host opens SMTP to a listed server", syn(HOST, LISTED, 25), clean),
        inside("a host opens SMTP to our own server", syn(HOST, MAIL, 25), clean),
        // Lists are about senders from outside.
        inside("a listed source on the inside", listed_syn(), clean),
        inside("a listed source on the inside, IPv6", listed_syn_v6(), clean),
        inside("a protected host opens SMTP", syn(MAIL, CLEAN, 25), clean),
        inside("a host submits mail", syn(HOST, CLEAN, 587), not_judged()),
        inside("a host submits mail over TLS", syn(HOST, CLEAN, 465), not_judged()),
        inside("a host opens HTTPS", syn(HOST, CLEAN, 443), ignore(Reason::OtherPort)),
    ]
}

fn reply(source: &str, port: u16, destination: &str) -> Frame {
    segment(source, port, destination, 40000).flags(flags::SYN | flags::ACK)
}

fn replies() -> Vec<Case> {
    let counted = pass(Direction::Outbound, Reason::Reply);
    vec![
        outside("a server outside replies", reply(CLEAN, 25, HOST), counted),
        outside("a server outside replies, IPv6", reply(CLEAN_V6, 25, HOST_V6), counted),
        // What we asked for is let in, whoever it is from.
        outside("a listed server replies", reply(LISTED, 25, HOST), counted),
        outside("a submission server replies", reply(CLEAN, 587, HOST), not_judged()),
        outside("a listed submission server replies", reply(LISTED, 465, HOST), not_judged()),
        outside("a listed source from port 25 to port 25", segment(LISTED, 25, MAIL, 25), listed()),
        inside("our server replies", reply(MAIL, 25, CLEAN), not_judged()),
        inside("our server replies to a listed source", reply(MAIL, 25, LISTED), not_judged()),
        inside(
            "from port 25 to port 25",
            segment(MAIL, 25, CLEAN, 25),
            pass(Direction::Outbound, Reason::Clean),
        ),
    ]
}

fn elsewhere() -> Vec<Case> {
    vec![
        stray("a listed source on a device on no side", listed_syn(), not_judged()),
        stray("a listed source on a device on no side, IPv6", listed_syn_v6(), not_judged()),
        stray("a reply on a device on no side", reply(CLEAN, 25, HOST), not_judged()),
        stray("another port on a device on no side", syn(LISTED, MAIL, 80), ignore(Reason::OtherPort)),
    ]
}
