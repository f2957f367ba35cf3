//! Lines and their answers.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::flags::{ACK, CWR, ECE, FIN, PSH, URG};

use super::case::{Case, case};
use super::reaction::{Reaction, acknowledged, client_reset, finished, last, text};
use super::segment::Segment;
use super::world::{AT_LENGTH, AT_LENGTH_WITH_ADDRESS, BY_ADDRESS, REFUSED, REFUSED_FOR_NOW, SAID, Who};

pub fn cases() -> Vec<Case> {
    [verbs(), no_verbs(), ends(), parts(), closing(), flags(), repeated(), texts()].concat()
}

const HELLO: &str = "250 mx.example.com\r\n";
const OK: &str = "250 2.1.0 Ok\r\n";
const DONE: &str = "250 2.0.0 Ok\r\n";
const BYE: &str = "221 2.0.0 Bye\r\n";
const REFUSAL: &str = "550 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
const NO_DATA: &str = "554 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
const UNKNOWN: &str = "502 5.5.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";

/// A line in a segment of its own, and its answer.
fn says(who: Who, line: &str, answer: &str) -> Case {
    let steps =
        if answer.starts_with("550") || answer.starts_with("450") { vec![Step::Refused] } else { vec![] };
    let octets = line.len() as u32;
    let expect = if answer.starts_with("221") { last(octets, answer) } else { text(octets, answer) };
    case(format!("{line:?}"), who, Segment::data(SAID, line), expect, steps)
}

fn verbs() -> Vec<Case> {
    let for_now = |answer: &str, code: &str| answer.replacen("550 5.7.1", code, 1);
    let mut cases: Vec<Case> = [
        ("EHLO client.example.net\r\n", HELLO),
        ("HELO client.example.net\r\n", HELLO),
        ("EHLO [198.51.100.7]\r\n", HELLO),
        ("EHLO\r\n", HELLO),
        ("MAIL FROM:<a@example.net>\r\n", OK),
        ("MAIL FROM:<> SIZE=1000 BODY=8BITMIME\r\n", OK),
        ("RCPT TO:<b@example.com>\r\n", REFUSAL),
        ("RCPT TO:<b@example.com> NOTIFY=NEVER\r\n", REFUSAL),
        ("RCPT\r\n", REFUSAL),
        ("DATA\r\n", NO_DATA),
        ("DATA \r\n", NO_DATA),
        ("RSET\r\n", DONE),
        ("NOOP\r\n", DONE),
        ("NOOP it is of no use\r\n", DONE),
        ("QUIT\r\n", BYE),
        ("quit\r\n", BYE),
        ("ehlo x\r\n", HELLO),
        ("HeLo x\r\n", HELLO),
        ("mail from:<a@b>\r\n", OK),
        ("rCPT to:<a@b>\r\n", REFUSAL),
        ("RCPT\tTO:<a@b>\r\n", REFUSAL),
        ("data\r\n", NO_DATA),
        ("rset\r\n", DONE),
        ("noop\r\n", DONE),
    ]
    .map(|(line, answer)| says(REFUSED, line, answer))
    .to_vec();
    cases.extend([
        says(REFUSED_FOR_NOW, "RCPT TO:<a@b>\r\n", &for_now(REFUSAL, "450 4.7.1")),
        says(REFUSED_FOR_NOW, "DATA\r\n", &for_now(REFUSAL, "451 4.7.1")),
        says(REFUSED_FOR_NOW, "EHLO x\r\n", HELLO),
        says(REFUSED_FOR_NOW, "MAIL FROM:<a@b>\r\n", OK),
        says(REFUSED, "RCPT TO:<a@b>\r\n", REFUSAL).port(587),
    ]);
    cases
}

/// What is not SMTP, or not for us.
fn no_verbs() -> Vec<Case> {
    let octets = |line: &[u8]| {
        let expect = text(line.len() as u32, UNKNOWN);
        case(format!("{:?}", line.escape_ascii().to_string()), REFUSED, Segment::data(SAID, line), expect, [])
    };
    let mut cases: Vec<Case> = [
        "STARTTLS\r\n",
        "AUTH LOGIN\r\n",
        "VRFY root\r\n",
        "EXPN staff\r\n",
        "HELP\r\n",
        "BDAT 5 LAST\r\n",
        "XCLIENT ADDR=127.0.0.1\r\n",
        "RCPTX TO:<a@b>\r\n",
        "RCPT: <a@b>\r\n",
        "RCPTTO:<a@b>\r\n",
        "QUITE\r\n",
        "QUIT;\r\n",
        "QUIT\u{0}\r\n",
        "QUIT\u{b}\r\n",
        " QUIT\r\n",
        "QUI\r\n",
        "QUI T\r\n",
        "Q\r\n",
        "EHLOO x\r\n",
        "EHL0 x\r\n",
        "E\r\n",
        "\r\n",
        "\n",
        "\r\r\n",
        " \r\n",
        ".\r\n",
        "GET / HTTP/1.1\r\n",
        "SSH-2.0-OpenSSH\r\n",
    ]
    .map(|line| octets(line.as_bytes()))
    .to_vec();
    cases.extend([
        octets(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
        octets(b"\xff\xfe\xfd\xfc\xfb\n"),
        octets(b"\0\0\0\0\0\n"),
        octets(b"Q\0U\0I\0T\0\r\0\n"),
        octets("\u{212b}HLO x\r\n".as_bytes()),
        // Letters' bit 5 is not all that tells them from other octets.
        octets(b"\xd1UIT\r\n"),
        octets(b"\x11UIT\r\n"),
        octets(b"EHL/ x\r\n"),
        octets(b"\x2d\x41IL x\r\n"),
    ]);
    cases
}

/// Where a line ends.
fn ends() -> Vec<Case> {
    let first = |what: &str, payload: &str, octets: u32, answer: &str| {
        case(what, REFUSED, Segment::data(SAID, payload), text(octets, answer), [])
    };
    let of = |length: usize| format!("NOOP {}\r\n", "x".repeat(length - 7));
    let long = |what: &str, payload: String, octets: u32| {
        case(what, REFUSED, Segment::data(SAID, payload), text(octets, DONE), [])
    };
    vec![
        first("bare LF", "EHLO x\n", 7, HELLO),
        first("bare LF after the verb", "NOOP\n", 5, DONE),
        first("CR in the line", "NOOP\rQUIT\r\n", 11, DONE),
        first("LF before CR", "NOOP\n\r", 5, DONE),
        first("two lines", "EHLO x\r\nMAIL FROM:<a@b>\r\n", 8, HELLO),
        first("two lines with bare LF", "NOOP\nQUIT\n", 5, DONE),
        first("a line and the beginning of one", "EHLO x\r\nMAIL FR", 8, HELLO),
        first("an empty line first", "\nQUIT\r\n", 1, UNKNOWN),
        case(
            "everything at once, which nobody offered",
            REFUSED,
            Segment::data(SAID, "RCPT TO:<a@b>\r\nRCPT TO:<b@b>\r\nDATA\r\nQUIT\r\n"),
            text(15, REFUSAL),
            [Step::Refused],
        ),
        case(
            "QUIT and what nobody will read",
            REFUSED,
            Segment::data(SAID, "QUIT\r\nNOOP\r\n"),
            last(6, BYE),
            [],
        ),
        long("a long line", of(600), 600),
        long("the longest line", of(1024), 1024),
        long("the longest line and more", of(1024) + "NOOP\r\n", 1024),
        long("a line in a full segment", of(200) + &"x".repeat(1260), 200),
        case(
            "one octet more than the longest line",
            REFUSED,
            Segment::data(SAID, of(1025)),
            client_reset(),
            [Step::Reset],
        ),
    ]
}

/// Lines of which the end is yet to come, or has just come.
fn parts() -> Vec<Case> {
    let part = |what: &str, payload: &[u8]| {
        case(what, REFUSED, Segment::data(SAID, payload), acknowledged(payload.len() as u32), [])
    };
    vec![
        part("a verb's first letter", b"R"),
        part("a verb", b"RCPT"),
        part("a line without its end", b"RCPT TO:<a@example.com>"),
        part("a line without its LF", b"QUIT\r"),
        part("binary noise without an end", &[0xa5; 300]),
        part("as much as may be waited for", &[b'x'; 1024]),
        says(REFUSED, "\n", UNKNOWN),
        says(REFUSED, "T TO:<a@b>\r\n", UNKNOWN),
        // No more final than the whole line's answer.
        says(REFUSED_FOR_NOW, "T TO:<a@b>\r\n", &UNKNOWN.replace("502 5.5.1", "451 4.7.1")),
        // The rest of a line that happens to be one.
        says(REFUSED, "QUIT\r\n", BYE),
        case(
            "more than may be waited for",
            REFUSED,
            Segment::data(SAID, [b'x'; 1448]),
            client_reset(),
            [Step::Reset],
        ),
        case(
            "an end too late",
            REFUSED,
            Segment::data(SAID, [&[b'x'; 1024][..], b"\n"].concat()),
            client_reset(),
            [Step::Reset],
        ),
    ]
}

fn closing() -> Vec<Case> {
    let fin = |what: &str, payload: &str, expect, steps: &[Step]| {
        case(what, REFUSED, Segment::data(SAID, payload).and(FIN), expect, steps)
    };
    vec![
        case("FIN", REFUSED, Segment::ack(SAID).and(FIN), finished(1), [Step::Completed]),
        case("FIN before the greeting", REFUSED, Segment::ack(1).and(FIN), finished(1), [Step::Completed]),
        case(
            "FIN with PSH and URG",
            REFUSED,
            Segment::ack(SAID).and(FIN | PSH | URG),
            finished(1),
            [Step::Completed],
        ),
        fin("FIN with QUIT", "QUIT\r\n", last(7, BYE), &[Step::Completed]),
        fin(
            "FIN with a recipient",
            "RCPT TO:<a@b>\r\n",
            last(16, REFUSAL),
            &[Step::Refused, Step::Completed],
        ),
        fin("FIN with part of a line", "RCPT TO", finished(8), &[Step::Completed]),
        fin("FIN with two lines: it comes again", "RSET\r\nQUIT\r\n", text(6, DONE), &[]),
        fin("FIN with a line and part of one", "RSET\r\nQU", text(6, DONE), &[]),
        fin("FIN with QUIT and more", "QUIT\r\nQUIT\r\n", last(6, BYE), &[]),
        fin("FIN with too much", &"x".repeat(1025), client_reset(), &[Step::Reset]),
    ]
}

/// Flags and windows that change nothing.
fn flags() -> Vec<Case> {
    let line = "RCPT TO:<a@b>\r\n";
    let refused = |what: &str, segment| case(what, REFUSED, segment, text(15, REFUSAL), [Step::Refused]);
    vec![
        refused("without PSH", Segment::data(SAID, line).flags(ACK)),
        refused("with URG", Segment::data(SAID, line).and(URG)),
        refused("with the flags of ECN", Segment::data(SAID, line).and(ECE | CWR)),
        refused("with the smallest window", Segment::data(SAID, line).window(1)),
        case("with a closed window", REFUSED, Segment::data(SAID, line).window(0), Reaction::Silence, []),
        case(
            "part of a line with a closed window",
            REFUSED,
            Segment::data(SAID, "RCPT").window(0),
            acknowledged(4),
            [],
        ),
        case(
            "FIN with a closed window",
            REFUSED,
            Segment::ack(SAID).window(0).and(FIN),
            finished(1),
            [Step::Completed],
        ),
        refused("with urgent data", Segment::data(SAID, line).and(URG)).wrapped(|frame| frame.urgent(3)),
    ]
}

/// Old segments, and places in a dialogue that nobody checks: the client's acknowledgement says it all.
fn repeated() -> Vec<Case> {
    let far = 1 << 18;
    let line = "RCPT TO:<a@b>\r\n";
    let refused = |what: &str, segment| case(what, REFUSED, segment, text(15, REFUSAL), [Step::Refused]);
    vec![
        refused("a line before the greeting", Segment::data(1, line)),
        refused("a line, its answer not acknowledged", Segment::data(SAID, line).at(40)),
        refused("the same again", Segment::data(SAID, line).at(40)),
        refused("later in the dialogue", Segment::data(900, line).at(400)),
        refused("as late as can be", Segment::data(far, line).at(400_000)),
        refused("from before the client's SYN", Segment::data(SAID, line).at(0xffff_ff00)),
        case("too late", REFUSED, Segment::data(far + 1, line), Reaction::ServerReset, [Step::Reset]),
    ]
}

fn texts() -> Vec<Case> {
    let longest = |who: Who| {
        let line = who.texts().line(relay_guard_common::respond::response::LineId::Recipient).to_owned();
        says(who, "RCPT TO:<a@b>\r\n", &line)
    };
    vec![
        longest(AT_LENGTH),
        longest(AT_LENGTH_WITH_ADDRESS),
        says(BY_ADDRESS, "EHLO x\r\n", "{address}\r\n"),
        says(BY_ADDRESS, "MAIL FROM:<>\r\n", "250 odd{address}\r\n"),
        says(BY_ADDRESS, "RCPT TO:<a@b>\r\n", "550 5.7.1 {address}{address}, odd {address}\r\n"),
        says(BY_ADDRESS, "RSET\r\n", "{address} {address}a{address}"),
    ]
}
