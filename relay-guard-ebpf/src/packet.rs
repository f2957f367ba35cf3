//! Bounded access to packet memory: the only pointer arithmetic on frames.

use relay_guard_common::parse::{Frame, MAX_OFFSET};

/// A frame's linear part, as the context gives it.
pub(crate) struct Packet {
    start: usize,
    end: usize,
}

impl Packet {
    /// The frame between the context's `data` and `data_end`.
    #[inline(always)]
    pub(crate) const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// Writes over the frame's beginning, if it is that long.
    #[inline(always)]
    pub(crate) fn write_front<const N: usize>(&self, bytes: [u8; N]) {
        if self.start + N <= self.end {
            // SAFETY: the comparison above proves to the verifier (and to us) that the frame has N bytes at its
            // start; packet memory is writable in XDP and in tc programs; `[u8; N]` has no alignment.
            unsafe { *(self.start as *mut [u8; N]) = bytes };
        }
    }
}

impl Frame for Packet {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        let start = self.start + offset;
        if start + N > self.end {
            return None;
        }
        // SAFETY: the comparison above proves that N bytes from `start` are within the frame; offsets are sums
        // of header lengths, bounded far below the verifier's limit of 64 KiB; `[u8; N]` has no alignment.
        Some(unsafe { *(start as *const [u8; N]) })
    }

    #[inline(always)]
    fn forget(&self, offset: usize) -> usize {
        unknown(offset as u64) as usize & MAX_OFFSET
    }
}

/// A global function: the verifier checks it by itself and knows nothing of what it returns.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn unknown(value: u64) -> u64 {
    core::hint::black_box(value)
}
