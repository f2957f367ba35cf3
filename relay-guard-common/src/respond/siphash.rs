//! SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF") of a few words: what makes cookies, and places in
//! tables of buckets, that nobody without the key can foresee.

/// The hash under a 128-bit key of the 8 × N octets that the words are in little-endian order.
///
/// N takes part in it: as many words with another beginning, or more words with the same, hash to something unrelated.
#[inline(always)]
pub(super) const fn siphash13<const N: usize>(key: [u64; 2], words: [u64; N]) -> u64 {
    let [k0, k1] = key;
    let mut state = State {
        v0: k0 ^ 0x736f_6d65_7073_6575,
        v1: k1 ^ 0x646f_7261_6e64_6f6d,
        v2: k0 ^ 0x6c79_6765_6e65_7261,
        v3: k1 ^ 0x7465_6462_7974_6573,
    };
    let mut index = 0;
    while index < N {
        state = state.absorb(words[index]);
        index += 1;
    }
    // The last block: the length in octets, modulo 256, above the octets that fill no word, of which there are none.
    state = state.absorb((N as u64 * 8) << 56);
    state.v2 ^= 0xff;
    state = state.round().round().round();
    state.v0 ^ state.v1 ^ state.v2 ^ state.v3
}

struct State {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl State {
    #[inline(always)]
    const fn absorb(mut self, word: u64) -> Self {
        self.v3 ^= word;
        self = self.round();
        self.v0 ^= word;
        self
    }

    #[inline(always)]
    const fn round(self) -> Self {
        let Self { mut v0, mut v1, mut v2, mut v3 } = self;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        Self { v0, v1, v2, v3 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    fn reference(key: [u64; 2], words: &[u64]) -> u64 {
        let octets: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        SipHasher13::new_with_keys(key[0], key[1]).hash(&octets)
    }

    proptest! {
        #[test]
        fn agrees_with_the_reference(key: [u64; 2], words: [u64; 5]) {
            let [a, b, c, ..] = words;
            prop_assert_eq!(siphash13(key, []), reference(key, &[]));
            prop_assert_eq!(siphash13(key, [a]), reference(key, &words[..1]));
            prop_assert_eq!(siphash13(key, [a, b]), reference(key, &words[..2]));
            prop_assert_eq!(siphash13(key, [a, b, c]), reference(key, &words[..3]));
            prop_assert_eq!(siphash13(key, words), reference(key, &words));
        }
    }
}
