//! The ring of captured segments.

use core::hint::black_box;

use aya_ebpf::{btf_maps::RingBuf, macros::btf_map};
use relay_guard_common::{
    counter::Loss,
    flow::capture::{
        CAPTURE_RING_BYTES, CaptureHeader, LARGE_PAYLOAD, LargeRecord, SMALL_PAYLOAD, SmallRecord,
    },
};

use super::counters;
use crate::respond::Medium;

/// Written by the kernel, read by the daemon. 16 MiB by default; `limits.capture_bytes` sets it at load. A ring of its own: no flood
/// of anything else keeps segments away.
#[btf_map]
static CAPTURES: RingBuf<SmallRecord, CAPTURE_RING_BYTES> = RingBuf::new();

/// Hands on a part of a segment whose payload is at `offset` in the frame: as many octets as the header says. Whether there was room.
#[inline(always)]
pub(crate) fn tell<M: Medium>(medium: &M, header: &CaptureHeader, offset: u32) -> bool {
    let told = if header.captured as usize <= SMALL_PAYLOAD {
        tell_small(medium, header, offset)
    } else {
        tell_large(medium, header, offset)
    };
    if !told {
        counters::lose(Loss::CaptureRingFull);
    }
    told
}

#[inline(always)]
fn tell_small<M: Medium>(medium: &M, header: &CaptureHeader, offset: u32) -> bool {
    let Some(mut entry) = CAPTURES.reserve_untyped::<SmallRecord>(0) else { return false };
    // SAFETY: the ring's memory for one record, of which every value is one; nobody else sees it before it is submitted.
    let record = unsafe { entry.assume_init_mut() };
    record.header = *header;
    if !load::<M, SMALL_PAYLOAD>(medium, &mut record.payload, header.captured, offset) {
        record.header.captured = 0;
    }
    entry.submit(0);
    true
}

#[inline(always)]
fn tell_large<M: Medium>(medium: &M, header: &CaptureHeader, offset: u32) -> bool {
    let Some(mut entry) = CAPTURES.reserve_untyped::<LargeRecord>(0) else { return false };
    // SAFETY: as above.
    let record = unsafe { entry.assume_init_mut() };
    record.header = *header;
    if !load::<M, LARGE_PAYLOAD>(medium, &mut record.payload, header.captured, offset) {
        record.header.captured = 0;
    }
    entry.submit(0);
    true
}

/// Copies octets of the frame. Whether all are there; none always are.
#[inline(always)]
fn load<M: Medium, const N: usize>(medium: &M, payload: &mut [u8; N], len: u16, offset: u32) -> bool {
    // Linux before 6.8 learns nothing from a comparison with 0, and takes no length that might be 0.
    let less_one = black_box(u32::from(len).wrapping_sub(1));
    if less_one >= N as u32 {
        return len == 0;
    }
    medium.load(offset, payload.as_mut_ptr(), less_one + 1)
}
