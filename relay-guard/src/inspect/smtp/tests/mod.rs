//! Sessions as dialogues.

mod authentication;
mod content;
pub(crate) mod dialogue;
mod encryption;
mod gaps;
mod lines;
mod properties;
mod protocols;
mod transactions;
mod units;
