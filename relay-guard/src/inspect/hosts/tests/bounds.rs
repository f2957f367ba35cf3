//! However many hosts there are and whatever they do, there is an end to what is remembered.

use proptest::prelude::*;

use super::super::testing::*;
use super::super::{Command, Engine, MAX_DETAILS, MAX_RECENT, MAX_RECENT_IN_ALL};
use crate::inspect::HostKind;
use crate::inspect::observation::Observation;
use crate::inspect::signals::Signal;
use relay_guard_common::address::Address;
use relay_guard_common::flow::FlowKey;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Against the order in which hosts were seen last.
    #[test]
    fn the_longest_idle_go_first(hosts in proptest::collection::vec(0_u32..30, 1..200)) {
        let mut world = World::new("limits.tracked_hosts = 10");
        let mut model: Vec<u32> = Vec::new();
        for number in hosts {
            world.until(world.now + SECOND);
            world.send(host(number), server(1), &Message::default());
            model.retain(|known| *known != number);
            model.push(number);
            if model.len() > 10 {
                model.remove(0);
            }
            for number in 0..30 {
                let known = world.engine.view(host(number), world.now).is_some();
                prop_assert_eq!(known, model.contains(&number));
            }
        }
        prop_assert!(world.engine.sizes().hosts <= 10);
    }
}

#[test]
fn hosts_with_a_state_are_never_forgotten() {
    let mut world = World::new("limits.tracked_hosts = 10");
    for number in 0..200 {
        world.until(world.now + SECOND / 10);
        world.send(host(66), server(number), &Message::default());
    }
    assert!(world.engine.contained_until(host(66)).is_some());
    for number in 100..200 {
        world.until(world.now + SECOND / 10);
        world.send(host(number), server(1), &Message::default());
    }
    assert!(world.engine.contained_until(host(66)).is_some());
    assert!(world.engine.view(host(66), world.now).unwrap().followed);
    assert_eq!(world.engine.counters().hosts_pushed_out, 91);
}

#[test]
fn a_million_hosts_fit_in_450_mebibytes() {
    assert!(Engine::most_bytes(1_000_000) < 450 << 20, "{}", Engine::most_bytes(1_000_000) >> 20);
    assert!(Engine::most_bytes(1 << 20) < 450 << 20, "the default of limits.tracked_hosts");
    let mut engine = Engine::new(rules(""));
    let message = Message::default();
    const HOSTS: u32 = 40_000;
    for number in 0..HOSTS {
        for to in 0..3 {
            let flow = FlowKey::new((Address::from(host(number)), 1000 + to), (server(to.into()), 25));
            let now = u64::from(number) * 1000 + 1;
            let kind = |_| HostKind::Host;
            engine.observe(&Observation::Session(Box::new(message.session_of(flow, now))), kind, now);
        }
    }
    let sizes = engine.sizes();
    assert_eq!(sizes.hosts, HOSTS as usize);
    assert!(sizes.details <= MAX_DETAILS && sizes.recent <= MAX_RECENT_IN_ALL, "{sizes:?}");
    assert!(sizes.bytes <= Engine::most_bytes(HOSTS), "{sizes:?}");
    assert_eq!(engine.views(100, 1).len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// Whatever is seen, of whomever.
    #[test]
    fn what_is_remembered_has_an_end(
        seen in proptest::collection::vec((0_u32..50, 0_u32..200, 0_u64..40, 0_usize..4), 1..150),
    ) {
        let mut world = World::new("limits.tracked_hosts = 20");
        for (from, to, pause_s, what) in seen {
            world.until(world.now + pause_s * SECOND);
            let octets = 1 << (to % 20);
            match what {
                0 => world.session(host(from), server(to), |session| session.talked_first = true),
                1 => world.send(host(from), server(to), &Message { octets, ..Message::default() }),
                _ => {
                    let refused = Message { to_recipients: "550 5.7.1 on spamhaus.org".into(), octets, ..Message::default() };
                    (0..what * 10).for_each(|more| world.send(host(from), server(to + more as u32), &refused));
                }
            }
            let sizes = world.engine.sizes();
            prop_assert!(sizes.hosts <= 20 && sizes.details <= sizes.hosts, "{:?}", sizes);
            prop_assert!(sizes.recent <= sizes.details * MAX_RECENT, "{:?}", sizes);
            prop_assert!(sizes.bytes <= Engine::most_bytes(20), "{:?}", sizes);
            let held: usize = world
                .engine
                .views(usize::MAX, world.now)
                .iter()
                .map(|view| world.engine.view(view.address, world.now).map_or(0, |detail| detail.recent.len()))
                .sum();
            prop_assert_eq!(held, sizes.recent);
        }
    }
}

#[test]
fn recent_sessions_have_an_end_and_texts_too() {
    let mut world = World::new("inspection.envelopes = \"masked\"");
    for number in 0..40 {
        world.until(world.now + MINUTE);
        world.send(host(1), server(1), &Message { helo: "é".repeat(500 + number), ..Message::default() });
    }
    let detail = world.engine.view(host(1), world.now).unwrap();
    assert_eq!(detail.recent.len(), MAX_RECENT);
    assert!(detail.recent.iter().all(|brief| brief.helo.as_ref().unwrap().len() <= 160 && brief.over));
    assert_eq!(detail.recent[0].sender.as_deref(), Some("j…@example.com"));
    assert_eq!((detail.view.sessions, detail.view.transactions), (40, 40));
}

#[test]
fn who_is_not_seen_for_two_days_is_forgotten() {
    let mut world = World::new("");
    world.send(host(1), server(1), &Message::default());
    world.until(world.now + 47 * HOUR);
    assert!(world.engine.view(host(1), world.now).is_some());
    world.until(world.now + 2 * HOUR);
    assert_eq!(world.engine.view(host(1), world.now), None);
    assert_eq!(world.engine.sizes().recent, 0);
}

#[test]
fn records_of_idle_hosts_can_go() {
    use crate::inspect::Sample;
    use relay_guard_common::host::HostRecord;
    let mut world = World::new("");
    let record = HostRecord::new(world.now);
    let sample = Sample { address: host(1), kind: HostKind::Host, record: &record };
    for (later, expected) in [(0, vec![]), (600, vec![]), (601, vec![Command::Forget { address: host(1) }])] {
        let now = world.now + later * SECOND;
        world.engine.sample(&[sample], now);
        assert_eq!(world.engine.poll(now), expected);
    }
}

/// The kernel's table of 16,384 hosts is not LRU: who comes once, from another address each time, must not fill it.
#[test]
fn records_of_passing_hosts_can_go_where_the_table_is_nearly_full() {
    use crate::inspect::Sample;
    use relay_guard_common::host::HostRecord;
    let forgets = |counted: usize, attempts: u64, idle_s: u64| {
        let mut world = World::new("");
        let mut record = HostRecord::new(world.now);
        (record.attempts, record.current.attempts) = (attempts, attempts);
        record.current.sketch[0] = 1;
        let now = world.now + idle_s * SECOND;
        world.engine.set_counted(counted);
        world.engine.sample(&[Sample { address: host(1), kind: HostKind::Host, record: &record }], now);
        assert!(world.engine.view(host(1), now).is_some(), "what it did is taken note of");
        world.engine.poll(now).contains(&Command::Forget { address: host(1) })
    };
    for (counted, attempts, idle_s, expected) in [
        (12_289, 1, 11, true),
        (12_288, 1, 11, false),
        (12_289, 2, 11, true),
        (12_289, 3, 11, false),
        (12_289, 1, 10, false),
    ] {
        assert_eq!(forgets(counted, attempts, idle_s), expected, "{counted}, {attempts}, {idle_s} s");
    }
}

#[test]
fn a_host_whose_record_went_is_seen_when_it_comes_again() {
    use crate::inspect::Sample;
    use relay_guard_common::host::HostRecord;
    let mut world = World::new("");
    for number in 0..30 {
        let mut record = HostRecord::new(world.now);
        (record.attempts, record.current.attempts, record.current.stopped) = (1, 1, 1);
        record.current.sketch[number % 16] = 1 << number;
        // A second after it tried, and when it was idle for so long that its record goes.
        for later in [SECOND, 700 * SECOND] {
            let sample = Sample { address: host(1), kind: HostKind::Host, record: &record };
            world.engine.sample(&[sample], record.last_seen_ns + later);
            world.until(record.last_seen_ns + later);
        }
    }
    assert!(world.figure(host(1), Signal::DailyServers) > 20);
}

#[test]
fn replies_of_recent_sessions_name_nobody_where_envelopes_do_not() {
    let replies = |envelopes: &str, reply: &str| {
        let mut world = World::new(&format!("inspection.envelopes = \"{envelopes}\""));
        let message = Message { to_recipients: reply.into(), ..Message::default() };
        world.send(host(1), server(1), &message);
        world.send(host(1), server(1), &Message { greeting: reply.into(), ..Message::default() });
        let recent = world.engine.view(host(1), world.now).unwrap().recent;
        recent.iter().map(|brief| brief.reply.as_deref().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let reply = "550 5.1.1 <joe@there.example>: no such user as Joe";
    assert_eq!(replies("plain", reply), [reply, reply]);
    let masked = "550 5.1.1 <j…@there.example>: no such user as";
    assert_eq!(replies("masked", reply), [format!("{masked} J…"), format!("{masked} Joe")]);
    for hashed in replies("hashed", reply) {
        assert!(hashed.starts_with("550 5.1.1 <#") && !hashed.contains('@'), "{hashed}");
    }
}
