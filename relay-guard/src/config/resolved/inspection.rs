//! Inspection of outbound mail: what is looked at, how it is weighed, and what is done about hosts.

use std::time::Duration;

use relay_guard_common::action::Action;
use serde::{Deserialize, Serialize};

use super::{ListAction, answers};
use crate::inspect::signals::Weights;
use crate::policy::Answer;

/// The most entries of `[[containment]]`.
pub const MAX_STEPS: usize = 8;

/// What is looked at of sessions, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Whether inside hosts are judged, and sessions looked into for that.
    pub enabled: bool,
    /// Whether sessions of strangers with our own servers are looked into as well.
    pub inbound: bool,
    /// Over which time the kernel counts connection attempts, 5 s to 1 h.
    pub window: Duration,
    /// After which time half of a signal's points are left when its figure has fallen.
    pub half_life: Duration,
    /// How addresses of envelopes are kept and shown.
    pub envelopes: Envelopes,
    /// Whether declared mail servers may be contained.
    pub contain_mail_servers: bool,
    /// How much is captured of a connection.
    pub budgets: Budgets,
    /// How each signal's figure comes to points (`[signals]`).
    pub weights: Weights,
    /// What scores come to (`[[containment]]`), lowest first; scores are unique.
    pub steps: Vec<ContainmentStep>,
}

impl Inspection {
    /// Those steps that stop or limit a host.
    pub fn containments(&self) -> impl Iterator<Item = (Action, &Answer)> {
        self.steps.iter().filter_map(|step| match step.action {
            StepAction::Report => None,
            StepAction::Contain(action) => Some((action, &step.answer)),
        })
    }

    /// Whether a contained host is sent anything.
    pub(super) fn answers_anybody(&self) -> bool {
        self.enabled && self.containments().any(|(action, answer)| answers(action, answer.limit))
    }
}

/// How addresses of envelopes are kept and shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Envelopes {
    /// As they are.
    #[default]
    Plain,
    /// The first letter and the domain: `j…@example.com`.
    Masked,
    /// By a keyed hash: equal ones can be told, nothing else.
    Hashed,
}

impl Envelopes {
    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Masked => "masked",
            Self::Hashed => "hashed",
        }
    }
}

/// How much of a connection's payload is captured, octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budgets {
    /// Of the client's, in all.
    pub client_bytes: u32,
    /// Of the server's, in all.
    pub server_bytes: u32,
    /// Of the client's, until the server speaks again; at most `client_bytes`.
    pub turn_bytes: u32,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { client_bytes: 256 << 10, server_bytes: 64 << 10, turn_bytes: 8 << 10 }
    }
}

/// What is done about hosts whose score is at least this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainmentStep {
    /// The score, above 0.
    pub score: u32,
    /// What is done.
    pub action: StepAction,
    /// For how long, if it is more than to report.
    pub lasts: Duration,
    /// What a contained host is told, and how it is limited; each host counts by itself.
    pub answer: Answer,
}

impl ContainmentStep {
    /// Whether it refuses in SMTP's own words, be it what is over a limit.
    #[must_use]
    pub fn refuses(&self) -> bool {
        match self.action {
            StepAction::Report => false,
            StepAction::Contain(action) => ListAction::from(action).refuses(self.answer.limit),
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepAction {
    /// The administrator is told.
    Report,
    /// So is he, and this happens to the host's outbound SMTP: any action that stops or limits.
    Contain(Action),
}

impl StepAction {
    /// All of them, weakest first.
    pub const ALL: [Self; 6] = [
        Self::Report,
        Self::Contain(Action::Limit),
        Self::Contain(Action::Refuse),
        Self::Contain(Action::Reset),
        Self::Contain(Action::Tarpit),
        Self::Contain(Action::Drop),
    ];

    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Contain(action) => action.name(),
        }
    }
}
