//! How much is answered, and how often a source may connect: what userspace says about it, and how much room there is.

use super::{cookie::CookieKeys, response::Rate};
use crate::assert_layout;

/// The one entry of `ANSWERING`: what holds for all answers. Written by userspace only, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Answering {
    /// Keys of sequence numbers. Without a key nothing is answered: what is to be answered is dropped.
    pub keys: CookieKeys,
    /// All answers together.
    pub total: Rate,
    /// Answers to one source prefix.
    pub prefix: Rate,
    /// Answers of the tarpit, which count among the others too.
    pub tarpit: Rate,
    /// Leading bits of an IPv4 source that are one prefix.
    pub prefix_v4: u32,
    /// Leading bits of an IPv6 source that are one prefix.
    pub prefix_v6: u32,
}
assert_layout!(Answering, 88, 8);

/// Buckets for sources' prefixes: entries of `CAP_BUCKETS` (answers) and of `LIMIT_BUCKETS` (connections), 8 bytes each, powers
/// of two.
pub const CAP_BUCKETS: usize = 1 << 14;
/// See [`CAP_BUCKETS`].
pub const LIMIT_BUCKETS: usize = 1 << 16;
