//! Headers, from the frame's first byte to the TCP header.
//!
//! Ethernet → 802.1Q / 802.1ad (any mix, up to 4) → PPPoE session → IPv4 / IPv6 with extension headers → TCP.
//! Nearly all packets are not ours, so every step leaves as early as it can. What cannot be parsed passes: each
//! way out is a named [`Reason`].

mod ip;
mod link;
mod tcp;

pub use tcp::{Flags, Segment, Transport};

use crate::reason::Reason;

/// Bounds-checked access to a frame: the only way that any header is read.
pub trait Frame {
    /// `N` bytes at `offset` from the frame's beginning; `None` if the frame ends before.
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]>;

    /// `N` words at `offset`, as they lie in memory; `None` if the frame ends before. For what is read whole: a word is one
    /// load in the kernel, where four octets are four.
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]>;

    /// The same offset, of which the verifier shall know only that it is at most [`MAX_OFFSET`].
    ///
    /// It would follow every way that leads to an offset by itself, and there are as many as combinations of tags and
    /// extension headers. On the host there is nothing to forget.
    fn forget(&self, offset: usize) -> usize {
        offset
    }
}

/// Headers end before this offset: 8 extension headers are within a frame's first 4 KiB, or not followed.
pub const MAX_OFFSET: usize = 4095;

impl Frame for [u8] {
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.get(offset..)?.first_chunk().copied()
    }

    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        let (words, _) = self.get(offset..)?.as_chunks();
        words.first_chunk().map(|words| words.map(u32::from_ne_bytes))
    }
}

/// What a frame begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// The IP header itself (ppp, wg, tun).
    Network,
}

/// Network protocols that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    V4,
    V6,
}

/// Finds the TCP header of a frame.
///
/// # Errors
/// The reason why there is none to judge. Only [`Reason::OverlappingFragment`] is a reason to drop; fragments too
/// short for their TCP header come back as a [`Transport`] that says so, because their ports decide.
#[inline(always)]
pub fn transport<F: Frame + ?Sized>(frame: &F, layer: Layer) -> Result<Transport, Reason> {
    let (network, offset) = match layer {
        Layer::Ethernet => link::ethernet(frame)?,
        Layer::Network => link::bare(frame)?,
    };
    match network {
        Network::V4 => ip::v4(frame, offset),
        Network::V6 => ip::v6(frame, offset),
    }
}

/// `N` words at `offset`, or the reason for having none.
#[inline(always)]
fn words<F: Frame + ?Sized, const N: usize>(frame: &F, offset: usize) -> Result<[u32; N], Reason> {
    frame.words(offset).ok_or(Reason::Truncated)
}

/// `N` bytes at `offset`, or the reason for having none.
#[inline(always)]
fn read<F: Frame + ?Sized, const N: usize>(frame: &F, offset: usize) -> Result<[u8; N], Reason> {
    frame.read(offset).ok_or(Reason::Truncated)
}
