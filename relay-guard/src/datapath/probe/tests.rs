use std::time::Duration;

use proptest::prelude::*;
use relay_guard_common::parse::{self, Layer};

use super::{
    dialogue::{Exchange, XDP_TX, converse},
    segment::{ACK, FIN, PSH, RST, SYN, Segment, Wanted},
    *,
};
use crate::datapath::FrameRun;

const XDP_PASS: u32 = 2;
/// Where the fake server's sequence numbers begin: close enough to the end for them to go round.
const COOKIE: u32 = u32::MAX - 20;

fn question(source: &str, destination: &str) -> ProbeQuestion {
    let address = |text: &str| text.parse().expect(text);
    ProbeQuestion {
        side: Side::Outside,
        source: address(source),
        destination: address(destination),
        port: 25,
        half: Half::Both,
    }
}

fn questions() -> [ProbeQuestion; 2] {
    [question("198.51.100.7", "192.0.2.25"), question("2001:db8:1::7", "2001:db8::25")]
}

fn run(code: u32, frame: Vec<u8>) -> FrameRun {
    FrameRun { code, frame, duration: Duration::ZERO }
}

/// What a segment says, in short.
fn told(segment: &Segment) -> String {
    let flags = [(SYN, 'S'), (FIN, 'F'), (RST, 'R'), (ACK, 'A')];
    let flags: String = flags.iter().filter(|(flag, _)| segment.has(*flag)).map(|(_, name)| *name).collect();
    format!("{flags} {}", String::from_utf8_lossy(&segment.payload)).trim_end().to_owned()
}

fn dialogue(exchanges: &[Exchange]) -> Vec<(String, Option<String>)> {
    exchanges.iter().map(|one| (told(&one.client), one.server.as_ref().map(told))).collect()
}

/// A server that answers each segment as `answer` says, and is strict about the client's numbers.
fn serve(
    question: &ProbeQuestion,
    answer: impl Fn(&Segment) -> Option<(u8, &'static str)>,
) -> Vec<(String, Option<String>)> {
    let (mut expected, mut next) = (None, COOKIE);
    let exchanges = converse(question, |frame| {
        let client = Segment::read(frame).expect("a segment");
        assert_eq!(client.seq, expected.unwrap_or(client.seq), "the client skips nothing");
        assert_eq!(client.ack, if client.has(SYN) { 0 } else { next }, "and has all of what it got");
        expected = Some(client.seq.wrapping_add(client.length()));
        let Some((flags, text)) = answer(&client) else { return Ok(run(XDP_PASS, frame.to_vec())) };
        let server = Segment {
            seq: next,
            ack: client.seq.wrapping_add(client.length()),
            flags,
            window: 1024,
            payload: text.into(),
        };
        next = next.wrapping_add(server.length());
        let mut frame = server.frame(question, Wanted::Answer);
        // As short frames are on a wire.
        frame.extend([0xee; 6]);
        Ok(run(XDP_TX, frame))
    });
    dialogue(&exchanges.expect("a dialogue"))
}

fn refused(client: &Segment) -> Option<(u8, &'static str)> {
    let text = match client.payload.get(..4) {
        None if client.has(SYN) => return Some((SYN | ACK, "")),
        None => "220 mx.example.net SMTP\r\n",
        Some(b"EHLO") => "250 mx.example.net\r\n",
        Some(b"MAIL") => "250 2.1.0 Ok\r\n",
        Some(b"RCPT") => "550 5.7.1 listed\r\n",
        Some(b"QUIT") => return Some((FIN | ACK | PSH, "221 2.0.0 Bye\r\n")),
        Some(other) => panic!("{other:?}"),
    };
    Some((ACK | PSH, text))
}

#[test]
fn a_refused_client_hears_every_line() {
    for question in questions() {
        let told = serve(&question, refused);
        let expected = [
            ("S", "SA"),
            ("A", "A 220 mx.example.net SMTP"),
            ("A EHLO relay-guard.invalid", "A 250 mx.example.net"),
            ("A MAIL FROM:<>", "A 250 2.1.0 Ok"),
            ("A RCPT TO:<postmaster>", "A 550 5.7.1 listed"),
            ("A QUIT", "FA 221 2.0.0 Bye"),
        ];
        assert_eq!(told, expected.map(|(client, server)| (client.to_owned(), Some(server.to_owned()))));
    }
}

#[test]
fn the_client_ends_where_a_client_would() {
    let syn = ("S".to_owned(), Some("SA".to_owned()));
    for question in questions() {
        assert_eq!(serve(&question, |_| None), []);
        assert_eq!(serve(&question, |_| Some((RST | ACK, ""))), [("S".to_owned(), Some("RA".to_owned()))]);

        let at_greeting = |client: &Segment| match client.has(SYN) {
            true => Some((SYN | ACK, "")),
            false => Some((FIN | ACK | PSH, "554 5.7.1 listed\r\n")),
        };
        let greeted = ("A".to_owned(), Some("FA 554 5.7.1 listed".to_owned()));
        assert_eq!(serve(&question, at_greeting), [syn.clone(), greeted]);

        let reset = |client: &Segment| Some((if client.has(SYN) { SYN | ACK } else { RST }, ""));
        assert_eq!(serve(&question, reset), [syn.clone(), ("A".to_owned(), Some("R".to_owned()))]);
    }
}

#[test]
fn a_tarpit_is_asked_what_becomes_of_a_line() {
    let tarpit = |client: &Segment| match (client.has(SYN), client.payload.is_empty()) {
        (true, _) => Some((SYN | ACK, "")),
        (false, true) => None,
        (false, false) => Some((ACK, "")),
    };
    let [v4, _] = questions();
    let expected = [("S", Some("SA")), ("A", None), ("A EHLO relay-guard.invalid", Some("A"))]
        .map(|(client, server)| (client.to_owned(), server.map(str::to_owned)));
    assert_eq!(serve(&v4, tarpit), expected);
    let silent = |client: &Segment| client.has(SYN).then_some((SYN | ACK, ""));
    assert_eq!(serve(&v4, silent).last(), Some(&("A EHLO relay-guard.invalid".to_owned(), None)));
}

#[test]
fn frames_are_such_as_the_program_reads() {
    for question in questions() {
        let segment = Segment { seq: 7, ack: 8, flags: ACK | PSH, window: 9, payload: b"NOOP\r\n".to_vec() };
        let frame = segment.frame(&question, Wanted::Answer);
        assert_eq!(Segment::read(&frame), Some(segment));
        assert_eq!(frame[..12], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1], "an answer, both halves, outside");
        let transport = parse::transport(&frame[..], Layer::Ethernet).expect("it is TCP");
        let seen = transport.segment(&frame[..]).expect("with a whole header");
        assert_eq!(IpAddr::from(seen.source), question.source);
        assert_eq!(IpAddr::from(seen.destination), question.destination);
        assert_eq!(seen.destination_port, 25);
        assert!(!seen.flags.is_syn());
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let [v4, _] = questions();
    for frame in [vec![], vec![0; 60]] {
        let error = converse(&v4, |_| Ok(run(XDP_TX, frame.clone()))).expect_err("no segment");
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
    let lost = converse(&v4, |_| Err(DatapathError::Missing("program")));
    assert!(lost.is_err());
}

#[test]
fn options_are_no_data() {
    let [v4, v6] = questions();
    for (question, ip_length) in [(v4, 20), (v6, 40)] {
        let segment = Segment { seq: 1, flags: SYN | ACK, payload: vec![2, 4, 4, 0], ..Segment::default() };
        let mut frame = segment.frame(&question, Wanted::Answer);
        frame[14 + ip_length + 12] = 0x60;
        assert_eq!(Segment::read(&frame), Some(Segment { payload: Vec::new(), ..segment }));
    }
}

proptest! {
    #[test]
    fn any_frame_is_read_or_not(mut frame in prop::collection::vec(any::<u8>(), 0..120), family in 0..3_u8) {
        let kinds = [[0x08, 0x00], [0x86, 0xdd], [0x08, 0x06]];
        if let Some(kind) = frame.get_mut(12..14) {
            kind.copy_from_slice(&kinds[usize::from(family)]);
        }
        let read = Segment::read(&frame);
        prop_assert!(read.is_none_or(|segment| segment.payload.len() + 34 <= frame.len()));
    }

    #[test]
    fn any_answers_end(codes in prop::collection::vec(0..5_u32, 6), flags: [u8; 6], text in "[a-z]{0,9}") {
        let [question, _] = questions();
        let mut round = 0;
        let exchanges = converse(&question, |_| {
            let server = Segment { flags: flags[round], payload: text.clone().into(), ..Segment::default() };
            round += 1;
            Ok(run(codes[round - 1], server.frame(&question, Wanted::Answer)))
        });
        prop_assert!(exchanges.is_ok_and(|exchanges| exchanges.len() <= 6));
    }
}
