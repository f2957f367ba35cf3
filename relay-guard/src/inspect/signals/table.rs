//! Which signals there are: name, unit, window, and the rule that holds without a configuration.

use super::Rule;

/// A signal. The order is that of documentation and output; numbers are not stored anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    /// Connection attempts.
    Attempts,
    /// Distinct servers that it connected to.
    Destinations,
    /// Servers that it had not connected to for two days or more.
    NewServers,
    /// Distinct servers in a day.
    DailyServers,
    /// Connection attempts that no server accepted, where they went to many servers.
    FailedAttempts,
    /// New addresses of one IPv6 network, each of which wrote to other servers.
    RotatingSources,
    /// Distinct servers that refused everything for good.
    RefusingServers,
    /// Times that it introduced itself by a name that it had not used lately.
    HeloChanges,
    /// Sessions in which it introduced itself by what is no full name.
    HeloNoName,
    /// Sessions in which it introduced itself by an address without brackets.
    HeloBareAddress,
    /// Sessions in which it introduced itself by a name or an address of somebody else.
    HeloOfOthers,
    /// Sessions in which it spoke before the greeting.
    TalksFirst,
    /// Distinct domains of senders.
    SenderDomains,
    /// Recipients of all messages.
    Recipients,
    /// Recipients of a message, on average.
    RecipientsPerMessage,
    /// Recipients that were refused for good.
    RefusedRecipients,
    /// Messages that were refused for good after their content.
    RefusedMessages,
    /// Replies that name a blocklist; those with an address of ours in them count three times.
    ListedReplies,
    /// Messages with the null sender.
    NullSenders,
    /// Sins against the protocol.
    ProtocolSlips,
    /// Sessions in which it said more than is looked at, so that commands are not known.
    UnreadableSessions,
    /// Servers that got messages of one shape.
    SameShape,
    /// Inside hosts that send messages of one shape to ever other servers.
    SharedShape,
    /// How even the time between its messages is, where they go to many servers.
    MachinePace,
    /// Refused recipients of one sender, beyond one in twenty.
    BusySender,
}

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things, events.
    Count,
    /// A share, 0 to 100.
    Percent,
}

/// Over which time a figure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// The configured window (`inspection.window`).
    Window,
    /// Two hours.
    TwoHours,
    /// A day.
    Day,
}

/// What is fixed about a signal.
#[derive(Clone, Copy)]
struct Row {
    signal: Signal,
    name: &'static str,
    /// What is counted, for one and for several.
    words: (&'static str, &'static str),
    unit: Unit,
    span: Span,
    /// Whether it says something about declared mail servers too, whose work is to write to many.
    of_mail_servers: bool,
    rule: Rule,
}

const fn row(
    signal: Signal,
    name: &'static str,
    words: (&'static str, &'static str),
    unit: Unit,
    span: Span,
    (weight, from, at): (u32, u32, u32),
) -> Row {
    Row { signal, name, words, unit, span, of_mail_servers: true, rule: Rule { weight, from, at } }
}

/// One that says nothing about declared mail servers.
const fn of_hosts(row: Row) -> Row {
    Row { of_mail_servers: false, ..row }
}

use Span::{Day, TwoHours, Window};
use Unit::{Count, Percent};

/// In the order of their numbers, which a test holds.
const TABLE: [Row; Signal::COUNT] = [
    of_hosts(row(
        Signal::Attempts,
        "attempts",
        ("connection attempt", "connection attempts"),
        Count,
        Window,
        (30, 60, 240),
    )),
    of_hosts(row(Signal::Destinations, "destinations", ("server", "servers"), Count, Window, (70, 30, 90))),
    of_hosts(row(
        Signal::NewServers,
        "new-servers",
        ("new server", "new servers"),
        Count,
        TwoHours,
        (50, 10, 20),
    )),
    of_hosts(row(Signal::DailyServers, "daily-servers", ("server", "servers"), Count, Day, (50, 40, 80))),
    of_hosts(row(
        Signal::FailedAttempts,
        "failed-attempts",
        ("of attempts failed", "of attempts failed"),
        Percent,
        Window,
        (20, 50, 90),
    )),
    of_hosts(row(
        Signal::RotatingSources,
        "rotating-sources",
        ("new source address", "new source addresses"),
        Count,
        TwoHours,
        (60, 15, 45),
    )),
    of_hosts(row(
        Signal::RefusingServers,
        "refusing-servers",
        ("server that refused all", "servers that refused all"),
        Count,
        TwoHours,
        (30, 4, 20),
    )),
    row(
        Signal::HeloChanges,
        "helo-changes",
        ("change of HELO", "changes of HELO"),
        Count,
        TwoHours,
        (25, 2, 8),
    ),
    row(
        Signal::HeloNoName,
        "helo-no-name",
        ("HELO that is no full name", "HELOs that are no full name"),
        Count,
        TwoHours,
        (10, 0, 3),
    ),
    row(
        Signal::HeloBareAddress,
        "helo-bare-address",
        ("HELO with a bare address", "HELOs with a bare address"),
        Count,
        TwoHours,
        (15, 0, 3),
    ),
    row(
        Signal::HeloOfOthers,
        "helo-of-others",
        ("HELO of somebody else", "HELOs of somebody else"),
        Count,
        TwoHours,
        (30, 0, 3),
    ),
    row(
        Signal::TalksFirst,
        "talks-first",
        ("session begun before the greeting", "sessions begun before the greeting"),
        Count,
        TwoHours,
        (25, 0, 3),
    ),
    of_hosts(row(
        Signal::SenderDomains,
        "sender-domains",
        ("domain of senders", "domains of senders"),
        Count,
        TwoHours,
        (25, 5, 30),
    )),
    of_hosts(row(
        Signal::Recipients,
        "recipients",
        ("recipient", "recipients"),
        Count,
        TwoHours,
        (60, 300, 2000),
    )),
    of_hosts(row(
        Signal::RecipientsPerMessage,
        "recipients-per-message",
        ("recipient per message", "recipients per message"),
        Count,
        TwoHours,
        (15, 10, 50),
    )),
    row(
        Signal::RefusedRecipients,
        "refused-recipients",
        ("of recipients refused", "of recipients refused"),
        Percent,
        TwoHours,
        (30, 10, 50),
    ),
    row(
        Signal::RefusedMessages,
        "refused-messages",
        ("of messages refused", "of messages refused"),
        Percent,
        TwoHours,
        (30, 10, 50),
    ),
    row(
        Signal::ListedReplies,
        "listed-replies",
        ("reply that names a blocklist", "replies that name a blocklist"),
        Count,
        TwoHours,
        (40, 0, 12),
    ),
    of_hosts(row(
        Signal::NullSenders,
        "null-senders",
        ("of messages from <>", "of messages from <>"),
        Percent,
        TwoHours,
        (15, 50, 100),
    )),
    row(
        Signal::ProtocolSlips,
        "protocol-slips",
        ("slip of protocol", "slips of protocol"),
        Count,
        TwoHours,
        (20, 2, 20),
    ),
    of_hosts(row(
        Signal::UnreadableSessions,
        "unreadable-sessions",
        ("session that hides commands", "sessions that hide commands"),
        Count,
        TwoHours,
        (25, 3, 12),
    )),
    of_hosts(row(
        Signal::SameShape,
        "same-shape",
        ("server with messages of one shape", "servers with messages of one shape"),
        Count,
        TwoHours,
        (25, 10, 40),
    )),
    of_hosts(row(
        Signal::SharedShape,
        "shared-shape",
        ("host with messages of one shape", "hosts with messages of one shape"),
        Count,
        TwoHours,
        (75, 3, 10),
    )),
    of_hosts(row(
        Signal::MachinePace,
        "machine-pace",
        ("even pace", "even pace"),
        Percent,
        TwoHours,
        (10, 80, 95),
    )),
    row(
        Signal::BusySender,
        "busy-sender",
        ("unusual refusal of one sender", "unusual refusals of one sender"),
        Count,
        TwoHours,
        (60, 10, 60),
    ),
];

impl Signal {
    /// How many there are.
    pub const COUNT: usize = 25;

    /// All of them, in their order.
    pub const ALL: [Self; Self::COUNT] = {
        let mut all = [Self::Attempts; Self::COUNT];
        let mut index = 0;
        while index < Self::COUNT {
            all[index] = TABLE[index].signal;
            index += 1;
        }
        all
    };

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The word for it in configuration and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The signal of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// What its figure counts, in words, for one and for several.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str) {
        self.row().words
    }

    /// What its figure counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        self.row().unit
    }

    /// Over which time its figure is taken.
    #[must_use]
    pub const fn span(self) -> Span {
        self.row().span
    }

    /// Whether it says something about declared mail servers too.
    #[must_use]
    pub const fn is_of_mail_servers(self) -> bool {
        self.row().of_mail_servers
    }

    /// The rule that holds without a configuration.
    #[must_use]
    pub const fn default_rule(self) -> Rule {
        self.row().rule
    }
}
