//! The unit that everything in the table is made of.

use crate::assert_layout;

/// One cache line of the table: 8 doublewords, also seen as 16 words (low half first), 32 half-words or 64 bytes.
///
/// Host byte order, because kernel and userspace of one machine share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Cell(pub [u64; Self::DOUBLES]);
assert_layout!(Cell, 64, 64);

impl Cell {
    /// Doublewords in a cell.
    pub const DOUBLES: usize = 8;
    /// A cell of zeros: every kind of cell without any entry.
    pub const ZERO: Self = Self([0; Self::DOUBLES]);

    /// Doubleword `index`; the index wraps, so that no bounds check is left for the verifier.
    #[inline(always)]
    #[must_use]
    pub const fn double(&self, index: usize) -> u64 {
        self.0[index & (Self::DOUBLES - 1)]
    }

    /// Word `index` of 16.
    #[inline(always)]
    #[must_use]
    pub const fn word(&self, index: usize) -> u32 {
        (self.double(index >> 1) >> ((index & 1) * 32)) as u32
    }

    /// Half-word `index` of 32.
    #[inline(always)]
    #[must_use]
    pub const fn half(&self, index: usize) -> u16 {
        (self.double(index >> 2) >> ((index & 3) * 16)) as u16
    }

    /// Byte `index` of 64.
    #[inline(always)]
    #[must_use]
    pub const fn byte(&self, index: usize) -> u8 {
        (self.double(index >> 3) >> ((index & 7) * 8)) as u8
    }

    /// Writes word `index`.
    pub const fn set_word(&mut self, index: usize, value: u32) {
        let shift = (index & 1) * 32;
        let double = &mut self.0[(index >> 1) & (Self::DOUBLES - 1)];
        *double = *double & !(0xffff_ffff << shift) | (value as u64) << shift;
    }

    /// Writes half-word `index`.
    pub const fn set_half(&mut self, index: usize, value: u16) {
        let shift = (index & 3) * 16;
        let double = &mut self.0[(index >> 2) & (Self::DOUBLES - 1)];
        *double = *double & !(0xffff << shift) | (value as u64) << shift;
    }

    /// Writes byte `index`.
    pub const fn set_byte(&mut self, index: usize, value: u8) {
        let shift = (index & 7) * 8;
        let double = &mut self.0[(index >> 3) & (Self::DOUBLES - 1)];
        *double = *double & !(0xff << shift) | (value as u64) << shift;
    }

    /// Whether bit `index` of the 256 in the first four doublewords is set.
    #[inline(always)]
    #[must_use]
    pub const fn bit(&self, index: usize) -> bool {
        self.double((index >> 6) & 3) >> (index & 63) & 1 != 0
    }

    /// Sets bit `index` of the 256 in the first four doublewords.
    pub const fn set_bit(&mut self, index: usize) {
        self.0[(index >> 6) & 3] |= 1 << (index & 63);
    }
}

/// Where cells come from.
pub trait Cells {
    /// Cell `index`, if the table has one.
    fn cell(&self, index: u32) -> Option<&Cell>;
}

impl Cells for [Cell] {
    fn cell(&self, index: u32) -> Option<&Cell> {
        self.get(index as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_agree_with_what_was_written() {
        let mut cell = Cell::ZERO;
        for index in 0..16 {
            cell.set_word(index, 0x1000_0000 + index as u32);
        }
        assert!((0..16).all(|index| cell.word(index) == 0x1000_0000 + index as u32));
        for index in 0..32 {
            cell.set_half(index, 0x200 + index as u16);
        }
        assert!((0..32).all(|index| cell.half(index) == 0x200 + index as u16));
        for index in 0..64 {
            cell.set_byte(index, index as u8);
        }
        assert!((0..64).all(|index| cell.byte(index) == index as u8));
    }

    #[test]
    fn bits_are_the_first_half() {
        let mut cell = Cell::ZERO;
        for index in [0, 63, 64, 200, 255] {
            cell.set_bit(index);
        }
        let set: Vec<_> = (0..256).filter(|&index| cell.bit(index)).collect();
        assert_eq!(set, [0, 63, 64, 200, 255]);
        assert_eq!(cell.0[4..], [0; 4]);
    }
}
