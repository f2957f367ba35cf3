//! Questions to userspace: an unknown source opens SMTP, what do DNSBLs say of it?

use crate::{address::Address, assert_layout};

/// One record of the ring `ASKS`: a SYN of inbound SMTP from a source of which nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Ask {
    /// When, nanoseconds of `CLOCK_MONOTONIC`, coarse.
    pub time_ns: u64,
    /// Source address.
    pub source: Address,
    /// Destination port, host byte order.
    pub port: u16,
    /// 1 if the SYN was held, 0 if it passed.
    pub held: u8,
    /// Always zero.
    pub reserved: [u8; 5],
}
assert_layout!(Ask, 32, 8);

/// Size of the ring `ASKS` in bytes: 6,553 questions (32 bytes each behind a header of 8).
pub const ASK_RING_BYTES: usize = 256 * 1024;
