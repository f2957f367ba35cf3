//! A client that nobody sees: it goes through an SMTP dialogue, segment by segment, with whatever takes its frames.

use super::{
    ProbeQuestion,
    segment::{ACK, FIN, PSH, RST, SYN, Segment, Wanted},
};
use crate::datapath::{DatapathError, FrameRun};

/// What XDP returns for a frame that goes back to where it came from (linux/bpf.h, `enum xdp_action`).
pub(super) const XDP_TX: u32 = 3;

/// The client's first sequence number: any does.
const FIRST: u32 = 1;

/// What the client says, each after the answer to what stands before it: its handshake, then lines of SMTP. The names and
/// addresses are such that they can be no one's (RFC 6761 §6.4, RFC 5321 §4.5.1).
const SCRIPT: [(&str, u8); 6] = [
    ("", SYN),
    ("", ACK),
    ("EHLO relay-guard.invalid\r\n", ACK | PSH),
    ("MAIL FROM:<>\r\n", ACK | PSH),
    ("RCPT TO:<postmaster>\r\n", ACK | PSH),
    ("QUIT\r\n", ACK | PSH),
];

/// One segment of the client, and what it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What the client sends.
    pub client: Segment,
    /// What it is answered, if it is.
    pub server: Option<Segment>,
}

impl Exchange {
    /// Whether a client would go on after it: it was let in, or it was answered with a text and may speak.
    fn goes_on(&self) -> bool {
        let Some(server) = &self.server else {
            // Who is not greeted waits. Many of those whom a tarpit is for speak all the same, so it is asked what they get.
            return self.client.flags == ACK;
        };
        let greets = self.client.has(SYN) && server.has(SYN);
        !server.has(RST | FIN) && (greets || !server.payload.is_empty())
    }
}

/// Goes through the dialogue until the client has said all, or would say no more. `run` gives each frame to the program.
/// Nothing if the SYN is not answered.
///
/// # Errors
/// Those of `run`, and if what comes back cannot be read.
pub(super) fn converse(
    question: &ProbeQuestion,
    mut run: impl FnMut(&[u8]) -> Result<FrameRun, DatapathError>,
) -> Result<Vec<Exchange>, DatapathError> {
    let mut exchanges = Vec::new();
    let (mut seq, mut ack) = (FIRST, 0_u32);
    for (line, flags) in SCRIPT {
        let client = Segment { seq, ack, flags, window: u16::MAX, payload: line.into() };
        let server = answer(&run(&client.frame(question, Wanted::Answer))?)?;
        seq = seq.wrapping_add(client.length());
        if let Some(server) = &server {
            ack = server.seq.wrapping_add(server.length());
        } else if client.has(SYN) {
            break;
        }
        let exchange = Exchange { client, server };
        let goes_on = exchange.goes_on();
        exchanges.push(exchange);
        if !goes_on {
            break;
        }
    }
    Ok(exchanges)
}

/// The segment that goes back to the client, if one does.
fn answer(run: &FrameRun) -> Result<Option<Segment>, DatapathError> {
    if run.code != XDP_TX {
        return Ok(None);
    }
    match Segment::read(&run.frame) {
        Some(segment) => Ok(Some(segment)),
        None => Err(DatapathError::Probe("it answered with a frame that cannot be read".into())),
    }
}
