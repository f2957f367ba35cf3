//! What the kernel programs and userspace of relay-guard share, and nothing else.
//!
//! Everything here is pure: no maps, no contexts, no files, no clock. The kernel runs it on packet memory and
//! BPF maps, userspace and the tests run the very same code on slices, so that both come to the same answer.
//!
//! In the order in which a packet meets it:
//! [`parse`] → [`ports`] → [`role`] → [`decide`] (with [`table`] and [`verdict`]) → [`respond`] → [`host`] → [`event`]; before that, an
//! unknown source is [asked](ask) about, and what passes may be [looked into](flow).
#![cfg_attr(not(test), no_std)]
// The kernel's atomic instructions are inline assembly, which Rust has not stabilised for BPF.
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod action;
pub mod address;
pub mod ask;
pub mod class;
pub mod counter;
pub mod decide;
pub mod event;
pub mod flow;
pub mod host;
pub mod parse;
#[cfg(feature = "aya")]
mod pod;
pub mod ports;
pub mod probe;
pub mod reason;
pub mod respond;
pub mod role;
pub mod settings;
pub mod shared;
pub mod table;
pub mod verdict;

/// Version of everything that kernel and userspace agree on beyond the sizes of map entries.
///
/// It goes up when the meaning of a map's content changes while its size does not, so that a daemon never adopts
/// pinned maps that it would misread.
pub const ABI_VERSION: u32 = 5;

/// Asserts a type's size and alignment at compile time: what the kernel writes is what userspace reads.
macro_rules! assert_layout {
    ($type:ty, $size:expr, $align:expr) => {
        const _: () = assert!(size_of::<$type>() == $size && align_of::<$type>() == $align);
    };
}
pub(crate) use assert_layout;
