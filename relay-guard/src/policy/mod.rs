//! Policy as data: which lists hold which addresses, and what the administrator said about an address.
//!
//! Pure: it knows neither the kernel's maps nor the layout of the table, neither files nor the clock.
//! - [`ranges`] turns lists into disjoint ranges, each with the set of lists that hold it.
//! - [`places`] gives lists their bits in those sets, [`classes`] gives each set a small number; both stay the same from
//!   one table to the next.
//! - [`rules`] is what a list does, [`protected`] (with [`special`]) what lists do not touch, [`ports`] which ports the
//!   same lists judge; [`meaning`] is what follows from them for a set of lists.
//! - [`text`] and [`answer`] are what those who are refused are told; [`responses`] makes ready-made lines of it, and
//!   [`response_places`] says where in the kernel they go.
//! - [`threshold_rules`] is what follows from scores of DNSBLs.
//! - [`compile`] puts all of it together: what the table and its classes are to hold.
//! - [`verdict_store`] keeps the administrator's allows and blocks, and what follows from them for each prefix.

pub mod answer;
pub mod classes;
pub mod compile;
pub mod meaning;
pub mod places;
pub mod ports;
pub mod protected;
pub mod ranges;
pub mod response_places;
pub mod responses;
pub mod rules;
pub mod special;
pub mod text;
pub mod threshold_rules;
pub mod verdict_store;

pub use answer::{Answer, Answers, HostName, Limit};
pub use classes::{ClassError, ClassInterner, MAX_CLASSES};
pub use protected::{Protected, ProtectedKind};
pub use ranges::{Address, ClassedRange, ListSlot, Lists, MAX_LISTS, disjoint};
pub use response_places::AnswerPlaces;
pub use rules::{Applies, ListRule, PlacedList, PortChoice};
pub use text::Text;
pub use threshold_rules::ThresholdRules;
pub use verdict_store::{Capacity, Effective, Entry, StoreError, VerdictKind, VerdictStore};
