//! Which TCP ports are ours, and which of them are judged alike.

use crate::assert_layout;

/// Two bits for each of the 65,536 TCP ports, 32 ports to a word, lowest port in the lowest bits.
///
/// One map element: both ports of a segment cost one lookup and two loads, however many ports are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
struct PortBits {
    words: [u64; Self::WORDS],
}

impl PortBits {
    const PORTS_PER_WORD: usize = 32;
    const WORDS: usize = 65536 / Self::PORTS_PER_WORD;
    const MASK: u64 = 0b11;

    const EMPTY: Self = Self { words: [0; Self::WORDS] };

    #[inline(always)]
    const fn get(&self, port: u16) -> u8 {
        // The mask changes nothing for a u16; it is what the verifier sees as the bound.
        let word = self.words[(port as usize / Self::PORTS_PER_WORD) & (Self::WORDS - 1)];
        (word >> Self::shift(port)) as u8 & Self::MASK as u8
    }

    /// Sets a port's bits to the lower two of `bits`.
    fn set(&mut self, port: u16, bits: u8) {
        let word = &mut self.words[usize::from(port) / Self::PORTS_PER_WORD];
        *word &= !(Self::MASK << Self::shift(port));
        *word |= (u64::from(bits) & Self::MASK) << Self::shift(port);
    }

    const fn shift(port: u16) -> u32 {
        (port as u32 % Self::PORTS_PER_WORD as u32) * 2
    }
}

/// The entry of `PORTS`: two flags for each TCP port. Every TCP segment is looked up here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct PortSet(PortBits);
assert_layout!(PortSet, 16384, 8);

/// Bit of a port on which inbound SMTP is judged.
pub const GUARDED: u8 = 1;
/// Bit of a port on which outbound SMTP is judged.
pub const WATCHED: u8 = 2;

impl PortSet {
    /// No port at all.
    pub const EMPTY: Self = Self(PortBits::EMPTY);

    /// The set with these guarded and watched ports (host byte order).
    #[must_use]
    pub fn new(guarded: &[u16], watched: &[u16]) -> Self {
        let mut set = Self::EMPTY;
        for (ports, flag) in [(guarded, GUARDED), (watched, WATCHED)] {
            for &port in ports {
                set.0.set(port, set.flags(port) | flag);
            }
        }
        set
    }

    /// [`GUARDED`] and [`WATCHED`] of a port (host byte order).
    #[inline(always)]
    #[must_use]
    pub const fn flags(&self, port: u16) -> u8 {
        self.0.get(port)
    }
}

/// The entry of `PORT_GROUPS`: for each TCP port the group whose rule of a [`Class`](crate::class::Class) holds there,
/// 0 to 3, in each direction. Only segments of addresses that are listed, have a verdict or are asked about are looked up here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct PortGroups {
    inbound: PortBits,
    outbound: PortBits,
}
assert_layout!(PortGroups, 32768, 8);

impl PortGroups {
    /// All ports are in group 0.
    pub const ONE: Self = Self { inbound: PortBits::EMPTY, outbound: PortBits::EMPTY };

    /// Puts a port (host byte order) into a group for inbound SMTP; groups count modulo 4.
    pub fn set_inbound(&mut self, port: u16, group: u8) {
        self.inbound.set(port, group);
    }

    /// Puts a port (host byte order) into a group for outbound SMTP; groups count modulo 4.
    pub fn set_outbound(&mut self, port: u16, group: u8) {
        self.outbound.set(port, group);
    }

    /// The group of a port (host byte order) for inbound SMTP.
    #[inline(always)]
    #[must_use]
    pub const fn inbound(&self, port: u16) -> usize {
        self.inbound.get(port) as usize
    }

    /// The group of a port (host byte order) for outbound SMTP.
    #[inline(always)]
    #[must_use]
    pub const fn outbound(&self, port: u16) -> usize {
        self.outbound.get(port) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_every_port() {
        let set = PortSet::new(&[25, 465, 587, 65535], &[25, 0]);
        for port in 0..=u16::MAX {
            let guarded = if [25, 465, 587, 65535].contains(&port) { GUARDED } else { 0 };
            let watched = if [25, 0].contains(&port) { WATCHED } else { 0 };
            assert_eq!(set.flags(port), guarded | watched, "port {port}");
        }
    }

    #[test]
    fn groups_of_every_port() {
        let mut groups = PortGroups::ONE;
        for (port, group) in [(25, 1), (465, 3), (587, 2), (587, 1), (65535, 2)] {
            groups.set_inbound(port, group);
        }
        groups.set_outbound(25, 2);
        for port in 0..=u16::MAX {
            let inbound = match port {
                25 | 587 => 1,
                465 => 3,
                65535 => 2,
                _ => 0,
            };
            assert_eq!(groups.inbound(port), inbound, "port {port}");
            assert_eq!(groups.outbound(port), if port == 25 { 2 } else { 0 }, "port {port}");
        }
    }
}
