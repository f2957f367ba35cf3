//! Numbers in map entries that several CPUs update at once.
//!
//! Rust's BPF target has no atomic read-modify-write, and LLVM selects no atomic load before BPF v4: loads and stores
//! of an aligned u64 are single instructions there anyway, and the instructions that BPF has had since Linux 5.12 are
//! written out here. Everywhere else this is `AtomicU64`.

use core::sync::atomic::AtomicU64;

/// A number that several CPUs update; `repr(transparent)` over a `u64`. No ordering: numbers stand for themselves.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct SharedU64(AtomicU64);

impl SharedU64 {
    /// A number.
    pub(crate) const fn new(value: u64) -> Self {
        Self(AtomicU64::new(value))
    }

    /// Reads it.
    #[inline(always)]
    #[must_use]
    pub fn load(&self) -> u64 {
        machine::load(&self.0)
    }

    /// Writes it.
    #[inline(always)]
    pub fn store(&self, value: u64) {
        machine::store(&self.0, value);
    }

    /// Adds to it, wrapping.
    #[inline(always)]
    pub fn add(&self, value: u64) {
        machine::add(&self.0, value);
    }

    /// Sets bits in it.
    #[inline(always)]
    pub fn set_bits(&self, bits: u64) {
        machine::or(&self.0, bits);
    }

    /// Clears bits in it.
    #[inline(always)]
    pub fn clear_bits(&self, bits: u64) {
        machine::and(&self.0, !bits);
    }

    /// Replaces it if it still is `current`; whether it was.
    #[inline(always)]
    #[must_use]
    pub fn replace(&self, current: u64, new: u64) -> bool {
        machine::compare_exchange(&self.0, current, new) == current
    }
}

#[cfg(not(target_arch = "bpf"))]
mod machine {
    use core::sync::atomic::Ordering::Relaxed;

    use super::AtomicU64;

    pub(super) fn load(number: &AtomicU64) -> u64 {
        number.load(Relaxed)
    }

    pub(super) fn store(number: &AtomicU64, value: u64) {
        number.store(value, Relaxed);
    }

    pub(super) fn add(number: &AtomicU64, value: u64) {
        number.fetch_add(value, Relaxed);
    }

    pub(super) fn or(number: &AtomicU64, bits: u64) {
        number.fetch_or(bits, Relaxed);
    }

    pub(super) fn and(number: &AtomicU64, bits: u64) {
        number.fetch_and(bits, Relaxed);
    }

    pub(super) fn compare_exchange(number: &AtomicU64, current: u64, new: u64) -> u64 {
        number.compare_exchange(current, new, Relaxed, Relaxed).unwrap_or_else(|found| found)
    }
}

#[cfg(target_arch = "bpf")]
mod machine {
    #![expect(unsafe_code, reason = "BPF's atomic instructions have no safe form in Rust")]

    use core::arch::asm;

    use super::AtomicU64;

    #[inline(always)]
    pub(super) fn load(number: &AtomicU64) -> u64 {
        // SAFETY: an aligned, live u64; the JIT makes one instruction of it, so no write is seen by halves.
        unsafe { number.as_ptr().read_volatile() }
    }

    #[inline(always)]
    pub(super) fn store(number: &AtomicU64, value: u64) {
        // SAFETY: as in `load`.
        unsafe { number.as_ptr().write_volatile(value) }
    }

    #[inline(always)]
    pub(super) fn add(number: &AtomicU64, value: u64) {
        // SAFETY: one instruction on an aligned, live u64 that its type lets many write at once.
        unsafe { asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) number.as_ptr(), in(reg) value) }
    }

    #[inline(always)]
    pub(super) fn or(number: &AtomicU64, bits: u64) {
        // SAFETY: as in `add`.
        unsafe { asm!("lock *(u64 *)({0} + 0) |= {1}", in(reg) number.as_ptr(), in(reg) bits) }
    }

    #[inline(always)]
    pub(super) fn and(number: &AtomicU64, bits: u64) {
        // SAFETY: as in `add`.
        unsafe { asm!("lock *(u64 *)({0} + 0) &= {1}", in(reg) number.as_ptr(), in(reg) bits) }
    }

    #[inline(always)]
    pub(super) fn compare_exchange(number: &AtomicU64, current: u64, new: u64) -> u64 {
        let found;
        // SAFETY: as in `add`; the instruction compares with r0 and leaves there what it found.
        unsafe {
            asm!(
                "r0 = cmpxchg_64({0} + 0, r0, {1})",
                in(reg) number.as_ptr(),
                in(reg) new,
                inlateout("r0") current => found,
            );
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_only_what_is_still_there() {
        let number = SharedU64::new(5);
        assert!(!number.replace(4, 9));
        assert!(number.replace(5, 9));
        number.add(1);
        number.set_bits(0x100);
        assert_eq!(number.load(), 0x10a);
        number.clear_bits(0x103);
        assert_eq!(number.load(), 8);
    }
}
