//! The handshake, and what acknowledges without saying anything.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::flags::{ACK, CWR, ECE, FIN, PSH, RST, SYN, URG};

use super::case::{Case, case};
use super::reaction::{
    Reaction, WINDOW, acknowledged, client_reset, finished, last, refused_syn, syn_ack, text,
};
use super::segment::{NEVER_SENT, Segment};
use super::world::{CLEAN, DROPPED, GREETED, GREETED_FOR_NOW, REFUSED, REFUSED_FOR_NOW, RESET, SAID};

const GREETING: &str = "220 mx.example.com SMTP\r\n";
const OPENED: [Step; 2] = [Step::Syn, Step::SynAck];

pub fn cases() -> Vec<Case> {
    [syns(), greetings(), acknowledgements(), nothing_to_answer(), resets()].concat()
}

fn syns() -> Vec<Case> {
    let syn = Segment::syn;
    let answered = |what: &str, segment| case(what, REFUSED, segment, syn_ack(WINDOW), OPENED);
    vec![
        answered("SYN", syn()),
        answered("SYN with data, of which nothing is taken", syn().payload("EHLO x\r\n")),
        answered("SYN that asks for ECN", syn().and(ECE | CWR)),
        answered("SYN with everything that says nothing", syn().and(PSH | URG | ECE | CWR)),
        answered("SYN with a number where none is acknowledged", Segment { acknowledgement: 77, ..syn() }),
        answered("SYN from another number", syn().at(12345)),
        answered("SYN with a closed window", syn().window(0)),
        answered("SYN to the submission port", syn()).port(587),
        case("SYN, refused for now", REFUSED_FOR_NOW, syn(), syn_ack(WINDOW), OPENED),
        case("SYN, refused in the greeting", GREETED, syn(), syn_ack(WINDOW), OPENED),
        case("SYN, dropped", DROPPED, syn(), Reaction::Silence, []),
        case("SYN of nobody", CLEAN, syn(), Reaction::Passed, []),
        case("SYN of nobody, with FIN", CLEAN, syn().and(FIN), Reaction::Passed, []),
        case("data of nobody", CLEAN, Segment::data(1, "RCPT TO:<a@b>\r\n"), Reaction::Passed, []),
        case("SYN to a port that nobody guards", REFUSED, syn(), Reaction::Passed, []).port(26),
    ]
}

fn greetings() -> Vec<Case> {
    let greeted = |what: &str, segment| case(what, REFUSED, segment, text(0, GREETING), [Step::Greeted]);
    let refused =
        |what: &str, who, line: &str| case(what, who, Segment::ack(1), last(0, line), [Step::Refused]);
    let silent = |what: &str, segment| case(what, REFUSED, segment, Reaction::Silence, []);
    const PERMANENT: &str = "554 5.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
    const TEMPORARY: &str = "421 4.7.1 {address} is listed; see https://example.org/lookup?ip={address}\r\n";
    vec![
        greeted("the ACK that completes the handshake", Segment::ack(1)),
        greeted("the same again: the greeting was lost", Segment::ack(1)),
        greeted("with PSH, URG and the flags of ECN", Segment::ack(1).and(PSH | URG | ECE | CWR)),
        greeted("with a window of one octet", Segment::ack(1).window(1)),
        greeted("a keep-alive before the greeting", Segment::ack(1).at(0)),
        silent("with a closed window", Segment::ack(1).window(0)),
        refused("refused in the greeting", GREETED, PERMANENT),
        refused("refused in the greeting for now", GREETED_FOR_NOW, TEMPORARY),
        case("the same with a closed window", GREETED, Segment::ack(1).window(0), Reaction::Silence, []),
    ]
}

/// No ACK for an ACK.
fn acknowledgements() -> Vec<Case> {
    let silent = |what: &str, segment| case(what, REFUSED, segment, Reaction::Silence, []);
    let far = 1 << 18;
    vec![
        silent("ACK of the greeting", Segment::ack(SAID)),
        silent("ACK of the greeting's first octet", Segment::ack(2)),
        silent("ACK that tells a new window", Segment::ack(SAID).window(1)),
        silent("ACK that closes the window", Segment::ack(SAID).window(0)),
        silent("keep-alive without an octet", Segment::ack(SAID).at(0)),
        silent("ACK with PSH and URG", Segment::ack(SAID).and(PSH | URG)),
        silent("ACK of all that there can have been", Segment::ack(far)),
        case("ACK of one octet more", REFUSED, Segment::ack(far + 1), Reaction::ServerReset, [Step::Reset]),
        case("ACK of less than our SYN", REFUSED, Segment::ack(0), Reaction::ServerReset, [Step::Reset]),
        case(
            "keep-alive with an octet that was had before",
            REFUSED,
            Segment::data(SAID, "\0").at(0),
            acknowledged(1),
            [],
        ),
        case("ACK after the refusal in the greeting", GREETED, Segment::ack(90), Reaction::Silence, []),
        case("FIN after it", GREETED, Segment::ack(90).and(FIN), finished(1), [Step::Completed]),
        case("QUIT after it", GREETED, Segment::data(90, "QUIT\r\n"), acknowledged(6), []),
        case(
            "QUIT and FIN after it",
            GREETED,
            Segment::data(90, "QUIT\r\n").and(FIN),
            finished(7),
            [Step::Completed],
        ),
        case(
            "several lines and a rest after it",
            GREETED_FOR_NOW,
            Segment::data(90, "EHLO x\r\nMAIL FROM:<>\r\nRC"),
            acknowledged(24),
            [],
        ),
    ]
}

/// What is never answered, whoever it is from.
fn nothing_to_answer() -> Vec<Case> {
    let mut cases = Vec::new();
    for who in [REFUSED, GREETED, RESET, super::world::TARPITTED] {
        let silent = |what: &str, segment| case(what, who, segment, Reaction::Silence, []);
        let capped = |what: &str, segment| case(what, who, segment, Reaction::Silence, [Step::Capped]);
        cases.extend([
            silent("RST", Segment::ack(1).flags(RST)),
            silent("RST that acknowledges", Segment::ack(SAID).flags(RST | ACK)),
            silent("RST with FIN", Segment::ack(SAID).flags(RST | ACK | FIN)),
            silent("RST with data", Segment::data(SAID, "QUIT\r\n").and(RST)),
            silent("RST that fits nothing", Segment::ack(NEVER_SENT).flags(RST | ACK)),
            silent("no flag", Segment::syn().flags(0)),
            silent("no flag, with data", Segment::data(SAID, "QUIT\r\n").flags(0)),
            silent("xmas", Segment::syn().flags(FIN | PSH | URG)),
            silent("FIN without ACK", Segment::syn().flags(FIN)),
            silent("PSH without ACK", Segment::data(SAID, "QUIT\r\n").flags(PSH)),
            silent("URG without ACK", Segment::syn().flags(URG)),
            silent("ECN's flags alone", Segment::syn().flags(ECE | CWR)),
            capped("SYN and FIN", Segment::syn().and(FIN)),
            silent("SYN and RST", Segment::syn().and(RST)),
            capped("SYN, FIN and ACK", Segment::ack(1).flags(SYN | FIN | ACK)),
            capped("SYN, FIN and data", Segment::syn().and(FIN).payload("QUIT\r\n")),
            silent("every flag", Segment::ack(1).flags(0xff)),
        ]);
    }
    cases
}

fn resets() -> Vec<Case> {
    let reset = |what: &str, segment, payload| {
        case(what, RESET, segment, refused_syn(payload), [Step::Syn, Step::Reset])
    };
    let implicit_tls = |who| {
        case("SYN where TLS comes first", who, Segment::syn(), refused_syn(0), [Step::Syn, Step::Reset])
            .port(465)
    };
    let not_ours = |what: &str, who, segment| case(what, who, segment, Reaction::ServerReset, [Step::Reset]);
    vec![
        reset("SYN", Segment::syn(), 0),
        reset("SYN with data", Segment::syn().payload("EHLO x\r\n"), 8),
        reset("SYN that asks for ECN", Segment::syn().and(ECE | CWR), 0),
        implicit_tls(REFUSED),
        implicit_tls(GREETED),
        implicit_tls(RESET),
        not_ours("ACK", RESET, Segment::ack(1)),
        not_ours("data", RESET, Segment::data(1, "EHLO x\r\n")),
        not_ours("FIN", RESET, Segment::ack(1).and(FIN)),
        not_ours("SYN-ACK", RESET, Segment::ack(1).and(SYN)),
        not_ours("ACK where TLS comes first", REFUSED, Segment::ack(1)).port(465),
        not_ours("SYN-ACK: both have opened", REFUSED, Segment::ack(1).flags(SYN | ACK)),
        not_ours("a forged ACK", REFUSED, Segment::ack(NEVER_SENT)),
        not_ours("a forged line", REFUSED, Segment::data(NEVER_SENT, "RCPT TO:<a@b>\r\n")),
        not_ours("a forged FIN", REFUSED, Segment::ack(NEVER_SENT).and(FIN)),
        not_ours("a wrong cookie by one", REFUSED, Segment::data(0, "QUIT\r\n")),
        case(
            "more than a line may have, and no end",
            REFUSED,
            Segment::data(SAID, vec![b'x'; 1025]),
            client_reset(),
            [Step::Reset],
        ),
    ]
}
