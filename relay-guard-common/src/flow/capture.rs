//! What the kernel hands to userspace of a segment: a record of the ring `CAPTURES`, which is a [`CaptureHeader`] and octets of
//! payload behind it.

use super::FlowKey;
use crate::assert_layout;

/// The beginning of a record.
///
/// A long segment comes in several records, each of which stands for a part of it and has the sequence number at which that part
/// begins. What a record stands for and does not hold was left out on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CaptureHeader {
    /// When, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub time_ns: u64,
    /// Which connection.
    pub flow: FlowKey,
    /// Sequence number of the first octet, host byte order.
    pub sequence: u32,
    /// Acknowledgment number, host byte order; nothing without the flag ACK.
    pub acknowledgment: u32,
    /// With [`CaptureHeader::OPENED`]: the sequence number of the client's first octet.
    pub opening_client: u32,
    /// With [`CaptureHeader::OPENED`]: the sequence number of the server's first octet.
    pub opening_server: u32,
    /// Octets of payload on the wire that it stands for.
    pub len: u32,
    /// Octets of these that follow, from the first on.
    pub captured: u16,
    /// TCP flags; FIN only with the last part of a segment.
    pub flags: u8,
    /// A [`Party`](super::Party)'s number: who sent it.
    pub from: u8,
    /// A [`Direction`](crate::role::Direction)'s number.
    pub direction: u8,
    /// [`CaptureHeader::OPENED`] and its kin.
    pub marks: u8,
    /// Always zero.
    pub reserved: [u8; 6],
}
assert_layout!(CaptureHeader, 80, 8);

impl CaptureHeader {
    /// A mark: the handshake was seen.
    pub const OPENED: u8 = 1;
    /// A mark: this party sent payload before that was left out on purpose, and none of what is missing was lost.
    pub const SKIPPED_OWN: u8 = 2;
    /// A mark: the other party did.
    pub const SKIPPED_OTHER: u8 = 4;
    /// A mark: the connection was ended here, as ordered. The segment is the guard's reset, not the party's.
    pub const ENDED: u8 = 8;
}

/// A record of the shorter kind, in all. With the ring's own header it fills whole cache lines.
pub const SMALL_RECORD: usize = 248;
/// A record of the longer kind, in all: a full segment of Ethernet's.
pub const LARGE_RECORD: usize = 2040;
/// Octets of payload in a record of the shorter kind.
pub const SMALL_PAYLOAD: usize = SMALL_RECORD - size_of::<CaptureHeader>();
/// Octets of payload in a record of the longer kind.
pub const LARGE_PAYLOAD: usize = LARGE_RECORD - size_of::<CaptureHeader>();

/// The most records of one segment: as much of one as IP carries.
pub const MAX_RECORDS: usize = 65_535_usize.div_ceil(LARGE_PAYLOAD);
const _: () = assert!(LARGE_RECORD <= u16::MAX as usize && SMALL_PAYLOAD > 0);

/// Bytes of the ring `CAPTURES` unless told otherwise; a power of two.
pub const CAPTURE_RING_BYTES: usize = 16 << 20;

/// A record of the shorter kind.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SmallRecord {
    /// What it is.
    pub header: CaptureHeader,
    /// Payload.
    pub payload: [u8; SMALL_PAYLOAD],
}
assert_layout!(SmallRecord, SMALL_RECORD, 8);

/// A record of the longer kind.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LargeRecord {
    /// What it is.
    pub header: CaptureHeader,
    /// Payload.
    pub payload: [u8; LARGE_PAYLOAD],
}
assert_layout!(LargeRecord, LARGE_RECORD, 8);
