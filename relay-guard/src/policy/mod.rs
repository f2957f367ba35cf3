//! Policy as data: which lists hold which addresses, and what the administrator said about an address.
//!
//! Pure: it knows neither the kernel's maps nor the layout of the table, neither files nor the clock.
//! - [`ranges`] turns lists into disjoint ranges, each with the set of lists that hold it.
//! - [`classes`] gives each such set a small number that stays the same from one table to the next.
//! - [`compile`] puts both together: what the table and its classes are to hold.
//! - [`verdict_store`] keeps the administrator's allows and blocks, and what follows from them for each prefix.

pub mod classes;
pub mod compile;
pub mod ranges;
pub mod verdict_store;

pub use classes::{ClassError, ClassInterner, MAX_CLASSES};
pub use ranges::{Address, ClassedRange, ListSlot, MAX_LISTS, disjoint};
pub use verdict_store::{Capacity, Effective, Entry, StoreError, VerdictKind, VerdictStore};
