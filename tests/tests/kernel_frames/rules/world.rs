//! Lists of every kind, protected networks and verdicts; networks say which list holds an address, hosts what else is
//! said of it.

use ipnet::IpNet;
use relay_guard::config::{ListAction, Ports};
use relay_guard::datapath::LoadOptions;
use relay_guard::policy::compile::{CompiledRules, compile};
use relay_guard::policy::ports::Judged;
use relay_guard::policy::{Applies, ClassInterner, ListRule, ListSlot, PlacedList, PortChoice, Protected};
use relay_guard_common::action::Action;
use relay_guard_common::ports::{PortGroups, PortSet};
use relay_guard_common::reason::Reason;
use relay_guard_common::verdict::{FOREVER, Steering, Verdict};

use super::super::scene::{MAIL, MAIL_V6, ip};
use super::super::support::kernel::{Kernel, with_kernel};
use super::super::support::lists::{Compiled, spans};

/// In an order that gives ports other groups as sources' than as destinations'.
const PORTS: [u16; 3] = [587, 465, 25];
const WATCHED: [u16; 2] = [25, 587];

/// Networks, each held by the list of its number.
pub const DROP_IN: u8 = 1;
pub const DROP_IN_25: u8 = 2;
pub const DROP_OUT: u8 = 3;
pub const DROP_OUT_587: u8 = 4;
pub const DROP_BOTH: u8 = 5;
pub const OBSERVE_BOTH: u8 = 6;
pub const DROP_BOTH_SUBMISSION: u8 = 7;
pub const NO_LIST: u8 = 9;

/// Addresses in each of these networks.
pub const ANY: u8 = 1;
pub const ALLOW_IN: u8 = 8;
pub const ALLOW_OUT_25: u8 = 9;
pub const ALLOW_BOTH: u8 = 10;
pub const NETWORK: u8 = 20;
pub const NETWORK_CONTAINED: u8 = 21;
pub const NETWORK_BLOCKED: u8 = 22;
pub const OWN_SERVER: u8 = 24;
pub const OWN_SERVER_CONTAINED: u8 = 25;
pub const CONNECTED: u8 = 26;
pub const CONNECTED_CONTAINED: u8 = 27;
pub const OWN_ADDRESS_CONTAINED: u8 = 28;
pub const ADMIN_ALLOWED: u8 = 30;
pub const ADMIN_BLOCKED: u8 = 31;
pub const CONTAINED: u8 = 32;
pub const ALLOW_IN_CONTAINED: u8 = 33;
pub const DNSBL_LISTED: u8 = 34;
pub const DNSBL_OBSERVED: u8 = 35;
pub const DNSBL_CLEAN: u8 = 36;
pub const ALLOW_IN_DNSBL_LISTED: u8 = 37;
pub const NETWORK_DNSBL_LISTED: u8 = 38;

pub fn address(network: u8, host: u8, v6: bool) -> String {
    if v6 { format!("2001:db8:{network}::{host}") } else { format!("198.18.{network}.{host}") }
}

/// The same host in every network.
fn everywhere(hosts: &[u8]) -> Vec<IpNet> {
    let hosts = hosts.iter().flat_map(|host| (1..=9).map(move |network| (network, *host)));
    let both = hosts.flat_map(|(network, host)| [false, true].map(|v6| address(network, host, v6)));
    both.map(|address| IpNet::from(ip(&address))).collect()
}

fn network(number: u8) -> Vec<IpNet> {
    let texts = [format!("198.18.{number}.0/24"), format!("2001:db8:{number}::/48")];
    texts.map(|text| text.parse().expect("a CIDR")).to_vec()
}

pub fn lists() -> Vec<(ListRule, Vec<IpNet>)> {
    use ListAction::{Allow, Drop, Observe};
    let rule = |action, applies, ports: &[u16]| {
        let ports = if ports.is_empty() { PortChoice::All } else { PortChoice::Only(ports.to_vec()) };
        ListRule { action, applies, ports, ..ListRule::default() }
    };
    vec![
        (rule(Drop, Applies::Inbound, &[]), network(DROP_IN)),
        (rule(Drop, Applies::Inbound, &[25]), network(DROP_IN_25)),
        (rule(Drop, Applies::Outbound, &[]), network(DROP_OUT)),
        (rule(Drop, Applies::Outbound, &[587]), network(DROP_OUT_587)),
        (rule(Drop, Applies::Both, &[]), network(DROP_BOTH)),
        (rule(Observe, Applies::Both, &[]), network(OBSERVE_BOTH)),
        (rule(Drop, Applies::Both, &[465, 587]), network(DROP_BOTH_SUBMISSION)),
        (
            rule(Allow, Applies::Inbound, &[]),
            everywhere(&[ALLOW_IN, ALLOW_IN_CONTAINED, ALLOW_IN_DNSBL_LISTED]),
        ),
        (rule(Allow, Applies::Outbound, &[25]), everywhere(&[ALLOW_OUT_25])),
        (rule(Allow, Applies::Both, &[]), everywhere(&[ALLOW_BOTH])),
    ]
}

fn protected() -> Protected {
    Protected {
        networks: everywhere(&[NETWORK, NETWORK_CONTAINED, NETWORK_BLOCKED, NETWORK_DNSBL_LISTED]),
        own_servers: everywhere(&[OWN_SERVER, OWN_SERVER_CONTAINED]),
        mail_servers: vec![ip(MAIL).into(), ip(MAIL_V6).into()],
        connected: everywhere(&[CONNECTED, CONNECTED_CONTAINED]),
        own_addresses: everywhere(&[OWN_ADDRESS_CONTAINED]),
        ..Protected::default()
    }
}

fn verdicts(host: u8) -> Option<Verdict> {
    let admin = |allow_until, block_until| Verdict {
        steering: Steering { allow_until, block_until },
        ..Verdict::default()
    };
    match host {
        ADMIN_ALLOWED => Some(admin(FOREVER, 0)),
        ADMIN_BLOCKED | NETWORK_BLOCKED => Some(admin(0, FOREVER)),
        CONTAINED
        | NETWORK_CONTAINED
        | OWN_SERVER_CONTAINED
        | CONNECTED_CONTAINED
        | OWN_ADDRESS_CONTAINED
        | ALLOW_IN_CONTAINED => Some(Verdict::ban(Action::Drop, Reason::Contained, FOREVER)),
        DNSBL_LISTED | ALLOW_IN_DNSBL_LISTED | NETWORK_DNSBL_LISTED => {
            Some(Verdict::ban(Action::Drop, Reason::DnsblListed, FOREVER))
        }
        DNSBL_OBSERVED => Some(Verdict::ban(Action::Observe, Reason::DnsblListed, FOREVER)),
        DNSBL_CLEAN => Some(Verdict::ban(Action::Pass, Reason::DnsblClean, FOREVER)),
        _ => None,
    }
}

pub fn with_rules(test: impl FnOnce(&mut Kernel) + Send) {
    with_kernel(&LoadOptions::default(), |kernel| {
        put(kernel, &lists());
        for host in 1..=40 {
            let Some(verdict) = verdicts(host) else { continue };
            for net in everywhere(&[host]) {
                kernel.datapath.put_verdict(net.addr(), verdict).expect("a verdict is written");
            }
        }
        test(kernel);
    });
}

/// Compiles and publishes; what was compiled of the rules.
pub fn put(kernel: &mut Kernel, lists: &[(ListRule, Vec<IpNet>)]) -> CompiledRules {
    let spans: Vec<_> = lists.iter().map(|(_, nets)| spans(nets)).collect();
    // From 60 on: in both halves of a set.
    let places = (60..).map(|number| ListSlot::new(number).expect("a place"));
    let placed: Vec<_> = places
        .zip(lists)
        .zip(&spans)
        .map(|((slot, (rule, _)), (v4, v6))| PlacedList { slot, rule, v4, v6 })
        .collect();
    let ports = Ports { guarded: PORTS.to_vec(), watched: WATCHED.to_vec() };
    // Verdicts of zones are written by hand here, so that they have no ports of their own.
    let judged = Judged { ports: &ports, zones: &[] };
    let compiled =
        compile(&placed, &protected(), judged, &mut ClassInterner::new()).expect("few classes and groups");
    kernel.datapath.set_ports(&PortSet::new(&PORTS, &WATCHED)).expect("ports are written");
    let groups = compiled.rules.ports.kernel_groups(&PortGroups::ONE);
    kernel.datapath.set_port_groups(&groups).expect("port groups are written");
    kernel.publish(&Compiled { v4: compiled.v4, v6: compiled.v6, classes: compiled.rules.classes.clone() });
    compiled.rules
}
