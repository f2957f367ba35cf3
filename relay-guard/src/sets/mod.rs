//! Sets of addresses, and what can be done with them: union, difference, intersection, minimal CIDRs, overlaps, text.
//!
//! Pure: it knows neither files nor how lists are read, and nothing of what a list is for. [`text`] writes a set to
//! any writer.

mod address_set;
mod cidr;
mod count;
mod family;
mod overlap;
mod range_set;
pub mod text;

pub use address_set::{AddressSet, Size};
pub use cidr::{Cidr, Cidrs};
pub use count::Count;
pub use family::Family;
pub use overlap::{OverlapError, Overlaps};
pub use range_set::{Range, RangeSet};

#[cfg(test)]
mod tests;
