//! Honest senders, at default settings, for many days: none is ever contained.

use super::super::testing::*;
use crate::inspect::{HostKind, Sample, ladder::HostState, observation::Reply, signals::Signal};
use relay_guard_common::host::HostRecord;

const DAYS: u64 = 4;

/// Sends these (second, server, message) of each of the days.
fn days(world: &mut World, from: std::net::IpAddr, day: impl Fn(u64) -> Vec<(u64, u32, Message)>) {
    let begun = world.now;
    for number in 0..DAYS {
        for (second, to, message) in day(number) {
            world.until(begun + number * DAY + second * SECOND);
            world.send(from, server(to), &message);
        }
    }
}

#[test]
fn a_workstation_with_one_smart_host() {
    let mut world = World::new("");
    days(&mut world, host(1), |day| {
        let mut random = Random(day);
        (0..60)
            .map(|n| {
                (
                    8 * 3600 + n * 540 + random.below(500),
                    7,
                    Message { octets: 1000 + random.below(900_000), ..Message::default() },
                )
            })
            .collect()
    });
    assert_eq!(world.contained(), [] as [std::net::IpAddr; 0]);
    assert_eq!(world.score(host(1)), 0);
}

#[test]
fn monitoring_at_an_even_pace_whatever_becomes_of_its_mail() {
    for (to_recipients, greeting) in [
        ("", "220 mx.example ESMTP"),
        ("450 4.2.0 greylisted", "220 mx.example ESMTP"),
        ("", "421 4.3.2 not now"),
        ("554 5.7.1 go away", "220 mx.example ESMTP"),
    ] {
        let mut world = World::new("");
        let message = Message {
            helo: "monitor".into(),
            sender: "nagios@monitor.example.com".into(),
            to_recipients: to_recipients.into(),
            greeting: greeting.into(),
            ..Message::default()
        };
        days(&mut world, host(9), |_| (0..288).map(|n| (n * 300, (n % 2) as u32, message.clone())).collect());
        assert_eq!(world.contained(), [] as [std::net::IpAddr; 0], "{to_recipients} {greeting}");
        assert_eq!(world.figure(host(9), Signal::MachinePace), 0, "to two servers, an even pace is none");
    }
}

#[test]
fn monitoring_whose_server_was_down_for_a_day_and_gets_all_at_once() {
    let mut world = World::new("");
    let begun = world.now;
    for number in 0..288 {
        world.until(begun + number * 200_000_000);
        world.send(host(9), server((number % 2) as u32), &Message::default());
    }
    world.until(begun + HOUR);
    assert_eq!(world.contained(), [] as [std::net::IpAddr; 0]);
}

/// Some 100 messages a day to 30 servers, few of which get most; 3 % bounce, some are greylisted and come again.
fn office(day: u64, seed: u64) -> Vec<(u64, u32, Message)> {
    let mut random = Random(seed * 1000 + day);
    let mut sent = Vec::new();
    for _ in 0..100 {
        let second = 7 * 3600 + random.below(11 * 3600);
        let to = (random.below(30) * random.below(30) / 29) as u32;
        let mut message = Message {
            helo: "mail.small.example".into(),
            sender: format!("user{}@small.example", random.below(12)),
            recipients: (0..=random.below(3)).map(|n| format!("p{n}@place.example")).collect(),
            octets: 1 << (10 + random.below(12)),
            ..Message::default()
        };
        if random.percent(3) {
            message.to_recipients = "550 5.1.1 unknown".into();
        } else if random.percent(5) {
            message.to_recipients = "450 4.7.1 greylisted".into();
            let again = Message { to_recipients: String::new(), ..message.clone() };
            sent.push((second + 400, to, again));
        }
        sent.push((second, to, message));
    }
    sent.sort_by_key(|(second, ..)| *second);
    sent
}

#[test]
fn a_small_mail_server_that_nobody_declared() {
    for seed in 0..10 {
        let mut world = World::new("");
        days(&mut world, host(3), |day| office(day, seed));
        assert_eq!(world.contained(), [] as [std::net::IpAddr; 0], "seed {seed}");
        assert_eq!(world.said.len(), 0, "seed {seed}: not even told of: {:?}", world.said.first());
    }
}

#[test]
fn a_small_mail_server_that_empties_its_queue_after_a_weekend() {
    let mut world = World::new("");
    let begun = world.now;
    for (number, (_, to, message)) in office(1, 1).into_iter().enumerate() {
        world.until(begun + number as u64 * SECOND / 2);
        world.send(host(3), server(to), &message);
    }
    world.until(begun + HOUR);
    assert_eq!(world.contained(), [] as [std::net::IpAddr; 0]);
}

#[test]
fn a_server_whose_queue_is_stuck() {
    for refusal in ["421 4.3.2 not now", "554 5.7.1 blocked using zen.spamhaus.org"] {
        let mut world = World::new("");
        let message = Message {
            helo: "mail.small.example".into(),
            greeting: refusal.into(),
            sender: String::new(),
            ..Message::default()
        };
        // 60 messages to four servers, all tried again every five minutes for days.
        days(&mut world, host(3), |_| {
            (0..288)
                .flat_map(|run| (0..60).map(move |n| (run * 300 + n / 6, (n % 4) as u32)))
                .map(|(at, to)| (at, to, message.clone()))
                .collect()
        });
        assert_eq!(world.contained(), [] as [std::net::IpAddr; 0], "{refusal}");
    }
}

#[test]
fn a_newsletter_from_the_declared_server_is_not_even_told_of() {
    let mut world = World::new("inspection.contain_mail_servers = true");
    let relay = host(25);
    world.kinds.insert(relay, HostKind::MailServer);
    let begun = world.now;
    let mut random = Random(5);
    for number in 0..20_000 {
        world.until(begun + number * SECOND / 5);
        let mut message = Message {
            helo: "mail.example.com".into(),
            sender: "news@example.com".into(),
            octets: 40_000 + random.below(100),
            ..Message::default()
        };
        if random.percent(2) {
            message.to_recipients = "550 5.1.1 unknown".into();
        } else if random.percent(10) {
            message.to_recipients = "450 4.7.1 greylisted".into();
        }
        world.send(relay, server(random.below(3000) as u32), &message);
    }
    world.until(begun + 2 * HOUR);
    assert_eq!(world.said, [], "{:?}", world.speaking(relay));
}

/// 0.3 % of all recipients, and all of them at the end.
#[test]
fn a_newsletter_whose_last_messages_go_to_dead_addresses_is_not_even_told_of() {
    let mut world = World::new("inspection.contain_mail_servers = true");
    let relay = host(25);
    world.kinds.insert(relay, HostKind::MailServer);
    let begun = world.now;
    for number in 0..2000_u64 {
        world.until(begun + number * SECOND / 5);
        let recipients = (0..10).map(|n| format!("p{n}@d{number}.example")).collect();
        let mut message = Message { sender: "news@example.com".into(), recipients, ..Message::default() };
        if number >= 1994 {
            message.to_recipients = "550 5.1.1 unknown".into();
        }
        world.send(relay, server(number as u32), &message);
    }
    world.until(begun + HOUR);
    assert_eq!(world.said, [], "{:?}", world.speaking(relay));
    assert_eq!(world.figure(relay, Signal::BusySender), 0);
}

#[test]
fn mail_to_our_own_servers_is_no_sign() {
    let mut world = World::new("");
    let begun = world.now;
    world.kinds.insert(host(25), HostKind::MailServer);
    for number in 0..2000 {
        world.until(begun + number * SECOND / 10);
        let relay = relay_guard_common::address::Address::from(host(25));
        world.send(host(1), relay, &Message { helo: "10.0.0.1".into(), ..Message::default() });
    }
    assert_eq!((world.state(host(1)), world.score(host(1))), (HostState::Quiet, 0));
    assert_eq!(world.engine.counters().to_own_servers, 4000);
}

#[test]
fn printers_that_look_alike_and_write_to_the_same_servers() {
    let mut world = World::new("");
    let begun = world.now;
    for round in 0..24 {
        for printer in 0..30 {
            world.until(begun + round * 10 * MINUTE + u64::from(printer) * SECOND);
            let message = Message { helo: format!("printer{printer}.example.com"), ..Message::default() };
            world.send(host(200 + printer), server((round as u32 + printer) % 5), &message);
        }
    }
    assert_eq!(world.contained(), [] as [std::net::IpAddr; 0]);
    assert_eq!(world.said, []);
}

/// What says no to one message says it of all its recipients, and as often as it is asked.
#[test]
fn one_server_that_refuses_whatever_it_is_asked() {
    for reply in [
        "554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org",
        "550 5.1.1 no such user",
        "550 go away",
    ] {
        let mut world = World::new("");
        let recipients = (0..60).map(|number| format!("p{number}@there.example")).collect();
        let message = Message { to_recipients: reply.into(), recipients, ..Message::default() };
        world.send(host(1), server(1), &message);
        world.session(host(1), server(1), |session| {
            let reply =
                |number| Reply { code: 554, text: format!("5.7.1 <p{number}> on zen.spamhaus.org").into() };
            session.refused_with = (0..8).map(reply).collect();
        });
        world.until(world.now + SECOND);
        assert!(
            world.score(host(1)) <= 40,
            "{reply}: {} {:?}",
            world.score(host(1)),
            world.speaking(host(1))
        );
        let again = Message { recipients: message.recipients[..8].to_vec(), ..message };
        for _ in 0..30 {
            world.until(world.now + MINUTE);
            world.send(host(1), server(1), &again);
        }
        world.until(world.now + HOUR);
        assert_eq!(world.contained(), [] as [std::net::IpAddr; 0], "{reply}");
    }
}

/// It connects to many, reads the greeting and leaves; the kernel counts servers meanwhile and afterwards.
#[test]
fn monitoring_that_looks_at_the_greetings_of_many_servers() {
    for servers in [40, 80] {
        let (mut world, begun) = (World::new(""), 1000 * DAY);
        let mut record = HostRecord::new(begun);
        for round in 0..288 {
            world.until(begun + round * 5 * MINUTE);
            record.window_start_ns = world.now;
            record.current.sketch = [0; 16];
            (record.current.attempts, record.current.established) = (servers.into(), servers.into());
            record.attempts += u64::from(servers);
            for number in 0..servers {
                let bit = server(number * 31).hash() % 1024;
                record.current.sketch[bit as usize / 64] |= 1 << (bit % 64);
            }
            for number in 0..servers {
                if number % 40 == 20 {
                    record.last_seen_ns = world.now;
                    world.engine.sample(
                        &[Sample { address: host(9), kind: HostKind::Host, record: &record }],
                        world.now,
                    );
                }
                world.until(world.now + SECOND / 10);
                world.session(host(9), server(number * 31), |_| {});
            }
            world.until(world.now + 10 * SECOND);
            world
                .engine
                .sample(&[Sample { address: host(9), kind: HostKind::Host, record: &record }], world.now);
        }
        assert_eq!(world.contained(), [] as [std::net::IpAddr; 0], "{servers}");
        let signals = [Signal::NewServers, Signal::DailyServers, Signal::Destinations];
        assert_eq!(signals.map(|signal| world.figure(host(9), signal)), [0; 3], "{servers}");
    }
}

#[test]
fn who_looks_and_then_writes_is_counted() {
    let mut world = World::new("");
    for number in 0..30 {
        world.session(host(9), server(number * 31), |_| {});
        world.until(world.now + MINUTE);
        world.send(host(9), server(number * 31), &Message::default());
    }
    assert!(world.figure(host(9), Signal::NewServers) > 25);
}
