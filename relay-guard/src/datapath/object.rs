//! The kernel programs' objects, built by `build.rs` from `relay-guard-ebpf`.

/// Bytes aligned as the ELF parser wants them.
#[cfg(ebpf_object)]
#[repr(C, align(32))]
struct Aligned<B: ?Sized>(B);

/// The object in this file.
#[cfg(ebpf_object)]
macro_rules! object {
    ($file:literal) => {{
        static OBJECT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/", $file)));
        &OBJECT.0
    }};
}

/// Without a BPF toolchain everything can be checked and documented, but nothing that needs an object can be built:
/// the panic is met when code is made, not when it is checked.
#[cfg(not(ebpf_object))]
macro_rules! object {
    ($file:literal) => {
        missing::<()>()
    };
}

#[cfg(not(ebpf_object))]
#[expect(
    clippy::extra_unused_type_parameters,
    reason = "what is generic is evaluated only when code is made of it"
)]
const fn missing<T>() -> &'static [u8] {
    const { panic!("the eBPF object was not built: run `cargo xtask setup`") }
}

/// The guard's object.
pub(super) fn bytes() -> &'static [u8] {
    object!("relay-guard-ebpf.o")
}

/// The object of `cargo xtask bench datapath`: programs to compare the guard with.
#[doc(hidden)]
#[must_use]
pub fn bench_object() -> &'static [u8] {
    object!("relay-guard-bench.o")
}

/// The object of `cargo xtask bench table`: the lookup alone, and the kernel's own maps to compare it with.
#[doc(hidden)]
#[must_use]
pub fn bench_table_object() -> &'static [u8] {
    object!("relay-guard-bench-table.o")
}

/// The object of `cargo xtask bench respond`: what sends to the guard, what counts its answers, and what to compare it with.
#[doc(hidden)]
#[must_use]
pub fn bench_respond_object() -> &'static [u8] {
    object!("relay-guard-bench-respond.o")
}

/// The object of the lab: a link that loses packets, and an XDP program that is not the guard's.
#[doc(hidden)]
#[must_use]
pub fn lab_object() -> &'static [u8] {
    object!("relay-guard-lab.o")
}
