//! The lab of relay-guard: network namespaces, real SMTP peers, frames, and the program under test as a whole.
//!
//! Everything here goes through the program's public face (its binary, its configuration, its command line); nothing
//! but [`mod@bench`] knows its internals ([`lab`] only takes its own kernel programs from there). Needs root for [`lab`] and all that runs in it; [`frames`] needs nothing.

pub mod bench;
pub mod bot;
pub mod child;
pub mod demo;
pub mod dns;
pub mod frames;
pub mod frozen;
pub mod guard;
pub mod lab;
pub mod namespace;
pub mod offline;
pub mod peers;
pub mod scene;
pub mod smtp;
pub mod spoof;
pub mod wait;

pub use lab::Lab;
pub use scene::Scene;
