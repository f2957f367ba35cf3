//! Why a zone is not believed, and what follows from it.

use std::fmt;

use super::FAULTS_IN_A_ROW;
use crate::dnsbl::question::Fault;

/// Why a zone is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Several questions in a row were not answered; the last for this reason.
    Faults(Fault),
    /// An answer that no zone gives that works.
    Answered(Fault),
    /// Its test was not answered.
    TestUnanswered(Fault),
    /// It does not list 127.0.0.2.
    ListsNothing,
    /// It lists 127.0.0.1.
    ListsLoopback,
    /// It lists a name that nobody listed.
    ListsEverything,
    /// It suddenly lists most sources.
    Jump {
        /// Percent of the last sources that it lists.
        now: u32,
        /// Percent of those before.
        before: u32,
    },
}

impl Why {
    /// Whether listings from before cannot be believed either.
    #[must_use]
    pub const fn taints_listings(&self) -> bool {
        matches!(self, Self::ListsLoopback | Self::ListsEverything | Self::Jump { .. })
    }

    /// Whether a test was only not answered, which once may be an accident of the network.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(self, Self::TestUnanswered(fault) if !fault.is_deliberate())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(fault) => {
                write!(f, "{FAULTS_IN_A_ROW} questions in a row failed, the last one: {fault}")
            }
            Self::Answered(fault) => fault.fmt(f),
            Self::TestUnanswered(fault) => write!(f, "its test failed: {fault}"),
            Self::ListsNothing => {
                f.write_str("it does not list 127.0.0.2, which every DNSBL does: it is empty, or no DNSBL")
            }
            Self::ListsLoopback => f.write_str("it lists 127.0.0.1, which no DNSBL does"),
            Self::ListsEverything => {
                f.write_str("it lists a random name: it lists the world, perhaps to be left alone")
            }
            Self::Jump { now, before } => {
                write!(f, "it suddenly lists {now} % of all sources, where it had listed {before} %")
            }
        }
    }
}
