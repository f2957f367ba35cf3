//! What refused senders offered, as it is told.

use std::time::Duration;

use relay_guard::datapath::EnvelopeSource;
use relay_guard_common::respond::envelope::{ENVELOPE_LINE_LEN, EnvelopeLine};
use relay_guard_common::respond::verb::Verb;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::flags::FIN;
use tokio::runtime::{Builder, Runtime};

use super::connection::{Connection, Program};
use super::reaction::Reaction;
use super::run::Ports;
use super::segment::{NEVER_SENT, Segment};
use super::world::{GREETED, REFUSED, SAID, TARPITTED, World, with_world};

/// The ring's reader.
pub struct Reader {
    runtime: Runtime,
    source: EnvelopeSource,
}

impl Reader {
    pub fn new(world: &mut World<'_>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let source = runtime.block_on(async { world.kernel.datapath.take_envelopes() });
        Self { runtime, source: source.expect("the ring is free") }
    }

    /// All that has been told; test-runs are over before this is asked.
    pub fn lines(&mut self) -> Vec<EnvelopeLine> {
        let Self { runtime, source } = self;
        let told =
            runtime.block_on(async { tokio::time::timeout(Duration::ZERO, source.next(usize::MAX)).await });
        told.map_or(Vec::new(), |lines| lines.expect("the ring is read"))
    }
}

/// A line and what of it is told.
fn told(line: &EnvelopeLine) -> (Verb, &[u8]) {
    let verbs =
        [Verb::Other, Verb::Hello, Verb::Mail, Verb::Rcpt, Verb::Data, Verb::Rset, Verb::Noop, Verb::Quit];
    (verbs[usize::from(line.verb)], &line.line[..usize::from(line.len)])
}

#[test]
fn the_envelope_is_told_line_by_line() {
    let long = format!("RCPT TO:<{}@example.com>\r\n", "x".repeat(400));
    let exactly = |length: usize| format!("MAIL FROM:<{}>\r\n", "y".repeat(length - 14));
    let lines: Vec<(String, Option<Verb>)> = vec![
        ("EHLO client.example.net\r\n".into(), Some(Verb::Hello)),
        ("helo x\n".into(), Some(Verb::Hello)),
        ("MAIL FROM:<a@example.net>\r\n".into(), Some(Verb::Mail)),
        ("RCPT TO:<b@example.com>\r\n".into(), Some(Verb::Rcpt)),
        ("rcpt\n".into(), Some(Verb::Rcpt)),
        (long, Some(Verb::Rcpt)),
        (exactly(ENVELOPE_LINE_LEN - 1), Some(Verb::Mail)),
        (exactly(ENVELOPE_LINE_LEN), Some(Verb::Mail)),
        (exactly(ENVELOPE_LINE_LEN + 1), Some(Verb::Mail)),
        ("DATA\r\n".into(), None),
        ("RSET\r\n".into(), None),
        ("NOOP\r\n".into(), None),
        ("QUIT\r\n".into(), None),
        ("STARTTLS\r\n".into(), None),
        ("RCPTX TO:<a@b>\r\n".into(), None),
    ];
    with_world(|mut world| {
        let mut reader = Reader::new(&mut world);
        let mut ports = Ports::default();
        for (program, v6) in [(Program::Xdp, false), (Program::Tc, true), (Program::TcBare, false)] {
            let connection = Connection::inbound(program, REFUSED.client(v6), ports.next(), 25);
            let connection = connection.open(world.kernel);
            for (line, verb) in &lines {
                // What is behind the line in its segment is not told.
                let segment = Segment::data(SAID, format!("{line}RCPT TO:<hidden@example.com>\r\n"));
                for segment in [Segment::data(SAID, line), segment, Segment::data(SAID, line).and(FIN)] {
                    let reaction = connection.send(world.kernel, &segment).expect("a good reply");
                    assert!(matches!(reaction, Reaction::Reply(_)), "{line:?}: {reaction:?}");
                    let lines = reader.lines();
                    let short = &line.as_bytes()[..line.len().min(ENVELOPE_LINE_LEN)];
                    let expected: Vec<_> = verb.iter().map(|verb| (*verb, short)).collect();
                    assert_eq!(
                        lines.iter().map(told).collect::<Vec<_>>(),
                        expected,
                        "{line:?} {connection:?}"
                    );
                    for told in &lines {
                        assert!(told.time_ns > 0);
                        assert_eq!(told.source, connection.client.ip().into());
                        assert_eq!(told.destination, connection.server.ip().into());
                        assert_eq!(told.source_port, connection.client.port());
                        assert_eq!((told.destination_port, told.class), (25, world.class(REFUSED)));
                        assert_eq!(told.direction, Direction::Inbound as u8);
                        assert_eq!(told.ifindex, world.kernel.ifindex(connection.at));
                    }
                }
            }
        }
    });
}

#[test]
fn what_is_not_answered_is_not_told() {
    with_world(|mut world| {
        let mut reader = Reader::new(&mut world);
        let line = "RCPT TO:<b@example.com>\r\n";
        for (who, segment) in [
            (REFUSED, Segment::data(NEVER_SENT, line)),
            (REFUSED, Segment::data(SAID, &line[..10])),
            (REFUSED, Segment::syn().payload(line)),
            (TARPITTED, Segment::data(SAID, line)),
            (GREETED, Segment::data(90, line)),
        ] {
            let connection =
                Connection::inbound(Program::Xdp, who.client(false), 4000, 25).open(world.kernel);
            connection.send(world.kernel, &segment).expect("a good reply");
            assert_eq!(reader.lines().iter().map(told).collect::<Vec<_>>(), vec![], "{who:?} {segment:?}");
        }
        world.kernel.enforce(false);
        let connection = Connection::inbound(Program::Xdp, REFUSED.client(false), 4000, 25);
        assert_eq!(connection.send(world.kernel, &Segment::data(SAID, line)), Ok(Reaction::Passed));
        assert_eq!(reader.lines().len(), 0);
    });
}
