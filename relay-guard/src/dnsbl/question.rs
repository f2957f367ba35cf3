//! Questions to zones, and what comes back before anybody has judged it.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// Whether, and as what, a name is listed.
    A,
    /// Why.
    Txt,
}

/// One question to one zone. Its name may hold a customer's key, so it is not in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    /// By which the reply is known.
    pub id: u64,
    /// The name to ask about, with a dot at the end.
    pub name: String,
    /// What of it.
    pub kind: RecordKind,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why a zone has said nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No answer in time.
    Timeout,
    /// The resolver has failed.
    ServFail,
    /// The server does not want to answer.
    Refused,
    /// It cannot be reached.
    Network(String),
    /// What came is no answer.
    Malformed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer in time"),
            Self::ServFail => f.write_str("the resolver failed (SERVFAIL)"),
            Self::Refused => f.write_str("the server refuses to answer (REFUSED)"),
            Self::Network(cause) => write!(f, "network: {cause}"),
            Self::Malformed(cause) => write!(f, "no proper answer: {cause}"),
        }
    }
}

/// What a name has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// Addresses, at least one.
    A {
        /// In the order of the answer.
        addresses: Vec<Ipv4Addr>,
        /// The smallest of their times to live, in seconds.
        ttl_s: u32,
    },
    /// Texts, sanitised; perhaps none.
    Txt(Vec<String>),
    /// No such name, or nothing of this kind.
    None {
        /// How long that may be believed, in seconds (RFC 2308 §5); 0 if nothing is said about it.
        ttl_s: u32,
    },
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The question's.
    pub id: u64,
    /// What the name has, or why nobody knows.
    pub result: Result<Records, Fault>,
    /// From the question to here.
    pub took: Duration,
}
