use std::net::Ipv4Addr;

use relay_guard_common::flow::{FlowKey, Party};
use relay_guard_common::parse::Flags;

use super::*;
use crate::inspect::hosts::testing::{SECOND, host, rules, server};
use crate::inspect::ladder::HostState;
use crate::inspect::segment::Opening;

/// A connection whose parties take turns.
struct Talk {
    flow: FlowKey,
    numbers: [u32; 2],
}

impl Talk {
    fn new(from: IpAddr, port: u16, to: u32) -> Self {
        Self { flow: FlowKey::new((Address::from(from), port), (server(to), 25)), numbers: [1000, 5000] }
    }

    /// What one party says, in one segment.
    fn say(
        &mut self,
        inspection: &mut Inspection,
        (from, text): (Party, &str),
        flags: u8,
        now_ns: u64,
    ) -> Vec<Observation> {
        let [own, other] = match from {
            Client => [0, 1],
            Server => [1, 0],
        };
        let opening = (self.numbers == [1000, 5000]).then_some(Opening { client: 1000, server: 5000 });
        let segment = Segment {
            time_ns: now_ns,
            flow: self.flow,
            from,
            sequence: self.numbers[own],
            acknowledgment: Some(self.numbers[other]),
            flags: Flags(Flags::ACK | flags),
            len: text.len() as u32,
            payload: text.as_bytes(),
            opening,
            skipped_own: false,
            skipped_other: false,
        };
        self.numbers[own] += text.len() as u32 + u32::from(flags & Flags::FIN != 0);
        let mut shown = Vec::new();
        inspection.segment(&segment, kind_of, |heard| shown.push(heard.clone()));
        shown
    }

    fn all(&mut self, inspection: &mut Inspection, lines: &[(Party, &str)], now_ns: u64) -> Vec<Observation> {
        lines.iter().flat_map(|line| self.say(inspection, *line, 0, now_ns)).collect()
    }
}

use Party::{Client, Server};

const MESSAGE: [(Party, &str); 11] = [
    (Server, "220 mx.there.example ESMTP\r\n"),
    (Client, "EHLO ws.example.com\r\n"),
    (Server, "250 mx.there.example\r\n"),
    (Client, "MAIL FROM:<jane@example.com>\r\n"),
    (Server, "250 ok\r\n"),
    (Client, "RCPT TO:<joe@there.example>\r\n"),
    (Server, "250 ok\r\n"),
    (Client, "DATA\r\n"),
    (Server, "354 go\r\n"),
    (Client, "Subject: x\r\n\r\nx\r\n.\r\n"),
    (Server, "250 queued\r\n"),
];

/// Inside is 10.0.0.0/8.
fn kind_of(address: IpAddr) -> Option<HostKind> {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10).then_some(HostKind::Host)
}

fn inspection() -> Inspection {
    Inspection::new(flows::Limits::default(), rules("[[containment]]\nscore = 50\naction = \"drop\""))
}

#[test]
fn a_flood_of_segments_contains_its_host_and_ends_what_is_in_flight() {
    let mut inspection = inspection();
    let (bot, mut now) = (host(66), 1000 * SECOND);
    let mut open = Talk::new(bot, 999, 999);
    open.all(&mut inspection, &MESSAGE[..4], now);
    let mut commands = Vec::new();
    for number in 0..40 {
        now += SECOND / 10;
        let mut talk = Talk::new(bot, 2000 + number as u16, number);
        let seen = talk.all(&mut inspection, &MESSAGE, now);
        assert!(matches!(&seen[..], [Observation::Transaction(_)]), "{seen:?}");
        talk.say(&mut inspection, (Client, "QUIT\r\n"), Flags::FIN, now);
        talk.say(&mut inspection, (Server, "221 bye\r\n"), Flags::FIN, now);
        commands.extend(inspection.poll(now, kind_of, |_| {}));
    }
    assert!(commands.contains(&Command::EndSessions { address: bot }), "{commands:?}");
    let is_end = |said| matches!(said, FlowCommand::End(connection) if connection.flow == open.flow);
    assert!(inspection.flow_commands().any(is_end));
    let view = inspection.engine().view(bot, now).unwrap().view;
    assert_eq!((view.state, view.sessions, view.transactions), (HostState::Contained(0), 40, 40));
}

#[test]
fn strangers_are_shown_and_not_judged() {
    let mut inspection = inspection();
    let stranger = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let seen = Talk::new(stranger, 2000, 1).all(&mut inspection, &MESSAGE, SECOND);
    assert_eq!(seen.len(), 1);
    assert_eq!(inspection.engine().view(stranger, SECOND), None);
}

#[test]
fn an_encrypted_session_counts_once() {
    let mut inspection = inspection();
    let mut talk = Talk::new(host(1), 2000, 1);
    let seen = talk.all(
        &mut inspection,
        &[
            MESSAGE[0],
            MESSAGE[1],
            (Server, "250-mx.there.example\r\n250 STARTTLS\r\n"),
            (Client, "STARTTLS\r\n"),
            (Server, "220 go\r\n"),
            // No ClientHello, but as good as one: a record of a handshake that is over at once.
            (Client, "\x16\x03\x01\x00\x04\x01\x00\x00\x00"),
            (Server, "\x16\x03\x03\x00\x04\x02\x00\x00\x00"),
        ],
        SECOND,
    );
    assert!(seen.iter().any(|seen| matches!(seen, Observation::Transaction(tls) if tls.tls)), "{seen:?}");
    let mut more = talk.say(&mut inspection, (Client, ""), Flags::RST, 2 * SECOND);
    inspection.finish(3 * SECOND, kind_of, |heard| more.push(heard.clone()));
    let again = |seen: &[Observation]| {
        let sessions = seen.iter().filter_map(|seen| match seen {
            Observation::Session(session) => Some(session.again),
            Observation::Transaction(_) => None,
        });
        sessions.collect::<Vec<_>>()
    };
    assert_eq!((again(&seen), again(&more)), (vec![false], vec![true]));
    assert_eq!(inspection.engine().counters().sessions, 1);
    assert_eq!(inspection.engine().view(host(1), 3 * SECOND).unwrap().recent.len(), 1);
}

#[test]
fn it_says_when_it_has_something_to_do() {
    let mut inspection = inspection();
    assert_eq!(inspection.poll_timeout(), None);
    Talk::new(host(1), 2000, 1).all(&mut inspection, &MESSAGE, 5 * SECOND);
    assert!(inspection.poll_timeout().is_some_and(|at| at <= 5 * SECOND));
    assert_eq!(inspection.poll(5 * SECOND, kind_of, |_| {}), []);
    // The connection's idle time.
    assert!(inspection.poll_timeout().is_some_and(|at| at > 60 * SECOND));
}
