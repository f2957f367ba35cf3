//! The table in the kernel against a naive set.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

use ipnet::IpNet;
use proptest::prelude::*;
use relay_guard::datapath::ProbeQuestion;
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::class::Lists;
use relay_guard_common::decide::Half;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Side;

use super::support::kernel::GUARDED;
use super::support::lists::{List, compile};
use super::with_cases;
use super::world::{addresses, nets};

const TABLES: u32 = 120;

/// The addresses at a CIDR's ends, and those beside them.
fn edges(net: &IpNet) -> Vec<IpAddr> {
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let edges = [first.wrapping_sub(1), first, last, last.wrapping_add(1)];
            edges.map(|bits| Ipv4Addr::from_bits(bits).into()).to_vec()
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let edges = [first.wrapping_sub(1), first, last, last.wrapping_add(1)];
            edges.map(|bits| IpAddr::from(Ipv6Addr::from_bits(bits))).to_vec()
        }
    }
}

/// The lists that hold an address, a bit each: looked for one by one.
fn naive(lists: &[List], address: IpAddr) -> Lists {
    // What an IPv4 address looks like in IPv6 is still that address.
    let address = address.to_canonical();
    let holds = |list: &List| list.nets.iter().any(|net| net.contains(&address));
    (0..).zip(lists).map(|(slot, list)| Lists::from(holds(list)) << slot).sum()
}

/// Duplicate, nested, adjacent CIDRs: some of `nets`, their halves, their neighbours.
fn related(nets: &[IpNet]) -> Vec<IpNet> {
    let mut related = Vec::new();
    for (index, net) in nets.iter().enumerate() {
        match index % 4 {
            0 => related.push(*net),
            1 => related.extend(net.supernet()),
            2 => {
                let halves = net.subnets(net.prefix_len().saturating_add(1));
                related.extend(halves.into_iter().flatten().take(1));
            }
            // Its sibling: the other half of what holds it.
            _ => {
                let halves = net.supernet().and_then(|wider| wider.subnets(net.prefix_len()).ok());
                related.extend(halves.into_iter().flatten().filter(|half| half != net));
            }
        }
    }
    related
}

#[test]
fn the_table_in_the_kernel_equals_a_naive_set() {
    let lists = prop::collection::vec(prop::collection::vec(nets(), 0..20), 1..5).prop_map(|mut all| {
        let more = related(&all.concat());
        all.push(more);
        let list = |nets| List::inbound(Action::Observe, Reason::Listed, nets);
        all.into_iter().map(list).collect::<Vec<_>>()
    });
    let listed = Mutex::new((0_u32, 0_u32));
    with_cases(TABLES, (lists, prop::collection::vec(addresses(), 20)), |kernel, (lists, others)| {
        let mut interner = ClassInterner::new();
        kernel.publish(&compile(&lists, &mut interner));
        let edges = lists.iter().flat_map(|list| &list.nets).flat_map(edges);
        for source in edges.chain(others).collect::<BTreeSet<_>>() {
            let destination: IpAddr = match source {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            let (side, half, port) = (Side::Outside, Half::Both, GUARDED[0]);
            let question = ProbeQuestion { side, source, destination, port, half };
            let answer = kernel.datapath.probe(&question).expect("a probe").expect("an answer");
            let expected = naive(&lists, source);
            let found = if answer.class == 0 { Some(0) } else { interner.lists_of(answer.class) };
            prop_assert_eq!(found, Some(expected), "{} in {:?}", source, lists);
            prop_assert_eq!(answer.reason == Reason::Listed, expected != 0);
            let mut listed = listed.lock().expect("no panic");
            if expected == 0 { listed.0 += 1 } else { listed.1 += 1 }
        }
        Ok(())
    });
    let (clean, listed) = listed.into_inner().expect("no panic");
    assert!(clean >= 1000 && listed >= 5000, "{clean} clean, {listed} listed");
}
