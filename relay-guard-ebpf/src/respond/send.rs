//! Writing a reply over the frame that it answers.
//!
//! Headers are new ones, without options or extensions; of the link header only the addresses change places. Sums are taken
//! of what is written as it is written: nothing is read back.

use core::hint::black_box;

use relay_guard_common::{
    address::Address,
    counter::Loss,
    parse::{Flags, Frame as _, MAX_OFFSET},
    respond::{
        address_text::write_address,
        checksum::{Sum, swapped},
        cookie::Tuple,
        question::Question,
        reply::{MSS, Reply, Way},
        response::{Line, LineId, MAX_LINE_LEN, MAX_PIECES, POOL_LEN, Response},
    },
};

use super::{
    Medium, Request,
    request::{TCP, TCP_LEN, V6_LEN, pseudo_header},
};
use crate::{
    maps::{
        counters,
        respond::{self as maps, Scratch},
    },
    packet::{Packet, bounded, unknown},
};

const V4_LEN: usize = 20;
const MSS_LEN: usize = 4;

/// Version 4, header of five words; no type of service.
const V4_FIRST: u32 = 0x4500_0000;
/// Identification 0, don't fragment (RFC 6864 §4.1 allows that for atomic datagrams).
const V4_SECOND: u32 = 0x0000_4000;
/// Maximum segment size (RFC 9293 §3.2).
const MSS_OPTION: u32 = 0x0204_0000 | MSS as u32;
/// The longest text of an address is shorter.
const ADDRESS_MASK: u32 = 63;
/// The longest piece.
const PIECE_MASK: u32 = MAX_LINE_LEN as u32 - 1;
/// Where an address's text is written, in pieces of eight octets, and how many of them it may fill.
const SCRATCH_DOUBLES: usize = 8;
const SUMMED_DOUBLES: usize = 5;
const TTL: u32 = 64;
/// Version 6, no class, no flow label.
const V6_FIRST: u32 = 0x6000_0000;

const ETHERTYPE_PPPOE: u16 = 0x8864;
/// Ethernet, and PPPoE with the PPP protocol number.
const LEAST_PPPOE_OFFSET: usize = 22;
/// From the IP header back.
const PPPOE_ETHERTYPE_BACK: usize = 10;
/// From the type to the length: type, version and code, session.
const PPPOE_LENGTH_AFTER: usize = 6;
/// What PPPoE counts before the IP header: the PPP protocol number.
const PPP_LEN: usize = 2;

/// Makes the frame the reply. Whether it did. A function of its own, for the stack's sake.
#[inline(never)]
pub(crate) fn send<M: Medium>(medium: &M, word: u64, request: &Request, reply: &Reply) -> bool {
    let question = &Question::unpack(word);
    // Before its length changes: that may be the only way to learn it.
    let begun = unknown((request.begun && medium.is_completed(reply.way, question.tcp_offset)).into()) != 0;
    let ip_len = if question.v6 { V6_LEN } else { V4_LEN };
    let options_len = if reply.flags & Flags::SYN != 0 { MSS_LEN } else { 0 };
    let tcp_len = TCP_LEN + options_len;
    let text_offset = question.ip_offset + ip_len + tcp_len;
    let mut text = Text::NONE;
    if reply.line != Reply::NO_LINE {
        text = Text::unpack(unknown(say(medium, word, request, text_offset, reply.line)));
        if text.len == 0 && is_refusal(reply) {
            text = Text::unpack(unknown(say(medium, word, request, text_offset, LineId::Brief as u8)));
            if text.len != 0 && !question.quiet {
                counters::lose(Loss::AnswerCut);
            }
        }
        if text.len == 0 {
            return false;
        }
    } else if !medium.resize(request.frame_len, text_offset) {
        return false;
    }
    let segment_len = tcp_len as u32 + text.len;
    let tcp_offset = question.ip_offset + ip_len;
    // Whoever completes it knows where the header was.
    if begun && tcp_offset != question.tcp_offset {
        return false;
    }
    let sum = TextSum { sum: text.sum, begun };
    let packet = medium.packet();
    link(&packet, question.ip_offset, ip_len as u32 + segment_len, matches!(reply.way, Way::Back))
        && network(&packet, question, request, reply, segment_len)
        && transport(&packet, tcp_offset, request, reply, segment_len, sum)
}

/// Whether there is a shorter text that says the same.
#[inline(always)]
const fn is_refusal(reply: &Reply) -> bool {
    const RECIPIENT: u8 = LineId::Recipient as u8;
    const DATA: u8 = LineId::Data as u8;
    const UNKNOWN: u8 = LineId::Unknown as u8;
    const GREETING: u8 = LineId::Greeting as u8;
    matches!(reply.line, RECIPIENT | DATA | UNKNOWN)
        || reply.line == GREETING && reply.flags & Flags::FIN != 0
}

/// Octets that were written, and their sum; none if there was no room.
struct Text {
    len: u32,
    sum: u16,
}

impl Text {
    const NONE: Self = Self { len: 0, sum: 0 };

    #[inline(always)]
    const fn pack(&self) -> u64 {
        (self.sum as u64) << 32 | self.len as u64
    }

    #[inline(always)]
    const fn unpack(word: u64) -> Self {
        Self { len: word as u32, sum: (word >> 32) as u16 }
    }
}

/// Writes a line, after giving the frame the length for it; what it wrote, [packed](Text::pack).
#[inline(never)]
fn say<M: Medium>(medium: &M, word: u64, request: &Request, offset: usize, line: u8) -> u64 {
    let (Some(response), Some(scratch)) = (maps::response(Question::unpack(word).param), maps::scratch())
    else {
        return Text::NONE.pack();
    };
    // What the compiler knows of a line's number the verifier does not.
    let Some(line) = response.lines.get(black_box(line as usize)) else { return Text::NONE.pack() };
    let mut said = Said { address: AddressText::none(scratch), response, line, offset };
    if line.addresses != 0 {
        said.address = AddressText::of(&request.tuple.source, scratch);
    }
    said.say(medium, request.frame_len).pack()
}

/// What the TCP checksum is made of, beside headers.
struct TextSum {
    sum: u16,
    /// It is only begun, as the request's was: somebody completes it.
    begun: bool,
}

/// The sender's address as text.
struct AddressText {
    octets: *const u8,
    len: u32,
    sum: u16,
}

impl AddressText {
    /// None is wanted.
    #[inline(always)]
    const fn none(scratch: &Scratch) -> Self {
        Self { octets: scratch.doubles.as_ptr().cast(), len: 0, sum: 0 }
    }

    #[inline(always)]
    fn of(address: &Address, scratch: &mut Scratch) -> Self {
        // Only as much of it is written as the text is long.
        scratch.doubles = [0; SCRATCH_DOUBLES];
        let len = write_address(address, scratch.octets_mut()) as u32;
        let mut sum = Sum::new();
        for double in &scratch.doubles[..SUMMED_DOUBLES] {
            sum = sum.add64(u64::from_be(*double));
        }
        Self { len, sum: sum.fold(), ..Self::none(scratch) }
    }
}

/// What texts are made of, and where in the frame they go.
struct Said<'a> {
    address: AddressText,
    response: &'a Response,
    line: &'a Line,
    offset: usize,
}

impl Said<'_> {
    /// Writes a line, after giving the frame the length for it.
    #[inline(always)]
    fn say<M: Medium>(&self, medium: &M, frame_len: usize) -> Text {
        let len = self.measure();
        if len == 0 || len > MAX_LINE_LEN as u32 || !medium.resize(frame_len, self.offset + len as usize) {
            return Text::NONE;
        }
        self.write(medium)
    }

    /// Octets of a line.
    #[inline(always)]
    fn measure(&self) -> u32 {
        let mut len = 0;
        for index in 0..MAX_PIECES {
            len = forget(len + self.piece_len(index));
            if index >= self.line.addresses as usize {
                break;
            }
            len = forget(len + self.address.len);
        }
        len
    }

    #[inline(always)]
    fn write<M: Medium>(&self, medium: &M) -> Text {
        let line = self.line;
        let (mut written, mut sum) = (0, Sum::new());
        for index in 0..MAX_PIECES {
            let len = self.piece_len(index);
            if len != 0 {
                let start = line.pieces[index].start as usize & (POOL_LEN - 1);
                let octets = &raw const self.response.pool[start];
                if !medium.store(self.offset as u32 + written, octets, bounded(len, PIECE_MASK)) {
                    return Text::NONE;
                }
                sum = sum.add16(at(written, line.pieces[index].sum));
                written = forget(written + len);
            }
            if index >= line.addresses as usize {
                break;
            }
            let AddressText { octets, len, .. } = self.address;
            if !medium.store(self.offset as u32 + written, octets, bounded(len, ADDRESS_MASK)) {
                return Text::NONE;
            }
            sum = sum.add16(at(written, self.address.sum));
            written = forget(written + len);
        }
        Text { len: written, sum: sum.fold() }
    }

    /// Octets of a piece, as the verifier can bound them.
    #[inline(always)]
    const fn piece_len(&self, index: usize) -> u32 {
        self.line.pieces[index].len as u32 & PIECE_MASK
    }
}

/// Octets that were written: the verifier need not follow each sum of lengths by itself.
#[inline(always)]
fn forget(len: u32) -> u32 {
    unknown(len.into()) as u32 & (2 * MAX_LINE_LEN as u32 - 1)
}

/// A part's sum as it counts where the part begins.
#[inline(always)]
const fn at(offset: u32, sum: u16) -> u16 {
    if offset & 1 == 0 { sum } else { swapped(sum) }
}

/// The link header: its addresses change places, PPPoE learns the length of what it carries (RFC 2516 §4).
#[inline(always)]
fn link(packet: &Packet, ip_offset: usize, ip_len: u32, back: bool) -> bool {
    if ip_offset == 0 {
        return true;
    }
    if back {
        let Some([a, b, c]) = packet.words::<3>(0) else { return false };
        // Two addresses of six octets in three words, which lie in memory as they are read.
        if !packet.write_words(0, [b >> 16 | c << 16, c >> 16 | a << 16, a >> 16 | b << 16]) {
            return false;
        }
    }
    if ip_offset < LEAST_PPPOE_OFFSET {
        return true;
    }
    // The verifier takes no negative offset: it is made a number of its own.
    let header = unknown((ip_offset - PPPOE_ETHERTYPE_BACK) as u64) as usize & MAX_OFFSET;
    match packet.read(header) {
        Some(ethertype) if u16::from_be_bytes(ethertype) == ETHERTYPE_PPPOE => {
            packet.write_half(header + PPPOE_LENGTH_AFTER, ip_len as u16 + PPP_LEN as u16)
        }
        _ => true,
    }
}

/// The IP header.
#[inline(always)]
fn network(packet: &Packet, question: &Question, request: &Request, reply: &Reply, segment_len: u32) -> bool {
    let (from, to) = ends(request, reply);
    let ((from_upper, from_lower), (to_upper, to_lower)) = (from.halves(), to.halves());
    if question.v6 {
        return packet.write_words(
            question.ip_offset,
            [
                V6_FIRST.to_be(),
                (segment_len << 16 | TCP << 8 | TTL).to_be(),
                ((from_upper >> 32) as u32).to_be(),
                (from_upper as u32).to_be(),
                ((from_lower >> 32) as u32).to_be(),
                (from_lower as u32).to_be(),
                ((to_upper >> 32) as u32).to_be(),
                (to_upper as u32).to_be(),
                ((to_lower >> 32) as u32).to_be(),
                (to_lower as u32).to_be(),
            ],
        );
    }
    let first = V4_FIRST | (V4_LEN as u32 + segment_len);
    let third = TTL << 24 | TCP << 16;
    let mut sum = Sum::new();
    for word in [first, V4_SECOND, third, from_lower as u32, to_lower as u32] {
        sum = sum.add32(word);
    }
    packet.write_words(
        question.ip_offset,
        [
            first.to_be(),
            V4_SECOND.to_be(),
            (third | u32::from(sum.finish())).to_be(),
            (from_lower as u32).to_be(),
            (to_lower as u32).to_be(),
        ],
    )
}

/// The TCP header, with the option of a SYN.
#[inline(always)]
fn transport(
    packet: &Packet,
    offset: usize,
    request: &Request,
    reply: &Reply,
    segment_len: u32,
    text: TextSum,
) -> bool {
    let Request { tuple, .. } = request;
    let mut ports = u32::from(tuple.source_port) << 16 | u32::from(tuple.destination_port);
    if matches!(reply.way, Way::Back) {
        ports = ports.rotate_left(16);
    }
    let is_syn = reply.flags & Flags::SYN != 0;
    let words = if is_syn { 6_u32 } else { 5 };
    let control = words << 28 | u32::from(reply.flags) << 16 | u32::from(reply.window);
    let pseudo = pseudo_header(tuple, segment_len);
    let mut sum = pseudo.add16(text.sum);
    for word in [ports, reply.sequence, reply.acknowledgment, control] {
        sum = sum.add32(word);
    }
    if is_syn {
        sum = sum.add32(MSS_OPTION);
        if !packet.write_words(offset + TCP_LEN, [MSS_OPTION.to_be()]) {
            return false;
        }
    }
    let check = if text.begun { pseudo.fold() } else { sum.finish() };
    packet.write_words(
        offset,
        [
            ports.to_be(),
            reply.sequence.to_be(),
            reply.acknowledgment.to_be(),
            control.to_be(),
            (u32::from(check) << 16).to_be(),
        ],
    )
}

/// From whom and to whom.
#[inline(always)]
const fn ends(request: &Request, reply: &Reply) -> (Address, Address) {
    let Tuple { source, destination, .. } = request.tuple;
    if matches!(reply.way, Way::Back) { (destination, source) } else { (source, destination) }
}
