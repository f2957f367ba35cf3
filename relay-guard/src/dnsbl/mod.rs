//! What DNSBLs say of a source: which zones are asked, what their answers mean, how they are weighed, how well they are.
//!
//! In the order in which a question goes: [`plan`] (which zones) → [`zone`] (under which name) → [`resolver`] (asked and
//! answered, as in [`question`]) → [`meaning`] (listed, not listed, a fault) → [`score`] (weights, thresholds) → `cache`.
//! [`health`] says which zones can be believed; [`engine`] has all of it together, without a clock or a socket. [`service`] is
//! the thread that has both.

mod cache;
pub mod catalogue;
pub mod engine;
pub mod filter;
pub mod health;
mod latency;
pub mod listed;
pub mod meaning;
mod order;
pub mod plan;
pub mod question;
mod rate;
pub mod resolver;
pub mod score;
pub mod service;
#[cfg(test)]
pub mod testing;
pub mod zone;

pub use latency::Quantiles;
