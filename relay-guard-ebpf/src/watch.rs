//! Looking into connections: what of a segment that passes is handed to userspace.
//!
//! [`openings`] (how it began) → [`flows`] (what is left of its budgets, what userspace wants of it) → [`captures`] (the record).
//! What is decided on the way is `relay-guard-common`'s `flow`.

use aya_ebpf::bindings::{__sk_buff, xdp_md};
use relay_guard_common::{
    flow::{
        FlowKey, Party,
        capture::{CaptureHeader, LARGE_PAYLOAD, MAX_RECORDS},
        go_ahead::{LINE_BEGINS, WINDOW_DOUBLES, WINDOW_LEN, WINDOW_START, says_go_ahead},
        opening::{Known, Numbers},
        seen::{Extent, Seen},
        state::{FlowRecord, FlowState, Share},
    },
    parse::{Flags, Frame as _, Segment},
    settings::Settings,
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
    /// Looks into a segment that passes, as a [`Seen`]'s word says. Whether its connection is to end.
    fn watch(&self, segment: &Segment, word: u64) -> bool;

    /// Hands on a part of it, as [`captures::tell`] does.
    fn tell(&self, header: &CaptureHeader, offset: u32) -> bool;
}

impl Watched for XdpFrame {
    #[inline(always)]
    fn watch(&self, segment: &Segment, word: u64) -> bool {
        watch_frame(self.0, segment, word) != 0
    }

    #[inline(always)]
    fn tell(&self, header: &CaptureHeader, offset: u32) -> bool {
        tell_frame(self.0, header, offset.into()) != 0
    }
}

impl Watched for Skb {
    #[inline(always)]
    fn watch(&self, segment: &Segment, word: u64) -> bool {
        watch_packet(self.0, segment, word) != 0
    }

    #[inline(always)]
    fn tell(&self, header: &CaptureHeader, offset: u32) -> bool {
        tell_packet(self.0, header, offset.into()) != 0
    }
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn watch_frame(context: *mut xdp_md, segment: *const Segment, word: u64) -> u32 {
    // SAFETY: this crate's only call hands over a reference.
    unsafe { segment.as_ref() }.is_some_and(|segment| watch(&XdpFrame(context), segment, word)).into()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn watch_packet(context: *mut __sk_buff, segment: *const Segment, word: u64) -> u32 {
    // SAFETY: as above.
    unsafe { segment.as_ref() }.is_some_and(|segment| watch(&Skb(context), segment, word)).into()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_frame(context: *mut xdp_md, header: *const CaptureHeader, offset: u64) -> u32 {
    // SAFETY: as above.
    unsafe { header.as_ref() }
        .is_some_and(|header| captures::tell(&XdpFrame(context), header, offset as u32))
        .into()
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn tell_packet(context: *mut __sk_buff, header: *const CaptureHeader, offset: u64) -> u32 {
    // SAFETY: as above.
    unsafe { header.as_ref() }
        .is_some_and(|header| captures::tell(&Skb(context), header, offset as u32))
        .into()
}

/// See [`Watched::watch`].
#[inline(always)]
fn watch<M: Watched>(medium: &M, segment: &Segment, word: u64) -> bool {
    let seen = Seen::unpack(word);
    let flow = flows::on_stack(seen.flow(segment));
    let settings = settings::get();
    if segment.flags.0 & Flags::SYN != 0 {
        on_handshake(&seen, &flow, segment, &settings);
        return false;
    }
    let Some(extent) = extent(medium, &seen) else { return false };
    let state = match flows::get(&flow) {
        Some(state) => state,
        None => match discover(&seen, &flow, segment, extent.len, &settings) {
            Some(state) => state,
            None => return false,
        },
    };
    // A reset ends it as well.
    let ends = state.is_to_end() && segment.flags.0 & Flags::RST == 0;
    if ends && settings.enforce != 0 {
        tell_end(medium, &seen, &flow, segment, state);
        return true;
    }
    let now_ns = settings::now_ns();
    let share = match seen.from {
        Party::Client => state.on_client(extent.len, segment.flags, now_ns),
        Party::Server => {
            let is_go_ahead = extent.len != 0 && state.is_watched() && is_go_ahead(medium, &extent);
            state.on_server(extent.len, is_go_ahead, segment.flags, &settings.budgets, now_ns)
        }
    };
    if share.is_told {
        tell_share(medium, header(&seen, &flow, segment, state), &extent, share, state);
    }
    ends
}

/// Where the payload is.
#[inline(always)]
fn extent<M: Watched>(medium: &M, seen: &Seen) -> Option<Extent> {
    let packet = medium.packet();
    let [ip_word] = packet.words(if seen.v6 { seen.ip_offset + 4 } else { seen.ip_offset })?;
    let [control] = packet.words(seen.tcp_offset + 12)?;
    seen.extent(ip_word, control, medium.len())
}

/// Notes a handshake. Ends that meet again begin anew.
#[inline(always)]
fn on_handshake(seen: &Seen, flow: &FlowKey, segment: &Segment, settings: &Settings) {
    let Some((opening, place)) = openings::place(flow) else { return };
    let next = segment.sequence.wrapping_add(1);
    if matches!(seen.from, Party::Client) {
        if segment.flags.is_syn() {
            opening.on_syn(place, next);
        }
        return;
    }
    let numbers = Numbers { client: segment.acknowledgment, server: next };
    if segment.flags.is_syn_ack()
        && opening.on_syn_ack(place, numbers)
        && let Some(state) = flows::get(flow)
    {
        state.restart(numbers, &settings.budgets, settings::now_ns());
        opening.forget(place);
    }
}

/// Makes the entry of a connection that is not known yet, if it has shown enough of itself.
#[inline(always)]
fn discover(
    seen: &Seen,
    flow: &FlowKey,
    segment: &Segment,
    len: u32,
    settings: &Settings,
) -> Option<&'static FlowState> {
    if segment.flags.0 & Flags::ACK == 0 || segment.flags.0 & Flags::RST != 0 {
        return None;
    }
    let (opening, place) = openings::place(flow)?;
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
            return None;
        }
    };
    let record = FlowRecord::new(found, &settings.budgets, settings::now_ns());
    let made = flows::make(flow, &record);
    if made.is_some() {
        opening.forget(place);
    }
    made
}

/// Whether a server's payload tells the client to go ahead with a message.
#[inline(always)]
fn is_go_ahead<M: Watched>(medium: &M, extent: &Extent) -> bool {
    let Some(room) = heard() else { return false };
    let Some(window) = room.first_chunk_mut::<WINDOW_DOUBLES>() else { return false };
    *window = [0; WINDOW_DOUBLES];
    let mut offset = extent.offset as u32;
    let mut len = extent.len;
    if len > WINDOW_LEN {
        offset += len - WINDOW_LEN;
        len = WINDOW_LEN;
    } else {
        window[0] = LINE_BEGINS;
    }
    let payload = window.as_mut_ptr().cast::<u8>().wrapping_add(WINDOW_START);
    medium.load(offset, payload, bounded(len, WINDOW_LEN - 1)) && says_go_ahead(window)
}

/// A record's header for all of a segment.
#[inline(always)]
fn header(seen: &Seen, flow: &FlowKey, segment: &Segment, state: &FlowState) -> CaptureHeader {
    let opening = state.opening().unwrap_or(Numbers { client: 0, server: 0 });
    CaptureHeader {
        time_ns: settings::now_ns(),
        flow: *flow,
        sequence: segment.sequence,
        acknowledgment: segment.acknowledgment,
        opening_client: opening.client,
        opening_server: opening.server,
        len: 0,
        captured: 0,
        flags: segment.flags.0,
        from: seen.from as u8,
        direction: seen.direction as u8,
        marks: state.record_marks(seen.from),
        reserved: [0; 6],
    }
}

/// Hands on a segment's share in as many records as it takes.
#[inline(always)]
fn tell_share<M: Watched>(
    medium: &M,
    mut header: CaptureHeader,
    extent: &Extent,
    share: Share,
    state: &FlowState,
) {
    const LARGE: u32 = LARGE_PAYLOAD as u32;
    let from = if header.from == Party::Server as u8 { Party::Server } else { Party::Client };
    let (sequence, flags) = (header.sequence, header.flags);
    let mut told = 0;
    for _ in 0..MAX_RECORDS {
        let left = share.octets - told;
        let is_last = left <= LARGE;
        header.sequence = sequence.wrapping_add(told);
        header.captured = if is_last { left as u16 } else { LARGE as u16 };
        // What is not captured any more belongs to the last.
        header.len = if is_last { extent.len - told } else { LARGE };
        header.flags = if is_last { flags } else { flags & !Flags::FIN };
        if !medium.tell(&header, extent.offset as u32 + told) {
            state.on_lost(from);
            return;
        }
        state.on_told(from, Flags(header.flags), is_last && share.octets < extent.len);
        if is_last {
            return;
        }
        header.marks &= CaptureHeader::OPENED;
        told += LARGE;
    }
}

/// Tells once that a connection is ended here.
#[inline(always)]
fn tell_end<M: Watched>(medium: &M, seen: &Seen, flow: &FlowKey, segment: &Segment, state: &FlowState) {
    if !state.is_end_untold() {
        return;
    }
    let mut header = header(seen, flow, segment, state);
    header.flags = Flags::RST | segment.flags.0 & Flags::ACK;
    header.marks |= CaptureHeader::ENDED;
    if medium.tell(&header, 0) {
        state.on_end_told();
    }
}
