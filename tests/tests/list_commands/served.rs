//! What `list convert --to rbldnsd` writes, a real rbldnsd (a Debian package) serves: the same addresses are listed,
//! with the value and the text that were asked for. Needs root, for a network namespace.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use hickory_proto::rr::RecordType;
use ipnet::IpNet;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use relay_guard_tests::dns::Client;
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::offline::Offline;
use relay_guard_tests::peers::{Rbldnsd, Zone};

use super::printed;

/// Generated lists besides those that are written out.
const LISTS: usize = 12;
const VALUE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// Networks close together, so that they are nested and touch.
fn net() -> impl Strategy<Value = IpNet> {
    let v4 =
        (0x0a00_0000_u32..0x0a00_0400, 22_u8..=32).prop_map(|(at, length)| (IpAddr::V4(at.into()), length));
    let base = 0x2001_0db8_u128 << 96;
    let v6 = (0_u128..1 << 12, prop::sample::select(vec![0_u32, 64, 76]), 36_u8..=128)
        .prop_map(move |(at, shift, length)| (IpAddr::V6((base | at << shift).into()), length));
    prop_oneof![v4, v6]
        .prop_filter_map("a network", |(address, length)| Some(IpNet::new(address, length).ok()?.trunc()))
}

/// Lists as networks: at the ends of both families, as wide as may be, of one family only, and generated ones.
fn lists() -> Vec<Vec<IpNet>> {
    let written = [
        "0.0.0.0/32 255.255.255.255/32 127.0.0.2/32 ::/128 ::1/128 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "10.0.0.0/8 128.0.0.0/9 2001:c000::/19 2001:db8:0:1::/64 1::/64",
        "192.0.2.1/32",
        "2001:db8::/32",
    ];
    let written = written.map(|list| list.split(' ').filter_map(|net| net.parse().ok()).collect());
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(net(), 1..30);
    let generated = (0..LISTS).map(|_| strategy.new_tree(&mut runner).expect("nothing is refused").current());
    written.into_iter().chain(generated).collect()
}

/// The ends of networks and their neighbours, and the middle of nowhere.
fn probes(list: &[IpNet]) -> BTreeSet<IpAddr> {
    let mut probes: BTreeSet<IpAddr> =
        [[10, 0, 2, 77].into(), Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 7).into()].into();
    for net in list {
        let around = |end: IpAddr| match end {
            IpAddr::V4(v4) => [-1, 0, 1].map(|by| IpAddr::V4(u32::from(v4).wrapping_add_signed(by).into())),
            IpAddr::V6(v6) => [-1, 0, 1].map(|by| IpAddr::V6(u128::from(v6).wrapping_add_signed(by).into())),
        };
        probes.extend([net.network(), net.broadcast()].into_iter().flat_map(around));
    }
    probes
}

#[test]
fn rbldnsd_lists_exactly_what_was_converted() -> Result<()> {
    let offline = Offline::new()?;
    let mut zones = Vec::new();
    for (number, list) in lists().iter().enumerate() {
        let text: String = list.iter().map(|net| format!("{net}\n")).collect();
        offline.write("list", text)?;
        let arguments = ["convert", "list", "--to", "rbldnsd", "--value", "127.0.0.9", "--txt", "listed: $"];
        let zone = printed(&offline.list(arguments)?, 0)?;
        zones.push(Zone {
            name: format!("zone{number}.test"),
            kind: "combined".to_owned(),
            files: vec![zone],
        });
    }
    let namespace = Namespace::new("zones")?;
    namespace.ip("link set lo up")?;
    let server = Rbldnsd::start(&namespace, offline.path(), &zones)?;
    let mut client = Client::new(&namespace, Rbldnsd::address())?;
    for (list, zone) in lists().iter().zip(&zones) {
        for address in probes(list) {
            let listed = list.iter().any(|net| net.contains(&address));
            let context = || format!("{address} in {list:?}; rbldnsd wrote:\n{}", server.log_text());
            let answer = client.listed(address, &zone.name, RecordType::A).with_context(context)?;
            let expected: BTreeSet<Ipv4Addr> = listed.then_some(VALUE).into_iter().collect();
            assert_eq!(answer.addresses, expected, "{}", context());
            let answer = client.listed(address, &zone.name, RecordType::TXT).with_context(context)?;
            let expected: BTreeSet<String> =
                listed.then(|| format!("listed: {address}")).into_iter().collect();
            assert_eq!(answer.texts, expected, "{}", context());
        }
    }
    Ok(())
}
