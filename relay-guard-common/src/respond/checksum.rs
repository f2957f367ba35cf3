//! The Internet checksum (RFC 1071): sums of 16-bit words with the carries added back in.
//!
//! Everything is summed as big-endian words in host order, so that a sum is a number and not octets; who writes it into a
//! header writes it in network byte order.

use crate::address::Address;

/// A sum that is being made. Room for 2^32 additions before it could overflow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    #[inline(always)]
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// With a word: two octets as a big-endian number, or a sum that was made elsewhere.
    #[inline(always)]
    #[must_use]
    pub const fn add16(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// With four octets, as a big-endian number.
    #[inline(always)]
    #[must_use]
    pub const fn add32(self, words: u32) -> Self {
        // 2^16 is 1 to this sum: the upper word may stay where it is until the carries are folded.
        Self(self.0 + words as u64)
    }

    /// With eight octets, as a big-endian number.
    #[inline(always)]
    #[must_use]
    pub const fn add64(self, words: u64) -> Self {
        self.add32((words >> 32) as u32).add32(words as u32)
    }

    /// With an address, as pseudo-headers have it (RFC 9293 §3.1, RFC 8200 §8.1). What makes IPv4 of 16 octets, `::ffff`, is
    /// nothing to this sum.
    #[inline(always)]
    #[must_use]
    pub const fn add_address(self, address: &Address) -> Self {
        let (upper, lower) = address.halves();
        self.add64(upper).add64(lower)
    }

    /// The sum in 16 bits, which another sum can take up again.
    #[inline(always)]
    #[must_use]
    pub const fn fold(self) -> u16 {
        let sum = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        // Now less than 2^33: the first of these leaves less than 2^17 + 2^16, the next at most 2^16 + 1, the last no carry.
        let sum = (sum >> 16) + (sum & 0xffff);
        let sum = (sum >> 16) + (sum & 0xffff);
        ((sum >> 16) + (sum & 0xffff)) as u16
    }

    /// The checksum for a header: the folded sum's complement.
    #[inline(always)]
    #[must_use]
    pub const fn finish(self) -> u16 {
        !self.fold()
    }
}

/// The folded sum of a part as it counts when the part begins at an odd offset of the whole (RFC 1071 §2, "byte order
/// independence").
#[inline(always)]
#[must_use]
pub const fn swapped(sum: u16) -> u16 {
    sum.swap_bytes()
}

/// The folded sum of octets, from the first on; an odd last octet is the upper half of a word. For userspace: the kernel has
/// no slices whose length its verifier knows.
#[must_use]
pub fn of_bytes(octets: &[u8]) -> u16 {
    let (pairs, last) = octets.as_chunks::<2>();
    let sum = pairs.iter().fold(Sum::new(), |sum, pair| sum.add16(u16::from_be_bytes(*pair)));
    sum.add16(last.first().map_or(0, |octet| u16::from(*octet) << 8)).fold()
}

#[cfg(test)]
mod tests {
    use etherparse::checksum::Sum16BitWords;
    use proptest::prelude::*;

    use super::*;

    /// RFC 1071 §1 to the letter: add, and add each carry back in at once.
    fn naive(octets: &[u8]) -> u16 {
        octets.chunks(2).fold(0u16, |sum, pair| {
            let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
            let (sum, carry) = sum.overflowing_add(word);
            sum + u16::from(carry)
        })
    }

    #[test]
    fn the_example_of_rfc_1071() {
        let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(of_bytes(&octets), 0xddf2);
        assert_eq!(Sum::new().add64(u64::from_be_bytes(octets)).finish(), !0xddf2);
    }

    #[test]
    fn carries_are_folded_to_the_last() {
        for (sum, folded) in [
            (0, 0),
            (0xffff, 0xffff),
            (0x1_0000, 1),
            (0xffff_ffff, 0xffff),
            (0xffff_ffff_ffff_ffff, 0xffff),
            (0xffff_0001_ffff_ffff, 1),
            (0x0000_0001_ffff_fffe, 0xffff),
            (0x0000_0003_fffe_ffff, 2),
        ] {
            assert_eq!(Sum(sum).fold(), folded, "{sum:#x}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_others(octets in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..200)) {
            let sum = of_bytes(&octets);
            prop_assert_eq!(sum, naive(&octets));
            let reference = Sum16BitWords::new().add_slice(&octets).ones_complement().to_be();
            prop_assert_eq!(Sum::new().add16(sum).finish(), reference);
        }

        #[test]
        fn widths_add_up_to_the_same(words in proptest::collection::vec(prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>()], 0..40)) {
            let octets: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
            let by_64 = words.iter().fold(Sum::new(), |sum, word| sum.add64(*word));
            let by_32 = words.iter().fold(Sum::new(), |sum, word| sum.add32((word >> 32) as u32).add32(*word as u32));
            prop_assert_eq!(by_64.fold(), naive(&octets));
            prop_assert_eq!(by_32.fold(), naive(&octets));
        }

        #[test]
        fn parts_add_up_to_the_whole(first: Vec<u8>, second: Vec<u8>) {
            let whole = [first.as_slice(), second.as_slice()].concat();
            let second = of_bytes(&second);
            let second = if first.len() % 2 == 0 { second } else { swapped(second) };
            prop_assert_eq!(Sum::new().add16(of_bytes(&first)).add16(second).fold(), naive(&whole));
        }

        #[test]
        fn addresses_count_as_in_pseudo_headers(v4: [u8; 4], v6: [u8; 16]) {
            // A sum of nothing but zeros alone tells +0 from −0; no pseudo-header is that.
            let sum = Sum::new().add16(6);
            prop_assert_eq!(sum.add_address(&Address::v4(v4)).fold(), sum.add16(naive(&v4)).fold());
            prop_assert_eq!(sum.add_address(&Address::v6(v6)).fold(), sum.add16(naive(&v6)).fold());
        }
    }
}
