//! Random numbers, always the same ones: runs can be compared.

/// splitmix64.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; that large limits are not hit quite evenly does not matter here.
    pub const fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A unicast IPv4 address, as an integer.
    pub const fn v4(&mut self) -> u32 {
        loop {
            let address = self.next() as u32;
            if matches!(address >> 24, 1..=126 | 128..=223) {
                return address;
            }
        }
    }

    /// A global IPv6 address (2000::/3), as an integer.
    pub const fn v6(&mut self) -> u128 {
        let bits = (self.next() as u128) << 64 | self.next() as u128;
        bits >> 3 | 1 << 125
    }
}
