//! What DNSBLs say of a source: which zones are asked, what their answers mean, how they are weighed, how well they are.
//!
//! In the order in which a question goes: [`zone`] (whom to ask, under which name) → `resolver` (asked and answered) →
//! `meaning` (listed, not listed, a fault) → `score` (weights, thresholds) → `cache`. `health` says which zones can be
//! believed; `engine` has all of it together, without a clock or a socket. `service` is the thread that has both.

pub mod catalogue;
pub mod filter;
pub mod zone;
