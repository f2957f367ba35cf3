//! Fields of a message, one behind the other, in network byte order.

use super::Broken;

/// What is left of a message.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn octets(&mut self, count: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Broken)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Broken> {
        self.octets(1).map(|octets| octets[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, Broken> {
        self.octets(2).map(|octets| u16::from_be_bytes([octets[0], octets[1]]))
    }

    /// What has its length before it, in one octet.
    pub(super) fn short(&mut self) -> Result<Self, Broken> {
        let len = self.u8()?;
        self.octets(usize::from(len)).map(Self)
    }

    /// What has its length before it, in two octets.
    pub(super) fn long(&mut self) -> Result<Self, Broken> {
        let len = self.u16()?;
        self.octets(usize::from(len)).map(Self)
    }

    /// All of it as numbers of two octets; an odd one is left out.
    pub(super) fn numbers(self) -> impl Iterator<Item = u16> + use<'a> {
        self.0.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }
}
