//! Where lists come from, and what of it is kept.

pub mod cache;
pub mod shape;
pub mod source;
