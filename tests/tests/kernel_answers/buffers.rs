//! Frames that are too short for what they say, and frames in several buffers.

use relay_guard_common::respond::response::LineId;
use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::{Ext, Frame, Reading, flags};

use super::case::{Case, case};
use super::connection::{Connection, Program};
use super::reaction::{Reaction, WINDOW, client_reset, refused_syn, syn_ack, text, wait};
use super::segment::{NEVER_SENT, Segment};
use super::world::{AT_LENGTH, REFUSED, RESET, SAID, TARPITTED, with_world};

const REFUSAL: &str = "550 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
const LINE: &str = "RCPT TO:<a@b>\r\n";

/// A line, and so much behind it that the frame has so many octets of payload.
fn with_more(octets: usize) -> Vec<u8> {
    let mut payload = LINE.as_bytes().to_vec();
    payload.resize(octets, b'z');
    payload
}

/// More than fits into the first buffer of a test-run, and into its second.
const LENGTHS: [usize; 6] = [1448, 3400, 3500, 4000, 8900, 20_000];

/// For XDP alone: test-runs of tc take no such frames.
pub fn jumbo() -> Vec<Case> {
    let long = AT_LENGTH.texts().line(LineId::Recipient).to_owned();
    let mut cases = Vec::new();
    for octets in LENGTHS {
        let data = || Segment::data(SAID, with_more(octets));
        let named = |what: &str| format!("{what}, {octets} octets");
        cases.extend([
            case(named("a line"), REFUSED, data(), text(15, REFUSAL), [Step::Refused]),
            case(
                named("a line with FIN"),
                REFUSED,
                data().and(flags::FIN),
                text(15, REFUSAL),
                [Step::Refused],
            ),
            case(named("the longest answer"), AT_LENGTH, data(), text(15, &long), [Step::Refused]),
            case(
                named("no line"),
                REFUSED,
                Segment::data(SAID, vec![b'x'; octets]),
                client_reset(),
                [Step::Reset],
            ),
            case(
                named("SYN"),
                REFUSED,
                Segment::syn().payload(with_more(octets)),
                syn_ack(WINDOW),
                [Step::Syn, Step::SynAck],
            ),
            case(
                named("reset"),
                RESET,
                Segment::syn().payload(with_more(octets)),
                refused_syn(octets as u32),
                [Step::Syn, Step::Reset],
            ),
            case(named("tarpit"), TARPITTED, data(), wait(), [Step::Tarpitted]),
            case(
                named("not ours"),
                REFUSED,
                Segment::data(NEVER_SENT, with_more(octets)),
                Reaction::ServerReset,
                [Step::Reset],
            ),
        ]);
    }
    cases.push(behind_headers());
    cases
}

/// Headers fill the first buffer but for a few octets of the line.
fn behind_headers() -> Case {
    case("a line across two buffers", REFUSED, Segment::data(SAID, LINE), text(15, REFUSAL), [Step::Refused])
        .wrapped(|frame| {
            frame.ext(Ext::DestinationOptions { len: 2048 }).ext(Ext::DestinationOptions { len: 1392 })
        })
        .v6()
}

/// What is said to be there, and is not: nothing is answered as if it were, whatever else happens.
#[test]
fn what_is_cut_off_is_never_taken() {
    with_world(|world| {
        for v6 in [false, true] {
            for program in Program::ALL {
                let connection =
                    Connection::inbound(program, REFUSED.client(v6), 4000, 25).open(world.kernel);
                let whole = connection.request(&Segment::data(SAID, LINE));
                let headers = whole.len() - LINE.len();
                // A test-run wants an IP header.
                let least = headers - 20;
                for length in least..whole.len() {
                    let run = program.run(world.kernel, &whole[..length], connection.at);
                    let codes = if program == Program::Xdp { [2, 1, 3] } else { [u32::MAX, 2, 7] };
                    let [pass, _, reply] = codes;
                    let what = format!("{length} of {} octets, {connection:?}", whole.len());
                    assert!(codes.contains(&run.code), "{what}: {}", run.code as i32);
                    if length < headers {
                        assert_eq!((run.code, &run.frame[..]), (pass, &whole[..length]), "{what}");
                    }
                    if run.code == reply {
                        let read =
                            if program.has_ethernet() { Reading::of_frame } else { Reading::of_packet };
                        let reply = read(&run.frame).unwrap_or_else(|error| panic!("{what}: {error}"));
                        let end = whole_sequence(&connection).wrapping_add((length - headers) as u32);
                        assert!(
                            reply.payload.is_empty() && reply.acknowledgement == end,
                            "{what}: {reply:?}"
                        );
                    }
                }
            }
        }
    });
}

/// The number of the first octet of [`Segment::data`].
fn whole_sequence(connection: &Connection) -> u32 {
    let request = connection.request(&Segment::data(SAID, LINE));
    let read = if connection.program.has_ethernet() { Reading::of_frame } else { Reading::of_packet };
    read(&request).expect("a good frame").sequence
}

/// TCP headers that contradict themselves or IP: they are no question.
#[test]
fn impossible_data_offsets_get_no_text() {
    let segments = [Segment::ack(1), Segment::data(SAID, LINE)];
    with_world(|world| {
        for v6 in [false, true] {
            for program in Program::ALL {
                let connection =
                    Connection::inbound(program, REFUSED.client(v6), 4000, 25).open(world.kernel);
                for segment in &segments {
                    // In words of four octets: 9 is within this line, 15 beyond its end.
                    for words in [0, 1, 4, 15] {
                        let frame = segment.frame(connection.client, connection.server, connection.cookie);
                        let frame: Frame = frame.data_offset(words);
                        let frame = if program.has_ethernet() { frame } else { frame.without_ethernet() };
                        let run = program.run(world.kernel, &frame.build(), connection.at);
                        let text = run.frame.windows(8).any(|octets| octets == b" listed;");
                        assert!(!text, "{words} words, {segment:?}, {connection:?}: {:02x?}", run.frame);
                    }
                }
            }
        }
    });
}
