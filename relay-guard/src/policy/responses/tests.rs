use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::text::Words;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const LONGEST: IpAddr =
    IpAddr::V6(Ipv6Addr::new(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff));

fn name() -> HostName {
    HostName::new("mx.example.com").expect("a name")
}

fn answer(stage: Stage, temporary: bool, template: &str) -> Answer {
    let text = Text::new(template, Words::default()).expect("a text");
    Answer { stage, temporary, text, limit: Limit::default() }
}

fn refuse(answer: &Answer) -> Response {
    compose(Action::Refuse, answer, &name()).expect("refusals have lines")
}

fn lines(response: &Response, client: IpAddr) -> [String; LineId::ALL.len()] {
    LineId::ALL.map(|line| String::from_utf8(render(response, line, client)).expect("ASCII"))
}

#[test]
fn a_refusal_at_the_recipient() {
    let response = refuse(&answer(Stage::Recipient, false, "{address} is listed"));
    let expected = [
        "220 mx.example.com SMTP\r\n",
        "250 mx.example.com\r\n",
        "250 2.1.0 Ok\r\n",
        "550 5.7.1 192.0.2.1 is listed\r\n",
        "554 5.7.1 192.0.2.1 is listed\r\n",
        "250 2.0.0 Ok\r\n",
        "221 2.0.0 Bye\r\n",
        "502 5.5.1 192.0.2.1 is listed\r\n",
        "550 5.7.1 Refused by policy\r\n",
    ];
    assert_eq!(lines(&response, V4), expected);
    assert_eq!(lines(&response, IpAddr::V6(Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped())), expected);
    assert_eq!(response.stage, Stage::Recipient as u8);
    assert_eq!((response.over, response.rate), (0, Rate::default()));
}

#[test]
fn a_refusal_for_now_in_the_greeting() {
    let response = refuse(&answer(Stage::Greeting, true, "go away, {address}"));
    let text = |code: &str| format!("{code} 4.7.1 go away, 192.0.2.1\r\n");
    let lines = lines(&response, V4);
    assert_eq!(lines[LineId::Greeting as usize], text("421"));
    assert_eq!(lines[LineId::Recipient as usize], text("450"));
    assert_eq!(lines[LineId::Data as usize], text("451"));
    assert_eq!(lines[LineId::Unknown as usize], text("451"));
    assert_eq!(lines[LineId::Brief as usize], "421 4.7.1 Refused by policy\r\n");
    assert_eq!(response.stage, Stage::Greeting as u8);
    let permanent = refuse(&answer(Stage::Greeting, false, "no"));
    assert_eq!(render(&permanent, LineId::Greeting, V4), b"554 5.7.1 no\r\n");
    let for_now = refuse(&answer(Stage::Recipient, true, "no"));
    assert_eq!(render(&for_now, LineId::Recipient, V4), b"450 4.7.1 no\r\n");
    assert_eq!(render(&for_now, LineId::Brief, V4), b"450 4.7.1 Refused by policy\r\n");
}

/// A client takes what comes after its recipient's line for the answer to it, whichever line that is.
#[test]
fn nothing_in_a_refusal_for_now_is_final() {
    for stage in [Stage::Recipient, Stage::Greeting] {
        let lines = lines(&refuse(&answer(stage, true, "later")), V4);
        assert!(lines.iter().all(|line| !line.starts_with('5')), "{lines:?}");
    }
}

#[test]
fn only_refusals_and_limits_say_anything() {
    let limit = |then| Answer {
        limit: Limit { per_minute: 30, burst: 10, prefix_v4: 24, prefix_v6: 64, then },
        ..answer(Stage::Greeting, true, "later")
    };
    for action in [Action::Pass, Action::Observe, Action::Drop, Action::Reset, Action::Tarpit] {
        assert_eq!(compose(action, &limit(Action::Refuse), &name()), None, "{}", action.name());
    }
    let refusing = compose(Action::Limit, &limit(Action::Refuse), &name()).expect("a limit");
    let expected = Response {
        over: Action::Refuse as u8,
        prefix_v4: 24,
        prefix_v6: 64,
        rate: Rate { interval_us: 2_000_000, tolerance_us: 18_000_000 },
        ..refuse(&limit(Action::Refuse))
    };
    assert_eq!(refusing, expected);
    // What is not said makes no difference.
    let dropping = compose(Action::Limit, &limit(Action::Drop), &name()).expect("a limit");
    assert_eq!((dropping.over, dropping.rate), (Action::Drop as u8, expected.rate));
    assert_eq!(lines(&dropping, V4), lines(&generic(), V4));
}

const fn longest_text(addresses: usize) -> usize {
    if addresses == 0 { 499 } else { 500 }
}

#[test]
fn the_longest_of_everything_finds_room() {
    let longest = HostName::new(&("a.".repeat(MAX_NAME_LEN / 2 - 1) + "aa")).expect("a name");
    for addresses in 0..=3 {
        for stage in [Stage::Recipient, Stage::Greeting] {
            let literal =
                "{address}".repeat(addresses) + &"x".repeat(longest_text(addresses) - 39 * addresses);
            let response =
                compose(Action::Refuse, &answer(stage, false, &literal), &longest).expect("a refusal");
            let refusal = if stage == Stage::Recipient { LineId::Recipient } else { LineId::Greeting };
            assert_eq!(render(&response, refusal, LONGEST).len(), longest_text(addresses) + 12);
            assert_sound(&response);
        }
    }
    let long = refuse(&answer(Stage::Recipient, false, &"x".repeat(longest_text(0))));
    for (line, code) in
        [(LineId::Recipient, "550 5.7.1 "), (LineId::Data, "554 5.7.1 "), (LineId::Unknown, "502 5.5.1 ")]
    {
        assert!(render(&long, line, V4).starts_with(code.as_bytes()), "{line:?}");
    }
}

/// What the kernel relies on, and what a client does.
fn assert_sound(response: &Response) {
    for id in LineId::ALL {
        let line = &response.lines[id as usize];
        assert!(usize::from(line.addresses) < line.pieces.len());
        for piece in &line.pieces {
            let (start, len) = (usize::from(piece.start), usize::from(piece.len));
            assert!(start < POOL_LEN && len < MAX_LINE_LEN && start + len <= POOL_LEN, "{piece:?}");
            assert_eq!(piece.sum, naive_sum(&response.pool[start..start + len]));
        }
        let told = render(response, id, LONGEST);
        assert!(told.len() <= MAX_LINE_LEN && told.ends_with(b"\r\n"), "{id:?} {told:?}");
        let text = &told[..told.len() - 2];
        assert!(text.iter().all(|octet| matches!(octet, b' '..=b'~')), "{id:?} {told:?}");
        assert!(text[..3].iter().all(u8::is_ascii_digit) && text[3] == b' ', "{id:?} {told:?}");
    }
    assert!(response.pool[POOL_LEN..].iter().all(|octet| *octet == 0));
}

/// RFC 1071 to the letter: ones'-complement addition, carry by carry.
fn naive_sum(octets: &[u8]) -> u16 {
    octets.chunks(2).fold(0, |sum: u16, pair| {
        let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

#[test]
fn the_generic_response_is_sound() {
    assert_sound(&generic());
    assert_eq!(render(&generic(), LineId::Recipient, V4), b"550 5.7.1 refused by policy\r\n");
    assert_eq!(render(&generic(), LineId::Hello, V4), b"250 relay-guard.invalid\r\n");
}

proptest! {
    /// Every line is what its parts come to, whatever the text.
    #[test]
    fn lines_are_code_and_text(
        literals in prop::collection::vec("[ -z|~]{0,130}", 1..5),
        greeting in any::<bool>(),
        temporary in any::<bool>(),
        client in prop_oneof![any::<Ipv4Addr>().prop_map(IpAddr::V4), any::<Ipv6Addr>().prop_map(IpAddr::V6)],
        action in select(vec![Action::Refuse, Action::Limit]),
    ) {
        let template = literals.join("{address}");
        let Ok(text) = Text::new(&template, Words::default()) else { return Ok(()) };
        let stage = if greeting { Stage::Greeting } else { Stage::Recipient };
        let answer = Answer { text, ..answer(stage, temporary, "x") };
        let response = compose(action, &answer, &name()).expect("lines");
        assert_sound(&response);
        let said = template.replace("{address}", &client.to_canonical().to_string());
        let reply = |code: &str| format!("{code} {said}\r\n").into_bytes();
        let (greet, recipient, data, unknown) = match temporary {
            true => ("421 4.7.1", "450 4.7.1", "451 4.7.1", "451 4.7.1"),
            false => ("554 5.7.1", "550 5.7.1", "554 5.7.1", "502 5.5.1"),
        };
        let first = if greeting { LineId::Greeting } else { LineId::Recipient };
        let told = LineId::ALL.map(|line| render(&response, line, client));
        prop_assert_eq!(&told[first as usize], &reply(if greeting { greet } else { recipient }));
        for (line, code) in [(LineId::Recipient, recipient), (LineId::Data, data), (LineId::Unknown, unknown)] {
            prop_assert_eq!(&told[line as usize], &reply(code));
        }
    }
}
