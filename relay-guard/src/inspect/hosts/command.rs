//! What the engine wants done, and what it shows.

use std::fmt;
use std::net::IpAddr;

use super::{Brief, Rules};
use crate::inspect::{
    HostKind,
    ladder::HostState,
    score::Points,
    signals::{Signal, Span, Unit},
};

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// A host stands elsewhere on the ladder: tell the administrator.
    Changed {
        /// The host.
        address: IpAddr,
        /// Who it is.
        kind: HostKind,
        /// What changed.
        change: Change,
    },
    /// Limit or stop the host's outbound SMTP, as this step of the configuration says, until then; also said anew for a
    /// containment that lasts longer, or that another step takes over.
    Contain {
        /// The host.
        address: IpAddr,
        /// The step, counted from 0.
        step: u8,
        /// Until when, nanoseconds of the engine's clock.
        until_ns: u64,
    },
    /// End the host's sessions in flight: a step that stops has begun.
    EndSessions {
        /// The host.
        address: IpAddr,
    },
    /// The host may send again. What the kernel counted of it goes, too.
    Release {
        /// The host.
        address: IpAddr,
    },
    /// The host has not been seen for long: the kernel's record of it can go.
    Forget {
        /// The host.
        address: IpAddr,
    },
}

/// A change of a host's state.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When, nanoseconds of the engine's clock.
    pub at_ns: u64,
    /// Where it stood.
    pub from: HostState,
    /// Where it stands.
    pub to: HostState,
    /// Its score then.
    pub score: u32,
    /// The signals that made it up, most points first.
    pub signals: Vec<Reading>,
    /// Whether it was the administrator's word.
    pub by_hand: bool,
}

/// What a signal says of a host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The signal.
    pub signal: Signal,
    /// Its figure; that which its points were given for, if they fade.
    pub figure: u32,
    /// The points that it gives by now.
    pub points: f32,
    /// Whether the figure has fallen since, or was spent, and what is left are points that fade.
    pub fading: bool,
    /// Over which time, nanoseconds.
    pub span_ns: u64,
}

/// Points that a signal must have beyond those of its figure before it is said to fade.
const FADING: f32 = 0.5;

impl Reading {
    /// What a figure and the points given before come to.
    pub(super) fn new(signal: Signal, figure: u32, given: &Points, rules: &Rules, now_ns: u64) -> Self {
        let points = given.of(signal, rules.half_life_ns, now_ns);
        let fading = points >= rules.weights.of(signal).points(figure) + FADING;
        let figure = if fading { given.figure(signal) } else { figure };
        Self { signal, figure, points, fading, span_ns: rules.span_ns(signal.span()) }
    }
}

/// The figure in words: `212 servers in 10 min`.
impl fmt::Display for Reading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, figure, span_ns, .. } = self;
        let percent = if signal.unit() == Unit::Percent { " %" } else { "" };
        let words = if *figure == 1 { signal.words().0 } else { signal.words().1 };
        write!(out, "{figure}{percent} {words} in ")?;
        match (signal.span(), span_ns / 1_000_000_000) {
            (Span::Day, _) => out.write_str("a day"),
            (_, seconds) if seconds > 0 && seconds % 3600 == 0 => write!(out, "{} h", seconds / 3600),
            (_, seconds) if seconds > 0 && seconds % 60 == 0 => write!(out, "{} min", seconds / 60),
            (_, seconds) => write!(out, "{seconds} s"),
        }
    }
}

/// A host, for a table.
#[derive(Clone, Debug, PartialEq)]
pub struct HostView {
    /// Its address.
    pub address: IpAddr,
    /// Who it is.
    pub kind: HostKind,
    /// Where it stands.
    pub state: HostState,
    /// Its score.
    pub score: u32,
    /// Until when it is contained, nanoseconds of the engine's clock; 0 if it is not.
    pub contained_until_ns: u64,
    /// When it was seen first and last.
    pub first_ns: u64,
    /// When it was seen last.
    pub last_ns: u64,
    /// Sessions that were seen of it.
    pub sessions: u32,
    /// Transactions.
    pub transactions: u32,
    /// Signals with points, most first.
    pub signals: Vec<Reading>,
}

/// All that is known of a host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostDetail {
    /// What the table shows, and signals without points but with a figure as well.
    pub view: HostView,
    /// Whether more is known of it than that it sent: there is a bound on how many hosts are looked at closely.
    pub followed: bool,
    /// Relapses in a row.
    pub relapses: u32,
    /// Its recent sessions, the latest last.
    pub recent: Vec<Brief>,
    /// Its changes of state, the latest last.
    pub history: Vec<Change>,
}

/// What was counted, and what bounds cost. Each since the engine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transactions that were judged.
    pub transactions: u64,
    /// Sessions that were judged.
    pub sessions: u64,
    /// Transactions and sessions with servers of ours, which are no sign.
    pub to_own_servers: u64,
    /// Hosts that were forgotten to make room for others.
    pub hosts_pushed_out: u64,
    /// Hosts of which all but their number of sessions was forgotten to make room for others.
    pub details_pushed_out: u64,
    /// Times that there was no room to look at a host closely.
    pub unfollowed: u64,
    /// Histories of quiet hosts that were forgotten to make room for others.
    pub histories_pushed_out: u64,
    /// Changes of state that there was no room to remember, and on which nothing followed.
    pub unladdered: u64,
}

/// How much there is, and how much of it there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Hosts.
    pub hosts: usize,
    /// Hosts that are looked at closely.
    pub details: usize,
    /// Recent sessions.
    pub recent: usize,
    /// Hosts with a state or a history.
    pub standings: usize,
    /// Octets of memory in all, estimated from above.
    pub bytes: usize,
}
