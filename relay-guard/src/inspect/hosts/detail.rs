//! What is remembered of a host whose mail says anything, and the figures that it comes to.

use relay_guard_common::{flow::FlowKey, host::SKETCH_BITS};

use super::{
    Rules, WindowFigures,
    brief::Recent,
    checks::{Checks, is_check},
    counts::{Count, Counts, Rate, slot},
    envelopes::hash,
    pace::Pace,
    seen::{DAY, REMEMBERED, Seen, TWO_HOURS, tick},
    senders::Senders,
    shapes::{HostShapes, SharedShapes},
};
use crate::config::Budgets;
use crate::inspect::{
    observation::{Outcome, Protocol, Reply, Session, Transaction},
    score::{Figures, Points},
    signals::{Own, Signal, helo, listed, shape::shapes},
};

/// Names in HELO that are remembered; another one is a change.
const HELOS: usize = 4;
/// Commands of one message may take so many octets: a thousand recipients.
const OCTETS_OF_MESSAGE: u64 = 64 << 10;
/// Sessions side by side that are told apart, where it matters.
const SESSIONS: usize = 16;
/// Slips of one session that count: one garbled session is one mistake.
const MAX_SLIPS: u64 = 5;
/// Things of which there must have been so many before a share of them says anything.
const LEAST_OF_SHARE: u32 = 10;
/// Messages that must have been before their average number of recipients says anything.
const LEAST_OF_AVERAGE: u32 = 3;
/// Servers in a day from which on an even pace is a sign: monitoring is even too, and writes to few.
const LEAST_OF_PACE: u32 = 10;
/// How much more a reply counts that names a blocklist and has an address of ours in it.
const LISTED_OURSELVES: u32 = 3;

/// Servers that must have refused recipients before dead recipients are a sign: what one server says of all of them may be about
/// the host, or the server's own doing.
const LEAST_OF_REFUSERS: u32 = 3;

/// Places of the sketch of servers.
const PLACES: usize = 1024;

/// All that is known of a host; some 5.5 KiB and its recent sessions.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The host's slot.
    pub host: u32,
    pub points: Points,
    /// When it is to be looked at again, and when it was, nanoseconds; `u64::MAX`: not.
    pub due_ns: u64,
    pub looked_at_ns: u64,
    /// Whether it stands anywhere on the ladder.
    pub stands: bool,
    pub recent: Recent,
    servers: Seen<PLACES>,
    refusing: Seen<64>,
    /// Those that refused a recipient for good.
    refusers: Seen<64>,
    checks: Checks,
    domains: Seen<64>,
    counts: Counts,
    rate: Rate,
    /// What the kernel counted, and until when that holds, nanoseconds.
    window: Option<(WindowFigures, u64)>,
    helos: [u32; HELOS],
    helos_known: u8,
    /// Sessions that are not over and were somebody else's: a session counts once. 0 for none.
    others: [u64; SESSIONS],
    /// The server that named a blocklist last, and in which slot: it is one sign however often it says so.
    lister: (u32, u32),
    senders: Senders<16>,
    /// Domains of senders, likewise: a stolen account may change the rest.
    sending: Senders<8>,
    shapes: HostShapes,
    pace: Pace,
}

impl Detail {
    pub fn new(host: u32, now_ns: u64) -> Self {
        let tick = tick(now_ns);
        Self {
            host,
            points: Points::none(now_ns),
            due_ns: u64::MAX,
            looked_at_ns: 0,
            stands: false,
            recent: Recent::default(),
            servers: Seen::new(tick),
            refusing: Seen::new(tick),
            refusers: Seen::new(tick),
            checks: Checks::new(tick),
            domains: Seen::new(tick),
            counts: Counts::new(tick),
            rate: Rate::new(),
            window: None,
            helos: [0; HELOS],
            helos_known: 0,
            others: [0; SESSIONS],
            lister: (0, u32::MAX),
            senders: Senders::new(tick),
            sending: Senders::new(tick),
            shapes: HostShapes::new(tick),
            pace: Pace::default(),
        }
    }

    /// Forgets what was counted; points stay, and recent sessions.
    pub fn spend(&mut self, now_ns: u64) {
        *self = Self {
            points: self.points.clone(),
            due_ns: self.due_ns,
            looked_at_ns: self.looked_at_ns,
            stands: self.stands,
            recent: std::mem::take(&mut self.recent),
            ..Self::new(self.host, now_ns)
        };
    }

    /// Forgets what was counted and the points for it; recent sessions stay.
    pub fn spend_all(&mut self, now_ns: u64) {
        self.spend(now_ns);
        self.points = Points::none(now_ns);
    }

    /// Forgets everything but recent sessions.
    pub fn forgive(&mut self, now_ns: u64) {
        self.spend_all(now_ns);
        self.stands = false;
    }

    /// Takes the kernel's counts, which hold for a window.
    pub fn note_window(&mut self, figures: WindowFigures, rules: &Rules, now_ns: u64) {
        self.window = Some((figures, now_ns.saturating_add(rules.window_ns)));
        // What nobody answered, or the guard stopped, has no session that would tell.
        let unanswered = figures.stopped > 0 || figures.established < figures.attempts / 2;
        for (word, bits) in self.checks.waited(tick(now_ns)).into_iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                self.note_tried(word as u32 * 64 + bits.trailing_zeros(), unanswered, now_ns);
                bits &= bits - 1;
            }
        }
    }

    /// Takes the kernel's sketch of servers that it tried in a window: a place for each, of hashes such as ours.
    pub fn note_sketch(&mut self, sketch: &[u64], now_ns: u64) {
        self.checks.wait(sketch, tick(now_ns));
    }

    /// A server that was only tried is none that it wrote to before, unless it could not.
    fn note_tried(&mut self, server: u32, unanswered: bool, now_ns: u64) {
        if unanswered {
            self.note_server(server, now_ns);
        } else {
            self.servers.note(server, tick(now_ns));
        }
    }

    /// Takes note of a server by its hash.
    pub fn note_server(&mut self, server: u32, now_ns: u64) {
        let tick = tick(now_ns);
        if self.servers.note(server, tick) {
            self.counts.add(Count::NewServers, 1, tick);
        }
    }

    /// Takes note of a session that is over or can no longer be read. `own` are addresses that it may say are its own.
    pub fn note_session(&mut self, session: &Session, server: u32, own: Own<'_>, rules: &Rules, now_ns: u64) {
        let tick = tick(now_ns);
        if is_check(session) {
            self.checks.note(server, tick);
        } else {
            self.note_server(server, now_ns);
        }
        self.rate.add(rules.window_ns, now_ns);
        self.note_helo(session, server, own, rules, tick);
        self.counts.add(Count::TalksFirst, session.talked_first.into(), tick);
        let foreign = matches!(session.protocol, Protocol::Http | Protocol::Ssh | Protocol::Other);
        let slips = session.slips.total() + u64::from(foreign);
        self.counts.add(Count::Slips, slips.min(MAX_SLIPS) as u32, tick);
        self.counts.add(Count::Unreadable, is_unreadable(session, rules.budgets).into(), tick);
        let greeting = session.greeting.as_ref().filter(|greeting| greeting.is_negative());
        if greeting.is_some_and(Reply::is_permanent) {
            self.refusing.note(server, tick);
        }
        let said_twice = greeting.is_some_and(|greeting| session.refused_with.contains(greeting));
        let replies = session.refused_with.iter().chain(greeting.filter(|_| !said_twice));
        let listed = replies
            .filter(|reply| listed::names_a_blocklist(&reply.text))
            .map(|reply| if listed::has_address(&reply.text, own) { LISTED_OURSELVES } else { 1 });
        let lister = (server, slot(tick));
        if let Some(listed) = listed.max()
            && self.lister != lister
        {
            self.lister = lister;
            self.counts.add(Count::Listed, listed, tick);
        }
    }

    fn note_helo(&mut self, session: &Session, server: u32, own: Own<'_>, rules: &Rules, tick: u32) {
        let Some(name) = session.helo.as_deref() else { return };
        let greeting = session.greeting.as_ref().map(|greeting| &*greeting.text);
        let faults = helo::faults(name, own, greeting);
        self.counts.add(Count::HeloNoName, faults.no_name.into(), tick);
        self.counts.add(Count::HeloBareAddress, faults.bare_address.into(), tick);
        let counted = self.forget_others(number(server, &session.flow));
        self.counts.add(Count::HeloOfOthers, (faults.of_others && !counted).into(), tick);
        let changed = self.is_another_name(hash(name, &rules.key) as u32);
        self.counts.add(Count::HeloChanges, session.helo_changes.max(changed.into()), tick);
    }

    /// Whether the name is not among the last ones, of which it is one from now on; the first one is no change.
    fn is_another_name(&mut self, hash: u32) -> bool {
        let known = usize::from(self.helos_known);
        if self.helos[..known].contains(&hash) {
            return false;
        }
        self.helos.rotate_right(1);
        self.helos[0] = hash;
        self.helos_known = (known + 1).min(HELOS) as u8;
        known > 0
    }

    /// A session is somebody else's.
    fn note_others(&mut self, session: u64, tick: u32) {
        if !self.others.contains(&session) {
            self.others.rotate_right(1);
            self.others[0] = session;
            self.counts.add(Count::HeloOfOthers, 1, tick);
        }
    }

    /// A session is over. Whether it was counted as somebody else's.
    fn forget_others(&mut self, session: u64) -> bool {
        let known = self.others.iter_mut().find(|other| **other == session);
        known.map(|other| *other = 0).is_some()
    }

    /// Takes note of a transaction to a server; `host` is the host's hash. How many recipients were refused for good.
    pub fn note_transaction(
        &mut self,
        transaction: &Transaction,
        (host, server): (u32, u32),
        shared: &mut SharedShapes,
        rules: &Rules,
        now_ns: u64,
    ) -> u32 {
        let tick = tick(now_ns);
        self.note_server(server, now_ns);
        self.pace.note(now_ns);
        if transaction.tls {
            return 0;
        }
        let refused = self.note_envelope(transaction, server, rules, tick);
        if let Some(data) = &transaction.data
            && let Some(reply) = &data.reply
        {
            self.counts.add(Count::Messages, 1, tick);
            self.counts.add(Count::RefusedMessages, reply.is_permanent().into(), tick);
        }
        let said_no = transaction.last_reply.as_ref().is_some_and(Reply::is_permanent);
        if transaction.outcome == Outcome::Refused && said_no {
            self.refusing.note(server, tick);
        }
        for shape in shapes(transaction, &rules.key).into_iter().flatten() {
            if let Some(servers) = self.shapes.note(shape, server, tick) {
                shared.note(shape, host, servers, tick);
            }
        }
        refused
    }

    fn note_envelope(&mut self, transaction: &Transaction, server: u32, rules: &Rules, tick: u32) -> u32 {
        let recipients = transaction.recipients.len() as u32 + transaction.recipients_left_out;
        let permanent = |reply: &Option<Reply>| reply.as_ref().is_some_and(Reply::is_permanent);
        let refused =
            transaction.recipients.iter().filter(|recipient| permanent(&recipient.reply)).count() as u32;
        self.counts.add(Count::Transactions, 1, tick);
        self.counts.add(Count::Recipients, recipients, tick);
        let (judged, blamed) = if is_one_refusal(transaction) { (1, 1) } else { (recipients, refused) };
        self.counts.add(Count::JudgedRecipients, judged, tick);
        self.counts.add(Count::RefusedRecipients, blamed, tick);
        if refused > 0 {
            self.refusers.note(server, tick);
        }
        let Some(sender) = transaction.mail_from.as_deref() else { return refused };
        if sender.is_empty() {
            self.counts.add(Count::NullSenders, 1, tick);
        } else {
            self.senders.note(hash(sender, &rules.key) as u32, judged, blamed, tick);
            if let Some(domain) = helo::domain(sender) {
                let domain = hash(domain, &rules.key) as u32;
                self.domains.note(domain, tick);
                self.sending.note(domain, judged, blamed, tick);
            }
        }
        if let Some(name) = transaction.helo.as_deref()
            && transaction.recipients.iter().any(|to| helo::is_of_recipient(name, &to.address, Some(sender)))
        {
            self.note_others(number(server, &transaction.flow), tick);
        }
        refused
    }

    /// The figures by now.
    pub fn figures(&self, shared: &SharedShapes, rules: &Rules, now_ns: u64) -> Figures {
        let now = tick(now_ns);
        let sums = self.counts.sums(now);
        let sum = |count| sums.of(count);
        let share = |part: u32, whole: u32| if whole < LEAST_OF_SHARE { 0 } else { part * 100 / whole };
        let window = self.window.filter(|(_, until_ns)| now_ns < *until_ns).map(|(figures, _)| figures);
        let window = window.unwrap_or_default();
        let within = (rules.window_ns / super::seen::TICK_NS) as u32;
        let daily = self.servers.count(DAY, now);
        let (transactions, recipients) = (sum(Count::Transactions), sum(Count::Recipients));
        let average = if transactions < LEAST_OF_AVERAGE { 0 } else { recipients / transactions };
        let evenness = if daily < LEAST_OF_PACE { 0 } else { self.pace.evenness(now_ns) };
        let attempts = u32::try_from(window.attempts).unwrap_or(u32::MAX);
        let shared = self.shapes.compared(now).map(|shape| shared.hosts(shape, now)).max().unwrap_or(0);
        // What the kernel counted includes servers that were only looked at.
        let tried = window.destinations.saturating_sub(self.checks.count(now));
        let by_several = self.refusers.count(TWO_HOURS, now) >= LEAST_OF_REFUSERS;
        let dead = |figure: u32| if by_several { figure } else { 0 };
        let busiest = self.senders.excess(now).max(self.sending.excess(now));
        let mut figures = Figures::default();
        for (signal, figure) in [
            (Signal::Attempts, attempts.max(self.rate.count(rules.window_ns, now_ns))),
            (Signal::Destinations, tried.max(self.servers.count(within, now))),
            (Signal::NewServers, sum(Count::NewServers)),
            (Signal::DailyServers, daily),
            (Signal::FailedAttempts, window.failed_percent()),
            (Signal::RefusingServers, self.refusing.count(TWO_HOURS, now)),
            (Signal::HeloChanges, sum(Count::HeloChanges)),
            (Signal::HeloNoName, sum(Count::HeloNoName)),
            (Signal::HeloBareAddress, sum(Count::HeloBareAddress)),
            (Signal::HeloOfOthers, sum(Count::HeloOfOthers)),
            (Signal::TalksFirst, sum(Count::TalksFirst)),
            (Signal::SenderDomains, self.domains.count(TWO_HOURS, now)),
            (Signal::RecipientsPerMessage, average),
            (Signal::Recipients, recipients),
            (
                Signal::RefusedRecipients,
                dead(share(sum(Count::RefusedRecipients), sum(Count::JudgedRecipients))),
            ),
            (Signal::RefusedMessages, share(sum(Count::RefusedMessages), sum(Count::Messages))),
            (Signal::ListedReplies, sum(Count::Listed)),
            (Signal::NullSenders, share(sum(Count::NullSenders), transactions)),
            (Signal::ProtocolSlips, sum(Count::Slips)),
            (Signal::UnreadableSessions, sum(Count::Unreadable)),
            (Signal::SameShape, self.shapes.most_servers(now)),
            (Signal::SharedShape, shared),
            (Signal::MachinePace, evenness),
            (Signal::BusySender, dead(busiest)),
        ] {
            figures.set(signal, figure);
        }
        figures
    }
}

/// A session of a host in a number that is not 0: its server by its hash, and the client's port.
fn number(server: u32, flow: &FlowKey) -> u64 {
    1 << 48 | u64::from(server) << 16 | u64::from(flow.client_port)
}

/// Whether commands of a session were hidden: it was read from its beginning, nothing was lost on our side, and there was more than is
/// looked at outside of content. Who spends a budget by many messages is no such one.
fn is_unreadable(session: &Session, budgets: Budgets) -> bool {
    let unseen = &session.unseen;
    if !unseen.commands_skipped || unseen.beginning || unseen.client_lost > 0 || unseen.server_lost > 0 {
        return false;
    }
    let looked_at = session.client_octets.saturating_sub(unseen.client_skipped);
    let all_but_a_turn = u64::from(budgets.client_bytes - budgets.turn_bytes.min(budgets.client_bytes));
    let is_spent = unseen.server_skipped > 0 || looked_at > all_but_a_turn;
    !is_spent || u64::from(session.transactions) * OCTETS_OF_MESSAGE < looked_at
}

/// Whether a server refused all recipients of a message for the same reason, which is none of theirs (RFC 3463 §3.2: X.1.X): it
/// refused the message, or the host.
fn is_one_refusal(transaction: &Transaction) -> bool {
    let mut replies = transaction.recipients.iter().map(|recipient| recipient.reply.as_ref());
    let Some(first) = replies.next().flatten().filter(|reply| reply.is_permanent()) else { return false };
    let of_recipient = first.text.starts_with("5.1.");
    !of_recipient && replies.all(|reply| reply.is_some_and(|reply| is_same_reason(reply, first)))
}

/// Whether codes, enhanced ones too, are the same; where there are none of these, the first words.
fn is_same_reason(one: &Reply, other: &Reply) -> bool {
    one.code == other.code && one.text.split(' ').next() == other.text.split(' ').next()
}

const _: () = assert!(SKETCH_BITS as usize == PLACES, "the kernel's sketch is of the same places");
const _: () = assert!(REMEMBERED < u16::MAX as u32 / 2, "a stamp must not look young again before it goes");
