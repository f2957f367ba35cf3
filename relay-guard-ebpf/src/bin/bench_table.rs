//! Programs of `cargo xtask bench table`: lookups alone, in a loop, of the guard's table and of the kernel's own maps.
//!
//! Each takes the next [`LOOKUPS`] of a million prepared keys. A key is fetched only when the lookup before it has
//! ended: otherwise the processor would do several at once, which no packet's lookup has the luck to be. `bench_none`
//! fetches keys and looks up nothing; what it takes is to be subtracted.
// On the host the programs are only checked, linted and documented; there this is an ordinary, empty binary.
#![cfg_attr(target_arch = "bpf", no_std)]
#![cfg_attr(target_arch = "bpf", no_main)]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "by reference a key stays where it is, by value it is copied onto the stack once more"
)]
#![expect(unsafe_code, reason = "programs and maps are found by section and symbol name; helpers are C")]

#[path = "../program.rs"]
mod program;
#[path = "../maps/table.rs"]
mod table;

use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    btf_maps::{Array, HashMap, LpmTrie},
    macros::{btf_map, xdp},
    maps::lpm_trie::Key,
    programs::XdpContext,
};

/// Number of prepared keys, a power of two.
const KEY_COUNT: usize = 1 << 20;
/// Lookups in one run of a program.
const LOOKUPS: u32 = 1024;

/// Written by userspace: addresses as halves in host byte order, IPv4 as a lower half. 16 MiB.
#[btf_map]
static KEYS: Array<[u64; 2], KEY_COUNT> = Array::new();

/// Where a run begins, and what it may not know.
#[derive(Clone, Copy)]
#[repr(C)]
struct Run {
    /// The next key.
    next: u32,
    /// Zero, but the compiler and the processor do not know it: a lookup's result and this are part of which key comes
    /// next.
    chain: u32,
}

/// Written by userspace and here.
#[btf_map]
static RUN: Array<Run, 1> = Array::new();

/// The peers. Keys in network byte order, written by userspace, which sets the number of entries.
#[btf_map]
static TRIE_V4: LpmTrie<u32, u32, 1, { BPF_F_NO_PREALLOC as usize }> = LpmTrie::new();
#[btf_map]
static TRIE_V6: LpmTrie<[u64; 2], u32, 1, { BPF_F_NO_PREALLOC as usize }> = LpmTrie::new();
#[btf_map]
static HASH_V4: HashMap<u32, u32, 1> = HashMap::new();

/// Each is a global function, as the guard's IPv6 lookup is: the verifier checks it once, not once per turn of the loop,
/// and they all pay for the same call. Each program returns how many of its keys were found.
macro_rules! lookups {
    ($($program:ident, $function:ident($($half:ident: $place:literal),*) $lookup:block)*) => {$(
        #[unsafe(no_mangle)]
        #[inline(never)]
        extern "C" fn $function($($half: u64),*) -> u32 $lookup

        #[xdp]
        fn $program(_context: XdpContext) -> u32 {
            run(|key| $function($(key[$place]),*))
        }
    )*};
}

lookups! {
    bench_none, in_nothing(upper: 0, lower: 1) {
        (upper ^ lower) as u32 & 1
    }
    bench_table_v4, in_table_v4(address: 1) {
        table::class_of_v4(address as u32)
    }
    bench_table_v6, in_table_v6(upper: 0, lower: 1) {
        table::class_of_v6(upper, lower)
    }
    bench_trie_v4, in_trie_v4(address: 1) {
        match TRIE_V4.get(&Key::new(32, (address as u32).to_be())) {
            Some(class) => *class,
            None => 0,
        }
    }
    bench_trie_v6, in_trie_v6(upper: 0, lower: 1) {
        match TRIE_V6.get(&Key::new(128, [upper.to_be(), lower.to_be()])) {
            Some(class) => *class,
            None => 0,
        }
    }
    bench_hash_v4, in_hash_v4(address: 1) {
        // SAFETY: copied out at once.
        match unsafe { HASH_V4.get(&(address as u32).to_be()) } {
            Some(class) => *class,
            None => 0,
        }
    }
}

#[inline(always)]
fn run(lookup: impl Fn(&[u64; 2]) -> u32) -> u32 {
    let Some(state) = RUN.get_ptr_mut(0) else { return u32::MAX };
    // SAFETY: a live element; test-runs come one after the other.
    let Run { mut next, chain } = unsafe { *state };
    let mut found = 0;
    for _ in 0..LOOKUPS {
        let Some(key) = KEYS.get(next & (KEY_COUNT as u32 - 1)) else { return u32::MAX };
        let class = lookup(key);
        found += u32::from(class != 0);
        next = next.wrapping_add(1).wrapping_add(class & chain);
    }
    // SAFETY: as above.
    unsafe { (*state).next = next };
    found
}

#[cfg(not(target_arch = "bpf"))]
fn main() {}
