//! Senders that are held.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::flags::{FIN, PSH, SYN, URG};

use super::case::{Case, case};
use super::reaction::{Reaction, TARPIT_WINDOW, syn_ack, wait};
use super::segment::{NEVER_SENT, Segment};
use super::world::TARPITTED;

pub fn cases() -> Vec<Case> {
    let opened = |what: &str, segment| {
        case(what, TARPITTED, segment, syn_ack(TARPIT_WINDOW), [Step::Syn, Step::SynAck])
    };
    let silent = |what: &str, segment| case(what, TARPITTED, segment, Reaction::Silence, []);
    let held = |what: &str, segment| case(what, TARPITTED, segment, wait(), [Step::Tarpitted]);
    let not_ours = |what: &str, segment| case(what, TARPITTED, segment, Reaction::ServerReset, [Step::Reset]);
    vec![
        opened("SYN", Segment::syn()),
        opened("SYN with data", Segment::syn().payload("EHLO x\r\n")),
        opened("SYN where TLS comes first", Segment::syn()).port(465),
        silent("the ACK that completes the handshake", Segment::ack(1)),
        silent("ACK with a closed window", Segment::ack(1).window(0)),
        silent("keep-alive without an octet", Segment::ack(1).at(0)),
        silent("ACK of what was never said", Segment::ack(500)),
        silent("FIN", Segment::ack(1).and(FIN)),
        held("window probe", Segment::data(1, "E")),
        held("as much as the window allows", Segment::data(1, "EHLO client.exam")),
        held("a line", Segment::data(1, "QUIT\r\n")),
        held("more than the window allows", Segment::data(1, vec![b'x'; 1448])),
        held("a probe later on", Segment::data(1, "C").at(17)),
        held("keep-alive with an octet", Segment::data(1, "\0").at(0)),
        held("data with FIN", Segment::data(1, "QUIT\r\n").and(FIN)),
        held("data with URG, without PSH", Segment::data(1, "QUIT\r\n").and(URG)),
        held("data with a closed window", Segment::data(1, "QUIT\r\n").window(0)),
        held("data where TLS comes first", Segment::data(1, "\x16\x03\x01")).port(465),
        not_ours("SYN-ACK", Segment::ack(1).and(SYN)),
        not_ours("a forged ACK", Segment::ack(NEVER_SENT)),
        not_ours("forged data", Segment::data(NEVER_SENT, "EHLO x\r\n").and(PSH)),
        not_ours("a forged FIN", Segment::ack(NEVER_SENT).and(FIN)),
    ]
}
