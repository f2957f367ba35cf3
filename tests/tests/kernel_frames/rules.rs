//! Direction × port × protection × allow lists × the administrator, in both families: what is said of an address as a
//! source of inbound mail and as a destination of outbound mail, and of hosts that send.

mod world;

use relay_guard::datapath::{LoadOptions, ProbeQuestion, TcProgram, TcSight};
use relay_guard::policy::Applies;
use relay_guard_common::class::Class;
use relay_guard_common::decide::Half;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction::{self, Inbound, Outbound};
use relay_guard_common::role::Side;
use relay_guard_common::settings::Settings;

use super::case::{Case, drop, inside, observe, outside, pass};
use super::outcome::Outcome;
use super::run;
use super::scene::{HOST, HOST_V6, MAIL, MAIL_V6, ip, syn};
use super::support::kernel::{At, with_kernel};
use world::*;

/// What becomes of mail from an address at ports 25 and 587, and of mail to it.
struct Line(u8, u8, &'static str, [Said; 4]);

#[derive(Clone, Copy)]
enum Said {
    Clean,
    Listed,
    Observed,
    Protected,
    AllowList,
    AdminAllow,
    AdminBlock,
    Contained,
    DnsblListed,
    DnsblObserved,
    DnsblClean,
}

impl Said {
    fn of_source(self) -> Outcome {
        self.outcome(Inbound, Reason::Listed)
    }

    fn of_destination(self) -> Outcome {
        self.outcome(Outbound, Reason::ListedDestination)
    }

    fn outcome(self, direction: Direction, listed: Reason) -> Outcome {
        match self {
            Self::Clean => pass(direction, Reason::Clean),
            Self::Listed => drop(direction, listed),
            Self::Observed => observe(direction, listed),
            Self::Protected => pass(direction, Reason::Protected),
            Self::AllowList => pass(direction, Reason::AllowList),
            Self::AdminAllow => pass(direction, Reason::AdminAllow),
            Self::AdminBlock => drop(direction, Reason::AdminBlock),
            Self::Contained => drop(direction, Reason::Contained),
            Self::DnsblListed => drop(direction, Reason::DnsblListed),
            Self::DnsblObserved => observe(direction, Reason::DnsblListed),
            Self::DnsblClean => pass(direction, Reason::DnsblClean),
        }
    }
}

const A: Said = Said::AllowList;
const B: Said = Said::AdminBlock;
const C: Said = Said::Contained;
const D: Said = Said::DnsblListed;
const E: Said = Said::DnsblObserved;
const F: Said = Said::DnsblClean;
const L: Said = Said::Listed;
const M: Said = Said::AdminAllow;
const N: Said = Said::Clean;
const O: Said = Said::Observed;
const P: Said = Said::Protected;

/// From 25, from 587, to 25, to 587.
const TABLE: [Line; 53] = [
    Line(NO_LIST, ANY, "on no list", [N, N, N, N]),
    Line(DROP_IN, ANY, "judged as a source", [L, L, N, N]),
    Line(DROP_IN_25, ANY, "judged as a source at 25", [L, N, N, N]),
    Line(DROP_OUT, ANY, "judged as a destination", [N, N, L, L]),
    Line(DROP_OUT_587, ANY, "judged as a destination at 587", [N, N, N, L]),
    Line(DROP_BOTH, ANY, "judged as both", [L, L, L, L]),
    Line(OBSERVE_BOTH, ANY, "observed as both", [O, O, O, O]),
    Line(DROP_BOTH_SUBMISSION, ANY, "judged as both at 465 and 587", [N, L, N, L]),
    // Holes of allow lists are where these judge.
    Line(NO_LIST, ALLOW_IN, "allowed as a source, on no list", [A, A, N, N]),
    Line(DROP_IN, ALLOW_IN, "allowed as a source", [A, A, N, N]),
    Line(DROP_IN_25, ALLOW_IN, "allowed as a source", [A, A, N, N]),
    Line(DROP_OUT, ALLOW_IN, "allowed as a source", [A, A, L, L]),
    Line(DROP_BOTH, ALLOW_IN, "allowed as a source", [A, A, L, L]),
    Line(DROP_IN, ALLOW_OUT_25, "allowed as a destination at 25", [L, L, A, N]),
    Line(DROP_OUT, ALLOW_OUT_25, "allowed as a destination at 25", [N, N, A, L]),
    Line(DROP_BOTH, ALLOW_OUT_25, "allowed as a destination at 25", [L, L, A, L]),
    Line(DROP_BOTH, ALLOW_BOTH, "allowed as both", [A, A, A, A]),
    Line(OBSERVE_BOTH, ALLOW_BOTH, "allowed as both", [A, A, A, A]),
    // Protected as a destination only where somebody would judge it.
    Line(NO_LIST, NETWORK, "a protected network", [P, P, N, N]),
    Line(DROP_IN, NETWORK, "a protected network", [P, P, N, N]),
    Line(DROP_OUT_587, NETWORK, "a protected network", [P, P, N, P]),
    Line(DROP_BOTH, NETWORK, "a protected network", [P, P, P, P]),
    Line(DROP_BOTH, OWN_SERVER, "a server of ours", [P, P, P, P]),
    Line(DROP_BOTH, CONNECTED, "a connected network", [P, P, P, P]),
    Line(NO_LIST, ALLOW_OUT_25, "an allow list alone", [N, N, A, N]),
    // The administrator, about who sends; an allow is about where to as well.
    Line(NO_LIST, ADMIN_ALLOWED, "allowed by the administrator", [M, M, N, N]),
    Line(DROP_IN, ADMIN_ALLOWED, "allowed by the administrator", [M, M, N, N]),
    Line(DROP_BOTH, ADMIN_ALLOWED, "allowed by the administrator", [M, M, M, M]),
    Line(OBSERVE_BOTH, ADMIN_ALLOWED, "allowed by the administrator", [M, M, M, M]),
    Line(DROP_OUT_587, ADMIN_ALLOWED, "allowed by the administrator", [M, M, N, M]),
    Line(NO_LIST, ADMIN_BLOCKED, "blocked by the administrator", [B, B, N, N]),
    Line(DROP_BOTH, ADMIN_BLOCKED, "blocked by the administrator", [B, B, L, L]),
    Line(OBSERVE_BOTH, ADMIN_BLOCKED, "blocked by the administrator", [B, B, O, O]),
    Line(NO_LIST, NETWORK_BLOCKED, "a block in a protected network", [B, B, N, N]),
    Line(DROP_BOTH, NETWORK_BLOCKED, "a block in a protected network", [B, B, P, P]),
    // Bans.
    Line(NO_LIST, CONTAINED, "banned", [C, C, N, N]),
    Line(DROP_IN_25, CONTAINED, "banned", [C, C, N, N]),
    Line(DROP_BOTH, CONTAINED, "banned", [C, C, L, L]),
    Line(DROP_BOTH, NETWORK_CONTAINED, "banned in a protected network", [P, P, P, P]),
    Line(DROP_BOTH, CONNECTED_CONTAINED, "banned in a connected network", [P, P, P, P]),
    Line(DROP_BOTH, ALLOW_IN_CONTAINED, "banned, and allowed as a source", [A, A, L, L]),
    Line(NO_LIST, ALLOW_IN_CONTAINED, "banned, and allowed as a source", [A, A, N, N]),
    // What DNSBLs say is about sources. What stops nothing leaves it to lists.
    Line(NO_LIST, DNSBL_LISTED, "listed by DNSBLs", [D, D, N, N]),
    Line(DROP_BOTH, DNSBL_LISTED, "listed by DNSBLs", [D, D, L, L]),
    Line(OBSERVE_BOTH, DNSBL_LISTED, "listed by DNSBLs", [D, D, O, O]),
    Line(NO_LIST, DNSBL_OBSERVED, "observed for DNSBLs", [E, E, N, N]),
    Line(DROP_IN_25, DNSBL_OBSERVED, "observed for DNSBLs", [L, E, N, N]),
    Line(OBSERVE_BOTH, DNSBL_OBSERVED, "observed for DNSBLs", [O, O, O, O]),
    Line(NO_LIST, DNSBL_CLEAN, "clean for DNSBLs", [F, F, N, N]),
    Line(DROP_IN_25, DNSBL_CLEAN, "clean for DNSBLs", [L, F, N, N]),
    Line(DROP_BOTH, ALLOW_IN_DNSBL_LISTED, "listed by DNSBLs, allowed as a source", [A, A, L, L]),
    Line(NO_LIST, NETWORK_DNSBL_LISTED, "listed by DNSBLs, protected", [P, P, N, N]),
    Line(DROP_BOTH, NETWORK_DNSBL_LISTED, "listed by DNSBLs, protected", [P, P, P, P]),
];

fn peers(v6: bool) -> (&'static str, &'static str) {
    if v6 { (MAIL_V6, HOST_V6) } else { (MAIL, HOST) }
}

fn addresses() -> Vec<Case> {
    let mut cases = Vec::new();
    for Line(network, host, what, said) in &TABLE {
        for v6 in [false, true] {
            let (mail, sender) = peers(v6);
            let address = address(*network, *host, v6);
            for (port, said) in [(25, said[0]), (587, said[1]), (465, said[1])] {
                let told = format!("from {address} to port {port}: {what}");
                cases.push(outside(told, syn(&address, mail, port), said.of_source()));
            }
            for (port, said) in [(25, said[2]), (587, said[3])] {
                let told = format!("to {address} port {port}: {what}");
                cases.push(inside(told, syn(sender, &address, port), said.of_destination()));
            }
        }
    }
    cases
}

/// Who sends, and what becomes of mail to a clean destination and to a listed one.
const SENDERS: [(u8, u8, &str, [Said; 2]); 14] = [
    (NO_LIST, ANY, "a host", [N, L]),
    (DROP_BOTH, ANY, "a listed host", [N, L]),
    (NO_LIST, ADMIN_ALLOWED, "allowed", [M, M]),
    (NO_LIST, ADMIN_BLOCKED, "blocked", [B, B]),
    (NO_LIST, CONTAINED, "contained", [C, C]),
    // What makes a host be spared says nothing of where to.
    (NO_LIST, OWN_SERVER, "a server of ours", [N, L]),
    (NO_LIST, OWN_SERVER_CONTAINED, "a server of ours, contained", [P, L]),
    (NO_LIST, OWN_ADDRESS_CONTAINED, "the gateway, contained", [P, L]),
    (NO_LIST, ALLOW_IN_CONTAINED, "allowed by a list, contained", [A, L]),
    // Networks spare nobody.
    (NO_LIST, NETWORK_CONTAINED, "in a protected network, contained", [C, C]),
    (NO_LIST, CONNECTED_CONTAINED, "in a connected network, contained", [C, C]),
    (NO_LIST, NETWORK, "in a protected network", [N, L]),
    // DNSBLs do not stop a host of ours.
    (NO_LIST, DNSBL_LISTED, "listed by DNSBLs", [N, L]),
    (NO_LIST, DNSBL_CLEAN, "clean for DNSBLs", [N, L]),
];

fn senders() -> Vec<Case> {
    let mut cases = Vec::new();
    for (network, host, what, said) in SENDERS {
        for v6 in [false, true] {
            let sender = address(network, host, v6);
            for (destination, said) in [(NO_LIST, said[0]), (DROP_OUT, said[1])] {
                let to = address(destination, ANY, v6);
                let told = format!("{sender} to {to}: {what}");
                cases.push(inside(told, syn(&sender, &to, 25), said.of_destination()));
            }
        }
    }
    cases
}

#[test]
fn directions_ports_and_protection() {
    let cases: Vec<Case> = [addresses(), senders()].concat();
    assert!(cases.len() > 400, "{}", cases.len());
    with_rules(|kernel| {
        run::all(kernel, &cases);
        kernel.enforce(false);
        run::all(kernel, &cases.into_iter().map(Case::observed).collect::<Vec<_>>());
    });
}

/// The gateway's own mail leaves by tc, and meets the same lists.
#[test]
fn the_gateway_is_stopped_from_listed_destinations() {
    with_rules(|kernel| {
        let own = TcSight { ifindex: kernel.ifindex(At::Outside), ingress_ifindex: 0 };
        let forwarded = TcSight { ingress_ifindex: kernel.ifindex(At::Inside), ..own };
        for v6 in [false, true] {
            let (_, gateway) = peers(v6);
            for (network, said) in [(NO_LIST, N), (DROP_OUT, L), (DROP_IN, N), (OBSERVE_BOTH, O)] {
                let frame = syn(gateway, &address(network, ANY, v6), 25);
                for (sight, expect) in
                    [(own, said.of_destination()), (forwarded, super::case::ignore(Reason::NotJudged))]
                {
                    let what = format!("to {}", address(network, ANY, v6));
                    let program = TcProgram::Egress;
                    assert_eq!(run::tc(kernel, &what, program, &frame.build(), sight, expect), None);
                    let (program, packet) = (TcProgram::EgressL3, frame.clone().without_ethernet());
                    assert_eq!(run::tc(kernel, &what, program, &packet.build(), sight, expect), None);
                }
            }
        }
    });
}

/// Userspace can ask about either half of an outbound connection.
#[test]
fn halves_of_an_outbound_connection_are_judged_alone() {
    with_rules(|kernel| {
        for (network, host, to, said) in [
            (NO_LIST, ANY, NO_LIST, [N, N, N]),
            (NO_LIST, ANY, DROP_OUT, [L, N, L]),
            (NO_LIST, CONTAINED, DROP_OUT, [C, C, L]),
            (NO_LIST, CONTAINED, NO_LIST, [C, C, N]),
            (NO_LIST, ADMIN_ALLOWED, DROP_OUT, [M, M, L]),
            (NO_LIST, OWN_SERVER_CONTAINED, DROP_OUT, [L, P, L]),
            (NO_LIST, OWN_SERVER_CONTAINED, OBSERVE_BOTH, [O, P, O]),
            (NO_LIST, ALLOW_IN_CONTAINED, NO_LIST, [A, A, N]),
        ] {
            for (half, said) in [Half::Both, Half::Host, Half::Destination].into_iter().zip(said) {
                for v6 in [false, true] {
                    let (source, destination) = (ip(&address(network, host, v6)), ip(&address(to, ANY, v6)));
                    let question = ProbeQuestion { side: Side::Inside, source, destination, port: 25, half };
                    let answer = kernel.datapath.probe(&question).expect("a probe").expect("an answer");
                    let expect = said.of_destination();
                    assert_eq!(
                        (answer.reason, answer.effect),
                        (expect.reason, expect.effect),
                        "{question:?}"
                    );
                }
            }
        }
    });
}

/// Where no list judges destinations, the kernel is told not to look; classes say nothing of them then.
#[test]
fn destinations_are_looked_up_only_if_a_list_judges_them() {
    with_kernel(&LoadOptions::default(), |kernel| {
        let inbound: Vec<_> =
            lists().into_iter().filter(|(rule, _)| rule.applies == Applies::Inbound).collect();
        let rules = put(kernel, &inbound);
        assert!(!rules.ports.judges_destinations());
        let none = Class::new(0).outbound;
        assert!(rules.classes.iter().all(|(_, class)| class.outbound == none));
        assert!(put(kernel, &lists()).ports.judges_destinations());
        let frame = syn(HOST, &address(DROP_OUT, ANY, false), 25);
        let cases = [inside("they are judged", frame.clone(), L.of_destination())];
        run::all(kernel, &cases);
        let settings = Settings { enforce: 1, ..Default::default() };
        kernel.datapath.set_settings(settings).expect("settings are written");
        run::all(kernel, &[inside("they are not looked up", frame, N.of_destination())]);
    });
}
