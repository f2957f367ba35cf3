//! What is asked of a resolver, and what comes back, before anything is made of it.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use thiserror::Error;

/// Which records are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Whether there is a listing, and which: RFC 5782 §2.1.
    A,
    /// Why, in words; asked only of zones that list.
    Txt,
}

/// A question to a resolver.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// The asker's own number, which the reply brings back. It is not the number of the DNS message.
    pub id: u64,
    /// The full name, with a dot at the end. It may hold a customer's key: not to be shown.
    pub name: String,
    /// Which records.
    pub kind: RecordKind,
}

/// Without the name.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a resolver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Addresses, at least one.
    A {
        /// In the order of the answer.
        addresses: Vec<Ipv4Addr>,
        /// The smallest of their TTLs, seconds.
        ttl_s: u32,
    },
    /// Texts: printable ASCII, few and short.
    Txt(Vec<String>),
    /// No such name, or no such records.
    None {
        /// For how long that holds, seconds: from the zone's SOA record (RFC 2308 §5); 0 without one.
        ttl_s: u32,
    },
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The question's number.
    pub id: u64,
    /// What was said, or why nothing was.
    pub result: Result<Records, Fault>,
    /// How long it took, all tries together.
    pub took: Duration,
}

/// Why an answer says nothing about the address. A source is neither listed nor clean by it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Nobody answered in time.
    #[error("no answer in time")]
    Timeout,
    /// The resolver could not find out.
    #[error("the resolver could not get an answer (SERVFAIL)")]
    ServFail,
    /// The resolver, or the zone's server behind it, does not answer such questions.
    #[error("the question is refused (REFUSED)")]
    Refused,
    /// The resolver could not be reached.
    #[error("the resolver cannot be reached: {0}")]
    Network(String),
    /// It was not asked: too much is out already, or the system has no more files or memory for us.
    #[error("not asked: this machine has no socket free, too much is being asked at once")]
    Busy,
    /// The answer is none to this question, or is broken, or came cut off by TCP too.
    #[error("the answer makes no sense: {0}")]
    Malformed(String),
    /// An answer outside of 127/8 (RFC 5782 §2.1: a listing is inside).
    #[error(
        "answers {0}, which is no DNSBL's answer: the resolver rewrites names that do not exist, or the zone's domain has \
         other owners now"
    )]
    Rewritten(Ipv4Addr),
    /// 127.255.255.252.
    #[error("answers 127.255.255.252: the provider has no such zone; is its name mistyped?")]
    Mistyped,
    /// 127.255.255.254.
    #[error(
        "answers 127.255.255.254: the provider does not answer public resolvers; use a resolver of your own, or get a key"
    )]
    PublicResolver,
    /// 127.255.255.255, or an answer of the zone's own that says the same.
    #[error("answers {0}: more questions than the provider allows; use fewer, or get a key")]
    Quota(Ipv4Addr),
}

impl Fault {
    /// Whether one such answer is enough to believe nothing of the zone: it is no accident of the network.
    #[must_use]
    pub const fn is_deliberate(&self) -> bool {
        matches!(self, Self::Rewritten(_) | Self::Mistyped | Self::PublicResolver | Self::Quota(_))
    }
    /// Whether it is about this machine, and says nothing of the zone or the resolvers.
    #[must_use]
    pub const fn is_our_own(&self) -> bool {
        matches!(self, Self::Busy)
    }

    /// Whether nobody has answered at all, of those who were asked.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Timeout | Self::Network(_))
    }
}
