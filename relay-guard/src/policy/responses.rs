//! From what the configuration says to the ready-made lines that the kernel copies.

use std::net::IpAddr;

use relay_guard_common::{
    action::Action,
    respond::{
        checksum::of_bytes,
        response::{Line, LineId, MAX_LINE_LEN, POOL_LEN, Piece, Rate, Response, Stage},
    },
};

use super::{
    answer::{Answer, HostName, Limit, MAX_NAME_LEN},
    text::Text,
};

/// What the response at place 0 calls this host: a name that nobody has (RFC 2606).
const NOBODY: &str = "relay-guard.invalid";

const SENDER: &str = "250 2.1.0 Ok\r\n";
const DONE: &str = "250 2.0.0 Ok\r\n";
const BYE: &str = "221 2.0.0 Bye\r\n";
const BRIEF: &str = "Refused by policy";

// Whatever the text: the three lines with it, both with our name, and the fixed ones find room.
const _: () = assert!(
    3 * MAX_LINE_LEN
        + ("220  SMTP\r\n".len() + MAX_NAME_LEN)
        + ("250 \r\n".len() + MAX_NAME_LEN)
        + (SENDER.len() + DONE.len() + BYE.len())
        + ("550 5.7.1 \r\n".len() + BRIEF.len())
        <= POOL_LEN
);

/// Codes of refusals, each with a blank at its end.
struct Codes {
    greeting: &'static str,
    recipient: &'static str,
    data: &'static str,
    /// To what is no command, which the end of a recipient's line is that came in two segments: no more final than that.
    unknown: &'static str,
}

impl Codes {
    /// RFC 5321 §4.2.3, with the enhanced codes of RFC 3463 §3.8: delivery is not authorised.
    const fn of(answer: &Answer) -> Self {
        if answer.temporary {
            Self {
                greeting: "421 4.7.1 ",
                recipient: "450 4.7.1 ",
                data: "451 4.7.1 ",
                unknown: "451 4.7.1 ",
            }
        } else {
            Self {
                greeting: "554 5.7.1 ",
                recipient: "550 5.7.1 ",
                data: "554 5.7.1 ",
                unknown: "502 5.5.1 ",
            }
        }
    }
}

/// What is sent in the name of a rule with this action; nothing if the action sends no lines and has no limit.
#[must_use]
pub fn compose(action: Action, answer: &Answer, name: &HostName) -> Option<Response> {
    match action {
        Action::Refuse => Some(refusal(answer, name)),
        Action::Limit if answer.limit.then == Action::Refuse => {
            Some(limited(&answer.limit, refusal(answer, name)))
        }
        Action::Limit => Some(limited(&answer.limit, generic())),
        Action::Pass | Action::Observe | Action::Drop | Action::Reset | Action::Tarpit => None,
    }
}

/// The response at place 0, for rules that name no other: a permanent refusal in a few fixed words.
#[must_use]
pub fn generic() -> Response {
    let name = HostName::new(NOBODY).unwrap_or_else(|| HostName::of_machine(""));
    refusal(&Answer::default(), &name)
}

fn limited(limit: &Limit, response: Response) -> Response {
    Response {
        over: limit.then as u8,
        prefix_v4: limit.prefix_v4,
        prefix_v6: limit.prefix_v6,
        rate: Rate::per_minute(limit.per_minute, limit.burst),
        ..response
    }
}

fn refusal(answer: &Answer, name: &HostName) -> Response {
    let (codes, text, name) = (Codes::of(answer), &answer.text, name.as_str());
    let mut lines = Composer::new(answer.stage);
    let (first, code) = match answer.stage {
        Stage::Recipient => (LineId::Recipient, codes.recipient),
        Stage::Greeting => (LineId::Greeting, codes.greeting),
    };
    lines.set(first, &with_code(code, text));
    if answer.stage == Stage::Recipient {
        lines.set(LineId::Greeting, &[format!("220 {name} SMTP\r\n")]);
    }
    for (line, said) in [
        (LineId::Hello, format!("250 {name}\r\n")),
        (LineId::Sender, SENDER.to_owned()),
        (LineId::Done, DONE.to_owned()),
        (LineId::Bye, BYE.to_owned()),
        (LineId::Brief, format!("{code}{BRIEF}\r\n")),
    ] {
        lines.set(line, &[said]);
    }
    for (line, code) in
        [(LineId::Recipient, codes.recipient), (LineId::Data, codes.data), (LineId::Unknown, codes.unknown)]
    {
        if line != first {
            lines.set(line, &with_code(code, text));
        }
    }
    lines.response
}

/// A response whose pool fills up.
struct Composer {
    response: Response,
    used: usize,
}

impl Composer {
    fn new(stage: Stage) -> Self {
        let response = Response {
            stage: stage as u8,
            over: 0,
            prefix_v4: 0,
            prefix_v6: 0,
            reserved: 0,
            rate: Rate::default(),
            lines: [Line::default(); LineId::ALL.len()],
            pool: [0; POOL_LEN + MAX_LINE_LEN],
        };
        Self { response, used: 0 }
    }

    /// A line, for which there is room, as is asserted above.
    fn set(&mut self, id: LineId, literals: &[String]) {
        let placed = self.line(literals);
        debug_assert!(placed.is_some(), "{id:?} finds no room");
        self.response.lines[id as usize] = placed.unwrap_or_default();
    }

    /// Nothing if there is no room; pieces that had some stay in the pool, where others may find them.
    fn line(&mut self, literals: &[String]) -> Option<Line> {
        let mut line = Line { addresses: literals.len().saturating_sub(1) as u16, ..Line::default() };
        for (piece, literal) in line.pieces.iter_mut().zip(literals) {
            *piece = self.piece(literal.as_bytes())?;
        }
        Some(line)
    }

    /// The octets' place in the pool: where they are already, or where there is room.
    fn piece(&mut self, octets: &[u8]) -> Option<Piece> {
        if octets.is_empty() {
            return Some(Piece::default());
        }
        let known = self.response.pool[..self.used].windows(octets.len()).position(|run| run == octets);
        let start = match known {
            Some(start) => start,
            None => {
                let start = self.used;
                self.response.pool[..POOL_LEN].get_mut(start..start + octets.len())?.copy_from_slice(octets);
                self.used += octets.len();
                start
            }
        };
        Some(Piece { start: start as u16, len: octets.len() as u16, sum: of_bytes(octets), reserved: 0 })
    }
}

/// The text's pieces with a code before them and CRLF after.
fn with_code(code: &str, text: &Text) -> Vec<String> {
    let mut pieces = text.pieces().to_vec();
    if let Some(first) = pieces.first_mut() {
        first.insert_str(0, code);
    }
    if let Some(last) = pieces.last_mut() {
        last.push_str("\r\n");
    }
    pieces
}

/// A reply line as a client with this address gets it, CRLF included; what the kernel does, for tests and display.
#[must_use]
pub fn render(response: &Response, line: LineId, client: IpAddr) -> Vec<u8> {
    let line = &response.lines[line as usize];
    let address = client.to_canonical().to_string();
    let octets = |piece: &Piece| {
        let start = usize::from(piece.start);
        response.pool.get(start..start + usize::from(piece.len)).unwrap_or_default()
    };
    let pieces: Vec<&[u8]> = line.pieces.iter().take(usize::from(line.addresses) + 1).map(octets).collect();
    pieces.join(address.as_bytes())
}

#[cfg(test)]
mod tests;
