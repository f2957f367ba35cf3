//! What answering has come to, counted by class.

/// One step. Numbers are places in an entry of `STEPS`, append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Step {
    /// A SYN came that is answered, or would be if actions were carried out.
    Syn = 0,
    /// A SYN-ACK was sent.
    SynAck = 1,
    /// The greeting was sent: the client had completed the handshake.
    Greeted = 2,
    /// A refusal was sent: a recipient, or the greeting.
    Refused = 3,
    /// The client closed its side.
    Completed = 4,
    /// A RST was sent.
    Reset = 5,
    /// The tarpit told a client to wait.
    Tarpitted = 6,
    /// A connection was over its limit.
    Limited = 7,
    /// An answer was not sent: too many in a second, or to an address that gets none.
    Capped = 8,
    /// An answer was not sent: the driver had no room for it.
    Unsent = 9,
}

impl Step {
    /// All steps, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Syn,
        Self::SynAck,
        Self::Greeted,
        Self::Refused,
        Self::Completed,
        Self::Reset,
        Self::Tarpitted,
        Self::Limited,
        Self::Capped,
        Self::Unsent,
    ];

    /// The step with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Syn,
            1 => Self::SynAck,
            2 => Self::Greeted,
            3 => Self::Refused,
            4 => Self::Completed,
            5 => Self::Reset,
            6 => Self::Tarpitted,
            7 => Self::Limited,
            8 => Self::Capped,
            9 => Self::Unsent,
            _ => return None,
        })
    }

    /// The word for it in output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAck => "syn-ack",
            Self::Greeted => "greeted",
            Self::Refused => "refused",
            Self::Completed => "completed",
            Self::Reset => "reset",
            Self::Tarpitted => "tarpitted",
            Self::Limited => "limited",
            Self::Capped => "capped",
            Self::Unsent => "unsent",
        }
    }
}

/// One entry of `STEPS`: how often each step was made for a class; class 0 stands for what no class decided.
pub type Steps = [u64; Step::ALL.len()];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_round_trip() {
        for (number, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!(step as usize, number, "{}", step.name());
            assert_eq!(Step::from_u8(number as u8), Some(step));
        }
        assert_eq!(Step::from_u8(Step::ALL.len() as u8), None);
    }
}
