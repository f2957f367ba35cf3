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

impl Packet {
    /// Writes words at `offset` as they lie in memory. Whether the frame has them.
    #[inline(always)]
    pub(crate) fn write_words<const N: usize>(&self, offset: usize, words: [u32; N]) -> bool {
        let start = self.start + offset;
        if start + N * 4 > self.end {
            return false;
        }
        for (index, word) in words.into_iter().enumerate() {
            store_u32(start + index * 4, word);
        }
        true
    }

    /// Writes 16 bits at `offset` in network byte order. Whether the frame has them.
    #[inline(always)]
    pub(crate) fn write_half(&self, offset: usize, half: u16) -> bool {
        let start = self.start + offset;
        if start + 2 > self.end {
            return false;
        }
        store_u16(start, half.to_be());
        true
    }
}

/// Loads a pointer to packet memory from a field of the context, given by its offset.
///
/// The fields are numbers of 32 bits to the compiler, which would keep one over a call by an instruction for 32 bits; to the
/// verifier it is no pointer after that.
macro_rules! pointer {
    ($context:expr, $type:ty, $field:ident) => {{
        #[cfg(target_arch = "bpf")]
        {
            let pointer: usize;
            // SAFETY: one load from the context, which is the kernel's own for this run.
            unsafe {
                core::arch::asm!(
                    "{0} = *(u32 *)({1} + {2})",
                    out(reg) pointer,
                    in(reg) $context,
                    const core::mem::offset_of!($type, $field),
                );
            }
            pointer
        }
        #[cfg(not(target_arch = "bpf"))]
        // SAFETY: as above.
        unsafe {
            (*$context).$field as usize
        }
    }};
}
pub(crate) use pointer;

/// One instruction each, aligned or not: LLVM would go byte by byte.
#[inline(always)]
fn load_u32(at: usize) -> u32 {
    #[cfg(target_arch = "bpf")]
    {
        let word: u64;
        // SAFETY: the caller has compared the frame's end, as the verifier proves.
        unsafe {
            core::arch::asm!(
                "{0} = *(u32 *)({1} + 0)",
                out(reg) word,
                in(reg) at,
                options(pure, readonly, nostack),
            );
        }
        word as u32
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        let _ = at;
        0
    }
}

store! {
    store_u32, u32, "*(u32 *)({0} + 0) = {1}";
    store_u16, u16, "*(u16 *)({0} + 0) = {1}";
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
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        let start = self.start + offset;
        if start + N * 4 > self.end {
            return None;
        }
        let mut words = [0; N];
        for (index, word) in words.iter_mut().enumerate() {
            *word = load_u32(start + index * 4);
        }
        Some(words)
    }

    #[inline(always)]
    fn forget(&self, offset: usize) -> usize {
        unknown(offset as u64) as usize & MAX_OFFSET
    }
}

/// A length from 1 to `mask` + 1, as one that the verifier sees to be within that: Linux before 6.8 learns nothing from a
/// comparison with 0, and takes no length that might be 0.
#[inline(always)]
pub(crate) fn bounded(len: u32, mask: u32) -> u32 {
    (core::hint::black_box(len.wrapping_sub(1)) & mask) + 1
}

/// A global function: the verifier checks it by itself and knows nothing of what it returns.
#[unsafe(no_mangle)]
#[inline(never)]
pub(crate) extern "C" fn unknown(value: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let same;
        // SAFETY: a move from register to register, of which the compiler knows nothing either.
        unsafe { core::arch::asm!("{0} = {1}", out(reg) same, in(reg) value, options(pure, nomem, nostack)) };
        same
    }
    #[cfg(not(target_arch = "bpf"))]
    value
}
