//! Where lists come from.

pub mod source;
