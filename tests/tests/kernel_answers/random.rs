//! Segments of a dialogue in any order, against the model, and against what must hold for every reply.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use relay_guard_tests::frames::Reading;
use relay_guard_tests::frames::flags::{ACK, FIN, PSH, RST, SYN, URG};

use super::connection::{Connection, Program};
use super::link::AROUND;
use super::model::Model;
use super::reaction::read;
use super::run::{Counted, Ports, sorted};
use super::segment::{NEVER_SENT, Segment};
use super::world::{
    AT_LENGTH, AT_LENGTH_WITH_ADDRESS, BY_ADDRESS, GREETED, REFUSED, REFUSED_FOR_NOW, RESET, SAID, TARPITTED,
    Who, World, with_world,
};

const DIALOGUES: u32 = 400;

/// Who talks, how, and what.
#[derive(Clone, Debug)]
struct Talk {
    who: Who,
    v6: bool,
    program: Program,
    port: u16,
    around: usize,
    segments: Vec<Segment>,
}

fn talks() -> impl Strategy<Value = Talk> {
    let networks = vec![
        REFUSED,
        REFUSED,
        REFUSED_FOR_NOW,
        GREETED,
        AT_LENGTH,
        AT_LENGTH_WITH_ADDRESS,
        BY_ADDRESS,
        RESET,
        TARPITTED,
    ];
    let program = select(Program::ALL.to_vec());
    let port = prop_oneof![4 => Just(25_u16), 1 => Just(587), 1 => Just(465)];
    (select(networks), any::<bool>(), program, port, 0..AROUND.len(), vec(segments(), 1..40)).prop_map(
        |(who, v6, program, port, around, segments)| Talk { who, v6, program, port, around, segments },
    )
}

fn segments() -> impl Strategy<Value = Segment> {
    let flags = prop_oneof![
        8 => select(vec![ACK, ACK | PSH]),
        3 => select(vec![ACK | FIN, ACK | PSH | FIN, SYN, ACK | PSH | URG]),
        2 => select(vec![RST, RST | ACK, SYN | ACK, SYN | FIN, FIN, 0]),
        1 => any::<u8>(),
    ];
    let acknowledgement = prop_oneof![
        4 => select(vec![1, SAID]),
        4 => 1..1_000_u32,
        1 => select(vec![0, 1 << 18, (1 << 18) + 1, NEVER_SENT, u32::MAX]),
        1 => any::<u32>(),
    ];
    let sequence = prop_oneof![4 => 0..1_000_u32, 1 => any::<u32>()];
    let window = select(vec![0, 1, 512, 64240, u16::MAX]);
    (flags, acknowledgement, sequence, window, payloads()).prop_map(
        |(flags, acknowledgement, sequence, window, payload)| Segment {
            flags,
            sequence,
            acknowledgement,
            window,
            payload,
        },
    )
}

fn payloads() -> impl Strategy<Value = Vec<u8>> {
    let verb =
        select(vec!["EHLO", "helo", "MAIL", "RCPT", "rcpt", "DATA", "RSET", "NOOP", "QUIT", "STAR", "X"]);
    let rest = select(vec!["", " ", " x", " TO:<a@b>", "\t", "X", ":", "\r"]);
    let end = select(vec!["\r\n", "\n", "", "\r\nQUIT\r\n", "\r\nMA", "\n\n"]);
    let line = (verb, rest, end).prop_map(|(verb, rest, end)| format!("{verb}{rest}{end}").into_bytes());
    let long = (990..1_100_usize, any::<bool>()).prop_map(|(length, ends)| {
        let mut line = vec![b'x'; length];
        if ends {
            line[length - 1] = b'\n';
        }
        line
    });
    prop_oneof![
        4 => Just(Vec::new()),
        8 => line,
        1 => long,
        1 => vec(any::<u8>(), 1..60),
        1 => vec(any::<u8>(), 1..1_400),
    ]
}

#[test]
fn random_dialogues_go_as_the_model_says() {
    with_world(|world| {
        let state = RefCell::new((world, Ports::default()));
        let config = Config { cases: DIALOGUES, failure_persistence: None, ..Config::default() };
        let outcome = TestRunner::new(config).run(&talks(), |talk| {
            let (world, ports) = &mut *state.borrow_mut();
            agrees(world, ports.next(), &talk)
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
    });
}

fn agrees(world: &mut World<'_>, client_port: u16, talk: &Talk) -> Result<(), TestCaseError> {
    let (action, texts) = (talk.who.action(), talk.who.texts());
    let client = talk.who.client(talk.v6);
    let mut connection = Connection::inbound(talk.program, client, client_port, talk.port);
    if talk.program.has_ethernet() {
        connection.wrapping = AROUND[talk.around].1;
    }
    let connection = connection.open(world.kernel).settle(world.kernel);
    let class = world.class(talk.who);
    let mut model = Model::default();
    for segment in &talk.segments {
        let request = connection.request(segment);
        let before = Counted::now(world.kernel, class);
        let run = talk.program.run(world.kernel, &request, connection.at);
        let steps = Counted::now(world.kernel, class).since(&before).steps;
        let (ethernet, codes) = (talk.program.has_ethernet(), talk.program.codes());
        let reaction = read(&request, ethernet, connection.cookie, segment, &run, codes);
        let reaction = reaction.map_err(|error| TestCaseError::fail(format!("{segment:?}: {error}")))?;
        if codes.is_reply(run.code) {
            holds(segment, ethernet, &request, &run.frame)?;
        }
        let (expected, counted) = model.react(action, &texts, talk.port, segment);
        prop_assert_eq!(reaction, expected, "{:?}", segment);
        prop_assert_eq!(steps, sorted(&counted), "{:?}", segment);
    }
    Ok(())
}

/// What must hold for every reply, whatever the model says.
fn holds(segment: &Segment, ethernet: bool, request: &[u8], reply: &[u8]) -> Result<(), TestCaseError> {
    let read = if ethernet { Reading::of_frame } else { Reading::of_packet };
    let (question, answer) = (read(request).expect("a good request"), read(reply).expect("a good reply"));
    prop_assert_eq!(segment.flags & RST, 0);
    prop_assert!(
        !segment.payload.is_empty()
            || segment.flags & (SYN | FIN) != 0
            || segment.acknowledgement == 1
            || answer.flags & RST != 0
    );
    let link = request.len() - question.trailing - question.ip_header_len - 20 - question.payload.len();
    prop_assert!(reply.len() <= link + answer.ip_header_len + 20 + answer.options.len() + 512);
    if segment.flags & ACK != 0 {
        prop_assert_eq!(answer.sequence, question.acknowledgement);
    }
    if answer.flags & ACK != 0 {
        let sent = question.payload.len() as u32
            + u32::from(segment.flags & SYN != 0)
            + u32::from(segment.flags & FIN != 0);
        prop_assert!(answer.acknowledgement.wrapping_sub(question.sequence) <= sent);
    }
    // Nobody is made to answer a RST, and nobody answers what says nothing new.
    prop_assert!(answer.flags & RST == 0 || answer.payload.is_empty());
    Ok(())
}
