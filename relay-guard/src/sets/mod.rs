//! Sets of addresses, and what can be done with them: union, difference, intersection, minimal CIDRs, overlaps.
//!
//! Pure: it knows neither files nor formats of lists, and nothing of what a list is for. [`write`](mod@write) turns a
//! set into text, for any writer.

mod address_set;
mod cidr;
mod count;
mod family;
mod overlap;
mod range_set;
pub mod write;

pub use address_set::AddressSet;
pub use cidr::{Cidr, Cidrs};
pub use count::Count;
pub use family::Family;
pub use overlap::{OverlapError, Overlaps};
pub use range_set::{Range, RangeSet};

#[cfg(test)]
mod tests;
