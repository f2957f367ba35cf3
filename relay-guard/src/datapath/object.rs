//! The kernel programs' object, built by `build.rs` from `relay-guard-ebpf`.

/// Bytes aligned as the ELF parser wants them.
#[repr(C, align(32))]
struct Aligned<B: ?Sized>(B);

/// The object.
#[cfg(ebpf_object)]
pub(super) fn bytes() -> &'static [u8] {
    static OBJECT: &Aligned<[u8]> =
        &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/relay-guard-ebpf.o")));
    &OBJECT.0
}

/// Without a BPF toolchain everything can be checked and documented, but nothing that needs the object can be built:
/// the panic is met when code is made, not when it is checked.
#[cfg(not(ebpf_object))]
pub(super) fn bytes() -> &'static [u8] {
    const fn missing<T>() -> &'static [u8] {
        const { panic!("the eBPF object was not built: run `cargo xtask setup`") }
    }
    static NOTHING: &Aligned<[u8]> = &Aligned([]);
    let _ = missing::<()>();
    &NOTHING.0
}
