//! Sequence numbers that prove themselves: a keyed hash of the connection's addresses and ports.

use crate::assert_layout;

/// Keys of the hash, 128 bits each. Random for each boot, kept over restarts of the daemon; turned over by time, and the one
/// before stays good, so that connections live on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CookieKeys {
    /// New connections get this one. All zero: there is none yet.
    pub current: [u64; 2],
    /// The one before; all zero if there was none.
    pub previous: [u64; 2],
}
assert_layout!(CookieKeys, 32, 8);
