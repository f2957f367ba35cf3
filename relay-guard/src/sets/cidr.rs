//! Ranges as the fewest CIDRs that hold exactly the same addresses.

use super::{Family, Range};

/// A network without host bits; a single address has the full prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr<A> {
    /// Its lowest address.
    pub first: A,
    /// Its prefix length: 0 to 32 or 128.
    pub length: u8,
}

impl<A: Family> Cidr<A> {
    /// Its addresses.
    pub fn range(&self) -> Range<A> {
        Range { first: self.first, last: A::block_end(self.first, A::BITS - self.length) }
    }

    /// Appends it as text: `10.0.0.0/8`, and a single address without its prefix length.
    pub fn push_text(&self, out: &mut Vec<u8>) {
        self.first.push_text(out);
        if self.length < A::BITS {
            out.push(b'/');
            super::family::push_octet(self.length, out);
        }
    }
}

impl<A: Family> std::fmt::Display for Cidr<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.length < A::BITS {
            write!(f, "{}/{}", self.first.ip(), self.length)
        } else {
            write!(f, "{}", self.first.ip())
        }
    }
}

/// The CIDRs of a range, ascending. Each is the largest that starts where the one before ended, which makes them the
/// fewest there can be.
#[derive(Clone, Debug)]
pub struct Cidrs<A> {
    rest: Option<Range<A>>,
}

impl<A> Cidrs<A> {
    pub(super) fn new(range: Range<A>) -> Self {
        Self { rest: Some(range) }
    }
}

impl<A: Family> Iterator for Cidrs<A> {
    type Item = Cidr<A>;

    fn next(&mut self) -> Option<Cidr<A>> {
        let Range { first, last } = self.rest?;
        let host_bits = A::widest_block(first, last);
        let end = A::block_end(first, host_bits);
        let next = end.checked_succ().filter(|next| *next <= last);
        self.rest = next.map(|first| Range { first, last });
        Some(Cidr { first, length: A::BITS - host_bits })
    }
}
