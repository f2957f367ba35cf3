//! What tests of the loaded programs share: the programs themselves, devices to see frames on, and lists.
//!
//! Nothing is pinned and nothing is attached: frames go through the programs by test-run, which takes its devices from
//! the network namespace of the thread that asks. Needs root.
//!
//! `outcome.rs` beside this file is for those that look at counters; they name it by its path.

pub mod kernel;
pub mod lists;
