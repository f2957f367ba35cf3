//! Policies over few addresses, and the places where frames are seen.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use proptest::sample::select;
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::class::{Class, Rule};
use relay_guard_common::ports::PortGroups;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Hook;
use relay_guard_common::verdict::{FOREVER, Steering, Verdict};

use super::host::{Memory, Program};
use super::support::kernel::{At, GUARDED, Kernel, WATCHED};
use super::support::lists::{List, compile};

/// All policy at one time.
#[derive(Clone, Debug)]
pub struct World {
    lists: Vec<List>,
    groups: PortGroups,
    verdicts: BTreeMap<IpAddr, Verdict>,
    prefixes: BTreeMap<IpNet, Steering>,
    enforce: bool,
}

impl World {
    /// The addresses of which a verdict says something.
    pub fn with_verdicts(&self) -> impl Iterator<Item = IpAddr> {
        self.verdicts.keys().copied()
    }

    /// Puts it into the kernel, and into memory.
    pub fn put(&self, kernel: &mut Kernel) -> Memory {
        let compiled = compile(&self.lists, &mut ClassInterner::new());
        kernel.publish(&compiled);
        kernel.datapath.set_port_groups(&self.groups).expect("port groups are written");
        kernel.enforce(self.enforce);
        for (address, _) in kernel.datapath.verdicts().expect("verdicts are read") {
            kernel.datapath.remove_verdict(address);
        }
        for (address, verdict) in &self.verdicts {
            kernel.datapath.put_verdict(*address, *verdict).expect("a verdict is written");
        }
        let prefixes: Vec<(IpNet, Steering)> =
            self.prefixes.iter().map(|(net, steering)| (*net, *steering)).collect();
        kernel.datapath.set_prefixes(&prefixes).expect("prefixes are written");
        Memory {
            cells: compiled.plan().to_cells(),
            classes: compiled.classes.iter().copied().collect::<HashMap<_, _>>(),
            verdicts: self.verdicts.iter().map(|(address, verdict)| ((*address).into(), *verdict)).collect(),
            prefixes,
            groups: self.groups,
            enforce: self.enforce,
        }
    }
}

/// Addresses that lie near one another and near the places where the layout of the table changes.
pub fn addresses() -> impl Strategy<Value = IpAddr> {
    let near = || select(vec![0_u32, 1, 2, 64, 255]);
    let v4 = (select(vec![0x0a00_u32, 0x0a00, 0x0a01, 0xffff]), near(), near())
        .prop_map(|(high, third, last)| IpAddr::V4(Ipv4Addr::from(high << 16 | third << 8 | last)));
    let part = || select(vec![0_u16, 1, 0x8000, 0xffff]);
    let v6 = (select(vec![0x2001_u16, 0x2001, 0x2002, 0, 0xffff]), part(), part(), part())
        .prop_map(|(a, c, d, h)| IpAddr::V6(Ipv6Addr::new(a, 0, c, d, 0, 0, 0, h)));
    prop_oneof![8 => v4, 8 => v6, 1 => any::<u32>().prop_map(|bits| IpAddr::V4(bits.into()))]
}

/// CIDRs around those addresses, of all lengths, the usual ones more often.
pub fn nets() -> impl Strategy<Value = IpNet> {
    let v4 = prop_oneof![select(vec![0_u8, 8, 15, 16, 17, 23, 24, 25, 30, 32, 32]), 0..=32_u8];
    let v6 = prop_oneof![select(vec![0_u8, 16, 32, 47, 48, 63, 64, 65, 80, 127, 128, 128]), 0..=128_u8];
    (addresses(), v4, v6).prop_map(|(address, v4, v6)| match address {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, v4).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, v6).trunc().into(),
    })
}

fn lists() -> impl Strategy<Value = Vec<List>> {
    let pass = select(vec![Reason::Protected, Reason::AllowList]).prop_map(|reason| (Action::Pass, reason));
    let act = select(Action::ALL.to_vec()).prop_map(|action| (action, Reason::Listed));
    let same = (prop_oneof![1 => pass, 2 => act], prop::collection::vec(nets(), 0..8))
        .prop_map(|((action, reason), nets)| List::inbound(action, reason, nets));
    let any =
        (classes(), prop::collection::vec(nets(), 0..8)).prop_map(|(meaning, nets)| List { meaning, nets });
    prop::collection::vec(prop_oneof![same, any], 0..5)
}

/// Classes that say something else in each direction and group. Numbers beyond the known ones are a newer daemon's.
fn classes() -> impl Strategy<Value = Class> {
    let listed = |reason| select(Action::ALL.to_vec()).prop_map(move |action| Rule::new(action, reason));
    let rule = move |reason| {
        prop_oneof![
            3 => Just(Rule::NONE),
            1 => Just(Rule::new(Action::Pass, Reason::Protected)),
            1 => Just(Rule::new(Action::Pass, Reason::AllowList)),
            6 => listed(reason),
            1 => (0..=9_u8, 0..=40_u8).prop_map(|(action, reason)| Rule { action, reason, param: 0 }),
        ]
    };
    let spared = prop_oneof![
        2 => Just(Rule::NONE),
        1 => Just(Rule::new(Action::Pass, Reason::Protected)),
        1 => Just(Rule::new(Action::Pass, Reason::AllowList)),
    ];
    let inbound = prop::array::uniform4(rule(Reason::Listed));
    let outbound = prop::array::uniform4(rule(Reason::ListedDestination));
    (inbound, outbound, spared, 0..2_u32).prop_map(|(inbound, outbound, spared, flags)| Class {
        inbound,
        outbound,
        spared,
        flags,
        ..Class::new(0)
    })
}

/// Groups of the ports that frames go to.
fn groups() -> impl Strategy<Value = PortGroups> {
    prop::array::uniform4(0..4_u8).prop_map(|[a, b, c, d]| {
        let mut groups = PortGroups::ONE;
        for (port, group) in GUARDED.into_iter().zip([a, b, c]) {
            groups.set_inbound(port, group);
        }
        groups.set_outbound(WATCHED[0], d);
        groups
    })
}

/// Never, long ago, always.
fn time() -> impl Strategy<Value = u64> {
    select(vec![0, 1, FOREVER])
}

fn steering() -> impl Strategy<Value = Steering> {
    (time(), time()).prop_map(|(allow_until, block_until)| Steering { allow_until, block_until })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    // Numbers beyond the known ones are a newer daemon's.
    let action = prop_oneof![4 => Just(Action::Drop as u8), 1 => 0..=8_u8];
    let reason = prop_oneof![4 => Just(Reason::Contained as u8), 1 => 0..=40_u8];
    let rule = (action, reason).prop_map(|(action, reason)| Rule { action, reason, param: 0 });
    let rules = prop_oneof![1 => prop::array::uniform4(rule), 2 => prop::array::uniform4(dnsbl())];
    let until = prop_oneof![1 => time(), 2 => Just(FOREVER)];
    let allow = prop_oneof![3 => Just(Steering::default()), 1 => steering()];
    (allow, until, rules)
        .prop_map(|(steering, until, rules)| Verdict { steering, ..Verdict::of(rules, until) })
}

/// What DNSBLs say at ports of a group.
fn dnsbl() -> impl Strategy<Value = Rule> {
    let stops = select(Action::ALL.to_vec()).prop_map(|action| Rule::new(action, Reason::DnsblListed));
    let quiet = select(vec![Reason::DnsblClean, Reason::DnsblUnknown]);
    prop_oneof![2 => stops, 1 => quiet.prop_map(|reason| Rule::new(Action::Pass, reason)), 1 => Just(Rule::NONE)]
}

pub fn worlds() -> impl Strategy<Value = World> {
    let verdicts = prop::collection::btree_map(addresses(), verdict(), 0..120);
    let prefixes = prop::collection::btree_map(nets(), steering(), 0..6);
    (lists(), groups(), verdicts, prefixes, any::<bool>()).prop_map(
        |(lists, groups, verdicts, prefixes, enforce)| World { lists, groups, verdicts, prefixes, enforce },
    )
}

pub fn places() -> impl Strategy<Value = (At, Program)> {
    let at = prop_oneof![4 => Just(At::Outside), 3 => Just(At::Inside), 1 => Just(At::Stray)];
    let program = prop_oneof![
        4 => Just(Program::Xdp),
        2 => Just(Program::Tc(Hook::Ingress)),
        1 => Just(Program::Tc(Hook::EgressForwarded)),
        1 => Just(Program::Tc(Hook::EgressOwn)),
    ];
    (at, program)
}
