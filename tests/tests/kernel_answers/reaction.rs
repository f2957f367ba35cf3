//! What becomes of a segment, and reading it from what a program left.

use std::net::IpAddr;

use relay_guard::datapath::FrameRun;
use relay_guard_tests::frames::{Reading, flags};

use super::segment::{ISN, Segment};
use super::texts::ADDRESS;

/// What becomes of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// It goes on its way, unchanged.
    Passed,
    /// It ends here, and nothing is said.
    Silence,
    /// It ends here, and this is said in the server's place.
    Reply(Reply),
    /// It goes on its way as the client's RST.
    ServerReset,
}

/// Where a reply begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// At the cookie.
    Cookie,
    /// At what the client acknowledged.
    Acknowledged,
    /// At 0: there is nothing to begin at.
    Zero,
}

/// A segment in the server's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub flags: u8,
    pub begins: Begins,
    /// How much of what the client sent is acknowledged, SYN and FIN included; nothing if the flag is not set.
    pub taken: Option<u32>,
    pub window: u16,
    pub options: &'static [u8],
    /// With [`ADDRESS`] where the client's address is to be.
    pub text: String,
}

/// The window of a refusal, and its SYN-ACK's.
pub const WINDOW: u16 = 2048;
/// The window of a tarpit's SYN-ACK.
pub const TARPIT_WINDOW: u16 = 16;
/// Maximum segment size 1024 (RFC 9293 §3.2).
const MSS: [u8; 4] = [2, 4, 4, 0];

/// A SYN-ACK.
pub fn syn_ack(window: u16) -> Reaction {
    Reaction::Reply(Reply {
        flags: flags::SYN | flags::ACK,
        begins: Begins::Cookie,
        taken: Some(1),
        window,
        options: &MSS,
        text: String::new(),
    })
}

/// An acknowledgement of some octets, without payload.
pub fn acknowledged(octets: u32) -> Reaction {
    said(flags::ACK, octets, "")
}

/// A line, and an acknowledgement of some octets.
pub fn text(octets: u32, text: &str) -> Reaction {
    said(flags::ACK | flags::PSH, octets, text)
}

/// A last line, and an acknowledgement of some octets, the client's FIN included if it has been taken.
pub fn last(octets: u32, text: &str) -> Reaction {
    said(flags::ACK | flags::PSH | flags::FIN, octets, text)
}

/// A FIN without a line.
pub fn finished(octets: u32) -> Reaction {
    said(flags::ACK | flags::FIN, octets, "")
}

/// The tarpit's: nothing is taken, and nothing can be.
pub fn wait() -> Reaction {
    let Reaction::Reply(reply) = acknowledged(0) else { unreachable!("a reply") };
    Reaction::Reply(Reply { window: 0, ..reply })
}

fn said(flags: u8, octets: u32, text: &str) -> Reaction {
    Reaction::Reply(Reply {
        flags,
        begins: Begins::Acknowledged,
        taken: Some(octets),
        window: WINDOW,
        options: &[],
        text: text.to_owned(),
    })
}

/// A RST in answer to a SYN, which had some octets of payload.
pub fn refused_syn(payload: u32) -> Reaction {
    Reaction::Reply(Reply {
        flags: flags::RST | flags::ACK,
        begins: Begins::Zero,
        taken: Some(1 + payload),
        window: 0,
        options: &[],
        text: String::new(),
    })
}

/// A RST in answer to anything else.
pub fn client_reset() -> Reaction {
    Reaction::Reply(Reply {
        flags: flags::RST,
        begins: Begins::Acknowledged,
        taken: None,
        window: 0,
        options: &[],
        text: String::new(),
    })
}

/// The return codes of a kind of program.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    pass: u32,
    stop: u32,
    reply: u32,
}

impl Codes {
    /// `XDP_PASS`, `XDP_DROP`, `XDP_TX`.
    pub const XDP: Self = Self { pass: 2, stop: 1, reply: 3 };
    /// `TC_ACT_UNSPEC`, `TC_ACT_SHOT`, `TC_ACT_REDIRECT`.
    pub const TC: Self = Self { pass: u32::MAX, stop: 2, reply: 7 };
}

impl Codes {
    /// Whether a frame goes back to where it came from.
    pub fn is_reply(self, code: u32) -> bool {
        code == self.reply
    }
}

/// Reads what became of a request, and judges every field that does not depend on the dialogue.
pub fn read(
    request: &[u8],
    ethernet: bool,
    cookie: u32,
    segment: &Segment,
    run: &FrameRun,
    codes: Codes,
) -> Result<Reaction, String> {
    let reading = if ethernet { Reading::of_frame } else { Reading::of_packet };
    let read = || reading(&run.frame).map_err(|error| format!("{error}: {:02x?}", run.frame));
    let theirs = || reading(request).map_err(|error| format!("the request: {error}"));
    match run.code {
        code if code == codes.stop => Ok(Reaction::Silence),
        code if code == codes.pass && run.frame == request => Ok(Reaction::Passed),
        code if code == codes.pass => server_reset(&theirs()?, &read()?),
        code if code == codes.reply => reply(&theirs()?, &read()?, cookie, segment).map(Reaction::Reply),
        code => Err(format!("code {}", code as i32)),
    }
}

/// The client's segment, made a RST: from whom to whom, by which way and at which numbers stays the same.
fn server_reset(request: &Reading, reset: &Reading) -> Result<Reaction, String> {
    let expected = Reading {
        flags: flags::RST | flags::ACK,
        window: 0,
        urgent: 0,
        options: Vec::new(),
        payload: Vec::new(),
        ip_header_len: if request.source.is_ipv4() { 20 } else { 40 },
        hop_limit: 64,
        identification: 0,
        dont_fragment: true,
        traffic_class: 0,
        flow_label: 0,
        trailing: 0,
        ..request.clone()
    };
    if *reset == expected { Ok(Reaction::ServerReset) } else { Err(format!("passed on as {reset:?}")) }
}

/// A reply with all that holds for every reply.
fn reply(request: &Reading, reply: &Reading, cookie: u32, segment: &Segment) -> Result<Reply, String> {
    let wrong = |what: &str| Err(format!("{what}: {reply:?}"));
    if reply.ethernet != request.ethernet.map(|(destination, source)| (source, destination)) {
        return wrong("Ethernet's addresses");
    }
    if (&reply.tags, reply.pppoe) != (&request.tags, request.pppoe) {
        return wrong("tags or PPPoE");
    }
    if (reply.source, reply.destination) != (request.destination, request.source) {
        return wrong("addresses or ports");
    }
    let plain = if reply.source.is_ipv4() { 20 } else { 40 };
    if (reply.ip_header_len, reply.hop_limit, reply.identification, reply.dont_fragment)
        != (plain, 64, 0, true)
    {
        return wrong("IP header");
    }
    if (reply.traffic_class, reply.flow_label, reply.urgent, reply.trailing) != (0, 0, 0, 0) {
        return wrong("what should be 0");
    }
    let begins = begins(reply, cookie, cookie.wrapping_add(segment.acknowledgement))
        .ok_or_else(|| format!("sequence number: {reply:?}"))?;
    let taken = reply.acknowledgement.wrapping_sub(ISN.wrapping_add(segment.sequence));
    let acknowledges = reply.flags & flags::ACK != 0;
    if !acknowledges && reply.acknowledgement != 0 {
        return wrong("acknowledgement without its flag");
    }
    Ok(Reply {
        flags: reply.flags,
        begins,
        taken: acknowledges.then_some(taken),
        window: reply.window,
        options: if reply.options == MSS { &MSS } else { &[] },
        text: plain_text(reply, request.source.ip())?,
    })
}

fn begins(reply: &Reading, cookie: u32, acknowledged: u32) -> Option<Begins> {
    match reply.sequence {
        number if reply.flags & flags::SYN != 0 => (number == cookie).then_some(Begins::Cookie),
        number if number == acknowledged => Some(Begins::Acknowledged),
        0 => Some(Begins::Zero),
        _ => None,
    }
}

/// The payload, the client's address in it by its placeholder.
fn plain_text(reply: &Reading, client: IpAddr) -> Result<String, String> {
    if reply.options != MSS && !reply.options.is_empty() {
        return Err(format!("options: {reply:?}"));
    }
    let text = String::from_utf8(reply.payload.clone()).map_err(|error| error.to_string())?;
    if !text.is_ascii() || text.contains(ADDRESS) {
        return Err(format!("text: {text:?}"));
    }
    Ok(text.replace(&client.to_canonical().to_string(), ADDRESS))
}
