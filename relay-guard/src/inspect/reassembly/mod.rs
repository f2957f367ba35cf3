//! From segments to what both parties said.

mod piece;

pub use piece::Piece;

/// Whether a session is seen from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Begins {
    /// The first octets of both parties are known by number.
    AtTheBeginning,
    /// It was there before: what is seen first may be in the middle of anything.
    InTheMiddle,
}
