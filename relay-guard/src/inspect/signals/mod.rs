//! The signals: what about an inside host's mail is unlike a person's or a mail server's. Each is a figure, and a rule that makes
//! points of it.
//!
//! A figure is a count, or a share in percent, over a window of time. Below `from` it is nothing, at `at` it is the whole weight,
//! and in between a part of it. No signal is a proof: points are added up, and the sum is the host's score.

pub mod helo;
pub mod listed;
pub mod shape;
mod table;

use std::net::IpAddr;

pub use table::{Signal, Span, Unit};

/// Addresses that a host may say are its own.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The host's.
    pub host: IpAddr,
    /// Those by which others know all of us.
    pub ours: &'a [IpAddr],
}

impl Own<'_> {
    /// Whether this is one of them.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        self.host == address || self.ours.contains(&address)
    }
}

/// How a signal's figure comes to points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The most points; 0 switches the signal off.
    pub weight: u32,
    /// The highest figure that is still nothing.
    pub from: u32,
    /// The figure from which on it is the whole weight; above `from`.
    pub at: u32,
}

impl Rule {
    /// The points of a figure: from 0 to the weight, never falling when the figure rises.
    #[must_use]
    pub fn points(&self, figure: u32) -> f32 {
        if figure <= self.from {
            return 0.0;
        }
        let range = self.at.saturating_sub(self.from).max(1);
        let reached = (figure - self.from).min(range);
        (f64::from(self.weight) * f64::from(reached) / f64::from(range)) as f32
    }
}

/// A rule for each signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weights([Rule; Signal::COUNT]);

impl Default for Weights {
    fn default() -> Self {
        Self(Signal::ALL.map(Signal::default_rule))
    }
}

impl Weights {
    /// The rule of a signal.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> Rule {
        self.0[signal as usize]
    }

    /// Gives a signal another rule.
    pub const fn set(&mut self, signal: Signal, rule: Rule) {
        self.0[signal as usize] = rule;
    }

    /// The score of a host with all signals at their most.
    #[must_use]
    pub fn highest_score(&self) -> u32 {
        self.0.iter().fold(0, |sum, rule| sum.saturating_add(rule.weight))
    }
}

#[cfg(test)]
mod tests;
