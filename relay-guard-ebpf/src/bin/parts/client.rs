//! A client of SMTP without memory: each segment of the server says, by what it acknowledges, how far the dialogue is.
//!
//! It begins with a SYN that userspace makes, from [`ISN`]. All that it knows of a dialogue comes with each segment: the
//! addresses and ports, what the server acknowledges, what the server has sent. When a dialogue has ended, the same
//! address begins the next one from its next port. It repeats nothing by itself: what the server repeats, it answers
//! again.
//!
//! IPv4 without options alone. A reply of the server is complete when a segment ends with its last line.

use core::hint::black_box;

use aya_ebpf::{
    helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    programs::XdpContext,
};

use super::{IPV4, Tally, count, load_u8, load_u16, load_u32, store_u8, store_u16, store_u32};

/// The client's first sequence number; userspace has the same.
const ISN: u32 = 1_000_000_000;
/// The first port that is used again after the last one.
const FIRST_PORT: u16 = 1024;

/// What the client says, line by line.
const HELLO: &[u8; 21] = b"EHLO client.example\r\n";
const SENDER: &[u8; 36] = b"MAIL FROM:<someone@client.example>\r\n";
const RECIPIENT: &[u8; 32] = b"RCPT TO:<user@guarded.example>\r\n";
const BYE: &[u8; 6] = b"QUIT\r\n";

/// What the server has acknowledged, from the first octet on, after each line.
const AFTER_HELLO: u32 = HELLO.len() as u32;
const AFTER_SENDER: u32 = AFTER_HELLO + SENDER.len() as u32;
const AFTER_RECIPIENT: u32 = AFTER_SENDER + RECIPIENT.len() as u32;
const AFTER_BYE: u32 = AFTER_RECIPIENT + BYE.len() as u32;
const AFTER_FIN: u32 = AFTER_BYE + 1;

const SERVER_PORT: u16 = 25;
const IP: usize = 14;
const TCP: usize = IP + 20;
const BODY: usize = TCP + 20;

const FIN: u16 = 0x01;
const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const PSH: u16 = 0x08;
const ACK: u16 = 0x10;

/// A segment of the server. Fields are as they stand in the frame, but where a unit or order is said.
struct Segment {
    /// Ethernet addresses: first half and last half of each.
    to_mac: (u32, u16),
    from_mac: (u32, u16),
    /// The server's address and the client's.
    server: u32,
    client: u32,
    /// The client's port, host byte order.
    port: u16,
    /// Sequence number, host byte order, and acknowledgement.
    sequence: u32,
    acknowledgement: u32,
    flags: u16,
    /// Where the payload begins in the frame, and how long it is.
    payload: usize,
    length: usize,
}

/// Turns the frame into what the client says next; none: there is nothing to say.
#[inline(always)]
pub(crate) fn turn(context: &XdpContext) -> Option<()> {
    let segment = parse(context)?;
    let done = u32::from_be(segment.acknowledgement).wrapping_sub(ISN + 1);
    if segment.flags & RST != 0 {
        count(Tally::Reset);
        return begin(context, &segment);
    }
    if done == AFTER_FIN {
        count(Tally::Completed);
        return begin(context, &segment);
    }
    if segment.flags & SYN != 0 {
        count(Tally::SynAck);
        return say(context, &segment, ACK, &[]);
    }
    if segment.flags & FIN != 0 {
        if done != AFTER_BYE {
            count(Tally::Broken);
            return begin(context, &segment);
        }
        return say(context, &segment, FIN | ACK, &[]);
    }
    if segment.length == 0 || !is_complete(context, &segment)? {
        return None;
    }
    match done {
        0 => say(context, &segment, PSH | ACK, HELLO),
        AFTER_HELLO => say(context, &segment, PSH | ACK, SENDER),
        AFTER_SENDER => say(context, &segment, PSH | ACK, RECIPIENT),
        AFTER_RECIPIENT => {
            if octet(context, segment.payload)? == b'5' {
                count(Tally::Refused);
            }
            say(context, &segment, PSH | ACK, BYE)
        }
        // Its FIN comes next.
        AFTER_BYE => None,
        _ => {
            count(Tally::Other);
            None
        }
    }
}

#[inline(always)]
fn parse(context: &XdpContext) -> Option<Segment> {
    let start = context.data();
    if start + BODY > context.data_end() {
        return None;
    }
    let is_tcp = u16::from_be(load_u16(start + 12)) == IPV4
        && load_u8(start + IP) == 0x45
        && load_u8(start + IP + 9) == 6
        && u16::from_be(load_u16(start + TCP)) == SERVER_PORT;
    if !is_tcp {
        return None;
    }
    let header = usize::from(load_u8(start + TCP + 12) >> 4) * 4;
    Some(Segment {
        to_mac: (load_u32(start), load_u16(start + 4)),
        from_mac: (load_u32(start + 6), load_u16(start + 10)),
        server: load_u32(start + IP + 12),
        client: load_u32(start + IP + 16),
        port: u16::from_be(load_u16(start + TCP + 2)),
        sequence: u32::from_be(load_u32(start + TCP + 4)),
        acknowledgement: load_u32(start + TCP + 8),
        flags: u16::from(load_u8(start + TCP + 13)),
        payload: TCP + header,
        length: usize::from(u16::from_be(load_u16(start + IP + 2))).saturating_sub(20 + header),
    })
}

/// Whether a reply ends with this segment: it ends with a line, which has no hyphen behind its code.
#[inline(always)]
fn is_complete(context: &XdpContext, segment: &Segment) -> Option<bool> {
    /// The longest last line of several that is recognised.
    const LONGEST: usize = 64;
    let Segment { payload, length, .. } = *segment;
    if length < 5 || octet(context, payload + length - 1)? != b'\n' {
        return Some(false);
    }
    if octet(context, payload + 3)? != b'-' {
        return Some(true);
    }
    let mut back = 2;
    while back < LONGEST && back < length {
        if octet(context, payload + length - back)? == b'\n' {
            break;
        }
        back += 1;
    }
    // The code's fourth octet: three after the first one of the line.
    Some(octet(context, payload + length + 4 - back)? == b' ')
}

/// An octet of the frame, not its first one.
#[inline(always)]
fn octet(context: &XdpContext, offset: usize) -> Option<u8> {
    // Larger ones are none of this wire; the verifier wants to know.
    const LONGEST: usize = 0x7ff;
    // It does not understand a comparison with one octet alone, and the one before is there anyway.
    let before = context.data() + ((offset - 1) & LONGEST);
    if before + 2 > context.data_end() {
        return None;
    }
    Some(load_u8(before + 1))
}

/// The first segment of the next dialogue.
#[inline(always)]
fn begin(context: &XdpContext, segment: &Segment) -> Option<()> {
    const MSS: [u8; 4] = [2, 4, 0x05, 0xb4];
    let port = segment.port.checked_add(1).unwrap_or(FIRST_PORT);
    write(context, segment, port, [ISN.to_be(), 0], SYN | 6 << 12, &MSS)
}

/// The next segment of this dialogue.
#[inline(always)]
fn say<const N: usize>(
    context: &XdpContext,
    segment: &Segment,
    flags: u16,
    payload: &'static [u8; N],
) -> Option<()> {
    let taken = segment.length as u32 + u32::from(segment.flags & (SYN | FIN) != 0);
    let numbers = [segment.acknowledgement, segment.sequence.wrapping_add(taken).to_be()];
    write(context, segment, segment.port, numbers, flags | 5 << 12, payload)
}

/// Writes a segment of the client over the frame. `numbers` are as they stand in a header, `control` is data offset and
/// flags, `body` options or payload.
#[inline(always)]
fn write<const N: usize>(
    context: &XdpContext,
    segment: &Segment,
    port: u16,
    numbers: [u32; 2],
    control: u16,
    body: &'static [u8; N],
) -> Option<()> {
    resize(context, BODY + N)?;
    let start = context.data();
    if start + BODY + N > context.data_end() {
        return None;
    }
    store_u32(start, segment.from_mac.0);
    store_u16(start + 4, segment.from_mac.1);
    store_u32(start + 6, segment.to_mac.0);
    store_u16(start + 10, segment.to_mac.1);
    store_u16(start + 12, IPV4.to_be());
    // Version and length, DF, TTL and protocol.
    let ip = [0x4500_u16.to_be(), ((40 + N) as u16).to_be(), 0, 0x4000_u16.to_be(), 0x4006_u16.to_be()];
    let addresses = u64::from(segment.client) + u64::from(segment.server);
    let mut sum = addresses;
    for (place, word) in ip.into_iter().enumerate() {
        store_u16(start + IP + place * 2, word);
        sum += u64::from(word);
    }
    store_u16(start + IP + 10, !folded(sum));
    store_u32(start + IP + 12, segment.client);
    store_u32(start + IP + 16, segment.server);
    let tcp = [port.to_be(), SERVER_PORT.to_be(), control.to_be(), 0xfaf0_u16.to_be()];
    let pseudo = addresses + u64::from(6_u16.to_be()) + u64::from(((20 + N) as u16).to_be());
    let sum = pseudo + u64::from(numbers[0]) + u64::from(numbers[1]) + fill(start + BODY, body);
    let sum = tcp.into_iter().fold(sum, |sum, word| sum + u64::from(word));
    store_u16(start + TCP, tcp[0]);
    store_u16(start + TCP + 2, tcp[1]);
    store_u32(start + TCP + 4, numbers[0]);
    store_u32(start + TCP + 8, numbers[1]);
    store_u16(start + TCP + 12, tcp[2]);
    store_u16(start + TCP + 14, tcp[3]);
    store_u16(start + TCP + 16, !folded(sum));
    store_u16(start + TCP + 18, 0);
    Some(())
}

/// Gives the frame this length, at its end or, where the driver has no room there, at its head.
#[inline(always)]
fn resize(context: &XdpContext, length: usize) -> Option<()> {
    // The verifier allows pointers to be subtracted in 64 bits alone.
    let found = black_box(context.data_end() - context.data());
    let change = length as i32 - found as i32;
    // SAFETY: the context is the kernel's own for this run; no pointer into the frame is used afterwards.
    if change == 0 || unsafe { bpf_xdp_adjust_tail(context.ctx, change) } == 0 {
        return Some(());
    }
    // SAFETY: as above.
    (unsafe { bpf_xdp_adjust_head(context.ctx, -change) } == 0).then_some(())
}

/// Writes octets that are known at compile time, and sums them up for a checksum.
#[inline(always)]
fn fill<const N: usize>(at: usize, octets: &'static [u8; N]) -> u64 {
    let (words, rest) = octets.as_chunks::<4>();
    let mut sum = 0;
    for (place, word) in words.iter().enumerate() {
        let word = u32::from_ne_bytes(*word);
        store_u32(at + place * 4, word);
        sum += u64::from(word);
    }
    for (place, octet) in rest.iter().enumerate() {
        store_u8(at + words.len() * 4 + place, *octet);
        sum += u64::from(u16::from_ne_bytes(if place % 2 == 0 { [*octet, 0] } else { [0, *octet] }));
    }
    sum
}

/// A sum of words in 16 bits.
#[inline(always)]
const fn folded(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}
