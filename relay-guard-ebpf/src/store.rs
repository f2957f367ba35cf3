//! Packet bytes in single instructions, aligned or not: LLVM would go byte by byte. Each program makes those it needs.

/// Stores in the byte order of the machine.
macro_rules! store {
    ($($name:ident, $type:ty, $instruction:literal;)*) => {$(
        /// Writes a value; the caller has compared the frame's end.
        #[inline(always)]
        fn $name(at: usize, value: $type) {
            #[cfg(target_arch = "bpf")]
            // SAFETY: the caller has compared the frame's end, as the verifier proves; packet memory is writable, and
            // the instruction does not mind how it is aligned.
            unsafe {
                core::arch::asm!($instruction, in(reg) at, in(reg) value as u64);
            }
            #[cfg(not(target_arch = "bpf"))]
            let _ = (at, value);
        }
    )*};
}
