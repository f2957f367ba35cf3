//! What can be done with a packet.

/// What policy wants done with a packet. Numbers are append-only: they are stored in maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Action {
    /// Let it through.
    Pass = 0,
    /// Let it through, and count what it was.
    Observe = 1,
    /// Drop it without a word.
    Drop = 2,
    /// Answer with a TCP RST.
    Reset = 3,
    /// Refuse in SMTP's own words.
    Refuse = 4,
    /// Accept the connection and keep its window closed.
    Tarpit = 5,
    /// Let through up to a rate.
    Limit = 6,
}

impl Action {
    /// All actions, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Observe, Self::Drop, Self::Reset, Self::Refuse, Self::Tarpit, Self::Limit];

    /// The action with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Pass,
            1 => Self::Observe,
            2 => Self::Drop,
            3 => Self::Reset,
            4 => Self::Refuse,
            5 => Self::Tarpit,
            6 => Self::Limit,
            _ => return None,
        })
    }

    /// The word for it in configuration, output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Observe => "observe",
            Self::Drop => "drop",
            Self::Reset => "reset",
            Self::Refuse => "refuse",
            Self::Tarpit => "tarpit",
            Self::Limit => "limit",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_round_trip() {
        for (number, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(Action::from_u8(number as u8), Some(action));
            assert_eq!(action as usize, number, "{}", action.name());
        }
        assert_eq!(Action::from_u8(Action::ALL.len() as u8), None);
    }
}
