//! What refused clients are told while it is measured: lines as a configuration makes them, two addresses in the longest.

use relay_guard_common::respond::response::{Line, LineId, Piece, Response, Stage};

const REASON: &str =
    "{} is on the list bench; see https://example.org/lookup?ip={}, or write to postmaster@guarded.example";

/// A refusal at the recipient.
pub(super) fn response() -> Response {
    let mut response = Response {
        stage: Stage::Recipient as u8,
        over: 0,
        prefix_v4: 32,
        prefix_v6: 64,
        reserved: 0,
        rate: relay_guard_common::respond::response::Rate::default(),
        lines: [Line::default(); LineId::ALL.len()],
        pool: [0; _],
    };
    let mut used = 0;
    for id in LineId::ALL {
        let (code, text) = match id {
            LineId::Greeting => ("220 ", "mx.guarded.example SMTP"),
            LineId::Hello => ("250 ", "mx.guarded.example"),
            LineId::Sender => ("250 2.1.0 ", "Ok"),
            LineId::Recipient => ("550 5.7.1 ", REASON),
            LineId::Data => ("554 5.7.1 ", REASON),
            LineId::Done => ("250 2.0.0 ", "Ok"),
            LineId::Bye => ("221 2.0.0 ", "Bye"),
            LineId::Unknown => ("502 5.5.1 ", REASON),
            LineId::Brief => ("550 5.7.1 ", "Refused"),
        };
        write(&mut response, id, &format!("{code}{text}\r\n"), &mut used);
    }
    response
}

/// Puts a line's pieces, between which `{}` stands, behind what the pool has.
fn write(response: &mut Response, id: LineId, text: &str, used: &mut usize) {
    let line = &mut response.lines[id as usize];
    line.addresses = text.matches("{}").count() as u16;
    for (piece, octets) in line.pieces.iter_mut().zip(text.split("{}").map(str::as_bytes)) {
        *piece = Piece { start: *used as u16, len: octets.len() as u16, sum: sum(octets), reserved: 0 };
        response.pool[*used..][..octets.len()].copy_from_slice(octets);
        *used += octets.len();
    }
}

/// RFC 1071, as a [`Piece`] wants it.
fn sum(octets: &[u8]) -> u16 {
    let words =
        octets.chunks(2).map(|word| u32::from(word[0]) << 8 | word.get(1).copied().map_or(0, u32::from));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}
