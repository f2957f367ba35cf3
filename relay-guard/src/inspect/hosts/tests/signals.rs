//! Each signal where it is the only one that speaks, and where it just does not.

use relay_guard_common::host::HostRecord;

use super::super::Command;
use super::super::testing::*;
use crate::inspect::observation::{Observation, Protocol, Reply, Session, Slips, Tls, Unseen};
use crate::inspect::signals::Signal;
use crate::inspect::{HostKind, Sample};

const BOT: u32 = 66;

/// Sends so many messages, a minute apart, each as `make` says, and looks at who speaks.
fn after(count: u32, make: impl Fn(u32) -> (u32, Message)) -> World {
    let mut world = World::new("");
    let begun = world.now;
    for number in 0..count {
        // Not at an even pace.
        world.until(begun + u64::from(number) * 60 * SECOND + u64::from(number % 3) * 17 * SECOND);
        let (to, message) = make(number);
        world.send(host(BOT), server(to), &message);
    }
    world.until(world.now + SECOND);
    world
}

#[track_caller]
fn speaks(world: &World, signal: Signal, figure: u32) {
    assert_eq!(world.speaking(host(BOT)), [signal.name()]);
    assert_eq!(world.figure(host(BOT), signal), figure);
}

#[track_caller]
fn silent(world: &World) {
    assert_eq!(world.speaking(host(BOT)), [] as [&str; 0]);
}

#[test]
fn attempts() {
    let burst = |count: u32| {
        let mut world = World::new("");
        (0..count).for_each(|_| world.send(host(BOT), server(1), &Message::default()));
        world.until(world.now + SECOND);
        world
    };
    silent(&burst(60));
    speaks(&burst(100), Signal::Attempts, 100);
}

#[test]
fn attempts_and_destinations_that_only_the_kernel_saw() {
    let mut record = HostRecord::new(0);
    let mut world = World::new("");
    (record.window_start_ns, record.last_seen_ns) = (world.now, world.now);
    record.current.attempts = 61;
    record.current.established = 61;
    for (attempts, expected) in [(60, vec![]), (100, vec!["attempts"])] {
        record.current.attempts = attempts;
        world
            .engine
            .sample(&[Sample { address: host(BOT), kind: HostKind::Host, record: &record }], world.now);
        world.until(world.now + SECOND);
        assert_eq!(world.speaking(host(BOT)), expected);
    }
    // 60 of 1024 bits are 62 servers.
    record.current.sketch[0] = u64::MAX >> 4;
    record.current.attempts = 60;
    world
        .engine
        .sample(&[Sample { address: host(BOT + 1), kind: HostKind::Host, record: &record }], world.now);
    world.until(world.now + SECOND);
    assert_eq!(world.speaking(host(BOT + 1)), ["destinations"]);
    assert_eq!(world.figure(host(BOT + 1), Signal::Destinations), 62);
    world.until(world.now + 2 * MINUTE);
    assert_eq!(world.figure(host(BOT + 1), Signal::Destinations), 0, "the kernel's counts hold for a window");
}

#[test]
fn failed_attempts() {
    let mut world = World::new("signals.destinations.weight = 0");
    let mut record = HostRecord::new(0);
    (record.window_start_ns, record.last_seen_ns) = (world.now, world.now);
    record.current.sketch[0] = u64::MAX;
    (record.current.attempts, record.current.established) = (40, 4);
    world.engine.sample(&[Sample { address: host(BOT), kind: HostKind::Host, record: &record }], world.now);
    world.until(world.now + SECOND);
    speaks(&world, Signal::FailedAttempts, 90);
}

#[test]
fn new_servers_and_servers_in_a_day() {
    silent(&after(10, |n| (n, Message::default())));
    let mut world = after(16, |n| (n * 31, Message { octets: 1 << (n % 20), ..Message::default() }));
    assert_eq!(world.speaking(host(BOT)), ["new-servers"]);
    // Two may have fallen into one place.
    let figure = world.figure(host(BOT), Signal::NewServers);
    assert!((14..=16).contains(&figure), "{figure}");
    // The same ones a day later are not new.
    world.until(world.now + DAY);
    assert_eq!(world.speaking(host(BOT)), [] as [&str; 0]);
    for number in 0..16 {
        world.until(world.now + 61 * SECOND);
        world.send(host(BOT), server(number * 31), &Message::default());
    }
    world.until(world.now + SECOND);
    assert_eq!(world.figure(host(BOT), Signal::NewServers), 0);
}

#[test]
fn servers_in_a_day() {
    let mut world = World::new("signals.new-servers.weight = 0");
    for number in 0..60 {
        world.until(world.now + 19 * MINUTE + u64::from(number % 7) * 5 * MINUTE);
        world.send(
            host(BOT),
            server(number * 31),
            &Message { octets: 1 << (number % 20), ..Message::default() },
        );
    }
    world.until(world.now + SECOND);
    let figure = world.figure(host(BOT), Signal::DailyServers);
    assert!((40..=48).contains(&figure), "{figure}");
}

#[test]
fn refusing_servers() {
    let refused = || Message { to_recipients: "550 5.7.1 no".into(), ..Message::default() };
    // Every fourth, so that the share of refused recipients says nothing alone.
    let mut world = World::new("signals.refused-recipients.weight = 0\nsignals.new-servers.weight = 0");
    for number in 0..9 {
        world.until(world.now + 61 * SECOND * (1 + u64::from(number % 3)));
        world.send(host(BOT), server(number), &refused());
    }
    world.until(world.now + SECOND);
    assert_eq!(world.speaking(host(BOT)), ["refusing-servers"]);
    let figure = world.figure(host(BOT), Signal::RefusingServers);
    assert!((8..=10).contains(&figure), "{figure}");
    let mut greeted = World::new("");
    for number in 0..8 {
        greeted.send(
            host(BOT),
            server(number),
            &Message { greeting: "554 5.7.1 no".into(), ..Message::default() },
        );
        greeted.send(
            host(BOT + 1),
            server(number),
            &Message { greeting: "421 4.7.1 later".into(), ..Message::default() },
        );
    }
    greeted.until(greeted.now + SECOND);
    assert_eq!(greeted.speaking(host(BOT)), ["refusing-servers"]);
    assert_eq!(greeted.speaking(host(BOT + 1)), [] as [&str; 0], "for now is not for good");
}

#[test]
fn helo() {
    let named = |name: &'static str| move |_| (1, Message { helo: name.into(), ..Message::default() });
    silent(&after(9, named("ws.example.com")));
    silent(&after(9, named("[10.0.0.66]")));
    speaks(&after(3, named("localhost")), Signal::HeloNoName, 3);
    speaks(&after(3, named("10.0.0.66")), Signal::HeloBareAddress, 3);
    speaks(&after(3, named("yahoo.com")), Signal::HeloOfOthers, 3);
    speaks(&after(3, named("there.example")), Signal::HeloOfOthers, 3);
    speaks(&after(3, named("mx.there.example")), Signal::HeloOfOthers, 3);
    let many = |n: u32| (1, Message { helo: format!("h{n}.example.com"), ..Message::default() });
    silent(&after(3, many));
    speaks(&after(6, many), Signal::HeloChanges, 5);
    silent(&after(40, |n| many(n % 3)));
    let mut world = World::new("");
    world.session(host(BOT), server(1), |session| session.helo_changes = 5);
    world.until(world.now + SECOND);
    speaks(&world, Signal::HeloChanges, 5);
}

#[test]
fn a_session_with_the_name_of_others_counts_once_whatever_is_beside_it() {
    for (side_by_side, messages) in [(1, 9), (2, 4), (16, 5)] {
        let mut world = World::new("");
        let message = Message { helo: "there.example".into(), ..Message::default() };
        let flows: Vec<_> = (0..side_by_side).map(|n| world.flow(host(BOT), server(n % 3))).collect();
        for flow in (0..messages).flat_map(|_| &flows) {
            world.observe(&Observation::Transaction(Box::new(message.transaction_of(*flow, world.now))));
        }
        assert_eq!(world.figure(host(BOT), Signal::HeloOfOthers), side_by_side);
        // The name is the server's own besides.
        let greeting = "220 there.example ESMTP".into();
        let message = Message { greeting, ..message };
        for flow in &flows {
            world.observe(&Observation::Session(Box::new(message.session_of(*flow, world.now))));
        }
        assert_eq!(world.figure(host(BOT), Signal::HeloOfOthers), side_by_side);
        // The next ones from the same ports are others.
        let (first, mut again) = (flows[0], message.session_of(flows[0], world.now));
        world.observe(&Observation::Transaction(Box::new(message.transaction_of(first, world.now))));
        world.observe(&Observation::Session(Box::new(again.clone())));
        assert_eq!(world.figure(host(BOT), Signal::HeloOfOthers), side_by_side + 1);
        again.helo = Some("ws.example.com".into());
        world.observe(&Observation::Session(Box::new(again)));
        assert_eq!(world.figure(host(BOT), Signal::HeloOfOthers), side_by_side + 1);
    }
}

#[test]
fn talks_first_and_slips() {
    let mut world = World::new("");
    (0..2).for_each(|_| world.session(host(BOT), server(1), |session| session.talked_first = true));
    world.until(world.now + SECOND);
    speaks(&world, Signal::TalksFirst, 2);
    let mut world = World::new("");
    let slips = Slips { bare_lf: 40, ..Slips::default() };
    world.session(host(BOT), server(1), |session| session.slips = slips);
    world.until(world.now + SECOND);
    speaks(&world, Signal::ProtocolSlips, 5);
    world.session(host(BOT), server(1), |session| session.protocol = Protocol::Http);
    world.until(world.now + SECOND);
    speaks(&world, Signal::ProtocolSlips, 6);
}

#[test]
fn sender_domains() {
    let from = |domains: u32| {
        move |n: u32| (1, Message { sender: format!("a@d{}.example", n % domains), ..Message::default() })
    };
    silent(&after(20, from(4)));
    let world = after(20, from(20));
    assert_eq!(world.speaking(host(BOT)), ["sender-domains"]);
    let figure = world.figure(host(BOT), Signal::SenderDomains);
    assert!((17..=23).contains(&figure), "{figure}");
}

#[test]
fn recipients_per_message() {
    let to = |count: usize| {
        move |_| (1, Message { recipients: vec!["a@there.example".into(); count], ..Message::default() })
    };
    silent(&after(5, to(10)));
    silent(&after(2, to(90)));
    speaks(&after(3, to(30)), Signal::RecipientsPerMessage, 30);
}

#[test]
fn refused_recipients() {
    let refused = |every: u32, text: &'static str| {
        move |n: u32| {
            let text = if n.is_multiple_of(every) { text } else { "" };
            // Each of another sender, so that none of them is busy.
            (
                n / 3 % 3,
                Message {
                    sender: format!("u{n}@d{}.example.com", n % 4),
                    to_recipients: text.into(),
                    ..Message::default()
                },
            )
        }
    };
    silent(&after(30, refused(30, "550 5.1.1 unknown")));
    silent(&after(30, refused(2, "450 4.7.1 greylisted")));
    silent(&after(9, refused(2, "550 5.1.1 unknown")));
    speaks(&after(30, refused(3, "550 5.1.1 unknown")), Signal::RefusedRecipients, 33);
}

#[test]
fn what_one_server_says_of_all_recipients_is_one_sign() {
    for text in ["554 5.7.1 Client host [203.0.113.5] blocked using zen.spamhaus.org", "550 5.1.1 unknown"] {
        let mut world = World::new("");
        let recipients: Vec<String> = (0..60).map(|n| format!("p{n}@there.example")).collect();
        let message = Message { recipients, to_recipients: text.into(), ..Message::default() };
        let session = |session: &mut Session| {
            session.refused_with = vec![Reply { code: 554, text: text[4..].into() }; 8];
        };
        let flow = world.flow(host(BOT), server(1));
        world.observe(&Observation::Transaction(Box::new(message.transaction_of(flow, world.now))));
        (0..5).for_each(|_| world.session(host(BOT), server(1), session));
        world.until(world.now + SECOND);
        assert!(world.score(host(BOT)) < 30, "{:?}", world.speaking(host(BOT)));
        assert!(world.figure(host(BOT), Signal::ListedReplies) <= 3);
    }
}

#[test]
fn volume_through_one_server() {
    let to = |count: usize| {
        move |_| (1, Message { recipients: vec!["a@there.example".into(); count], ..Message::default() })
    };
    silent(&after(60, to(5)));
    speaks(&after(100, to(10)), Signal::Recipients, 1000);
    let mut world = World::new("");
    world.kinds.insert(host(BOT), HostKind::MailServer);
    (0..100).for_each(|n| world.send(host(BOT), server(1), &to(10)(n).1));
    world.until(world.now + SECOND);
    silent(&world);
}

/// A session as the smtp module tells of it, with so many messages before.
fn unreadable(unseen: Unseen, transactions: u32, looked_at: u64) -> u32 {
    let mut world = World::new("");
    for _ in 0..12 {
        world.session(host(BOT), server(1), |session| {
            session.unseen = Unseen { commands_skipped: true, client_skipped: 9000, ..unseen };
            (session.complete, session.transactions) = (false, transactions);
            session.client_octets = looked_at + 9000;
        });
    }
    world.until(world.now + SECOND);
    world.figure(host(BOT), Signal::UnreadableSessions)
}

#[test]
fn unreadable_sessions() {
    let none = Unseen::default();
    for (what, unseen, transactions, looked_at, expected) in [
        ("a padded turn", none, 0, 8192, 12),
        ("behind content", none, 1, 500, 12),
        ("from the middle", Unseen { beginning: true, ..none }, 0, 8192, 0),
        ("lost", Unseen { client_lost: 9, ..none }, 0, 8192, 0),
        ("lost of the server's", Unseen { server_lost: 9, ..none }, 0, 8192, 0),
        ("a long session", none, 800, 256 << 10, 0),
        ("a thousand recipients each", none, 4, 256 << 10, 0),
        ("nothing but NOOP", none, 1, 256 << 10, 12),
        ("all of the server's", Unseen { server_skipped: 9, ..none }, 200, 60 << 10, 0),
        ("all of the server's answers to NOOP", Unseen { server_skipped: 9, ..none }, 0, 30 << 10, 12),
    ] {
        assert_eq!(unreadable(unseen, transactions, looked_at), expected, "{what}");
    }
    let mut world = World::new("");
    for _ in 0..12 {
        world.session(host(BOT), server(1), |session| session.unseen.commands_skipped = true);
        world.session(host(BOT + 1), server(1), |session| {
            session.unseen.client_skipped = 1 << 20;
            session.complete = false;
        });
    }
    world.until(world.now + SECOND);
    speaks(&world, Signal::UnreadableSessions, 12);
    assert_eq!(world.speaking(host(BOT + 1)), [] as [&str; 0], "content is no such thing");
}

#[test]
fn refused_messages() {
    let refused = |text: &'static str| {
        move |n: u32| {
            (1, Message { to_data: if n.is_multiple_of(2) { text } else { "" }.into(), ..Message::default() })
        }
    };
    silent(&after(20, refused("451 4.3.0 later")));
    silent(&after(9, refused("554 5.7.1 spam")));
    speaks(&after(20, refused("554 5.7.1 spam")), Signal::RefusedMessages, 50);
}

#[test]
fn listed_replies() {
    let told = |text: &'static str| {
        move |n: u32| {
            (n % 5, Message { to_recipients: if n < 2 { text } else { "" }.into(), ..Message::default() })
        }
    };
    speaks(&after(9, told("554 5.7.1 blocked using bl.spamcop.net")), Signal::ListedReplies, 2);
    speaks(&after(9, told("554 5.7.1 [203.0.113.5] is on zen.spamhaus.org")), Signal::ListedReplies, 6);
    silent(&after(9, told("554 5.7.1 [203.0.113.5] is not welcome")));
    let greeting = "554 5.7.1 listed at zen.spamhaus.org";
    speaks(
        &after(3, |n| (n, Message { greeting: greeting.into(), ..Message::default() })),
        Signal::ListedReplies,
        3,
    );
}

#[test]
fn null_senders() {
    let null = |every: u32| {
        move |n: u32| {
            (
                1,
                Message {
                    sender: if (n + 1).is_multiple_of(every) { "" } else { "a@example.com" }.into(),
                    ..Message::default()
                },
            )
        }
    };
    silent(&after(20, null(2)));
    silent(&after(9, null(1)));
    speaks(&after(20, null(1)), Signal::NullSenders, 100);
}

#[test]
fn same_shape() {
    let mut world = World::new("signals = { new-servers.weight = 0, daily-servers.weight = 0 }");
    for number in 0..25 {
        world.until(world.now + (30 + u64::from(number * number % 7) * 60) * SECOND);
        world.send(
            host(BOT),
            server(number * 17),
            &Message {
                sender: format!("{}@example.com", ["a", "bcd", "ef"][number as usize % 3]),
                ..Message::default()
            },
        );
    }
    world.until(world.now + SECOND);
    assert_eq!(world.speaking(host(BOT)), ["same-shape"]);
    let figure = world.figure(host(BOT), Signal::SameShape);
    assert!((18..=30).contains(&figure), "{figure}");
}

#[test]
fn shared_shape() {
    let mut world = World::new("");
    for round in 0..4 {
        for bot in 0..8 {
            world.until(world.now + MINUTE + u64::from((bot * 7 + round) % 5) * 10 * SECOND);
            world.send(host(BOT + bot), server(round * 100 + bot * 11), &Message::default());
        }
    }
    world.until(world.now + SECOND);
    speaks(&world, Signal::SharedShape, 8);
}

#[test]
fn machine_pace() {
    let mut world =
        World::new("signals = { new-servers.weight = 0, daily-servers.weight = 0, same-shape.weight = 0 }");
    for number in 0..20 {
        world.until(world.now + 5 * MINUTE);
        world.send(host(BOT), server(number * 17), &Message::default());
    }
    world.until(world.now + SECOND);
    speaks(&world, Signal::MachinePace, 100);
}

#[test]
fn busy_sender() {
    let world = after(40, |n| {
        let text = if n.is_multiple_of(4) { "550 5.1.1 unknown" } else { "" };
        (
            n % 3,
            Message {
                recipients: vec!["a@there.example".into(), "b@there.example".into()],
                to_recipients: text.into(),
                ..Message::default()
            },
        )
    });
    // 20 refused of 80: share and sender both speak.
    assert_eq!(world.speaking(host(BOT)), ["refused-recipients", "busy-sender"]);
    assert_eq!(world.figure(host(BOT), Signal::BusySender), 16);
}

#[test]
fn a_busy_sender_that_changes_its_name_is_known_by_its_domain() {
    let mut world = World::new("");
    world.kinds.insert(host(BOT), HostKind::MailServer);
    for number in 0..3600_u32 {
        world.until(world.now + SECOND);
        let (spam, honest_bounce) = (number.is_multiple_of(6), number.is_multiple_of(97));
        let dead = honest_bounce || (spam && number % 5 < 2);
        let sender =
            if spam { format!("x{number}@example.com") } else { format!("u{}@example.com", number % 50) };
        let to_recipients = if dead { "550 5.1.1 unknown" } else { "" }.into();
        world.send(host(BOT), server(number % 500), &Message { sender, to_recipients, ..Message::default() });
    }
    assert!(
        world.figure(host(BOT), Signal::BusySender) >= 60,
        "{}",
        world.figure(host(BOT), Signal::BusySender)
    );
    assert!(world.said.iter().any(|(_, command)| matches!(command, Command::Changed { .. })));
}

#[test]
fn what_is_encrypted_is_judged_by_what_remains() {
    let mut world = World::new("");
    for number in 0..100 {
        world.session(host(BOT), server(number), |session| {
            session.tls = Some(Tls { accepted: Some(true), server_name: None, alpn: Vec::new(), ja4: None });
            session.ended = None;
        });
    }
    world.until(world.now + SECOND);
    assert!(world.speaking(host(BOT)).contains(&"destinations"));
    assert_eq!(world.engine.counters().sessions, 100);
    // Its end is not another session.
    world.session(host(BOT), server(1), |session| {
        session.again = true;
    });
    assert_eq!(world.engine.counters().sessions, 100);
}

#[test]
fn a_declared_server_is_not_judged_by_how_many_it_writes_to() {
    let mut world = World::new("");
    world.kinds.insert(host(BOT), HostKind::MailServer);
    for number in 0..500 {
        world.send(host(BOT), server(number), &Message::default());
    }
    world.until(world.now + SECOND);
    silent(&world);
    for _ in 0..4 {
        world.session(host(BOT), server(1), |session| {
            session.talked_first = true;
            session.refused_with = vec![Reply { code: 554, text: "on spamhaus.org".into() }];
        });
    }
    world.until(world.now + SECOND);
    assert_eq!(world.speaking(host(BOT)), ["talks-first", "listed-replies"]);
}
