//! Hosts of one IPv6 network, each with many addresses or a few.

use std::net::{IpAddr, Ipv6Addr};

use relay_guard_common::host::HostRecord;

use super::super::testing::*;
use super::super::{Command, MAX_NETWORKS};
use crate::inspect::ladder::HostState;
use crate::inspect::observation::Observation;
use crate::inspect::signals::Signal;
use crate::inspect::{HostKind, Sample};

const NETWORK: u128 = 0x2001_0db8_0001_0002 << 64;

fn source(host: u64) -> IpAddr {
    Ipv6Addr::from_bits(NETWORK | u128::from(host)).into()
}

fn network() -> IpAddr {
    Ipv6Addr::from_bits(NETWORK).into()
}

/// A message every so many seconds, each from an address that was never seen to another server. When it was told of, seconds.
fn rotate(world: &mut World, every_s: u64, messages: u64) -> Option<u64> {
    let (begun, first) = (world.now, world.engine.sizes().hosts as u64);
    for number in first..first + messages {
        world.until(begun + (number - first) * every_s * SECOND);
        world.send(source(1 + number * 0x1_0001), server(number as u32 * 31), &Message::default());
    }
    world.until(world.now + 11 * SECOND);
    world.found(network()).0.map(|at| at.saturating_sub(begun) / SECOND)
}

#[test]
fn a_bot_that_changes_its_address_is_told_of_and_not_contained() {
    for (every_s, messages, within_s) in [(1, 300, 60), (60, 120, 45 * 60), (150, 96, 7200)] {
        let mut world = World::new("");
        let told = rotate(&mut world, every_s, messages);
        assert!(told.is_some_and(|told| told <= within_s), "every {every_s} s: told after {told:?} s");
        assert!(matches!(world.state(network()), HostState::Reported(_)));
        assert_eq!(world.contained(), [] as [IpAddr; 0]);
        let (_, said) = &world.said[0];
        let Command::Changed { address, kind, change } = said else { panic!("{said:?}") };
        assert_eq!((*address, *kind), (network(), HostKind::Network));
        assert!(change.signals[0].to_string().ends_with("new source addresses in 2 h"), "{change:?}");
        let view = &world.engine.views(1, world.now)[0];
        assert_eq!((view.address, view.kind), (network(), HostKind::Network), "first in the table");
    }
}

#[test]
fn what_only_the_kernel_saw_counts_too() {
    let mut world = World::new("");
    let mut record = HostRecord::new(world.now);
    record.attempts = 1;
    record.current.attempts = 1;
    for number in 0..200 {
        world.until(world.now + SECOND);
        (record.window_start_ns, record.last_seen_ns) = (world.now, world.now);
        record.current.sketch = [0; 16];
        record.current.sketch[number as usize % 16] = 1 << (number % 60);
        let sample = Sample { address: source(9 + number), kind: HostKind::Host, record: &record };
        world.engine.sample(&[sample], world.now);
    }
    assert!(matches!(world.state(network()), HostState::Reported(_)));
}

/// 200 workstations with three addresses a day each: most hand their mail to one of two servers, some write to others themselves.
#[test]
fn a_network_of_workstations_with_changing_addresses_is_not_told_of() {
    let mut world = World::new("");
    let mut random = Random(4);
    let begun = world.now;
    for day in 0..3 {
        let mut sent: Vec<(u64, u64, u32)> = Vec::new();
        for workstation in 0..200 {
            for part in 0..3 {
                let address = 1 + day * 10_000 + workstation * 10 + part;
                let at = 8 * 3600 + part * 10_800 + random.below(10_000);
                (0..1 + random.below(3)).for_each(|n| sent.push((at + n * 60, address, n as u32 % 2)));
                if random.percent(3) {
                    sent.push((at + 300, address, 100 + random.below(5000) as u32));
                }
            }
        }
        sent.sort_unstable();
        for (second, address, to) in sent {
            world.until(begun + day * DAY + second * SECOND);
            world.send(source(address), server(to), &Message::default());
        }
    }
    assert_eq!(world.said, []);
    assert_eq!(world.score(network()), 0);
}

#[test]
fn looks_at_servers_and_declared_hosts_make_no_network() {
    for kind in [HostKind::Host, HostKind::MailServer, HostKind::Excepted] {
        let mut world = World::new("");
        for number in 0..200 {
            world.until(world.now + 10 * SECOND);
            world.kinds.insert(source(1 + number), kind);
            if kind == HostKind::Host {
                world.session(source(1 + number), server(number as u32), |_| {});
            } else {
                world.send(source(1 + number), server(number as u32), &Message::default());
            }
        }
        assert_eq!(world.engine.view(network(), world.now), None, "{kind:?}");
    }
}

#[test]
fn what_is_sent_from_the_first_address_is_the_networks() {
    let mut world = World::new("");
    for number in 0..300 {
        world.until(world.now + SECOND / 10);
        world.send(network(), server(number), &Message::default());
    }
    assert!(world.score(network()) >= 100);
    assert!(matches!(world.state(network()), HostState::Reported(_)), "there is no such host to contain");
    assert_eq!(world.contained(), [] as [IpAddr; 0]);
}

#[test]
fn it_is_quiet_again_and_a_release_forgives() {
    let mut world = World::new("");
    rotate(&mut world, 10, 100);
    assert!(world.figure(network(), Signal::RotatingSources) > 60);
    let now = world.now;
    assert!(!world.engine.release(network(), now), "it was not contained");
    world.until(now + MINUTE);
    assert_eq!((world.state(network()), world.score(network())), (HostState::Quiet, 0));
    rotate(&mut world, 10, 200);
    assert!(matches!(world.state(network()), HostState::Reported(_)), "others are new");
    world.until(world.now + 5 * HOUR);
    assert_eq!(world.state(network()), HostState::Quiet);
}

#[test]
fn a_declared_network_is_none_any_more() {
    let mut world = World::new("");
    rotate(&mut world, 10, 100);
    let now = world.now;
    world.engine.set_kinds(|_| HostKind::Host, now);
    world.until(now + 11 * SECOND);
    assert!(matches!(world.state(network()), HostState::Reported(_)));
    world.engine.set_kinds(|_| HostKind::Excepted, now);
    world.until(now + 3 * HOUR);
    assert_eq!(world.state(network()), HostState::Quiet);
}

#[test]
fn a_network_that_takes_the_only_place_is_not_taken_for_its_host() {
    let mut world = World::new("limits.tracked_hosts = 1");
    for number in 0..200 {
        world.until(world.now + 10 * SECOND);
        world.send(source(1 + number), server(number as u32 * 31), &Message::default());
        assert!(world.engine.sizes().hosts <= 1);
        if let Some(seen) = world.engine.view(network(), world.now) {
            assert_eq!((seen.view.sessions, seen.recent.len()), (0, 0), "these are its hosts'");
        }
    }
    assert!(world.found(network()).0.is_some());
}

#[test]
fn networks_have_an_end() {
    let mut world = World::new("limits.tracked_hosts = 5000");
    for number in 0..3 * MAX_NETWORKS as u128 {
        let from = IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) | number << 64 | 1));
        let flow = world.flow(from, server(number as u32));
        let session = Message::default().session_of(flow, world.now);
        world.observe(&Observation::Session(Box::new(session)));
    }
    let sizes = world.engine.sizes();
    assert!(sizes.bytes <= super::super::Engine::most_bytes(5000), "{sizes:?}");
}
