//! What is around a segment, and what is in its headers: replies go back the same way, and have none of it.

use relay_guard_common::respond::step::Step;
use relay_guard_tests::frames::Ext;
use relay_guard_tests::frames::flags::{FIN, RST};

use super::case::{Case, case};
use super::connection::Wrapping;
use super::reaction::{Reaction, TARPIT_WINDOW, WINDOW, finished, last, refused_syn, syn_ack, text, wait};
use super::segment::{NEVER_SENT, Segment};
use super::world::{AT_LENGTH, REFUSED, RESET, SAID, TARPITTED};

/// Timestamps, SACK permitted, window scale: what Linux sends with a SYN.
const SYN_OPTIONS: [u8; 20] = [2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7];
/// Timestamps, as on each later segment.
const TIMESTAMPS: [u8; 12] = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];

/// What can be around any packet.
pub const AROUND: [(&str, Wrapping); 11] = [
    ("untagged", |frame| frame),
    ("VLAN", |frame| frame.vlan(5)),
    ("VLAN with priority", |frame| frame.tag(0x8100, 0xa005)),
    ("QinQ", |frame| frame.service_vlan(100).vlan(5)),
    ("four tags", |frame| frame.service_vlan(100).vlan(5).vlan(6).vlan(7)),
    ("PPPoE", |frame| frame.pppoe(0x1234)),
    ("PPPoE in a VLAN", |frame| frame.vlan(7).pppoe(1)),
    ("PPPoE in QinQ", |frame| frame.service_vlan(100).vlan(7).pppoe(0xffff)),
    ("other Ethernet addresses", |frame| {
        frame.ethernet_addresses([0x52, 0x54, 0, 1, 2, 3], [0x52, 0x54, 0, 0xfe, 0xdc, 0xba])
    }),
    ("padded", |frame| {
        let length = frame.build().len();
        frame.length(length.max(60))
    }),
    ("padded more than Ethernet needs", |frame| {
        let length = frame.build().len();
        frame.length(length + 100)
    }),
];

const OPTIONS: [(&str, Wrapping); 4] = [
    ("options of a SYN", |frame| frame.tcp_options(&SYN_OPTIONS)),
    ("timestamps", |frame| frame.tcp_options(&TIMESTAMPS)),
    ("as many options as there can be", |frame| frame.tcp_options(&[1; 40])),
    ("options that are none", |frame| frame.tcp_options(&[8, 200, 7, 0])),
];

const OPTIONS_V4: [(&str, Wrapping); 4] = [
    ("an IPv4 option", |frame| frame.v4_options(&[1, 1, 1, 0])),
    ("as many IPv4 options as there can be", |frame| frame.v4_options(&[1; 40])),
    ("options of both", |frame| frame.v4_options(&[1; 40]).tcp_options(&[1; 40])),
    ("options in a tagged session", |frame| {
        frame.vlan(5).pppoe(9).v4_options(&[1; 24]).tcp_options(&TIMESTAMPS)
    }),
];

const EXTENSIONS_V6: [(&str, Wrapping); 5] = [
    ("hop-by-hop options", |frame| frame.ext(Ext::HopByHop { len: 8 })),
    ("destination options", |frame| frame.ext(Ext::DestinationOptions { len: 24 })),
    ("three extension headers", |frame| {
        frame
            .ext(Ext::HopByHop { len: 16 })
            .ext(Ext::Routing { len: 24 })
            .ext(Ext::DestinationOptions { len: 8 })
    }),
    ("a fragment header of what is whole", |frame| frame.fragment(0, false)),
    ("extension headers in a tagged session", |frame| {
        frame.service_vlan(3).vlan(5).pppoe(9).ext(Ext::HopByHop { len: 64 }).tcp_options(&TIMESTAMPS)
    }),
];

/// First fragments: nobody knows what the whole is, and nothing is answered. The model knows no packets.
pub fn fragments() -> Vec<Case> {
    let capped = |segment, steps: &[Step]| case("", REFUSED, segment, Reaction::Silence, steps);
    [
        capped(Segment::syn(), &[Step::Syn, Step::Capped]),
        capped(Segment::ack(1), &[Step::Capped]),
        capped(Segment::data(SAID, "QUIT\r\n"), &[Step::Capped]),
        capped(Segment::data(NEVER_SENT, "QUIT\r\n"), &[Step::Capped]),
        capped(Segment::ack(NEVER_SENT).flags(RST), &[]),
        Case { who: RESET, ..capped(Segment::syn(), &[Step::Syn, Step::Capped]) },
        Case { who: TARPITTED, ..capped(Segment::syn(), &[Step::Syn, Step::Capped]) },
    ]
    .map(|case| Case { what: format!("a first fragment: {:?}", case.segment), ..case })
    .map(|case| case.wrapped(|frame| frame.fragment(0, true)))
    .to_vec()
}

pub fn cases() -> Vec<Case> {
    let both = [&AROUND[..], &OPTIONS].concat();
    let in_each = |wrappings: &[(&str, Wrapping)]| -> Vec<Case> {
        wrappings.iter().flat_map(|(name, wrapping)| dialogue(name, *wrapping)).collect()
    };
    let v4 = in_each(&OPTIONS_V4).into_iter().map(Case::v4);
    let v6 = in_each(&EXTENSIONS_V6).into_iter().map(Case::v6);
    in_each(&both).into_iter().chain(v4).chain(v6).collect()
}

/// A reply of every length: shorter than the request, as long, longer, and with and without TCP options.
fn dialogue(name: &str, wrapping: Wrapping) -> Vec<Case> {
    let long = AT_LENGTH.texts();
    let long = long.line(relay_guard_common::respond::response::LineId::Recipient);
    let rcpt = |length: usize| format!("RCPT TO:<{}@example.com>\r\n", "x".repeat(length));
    let greeting = "220 mx.example.com SMTP\r\n";
    let opened = [Step::Syn, Step::SynAck];
    let reset = Reaction::ServerReset;
    let short = rcpt(1);
    let longer = rcpt(900);
    [
        case("SYN", REFUSED, Segment::syn(), syn_ack(WINDOW), opened),
        case("SYN with data", REFUSED, Segment::syn().payload("EHLO x\r\n"), syn_ack(WINDOW), opened),
        case("handshake", REFUSED, Segment::ack(1), text(0, greeting), [Step::Greeted]),
        case("ACK", REFUSED, Segment::ack(SAID), Reaction::Silence, []),
        case(
            "long answer",
            AT_LENGTH,
            Segment::data(SAID, &short),
            text(short.len() as u32, long),
            [Step::Refused],
        ),
        case(
            "long line",
            AT_LENGTH,
            Segment::data(SAID, &longer),
            text(longer.len() as u32, long),
            [Step::Refused],
        ),
        case("QUIT", REFUSED, Segment::data(SAID, "QUIT\r\n"), last(6, "221 2.0.0 Bye\r\n"), []),
        case("FIN", REFUSED, Segment::ack(SAID).and(FIN), finished(1), [Step::Completed]),
        case("reset", RESET, Segment::syn(), refused_syn(0), [Step::Syn, Step::Reset]),
        case("forged data", REFUSED, Segment::data(NEVER_SENT, &longer), reset.clone(), [Step::Reset]),
        case("forged FIN", REFUSED, Segment::ack(NEVER_SENT).and(FIN), reset, [Step::Reset]),
        case("tarpit", TARPITTED, Segment::syn(), syn_ack(TARPIT_WINDOW), opened),
        case("probe", TARPITTED, Segment::data(1, "x"), wait(), [Step::Tarpitted]),
    ]
    .map(|case| Case { what: format!("{}, {name}", case.what), ..case }.wrapped(wrapping))
    .to_vec()
}
