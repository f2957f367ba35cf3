//! What leaves: replies to inside hosts, and the gateway's own mail.

use relay_guard::datapath::{TcProgram, TcSight};
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Frame, flags};

use super::case::{drop, ignore, pass};
use super::outcome::Outcome;
use super::run::tc;
use super::scene::{CLEAN, CLEAN_V6, HOST, HOST_V6, LISTED, MAIL, segment, syn, with_scene};
use super::support::kernel::At;

struct Leaving {
    what: &'static str,
    frame: Frame,
    to: At,
    /// Where it came in; nowhere if it is the gateway's own.
    from: Option<At>,
    expect: Outcome,
}

fn forwarded(what: &'static str, frame: Frame, to: At, expect: Outcome) -> Leaving {
    let from = Some(if to == At::Inside { At::Outside } else { At::Inside });
    Leaving { what, frame, to, from, expect }
}

fn own(what: &'static str, frame: Frame, to: At, expect: Outcome) -> Leaving {
    Leaving { what, frame, to, from: None, expect }
}

fn reply(source: &str, destination: &str) -> Frame {
    segment(source, 25, destination, 40000).flags(flags::SYN | flags::ACK)
}

fn table() -> Vec<Leaving> {
    let counted = pass(Direction::Outbound, Reason::Reply);
    let clean = pass(Direction::Outbound, Reason::Clean);
    let not_judged = ignore(Reason::NotJudged);
    vec![
        forwarded("a reply to a host", reply(CLEAN, HOST), At::Inside, counted),
        forwarded("a reply to a host, IPv6", reply(CLEAN_V6, HOST_V6), At::Inside, counted),
        forwarded("a listed server's reply", reply(LISTED, HOST), At::Inside, counted),
        forwarded("a tagged reply", reply(CLEAN, HOST).vlan(3), At::Inside, counted),
        // These were judged where they came in.
        forwarded("inbound mail", syn(LISTED, MAIL, 25), At::Inside, not_judged),
        forwarded("a host's outbound mail", syn(HOST, CLEAN, 25), At::Outside, not_judged),
        forwarded("a contained host's outbound mail", syn("10.0.1.66", CLEAN, 25), At::Outside, not_judged),
        forwarded("our server's reply", reply(MAIL, CLEAN), At::Outside, not_judged),
        forwarded("another port", syn(HOST, CLEAN, 443), At::Outside, ignore(Reason::OtherPort)),
        forwarded("something to a stray device", reply(CLEAN, HOST), At::Stray, not_judged),
        own("the gateway's mail", syn(HOST, CLEAN, 25), At::Outside, clean),
        own("the gateway's mail, IPv6", syn(HOST_V6, CLEAN_V6, 25), At::Outside, clean),
        own("the gateway's mail to a listed server", syn(HOST, LISTED, 25), At::Outside, clean),
        own(
            "the gateway's mail, contained",
            syn("10.0.1.66", CLEAN, 25),
            At::Outside,
            drop(Direction::Outbound, Reason::Contained),
        ),
        own(
            "the gateway's mail, blocked",
            syn("192.0.2.66", CLEAN, 25),
            At::Outside,
            drop(Direction::Outbound, Reason::AdminBlock),
        ),
        own("the gateway's submission", syn(HOST, CLEAN, 587), At::Outside, not_judged),
        own("the gateway's mail to our server", syn(HOST, MAIL, 25), At::Inside, not_judged),
        own("the gateway's own server's reply", reply(HOST, MAIL), At::Inside, counted),
        // Fragments are dropped where they come in, not where they leave.
        own(
            "a hidden TCP header",
            syn(HOST, CLEAN, 25).fragment(0, true).piece(0..8),
            At::Outside,
            ignore(Reason::TinyFragment),
        ),
        forwarded(
            "a fragment at offset 8",
            syn(CLEAN, HOST, 25).fragment(8, true).piece(8..20),
            At::Inside,
            ignore(Reason::OverlappingFragment),
        ),
    ]
}

#[test]
fn what_leaves_is_judged_once_and_only_where_it_should_be() {
    with_scene(|kernel| {
        let mut failures = Vec::new();
        for Leaving { what, frame, to, from, expect } in table() {
            let ingress_ifindex = from.map_or(0, |at| kernel.ifindex(at));
            let sight = TcSight { ifindex: kernel.ifindex(to), ingress_ifindex };
            failures.extend(tc(kernel, what, TcProgram::Egress, &frame.build(), sight, expect));
            let packet = frame.without_ethernet();
            // A tag without Ethernet before it is no packet.
            if !what.contains("tagged") {
                failures.extend(tc(kernel, what, TcProgram::EgressL3, &packet.build(), sight, expect));
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    });
}
