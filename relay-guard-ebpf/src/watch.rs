//! Looking into connections: what of a segment that passes is handed to userspace.
//!
//! [`openings`] (how it began) → [`flows`] (what is left of its budgets, what userspace wants of it) → [`captures`] (the record).
//! What is decided on the way is `relay-guard-common`'s `flow`.

use aya_ebpf::bindings::{__sk_buff, xdp_md};
use relay_guard_common::{
    flow::{
        Party,
        capture::{CaptureHeader, LARGE_PAYLOAD, MAX_RECORDS},
        go_ahead::{LINE_BEGINS, WINDOW_DOUBLES, WINDOW_LEN, WINDOW_START, says_go_ahead},
        opening::{Known, Numbers},
        seen::{Extent, Seen},
        state::{FlowRecord, FlowState},
    },
    parse::{Flags, Frame as _, Segment},
};

use crate::{
    maps::{captures, flows, openings, respond::heard, settings},
    packet::bounded,
    respond::{Medium, Skb, XdpFrame},
};

/// A frame of which segments can be looked into.
///
/// Behind each method is a global function, once for each kind of frame: the verifier checks it by itself, not once for every way
/// in which a segment is found.
pub(crate) trait Watched: Medium {
    /// Looks into a segment that passes, as a [`Seen`]'s word says: [`GOES_ON`], [`ENDS`], or [`UNKNOWN`] and the octets of its
    /// payload.
    fn look(&self, segment: &Segment, word: u64) -> u64;

    /// Whether a server's payload tells the client to go ahead with a message.
    fn is_go_ahead(&self, payload: &Extent) -> bool;

    /// Hands on a part of a segment, as [`captures::tell`] does.
    fn tell(&self, header: &CaptureHeader, offset: u32) -> bool;
}

/// The connection goes on, as far as inspection is concerned.
const GOES_ON: u64 = 0;
/// It is to end.
const ENDS: u64 = 1;
/// Nothing is known of it yet.
const UNKNOWN: u64 = 1 << 32;

/// Looks into a segment that passes, as a [`Seen`]'s word says. Whether its connection is to end.
///
/// A function of its own that calls others one after the other: frames of a chain of calls share 512 bytes.
#[inline(never)]
pub(crate) fn watch<M: Watched>(medium: &M, segment: &Segment, word: u64) -> bool {
    if segment.flags.0 & Flags::SYN != 0 {
        note_handshake(segment, word);
        return false;
    }
    let mut found = medium.look(segment, word);
    if found & UNKNOWN != 0 && discover(segment, word, found) != 0 {
        found = medium.look(segment, word);
    }
    found == ENDS
}

macro_rules! watched {
    ($frame:ident, $context:ty, $look:ident, $go_ahead:ident, $tell:ident) => {
        impl Watched for $frame {
            #[inline(always)]
            fn look(&self, segment: &Segment, word: u64) -> u64 {
                $look(self.0, segment, word)
            }

            #[inline(always)]
            fn is_go_ahead(&self, payload: &Extent) -> bool {
                $go_ahead(self.0, payload.offset as u64, payload.len.into()) != 0
            }

            #[inline(always)]
            fn tell(&self, header: &CaptureHeader, offset: u32) -> bool {
                $tell(self.0, header, offset.into()) != 0
            }
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $look(context: *mut $context, segment: *const Segment, word: u64) -> u64 {
            // SAFETY: this crate's only call hands over a reference.
            unsafe { segment.as_ref() }.map_or(GOES_ON, |segment| look(&$frame(context), segment, word))
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $go_ahead(context: *mut $context, offset: u64, len: u64) -> u32 {
            is_go_ahead(&$frame(context), offset as u32, len as u32).into()
        }

        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $tell(context: *mut $context, header: *const CaptureHeader, offset: u64) -> u32 {
            // SAFETY: as above.
            unsafe { header.as_ref() }
                .is_some_and(|header| captures::tell(&$frame(context), header, offset as u32))
                .into()
        }
    };
}

watched!(XdpFrame, xdp_md, look_frame, go_ahead_in_frame, tell_frame);
watched!(Skb, __sk_buff, look_packet, go_ahead_in_packet, tell_packet);

/// See [`Watched::look`].
#[inline(always)]
fn look<M: Watched>(medium: &M, segment: &Segment, word: u64) -> u64 {
    let seen = Seen::unpack(word);
    let Some(extent) = extent(medium, &seen) else { return GOES_ON };
    let mut header = header(&seen, segment);
    let Some(state) = flows::get(&header.flow) else { return UNKNOWN | u64::from(extent.len) };
    let Some(settings) = settings::entry() else { return GOES_ON };
    // A reset ends it as well.
    let ends = state.is_to_end() && segment.flags.0 & Flags::RST == 0;
    if ends && settings.enforce != 0 {
        tell_end(medium, &seen, &mut header, state);
        return ENDS;
    }
    let share = match seen.from {
        Party::Client => state.on_client(extent.len, segment.flags, header.time_ns),
        Party::Server => {
            let is_go_ahead = extent.len != 0 && state.is_watched() && medium.is_go_ahead(&extent);
            state.on_server(extent.len, is_go_ahead, segment.flags, &settings.budgets, header.time_ns)
        }
    };
    if share.is_told {
        tell_share(medium, &seen, &mut header, &extent, share.octets, state);
    }
    if ends { ENDS } else { GOES_ON }
}

/// Where the payload is.
#[inline(always)]
fn extent<M: Watched>(medium: &M, seen: &Seen) -> Option<Extent> {
    let packet = medium.packet();
    let [ip_word] = packet.words(if seen.v6 { seen.ip_offset + 4 } else { seen.ip_offset })?;
    let [control] = packet.words(seen.tcp_offset + 12)?;
    seen.extent(ip_word, control, medium.len())
}

/// Notes a handshake. Ends that meet again begin anew. A global function: the verifier checks it once by itself, and its frame on
/// the stack is not that of others.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn note_handshake(segment: *const Segment, word: u64) -> u32 {
    // SAFETY: this crate's only call hands over a reference.
    let Some(segment) = (unsafe { segment.as_ref() }) else { return 0 };
    let seen = Seen::unpack(word);
    let flow = flows::on_stack(seen.flow(segment));
    let Some((opening, place)) = openings::place(&flow) else { return 0 };
    let next = segment.sequence.wrapping_add(1);
    if matches!(seen.from, Party::Client) {
        if segment.flags.is_syn() {
            opening.on_syn(place, next);
        }
        return 0;
    }
    let numbers = Numbers { client: segment.acknowledgment, server: next };
    if segment.flags.is_syn_ack()
        && opening.on_syn_ack(place, numbers)
        && let (Some(state), Some(settings)) = (flows::get(&flow), settings::entry())
    {
        state.restart(numbers, &settings.budgets, settings::now_ns());
        opening.forget(place);
    }
    0
}

/// Makes the entry of a connection that is not known yet, if it has shown enough of itself. Whether there is one now. A global
/// function, as above.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn discover(segment: *const Segment, word: u64, len: u64) -> u32 {
    // SAFETY: as above.
    let Some(segment) = (unsafe { segment.as_ref() }) else { return 0 };
    let (seen, len) = (Seen::unpack(word), len as u32);
    if segment.flags.0 & Flags::ACK == 0 || segment.flags.0 & Flags::RST != 0 {
        return 0;
    }
    let flow = flows::on_stack(seen.flow(segment));
    let (Some((opening, place)), Some(settings)) = (openings::place(&flow), settings::entry()) else {
        return 0;
    };
    let numbers = seen.numbers(segment);
    let is_client = matches!(seen.from, Party::Client);
    let found = match opening.known(place) {
        Known::Opened(opened) if len != 0 && opened.fit(numbers) => Some(opened),
        Known::Middle(middle) if is_client && middle.fit(numbers) => None,
        // Nobody forges what the gateway itself sends.
        _ if seen.own && is_client && len != 0 => None,
        _ => {
            if !is_client && !seen.shared && len != 0 {
                opening.on_middle(place, Numbers { server: numbers.server.wrapping_add(len), ..numbers });
            }
            return 0;
        }
    };
    let record = FlowRecord::new(found, &settings.budgets, settings::now_ns());
    if !flows::make(&flow, &record) {
        return 0;
    }
    opening.forget(place);
    1
}

/// See [`Watched::is_go_ahead`]. There is payload.
#[inline(always)]
fn is_go_ahead<M: Watched>(medium: &M, mut offset: u32, mut len: u32) -> bool {
    let Some(room) = heard() else { return false };
    let Some(window) = room.first_chunk_mut::<WINDOW_DOUBLES>() else { return false };
    *window = [0; WINDOW_DOUBLES];
    if len > WINDOW_LEN {
        offset += len - WINDOW_LEN;
        len = WINDOW_LEN;
    } else {
        window[0] = LINE_BEGINS;
    }
    let payload = window.as_mut_ptr().cast::<u8>().wrapping_add(WINDOW_START);
    medium.load(offset, payload, bounded(len, WINDOW_LEN - 1)) && says_go_ahead(window)
}

/// A record's header, as far as the segment says what is in it.
#[inline(always)]
fn header(seen: &Seen, segment: &Segment) -> CaptureHeader {
    CaptureHeader {
        time_ns: settings::now_ns(),
        flow: seen.flow(segment),
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        opening_client: 0,
        opening_server: 0,
        len: 0,
        captured: 0,
        flags: segment.flags.0,
        from: seen.from as u8,
        direction: seen.direction as u8,
        marks: 0,
        reserved: [0; 6],
    }
}

/// Adds what is known of the connection.
#[inline(always)]
fn add_state(header: &mut CaptureHeader, seen: &Seen, state: &FlowState) {
    header.marks = state.record_marks(seen.from);
    let opening = state.opening();
    (header.opening_client, header.opening_server) = (opening.client, opening.server);
}

/// Hands on a segment's first octets in as many records as it takes.
#[inline(always)]
fn tell_share<M: Watched>(
    medium: &M,
    seen: &Seen,
    header: &mut CaptureHeader,
    extent: &Extent,
    octets: u32,
    state: &FlowState,
) {
    const LARGE: u32 = LARGE_PAYLOAD as u32;
    add_state(header, seen, state);
    let (sequence, flags) = (header.sequence, header.flags);
    let mut told = 0;
    for _ in 0..MAX_RECORDS {
        let left = octets - told;
        let is_last = left <= LARGE;
        header.sequence = sequence.wrapping_add(told);
        header.captured = if is_last { left as u16 } else { LARGE as u16 };
        // What is not captured any more belongs to the last.
        header.len = if is_last { extent.len - told } else { LARGE };
        header.flags = if is_last { flags } else { flags & !Flags::FIN };
        if !medium.tell(header, extent.offset as u32 + told) {
            state.on_lost(seen.from);
            return;
        }
        state.on_told(seen.from, Flags(header.flags), is_last && octets < extent.len);
        if is_last {
            return;
        }
        header.marks &= CaptureHeader::OPENED;
        told += LARGE;
    }
}

/// Tells once that a connection is ended here.
#[inline(always)]
fn tell_end<M: Watched>(medium: &M, seen: &Seen, header: &mut CaptureHeader, state: &FlowState) {
    if !state.is_end_untold() {
        return;
    }
    add_state(header, seen, state);
    header.flags = Flags::RST | header.flags & Flags::ACK;
    header.marks |= CaptureHeader::ENDED;
    if medium.tell(header, 0) {
        state.on_end_told();
    }
}
