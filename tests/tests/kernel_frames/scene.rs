//! The policy that all tables of frames are about, and the addresses that it names.

use std::net::IpAddr;

use ipnet::IpNet;
use relay_guard::datapath::LoadOptions;
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::class::{MAX_PORT_GROUPS, Rule};
use relay_guard_common::reason::Reason;
use relay_guard_common::verdict::{FOREVER, Steering, Verdict};
use relay_guard_tests::frames::Frame;

use super::support::kernel::{Kernel, with_kernel};
use super::support::lists::{List, compile};

/// On the drop list.
pub const LISTED: &str = "203.0.113.7";
pub const LISTED_V6: &str = "2001:db8:bad::7";
/// On a list that only observes.
pub const OBSERVED: &str = "198.51.100.7";
pub const OBSERVED_V6: &str = "2001:db8:b5e::7";
/// On no list.
pub const CLEAN: &str = "192.0.2.7";
pub const CLEAN_V6: &str = "2001:db8:c1ea::7";
/// Our mail server: protected.
pub const MAIL: &str = "10.0.2.25";
pub const MAIL_V6: &str = "2001:db8:2::25";
/// An inside host.
pub const HOST: &str = "10.0.1.5";
pub const HOST_V6: &str = "2001:db8:1::5";

/// A SYN from an unprivileged port of `source` to `port` of `destination`.
pub fn syn(source: &str, destination: &str, port: u16) -> Frame {
    segment(source, 40000, destination, port)
}

/// A segment between two ports.
pub fn segment(source: &str, source_port: u16, destination: &str, destination_port: u16) -> Frame {
    Frame::tcp((ip(source), source_port), (ip(destination), destination_port))
}

/// A SYN from a listed source to our mail server.
pub fn listed_syn() -> Frame {
    syn(LISTED, MAIL, 25)
}

/// The same in IPv6.
pub fn listed_syn_v6() -> Frame {
    syn(LISTED_V6, MAIL_V6, 25)
}

/// An address from its text.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Runs `test` with the programs loaded and the policy in force.
pub fn with_scene(test: impl FnOnce(&mut Kernel) + Send) {
    with_kernel(&LoadOptions::default(), |kernel| {
        kernel.publish(&compile(&lists(), &mut ClassInterner::new()));
        for (address, verdict) in verdicts() {
            kernel.datapath.put_verdict(ip(address), verdict).expect("a verdict is written");
        }
        let prefixes: Vec<(IpNet, Steering)> =
            prefixes().into_iter().map(|(net, steering)| (net.parse().expect(net), steering)).collect();
        kernel.datapath.set_prefixes(&prefixes).expect("prefixes are written");
        test(kernel);
    });
}

/// The first list that holds an address says what happens.
fn lists() -> Vec<List> {
    vec![
        list(
            Action::Pass,
            Reason::Protected,
            &["10.0.2.0/24", "2001:db8:2::/48", "203.0.113.200/32", "2001:db8:bad:5::/64"],
        ),
        list(Action::Pass, Reason::AllowList, &["203.0.113.128/26", "2001:db8:bad:a::/64"]),
        list(Action::Drop, Reason::Listed, &["203.0.113.0/24", "2001:db8:bad::/48"]),
        list(Action::Observe, Reason::Listed, &["198.51.100.0/24", "2001:db8:b5e::/48", "203.0.113.0/25"]),
        list(Action::Reset, Reason::Listed, &["198.18.3.0/24"]),
        list(Action::Refuse, Reason::Listed, &["198.18.4.0/24"]),
        list(Action::Tarpit, Reason::Listed, &["198.18.5.0/24"]),
        list(Action::Limit, Reason::Listed, &["198.18.6.0/24"]),
    ]
}

/// An allow and a block with these ends.
const fn steer(allow_until: u64, block_until: u64) -> Steering {
    Steering { allow_until, block_until }
}

/// A time that has been: the first nanosecond after boot.
const PAST: u64 = 1;

/// Numbers of a newer daemon.
const UNKNOWN_RULES: [Rule; MAX_PORT_GROUPS] =
    [Rule { action: 200, reason: Reason::Contained as u8, param: 0 }; MAX_PORT_GROUPS];

fn admin(allow_until: u64, block_until: u64) -> Verdict {
    Verdict { steering: steer(allow_until, block_until), ..Verdict::default() }
}

fn contained(until: u64) -> Verdict {
    Verdict::ban(Action::Drop, Reason::Contained, until)
}

fn verdicts() -> Vec<(&'static str, Verdict)> {
    vec![
        ("203.0.113.10", admin(FOREVER, 0)),
        ("2001:db8:bad::10", admin(FOREVER, 0)),
        ("203.0.113.11", admin(PAST, 0)),
        ("192.0.2.66", admin(0, FOREVER)),
        ("2001:db8:c1ea::66", admin(0, FOREVER)),
        ("192.0.2.67", admin(0, PAST)),
        ("192.0.2.68", admin(FOREVER, FOREVER)),
        // Our own server, banned and blocked.
        ("10.0.2.26", contained(FOREVER)),
        ("10.0.2.27", admin(0, FOREVER)),
        // Inside hosts.
        ("10.0.1.66", contained(FOREVER)),
        ("2001:db8:1::66", contained(FOREVER)),
        ("10.0.1.67", contained(PAST)),
        ("10.0.1.68", Verdict { steering: steer(FOREVER, 0), ..contained(FOREVER) }),
        ("10.0.1.69", Verdict { rules: UNKNOWN_RULES, ..contained(FOREVER) }),
        ("10.0.1.70", Verdict::ban(Action::Observe, Reason::Contained, FOREVER)),
        // A ban on an allow-listed outside source, and on a listed one.
        ("203.0.113.130", contained(FOREVER)),
        ("203.0.113.40", contained(FOREVER)),
    ]
}

fn prefixes() -> Vec<(&'static str, Steering)> {
    vec![
        ("203.0.113.16/28", steer(FOREVER, 0)),
        ("2001:db8:bad:1::/64", steer(FOREVER, 0)),
        ("203.0.113.48/28", steer(PAST, 0)),
        ("192.0.2.128/25", steer(0, FOREVER)),
        // In a blocked prefix: what holds for the wider one is said again.
        ("192.0.2.192/26", steer(FOREVER, FOREVER)),
        ("2001:db8:c1ea:1::/64", steer(0, FOREVER)),
        ("10.0.2.96/28", steer(0, FOREVER)),
        // It spans all IPv4-mapped addresses, and must not reach IPv4.
        ("::/64", steer(0, FOREVER)),
    ]
}

/// A list of these CIDRs.
fn list(action: Action, reason: Reason, nets: &[&str]) -> List {
    let nets = nets.iter().map(|net| net.parse().unwrap_or_else(|error| panic!("{net}: {error}")));
    List::inbound(action, reason, nets.collect())
}
