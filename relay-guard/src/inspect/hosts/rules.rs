//! How the engine judges: the configuration, in the engine's terms.

use std::net::IpAddr;
use std::time::Duration;

use relay_guard_common::action::Action;

use crate::config::{Budgets, Config, ContainmentStep, Envelopes, Mode, StepAction};
use crate::inspect::ladder::Step;
use crate::inspect::signals::{Span, Weights};

/// How the engine judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How much of a session is looked at.
    pub budgets: Budgets,
    /// Whether hosts are judged at all.
    pub enabled: bool,
    /// Whether hosts are contained, not only reported.
    pub contain: bool,
    /// Whether declared mail servers are contained too.
    pub contain_mail_servers: bool,
    /// The window of attempts, nanoseconds; at least 1.
    pub window_ns: u64,
    /// After which points are half, nanoseconds; at least 1.
    pub half_life_ns: u64,
    /// How figures come to points.
    pub weights: Weights,
    /// What scores come to, lowest first.
    pub steps: Vec<Step>,
    /// How addresses of envelopes are kept.
    pub envelopes: Envelopes,
    /// Of hashes: random for a daemon, so that nobody can make two things fall together.
    pub key: [u8; 16],
    /// Addresses by which others know us, beside a host's own.
    pub own: Vec<IpAddr>,
    /// How many hosts are remembered, at least 1.
    pub tracked_hosts: u32,
    /// Of how many the kernel can have a record.
    pub counted_hosts: u32,
}

impl Rules {
    /// What a configuration says. `own` are our public addresses.
    #[must_use]
    pub fn of(config: &Config, key: [u8; 16], own: Vec<IpAddr>) -> Self {
        let inspection = &config.inspection;
        Self {
            budgets: inspection.budgets,
            enabled: inspection.enabled,
            contain: config.mode == Mode::Enforce,
            contain_mail_servers: inspection.contain_mail_servers,
            window_ns: nanoseconds(inspection.window),
            half_life_ns: nanoseconds(inspection.half_life),
            weights: inspection.weights.clone(),
            steps: inspection.steps.iter().map(step).collect(),
            envelopes: inspection.envelopes,
            key,
            own,
            tracked_hosts: config.limits.tracked_hosts,
            counted_hosts: config.limits.inside_hosts,
        }
    }

    /// The time over which a signal's figure is taken, nanoseconds.
    #[must_use]
    pub const fn span_ns(&self, span: Span) -> u64 {
        match span {
            Span::Window => self.window_ns,
            Span::TwoHours => 7200 * 1_000_000_000,
            Span::Day => 86_400 * 1_000_000_000,
        }
    }
}

fn step(step: &ContainmentStep) -> Step {
    let stops = |action| !matches!(action, Action::Pass | Action::Observe | Action::Limit);
    Step {
        score: step.score,
        contains: step.action != StepAction::Report,
        stops: matches!(step.action, StepAction::Contain(action) if stops(action)),
        lasts_ns: nanoseconds(step.lasts),
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
}
