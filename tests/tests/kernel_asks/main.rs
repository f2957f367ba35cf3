//! Questions about unknown sources: who is asked about, what is held, and what keeps both within bounds.
//!
//! What the kernel remembers of a source is in a pinned map here, so that tests make it older instead of waiting. A daemon's
//! heartbeat lies ahead, so that no test hurries.

mod bounds;
mod hold;
mod memory;
#[path = "../support/outcome.rs"]
mod outcome;
mod probe;
#[path = "../support/mod.rs"]
mod support;
mod who;
mod world;
