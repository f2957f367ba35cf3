//! Which TCP ports are ours.

use crate::assert_layout;

/// Two flags for each of the 65,536 TCP ports, 32 ports to a word, lowest port in the lowest bits.
///
/// One map element: both ports of a segment cost one lookup and two loads, however many ports are configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct PortSet {
    words: [u64; Self::WORDS],
}
assert_layout!(PortSet, 16384, 8);

/// Bit of a port on which inbound SMTP is judged.
pub const GUARDED: u8 = 1;
/// Bit of a port on which outbound SMTP is judged.
pub const WATCHED: u8 = 2;

impl PortSet {
    const PORTS_PER_WORD: usize = 32;
    const WORDS: usize = 65536 / Self::PORTS_PER_WORD;

    /// No port at all.
    pub const EMPTY: Self = Self { words: [0; Self::WORDS] };

    /// The set with these guarded and watched ports (host byte order).
    #[must_use]
    pub fn new(guarded: &[u16], watched: &[u16]) -> Self {
        let mut set = Self::EMPTY;
        for (ports, flag) in [(guarded, GUARDED), (watched, WATCHED)] {
            for &port in ports {
                set.words[usize::from(port) / Self::PORTS_PER_WORD] |= u64::from(flag) << Self::shift(port);
            }
        }
        set
    }

    /// [`GUARDED`] and [`WATCHED`] of a port (host byte order).
    #[inline(always)]
    #[must_use]
    pub const fn flags(&self, port: u16) -> u8 {
        // The mask changes nothing for a u16; it is what the verifier sees as the bound.
        let word = self.words[(port as usize / Self::PORTS_PER_WORD) & (Self::WORDS - 1)];
        (word >> Self::shift(port)) as u8 & (GUARDED | WATCHED)
    }

    const fn shift(port: u16) -> u32 {
        (port as u32 % Self::PORTS_PER_WORD as u32) * 2
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
}
