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
