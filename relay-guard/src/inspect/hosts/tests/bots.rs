//! The four behaviours of bots, at default settings: each is found within the time that docs/signals.md states.

use relay_guard_common::host::HostRecord;

use super::super::Command;
use super::super::testing::*;
use crate::inspect::ladder::HostState;
use crate::inspect::{HostKind, Sample};

#[test]
fn a_flood_is_stopped_within_thirty_seconds() {
    let mut world = World::new("");
    let (bot, begun) = (host(66), world.now);
    for number in 0..300 {
        world.until(begun + u64::from(number) * SECOND / 10);
        world.send(bot, server(number), &Message::default());
    }
    let (told, contained) = world.found(bot);
    assert!(told.unwrap() - begun <= 10 * SECOND, "{:?}", (told.unwrap() - begun) / SECOND);
    assert!(contained.unwrap() - begun <= 10 * SECOND);
    assert_eq!(world.state(bot), HostState::Contained(2));
    assert!(world.said.iter().any(|(_, command)| *command == Command::EndSessions { address: bot }));
}

/// A message every so many minutes, each to a server that it never wrote to, and nothing else that is odd.
fn slow(minutes: u64, jitter_s: u64) -> (Option<u64>, Option<u64>) {
    let mut world = World::new("");
    let (bot, begun) = (host(66), world.now);
    let mut random = Random(minutes);
    let mut at = begun;
    for number in 0..(12 * 60 / minutes) as u32 {
        world.until(at);
        world.send(
            bot,
            server(random.below(60_000) as u32),
            &Message { octets: 900 + u64::from(number) * 977 % 90_000, ..Message::default() },
        );
        at = begun + (u64::from(number) + 1) * minutes * MINUTE + random.below(jitter_s + 1) * SECOND;
    }
    let (told, contained) = world.found(bot);
    (told.map(|at| (at - begun) / MINUTE), contained.map(|at| (at - begun) / MINUTE))
}

#[test]
fn low_and_slow_is_told_within_two_hours_and_limited_within_six() {
    for (minutes, told_by, limited_by) in [(2, 50, 150), (3, 75, 210), (5, 120, 350)] {
        for jitter_s in [0, 60] {
            let (told, limited) = slow(minutes, jitter_s);
            assert!(told.is_some_and(|told| told <= told_by), "every {minutes} min: told after {told:?} min");
            assert!(
                limited.is_some_and(|at| at <= limited_by),
                "every {minutes} min: limited after {limited:?} min"
            );
        }
    }
}

#[test]
fn a_snowshoe_of_twenty_hosts_is_limited_within_an_hour() {
    let mut world = World::new("");
    let begun = world.now;
    let mut random = Random(1);
    for round in 0..6 {
        for bot in 0..20 {
            world.until(begun + round * 10 * MINUTE + bot * 30 * SECOND);
            let word: String = (0..6).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
            let message = Message {
                helo: format!("{word}.example.net"),
                sender: format!("{word}@{word}.example"),
                recipients: vec![format!("{word}@place.example")],
                octets: 4000 + random.below(200),
                ..Message::default()
            };
            world.send(host(100 + bot as u32), server(random.below(60_000) as u32), &message);
        }
    }
    for bot in 0..20 {
        let (told, contained) = world.found(host(100 + bot));
        assert!(told.is_some_and(|told| told - begun <= 45 * MINUTE), "{bot} was told after {told:?}");
        assert!(contained.is_some_and(|at| at - begun <= HOUR), "{bot} was contained after {contained:?}");
    }
}

/// 500 recipients an hour of one sender, 30 % of them gone, among the mail of everybody else.
fn compromised(text: &str) -> (World, u64) {
    let mut world = World::new(text);
    let (relay, begun) = (host(25), world.now);
    world.kinds.insert(relay, HostKind::MailServer);
    let mut random = Random(3);
    let mut at = begun;
    for number in 0..3000 {
        at += 2400 * SECOND / 1000;
        world.until(at);
        let stolen = number % 3 == 0;
        let gone = random.percent(if stolen { 30 } else { 2 });
        let message = Message {
            helo: "mail.example.com".into(),
            sender: if stolen {
                "victim@example.com".into()
            } else {
                format!("user{}@example.com", number % 200)
            },
            to_recipients: if gone { "550 5.1.1 unknown".into() } else { String::new() },
            octets: 2000 + random.below(60_000),
            ..Message::default()
        };
        world.send(relay, server(random.below(20_000) as u32), &message);
    }
    (world, begun)
}

#[test]
fn a_compromised_account_is_told_within_an_hour_and_its_server_not_contained() {
    let (world, begun) = compromised("");
    let (told, contained) = world.found(host(25));
    assert!(
        told.is_some_and(|told| told - begun <= 45 * MINUTE),
        "{:?}",
        told.map(|at| (at - begun) / MINUTE)
    );
    assert_eq!(contained, None);
    assert!(world.speaking(host(25)).contains(&"busy-sender"), "{:?}", world.speaking(host(25)));
}

#[test]
fn its_server_is_contained_if_the_configuration_says_so() {
    let (world, _) =
        compromised("inspection.contain_mail_servers = true\n[signals]\nbusy-sender.weight = 100");
    assert!(world.found(host(25)).1.is_some());
}

/// Ten messages a second until it is contained: then the guard answers, and nothing is seen of its sessions.
fn flood(world: &mut World, bot: std::net::IpAddr) {
    let begun = world.now;
    for number in 0..200 {
        world.until(begun + u64::from(number) * SECOND / 10);
        if world.engine.contained_until(bot).is_some() {
            return;
        }
        world.send(bot, server(number), &Message::default());
    }
    panic!("not contained");
}

#[test]
fn a_bot_that_stops_is_released_when_its_time_is_over_and_stopped_harder_when_it_comes_again() {
    let (mut world, bot) = (World::new(""), host(66));
    flood(&mut world, bot);
    let begun = world.now;
    world.until(begun + HOUR - 2 * SECOND);
    assert_eq!(world.state(bot), HostState::Contained(1));
    world.until(begun + HOUR);
    assert_eq!((world.state(bot), world.score(bot)), (HostState::Quiet, 0));
    assert_eq!(world.said.iter().filter(|(_, said)| *said == Command::Release { address: bot }).count(), 1);
    flood(&mut world, bot);
    let until = world.engine.contained_until(bot).unwrap();
    assert_eq!(
        (until - world.now, world.state(bot)),
        (2 * HOUR, HostState::Contained(2)),
        "harder, for twice the time"
    );
    world.until(until + DAY + MINUTE);
    flood(&mut world, bot);
    assert_eq!(world.engine.contained_until(bot).unwrap() - world.now, HOUR, "a day later it is forgotten");
}

#[test]
fn a_bot_that_goes_on_is_contained_until_it_stops() {
    let (mut world, bot) = (World::new(""), host(66));
    flood(&mut world, bot);
    let begun = world.now;
    let mut record = HostRecord::new(begun);
    // The guard refuses every attempt; the kernel counts them, each minute's 40 to other servers.
    for minute in 0..600 {
        world.until(begun + minute * MINUTE);
        (record.window_start_ns, record.last_seen_ns) = (world.now, world.now);
        record.attempts += 40;
        (record.current.attempts, record.current.stopped) = (40, 40);
        record.current.sketch = [0; 16];
        record.current.sketch[minute as usize % 16] = u64::MAX >> 24;
        let sample = Sample { address: bot, kind: HostKind::Host, record: &record };
        world.engine.sample(&[sample], world.now);
    }
    assert_eq!(world.state(bot), HostState::Contained(2));
    world.until(world.now + 2 * HOUR + MINUTE);
    assert_eq!(world.state(bot), HostState::Quiet, "two hours after it stopped");
}

#[test]
fn a_slow_bot_is_contained_for_longer_and_longer() {
    let (mut world, bot, begun) = (World::new(""), host(66), 1000 * DAY);
    let mut random = Random(9);
    let mut at_large = 0;
    for number in 0..12 * 24 * 3 {
        world.until(begun + number * 5 * MINUTE);
        let to = server(random.below(60_000) as u32);
        if world.engine.contained_until(bot).is_none() {
            at_large += u64::from(number > 12 * 12);
            world.send(bot, to, &Message::default());
        } else {
            // The guard stops it, and the kernel counts that it tried.
            let mut record = HostRecord::new(world.now);
            record.attempts = number;
            (record.current.attempts, record.current.stopped) = (1, 1);
            let bit = to.hash() % 1024;
            record.current.sketch[bit as usize / 64] |= 1 << (bit % 64);
            world.engine.sample(&[Sample { address: bot, kind: HostKind::Host, record: &record }], world.now);
        }
    }
    assert!(at_large < 12 * 8, "{at_large} messages after the first half day, of {}", 12 * 60);
}
