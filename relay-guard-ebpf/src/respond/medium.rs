//! Frames that can become replies: XDP's and tc's.

use aya_ebpf::{
    bindings::{__sk_buff, xdp_md},
    helpers::generated::{
        bpf_skb_change_tail, bpf_skb_load_bytes, bpf_skb_store_bytes, bpf_xdp_adjust_head,
        bpf_xdp_adjust_tail, bpf_xdp_get_buff_len, bpf_xdp_load_bytes, bpf_xdp_store_bytes,
    },
};

use relay_guard_common::{parse::Frame as _, respond::reply::Way};

use crate::packet::{Packet, pointer};

/// A frame whose length can change. Offsets count from its beginning, whatever becomes of its length.
pub(crate) trait Medium {
    /// Its memory as it is now; taken anew after each change of its length.
    fn packet(&self) -> Packet;

    /// Whether a checksum that looks as if it were only begun is completed by somebody when the frame goes the way: what it was
    /// when it came is kept beside tc's packets, and beside those that XDP passes on. Asked before the frame becomes a reply:
    /// what is behind its TCP header's checksum may be gone then.
    fn is_completed(&self, way: Way, tcp_offset: usize) -> bool;

    /// The interface on which it was seen.
    fn ifindex(&self) -> u32;

    /// Its octets, in all buffers.
    fn len(&self) -> usize;

    /// Makes it, of a length, another length. What is in it then counts for nothing, but for its link header. Whether it worked: drivers have only
    /// so much room.
    fn resize(&self, from: usize, to: usize) -> bool;

    /// Copies octets into it. Whether they fit.
    fn store(&self, offset: u32, octets: *const u8, len: u32) -> bool;

    /// Copies octets out of it. Whether they are there.
    fn load(&self, offset: u32, octets: *mut u8, len: u32) -> bool;
}

/// A frame of XDP.
pub(crate) struct XdpFrame(pub(crate) *mut xdp_md);

impl Medium for XdpFrame {
    #[inline(always)]
    fn packet(&self) -> Packet {
        Packet::new(pointer!(self.0, xdp_md, data), pointer!(self.0, xdp_md, data_end))
    }

    /// XDP is not told what is kept: one in 65,536 frames that go on looks begun and is not.
    #[inline(always)]
    fn is_completed(&self, way: Way, _tcp_offset: usize) -> bool {
        matches!(way, Way::Onward)
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        // SAFETY: the context is the kernel's own for this run.
        unsafe { (*self.0).ingress_ifindex }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: the context is the kernel's own for this run; the helper is there since Linux 5.18.
        unsafe { bpf_xdp_get_buff_len(self.0) as usize }
    }

    #[inline(always)]
    fn resize(&self, from: usize, to: usize) -> bool {
        let growth = to as i32 - from as i32;
        // SAFETY: the context is the kernel's own for this run; the helper checks the room there is.
        if growth == 0 || unsafe { bpf_xdp_adjust_tail(self.0, growth) } == 0 {
            return true;
        }
        growth > 0 && self.grow_in_front(growth)
    }

    #[inline(always)]
    fn store(&self, offset: u32, octets: *const u8, len: u32) -> bool {
        // SAFETY: the caller's pointer is to `len` octets of map memory, as the verifier proves; since Linux 5.18.
        unsafe { bpf_xdp_store_bytes(self.0, offset, octets.cast_mut().cast(), len) == 0 }
    }

    #[inline(always)]
    fn load(&self, offset: u32, octets: *mut u8, len: u32) -> bool {
        // SAFETY: the caller's pointer is to `len` octets of a ring's record, as the verifier proves; since Linux 5.18.
        unsafe { bpf_xdp_load_bytes(self.0, offset, octets.cast(), len) == 0 }
    }
}

/// Octets that hold any link header: Ethernet, four tags, PPPoE. Every frame with TCP in it is longer.
const LINK_ROOM: usize = 40;

impl XdpFrame {
    /// Where there is no room behind (veth leaves none), there is some in front: XDP's headroom is 192 octets and more.
    #[inline(always)]
    fn grow_in_front(&self, growth: i32) -> bool {
        let Some(link) = self.packet().words::<{ LINK_ROOM / 4 }>(0) else { return false };
        // SAFETY: the context is the kernel's own for this run; the helper checks the room there is.
        if unsafe { bpf_xdp_adjust_head(self.0, -growth) } != 0 {
            return false;
        }
        self.packet().write_words(0, link)
    }
}

/// From the TCP header's beginning into its checksum (RFC 9293 §3.1).
const IN_CHECKSUM: usize = 17;

/// A frame of tc.
pub(crate) struct Skb(pub(crate) *mut __sk_buff);

impl Medium for Skb {
    #[inline(always)]
    fn packet(&self) -> Packet {
        Packet::new(pointer!(self.0, __sk_buff, data), pointer!(self.0, __sk_buff, data_end))
    }

    /// Not told either, but a checksum that is still to be completed cannot be cut off (`__bpf_skb_min_len`).
    #[inline(always)]
    fn is_completed(&self, _way: Way, tcp_offset: usize) -> bool {
        !self.resize(0, tcp_offset + IN_CHECKSUM)
    }

    #[inline(always)]
    fn ifindex(&self) -> u32 {
        // SAFETY: the context is the kernel's own for this run.
        unsafe { (*self.0).ifindex }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: the context is the kernel's own for this run.
        unsafe { (*self.0).len as usize }
    }

    #[inline(always)]
    fn resize(&self, _from: usize, to: usize) -> bool {
        // Also where the length stays: it makes the frame linear and its own.
        // SAFETY: the context is the kernel's own for this run.
        unsafe { bpf_skb_change_tail(self.0, to as u32, 0) == 0 }
    }

    #[inline(always)]
    fn store(&self, offset: u32, octets: *const u8, len: u32) -> bool {
        // SAFETY: the caller's pointer is to `len` octets of map memory, as the verifier proves.
        unsafe { bpf_skb_store_bytes(self.0, offset, octets.cast(), len, 0) == 0 }
    }

    #[inline(always)]
    fn load(&self, offset: u32, octets: *mut u8, len: u32) -> bool {
        // SAFETY: the caller's pointer is to `len` octets of a ring's record, as the verifier proves.
        unsafe { bpf_skb_load_bytes(self.0.cast_const().cast(), offset, octets.cast(), len) == 0 }
    }
}
