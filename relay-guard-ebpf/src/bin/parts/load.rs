//! See `../../store.rs`.

/// Loads in the byte order of the machine.
macro_rules! load {
    ($($name:ident, $type:ty, $instruction:literal;)*) => {$(
        /// Reads a value; the caller has compared the frame's end.
        #[inline(always)]
        fn $name(at: usize) -> $type {
            #[cfg(target_arch = "bpf")]
            {
                let value: u64;
                // SAFETY: the caller has compared the frame's end, as the verifier proves, and the instruction does not
                // mind how it is aligned.
                unsafe {
                    core::arch::asm!($instruction, out(reg) value, in(reg) at);
                }
                value as $type
            }
            #[cfg(not(target_arch = "bpf"))]
            {
                at as $type
            }
        }
    )*};
}
