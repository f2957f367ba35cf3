//! Who is asked about: a table, through each program that sees what comes in.

use std::net::IpAddr;

use relay_guard_common::action::Action;
use relay_guard_common::class::{MAX_PORT_GROUPS, Rule};
use relay_guard_common::counter::Effect::{Observed, Passed, Stopped};
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction::{Inbound, Outbound};
use relay_guard_common::settings::Settings;
use relay_guard_common::verdict::{FOREVER, Steering, Verdict};
use relay_guard_tests::frames::flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};
use relay_guard_tests::frames::{Ext, Frame};

use super::outcome::Outcome;
use super::support::kernel::At;
use super::world::{
    ALLOW_LISTED, Came, DROPPED, MAIL, OBSERVED, PASSED, Program, UNKNOWN, UNKNOWN_V6, World, holding, ip,
    syn, with_world,
};

/// What is special, the frame, where it comes in, what comes of it.
type Case = (String, Frame, At, Came);

fn from(source: &str, came: Came) -> Case {
    (source.into(), syn(ip(source), 25), At::Outside, came)
}

fn like(what: &str, frame: Frame, came: Came) -> Case {
    (what.into(), frame, At::Outside, came)
}

fn judged(reason: Reason, direction: relay_guard_common::role::Direction) -> Came {
    Came::As(Outcome { reason, direction, effect: Passed })
}

fn listed(effect: relay_guard_common::counter::Effect) -> Came {
    Came::As(Outcome { reason: Reason::Listed, direction: Inbound, effect })
}

/// By what is known of the source, and by what an address is.
fn sources() -> Vec<Case> {
    let held =
        [UNKNOWN, UNKNOWN_V6, "1.0.0.1", "223.255.255.254", "100.63.255.255", "172.32.0.1", "192.0.2.1"];
    let passed = [
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "172.16.0.1",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
    ];
    let known = [
        from(DROPPED, listed(Stopped)),
        from(OBSERVED, listed(Observed)),
        from(ALLOW_LISTED, judged(Reason::AllowList, Inbound)),
        from(MAIL, judged(Reason::Protected, Inbound)),
    ];
    let held = held.map(|source| from(source, Came::Held));
    let passed = passed.map(|source| from(source, PASSED));
    held.into_iter().chain(passed).chain(known).collect()
}

/// By flags.
fn flags() -> Vec<Case> {
    let case =
        |flags: u8, came| like(&format!("flags {flags:#04x}"), syn(ip(UNKNOWN), 25).flags(flags), came);
    let held = [SYN, SYN | ECE | CWR, SYN | PSH | URG].map(|flags| case(flags, Came::Held));
    let others = [0, ACK, SYN | ACK, SYN | FIN, SYN | RST, RST, FIN | ACK, PSH | ACK];
    held.into_iter().chain(others.map(|flags| case(flags, PASSED))).collect()
}

/// By link, network and place.
fn frames() -> Vec<Case> {
    let (v4, v6) = (syn(ip(UNKNOWN), 25), syn(ip(UNKNOWN_V6), 25));
    let not_judged = Came::As(Outcome {
        reason: Reason::NotJudged,
        direction: relay_guard_common::role::Direction::Unknown,
        effect: Passed,
    });
    vec![
        like("a tag", v4.clone().vlan(7), Came::Held),
        like("two tags", v6.clone().service_vlan(7).vlan(8), Came::Held),
        like("PPPoE", v4.clone().pppoe(9), Came::Held),
        like("IPv4 options", v4.clone().v4_options(&[1; 8]), Came::Held),
        like("IPv6 extensions", v6.ext(Ext::HopByHop { len: 8 }).ext(Ext::Mobility { len: 16 }), Came::Held),
        like("a SYN with data", v4.clone().payload([0x55; 100]), Came::Held),
        like("a mapped address", mapped(), Came::Held),
        ("a stray device".into(), v4.clone(), At::Stray, not_judged),
        ("no mail of hosts".into(), v4, At::Inside, judged(Reason::Clean, Outbound)),
        like("no reply", Frame::tcp((ip(UNKNOWN), 25), (ip(MAIL), 40000)), judged(Reason::Reply, Outbound)),
        like(
            "no answer to the gateway",
            Frame::tcp((ip(UNKNOWN), 25), (ip(MAIL), 40000)).flags(SYN | ACK),
            judged(Reason::Reply, Outbound),
        ),
    ]
}

/// An IPv6 packet from what is an IPv4 address.
fn mapped() -> Frame {
    let IpAddr::V4(source) = ip(UNKNOWN) else { panic!("IPv4") };
    Frame::tcp((IpAddr::V6(source.to_ipv6_mapped()), 40000), (ip(super::world::MAIL_V6), 25))
}

fn check(world: &mut World<'_>, (what, frame, at, expected): &Case, expect: impl Fn(Came) -> Came) {
    let tagged = matches!(&what[..], "a tag" | "two tags" | "PPPoE");
    for program in [Program::Xdp, Program::Tc, Program::TcPacket] {
        if tagged && program == Program::TcPacket {
            continue;
        }
        for source in [UNKNOWN, UNKNOWN_V6, &what[..]].into_iter().filter_map(|text| text.parse().ok()) {
            world.memory.forget(source);
        }
        let came = world.send(frame, *at, program);
        assert_eq!(came, Ok(expect(*expected)), "{what}, {program:?}");
    }
}

#[test]
fn who_is_asked_about_and_held() {
    with_world(|mut world| {
        for case in [sources(), flags(), frames()].concat() {
            check(&mut world, &case, |expected| expected);
        }
    });
}

#[test]
fn nobody_is_asked_about_where_there_is_nothing_to_ask() {
    with_world(|mut world| {
        world.set(Settings { ask: Settings::HOLD, ..holding() });
        for case in [sources(), flags(), frames()].concat() {
            check(&mut world, &case, |expected| if expected == Came::Held { PASSED } else { expected });
        }
        assert_eq!(world.memory.of(ip(UNKNOWN)), [0, 0]);
    });
}

#[test]
fn observing_asks_and_holds_nothing() {
    with_world(|mut world| {
        world.set(Settings { enforce: 0, ..holding() });
        for case in [sources(), flags(), frames()].concat() {
            check(&mut world, &case, |expected| match expected {
                Came::Held => Came::Asked,
                Came::As(outcome) if outcome.effect == Stopped => {
                    Came::As(Outcome { effect: Observed, ..outcome })
                }
                expected => expected,
            });
        }
    });
}

/// Each bit says one family at ports of one group.
#[test]
fn families_and_groups_are_asked_about_by_themselves() {
    with_world(|mut world| {
        for bit in 0..8 {
            world.set(Settings { ask: 1 << bit | Settings::HOLD, ..holding() });
            for (source, family) in [(UNKNOWN, 0), (UNKNOWN_V6, 4)] {
                for (port, group) in [(25, 0), (465, 1), (587, 2)] {
                    let expected = if bit == family + group { Came::Held } else { PASSED };
                    assert_eq!(world.syn(source, port), expected, "bit {bit}, {source}, port {port}");
                    world.memory.forget(ip(source));
                }
            }
        }
    });
}

/// A verdict: what it says at ports of groups 0 and 1, and until when.
fn verdict(rules: [Rule; 2], until: u64) -> Verdict {
    let mut all = [Rule::NONE; MAX_PORT_GROUPS];
    all[..2].copy_from_slice(&rules);
    Verdict::of(all, until)
}

/// A time that has been.
const PAST: u64 = 1;

#[test]
fn what_is_known_is_not_asked_and_who_was_clean_is_not_held() {
    const DROP: Rule = Rule::new(Action::Drop, Reason::DnsblListed);
    const CLEAN: Rule = Rule::new(Action::Pass, Reason::DnsblClean);
    const UNSURE: Rule = Rule::new(Action::Pass, Reason::DnsblUnknown);
    let says = |reason, effect| Came::As(Outcome { reason, direction: Inbound, effect });
    let admin = |allow_until, block_until| Verdict {
        steering: Steering { allow_until, block_until },
        ..Verdict::default()
    };
    let (dropped, clean) = (says(Reason::DnsblListed, Stopped), says(Reason::DnsblClean, Passed));
    let cases = [
        (verdict([DROP, CLEAN], FOREVER), [dropped, clean]),
        (verdict([CLEAN, DROP], FOREVER), [clean, dropped]),
        (verdict([UNSURE, UNSURE], FOREVER), [says(Reason::DnsblUnknown, Passed); 2]),
        // What was said is not said any more.
        (verdict([DROP, CLEAN], PAST), [Came::Held, Came::Asked]),
        (verdict([CLEAN, DROP], PAST), [Came::Asked, Came::Held]),
        (verdict([UNSURE, CLEAN], PAST), [Came::Held, Came::Asked]),
        (Verdict::ban(Action::Drop, Reason::Contained, PAST), [Came::Held; 2]),
        // The administrator.
        (admin(FOREVER, 0), [says(Reason::AdminAllow, Passed); 2]),
        (admin(0, FOREVER), [says(Reason::AdminBlock, Stopped); 2]),
        (admin(PAST, PAST), [Came::Held; 2]),
    ];
    with_world(|mut world| {
        for (verdict, expected) in cases {
            for source in [UNKNOWN, UNKNOWN_V6] {
                world.kernel.datapath.put_verdict(ip(source), verdict).expect("a verdict is written");
                for (port, expected) in [25, 465].into_iter().zip(expected) {
                    assert_eq!(world.syn(source, port), expected, "{verdict:?}, {source}, port {port}");
                    world.memory.forget(ip(source));
                }
            }
        }
        // What is in the map does not count where the settings say that there is nothing.
        world.kernel.datapath.put_verdict(ip(UNKNOWN), verdict([CLEAN, CLEAN], PAST)).expect("it is written");
        world.set(Settings { verdicts: 0, ..holding() });
        assert_eq!(world.syn(UNKNOWN, 25), Came::Held);
    });
}
