//! What refusals say here, and the responses that userspace makes of them: put together by hand, so that they depend on
//! nothing but their layout.

use relay_guard_common::action::Action;
use relay_guard_common::respond::response::{
    Line, LineId, MAX_LINE_LEN, MAX_PIECES, POOL_LEN, Piece, Rate, Response, Stage,
};

/// Stands for the client's address, in these texts and in the replies that tables expect.
pub const ADDRESS: &str = "{address}";

/// The lines of a response, CRLF included.
#[derive(Clone, Debug)]
pub struct Texts {
    pub stage: Stage,
    lines: [String; LineId::ALL.len()],
}

/// How connections are limited.
#[derive(Clone, Copy, Debug)]
pub struct Limited {
    pub over: Action,
    pub prefix_v4: u8,
    pub prefix_v6: u8,
    pub rate: Rate,
}

/// The codes of a refusal: to a recipient, to DATA, in the greeting, to what is no command.
type Codes = [&'static str; 4];

const PERMANENT: Codes = ["550 5.7.1", "554 5.7.1", "554 5.7.1", "502 5.5.1"];
const TEMPORARY: Codes = ["450 4.7.1", "451 4.7.1", "421 4.7.1", "451 4.7.1"];

impl Texts {
    /// A permanent refusal at each recipient.
    pub fn permanent(reason: &str) -> Self {
        Self::new(PERMANENT, reason)
    }

    /// A temporary refusal at each recipient.
    pub fn temporary(reason: &str) -> Self {
        Self::new(TEMPORARY, reason)
    }

    /// A permanent refusal in the greeting.
    pub fn greeting(reason: &str) -> Self {
        Self::permanent(reason).in_greeting(PERMANENT, reason)
    }

    /// A temporary refusal in the greeting.
    pub fn temporary_greeting(reason: &str) -> Self {
        Self::temporary(reason).in_greeting(TEMPORARY, reason)
    }

    fn new([recipient, data, _, unknown]: Codes, reason: &str) -> Self {
        let lines = LineId::ALL.map(|id| match id {
            LineId::Greeting => "220 mx.example.com SMTP\r\n".to_owned(),
            LineId::Hello => "250 mx.example.com\r\n".to_owned(),
            LineId::Sender => "250 2.1.0 Ok\r\n".to_owned(),
            LineId::Recipient => format!("{recipient} {reason}\r\n"),
            LineId::Data => format!("{data} {reason}\r\n"),
            LineId::Done => "250 2.0.0 Ok\r\n".to_owned(),
            LineId::Bye => "221 2.0.0 Bye\r\n".to_owned(),
            LineId::Unknown => format!("{unknown} {reason}\r\n"),
            LineId::Brief => format!("{recipient} refused\r\n"),
        });
        Self { stage: Stage::Recipient, lines }
    }

    fn in_greeting(self, [_, _, greeting, _]: Codes, reason: &str) -> Self {
        let stage = Stage::Greeting;
        Self { stage, ..self }.with_line(LineId::Greeting, format!("{greeting} {reason}\r\n"))
    }

    /// The same with another line.
    pub fn with_line(mut self, id: LineId, line: String) -> Self {
        self.lines[id as usize] = line;
        self
    }

    /// A line, with [`ADDRESS`] where the client's address is to be.
    pub fn line(&self, id: LineId) -> &str {
        &self.lines[id as usize]
    }

    /// The entry of `RESPONSES`.
    pub fn response(&self, limited: Option<Limited>) -> Response {
        let limited = limited.unwrap_or(Limited {
            over: Action::Pass,
            prefix_v4: 32,
            prefix_v6: 64,
            rate: Rate::default(),
        });
        let mut pool = Pool::default();
        let lines = LineId::ALL.map(|id| pool.line(self.line(id)));
        Response {
            stage: self.stage as u8,
            over: limited.over as u8,
            prefix_v4: limited.prefix_v4,
            prefix_v6: limited.prefix_v6,
            reserved: 0,
            rate: limited.rate,
            lines,
            pool: pool.octets(),
        }
    }
}

/// The pool of pieces in the making.
#[derive(Default)]
struct Pool(Vec<u8>);

impl Pool {
    fn line(&mut self, text: &str) -> Line {
        let parts: Vec<&str> = text.split(ADDRESS).collect();
        assert!(parts.len() <= MAX_PIECES, "{text}");
        let mut pieces = [Piece::default(); MAX_PIECES];
        for (piece, part) in pieces.iter_mut().zip(&parts) {
            *piece = self.piece(part.as_bytes());
        }
        Line { pieces, addresses: parts.len() as u16 - 1, reserved: [0; 3] }
    }

    fn piece(&mut self, octets: &[u8]) -> Piece {
        assert!(octets.len() < MAX_LINE_LEN, "a piece of {} octets", octets.len());
        let start = self.0.len() as u16;
        self.0.extend(octets);
        Piece { start, len: octets.len() as u16, sum: sum(octets), reserved: 0 }
    }

    fn octets(self) -> [u8; POOL_LEN + MAX_LINE_LEN] {
        assert!(self.0.len() <= POOL_LEN, "{} octets", self.0.len());
        let mut pool = [0; POOL_LEN + MAX_LINE_LEN];
        pool[..self.0.len()].copy_from_slice(&self.0);
        pool
    }
}

/// RFC 1071, word for word: big-endian words, an odd last octet the upper half of one; carries come back in.
fn sum(octets: &[u8]) -> u16 {
    let mut sum = 0_u16;
    for pair in octets.chunks(2) {
        let word = u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]);
        let (plain, carry) = sum.overflowing_add(word);
        sum = plain + u16::from(carry);
    }
    sum
}
