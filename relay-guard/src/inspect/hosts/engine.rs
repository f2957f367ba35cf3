//! The engine: observations and samples of hosts in, commands out. It keeps no clock and touches nothing.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::IpAddr,
};

use relay_guard_common::flow::FlowKey;

use super::{
    Change, Command, Counters, Reading, Rules, Sizes,
    brief::{KEPT_BYTES, KEPT_TEXT_BYTES},
    checks::is_check,
    detail::Detail,
    networks::{MAX_NETWORKS_BYTES, Networks, network_of},
    seen::tick,
    shapes::SharedShapes,
    slots::Slots,
    standings::Standings,
};
use crate::inspect::{
    HostKind,
    ladder::{HostState, Move},
    observation::{Observation, Session, Transaction},
    score::{Figures, Points},
    signals::{Own, Signal},
};

/// Hosts that are looked at closely: of all others only is known that they send. Some 5.5 KiB each.
pub const MAX_DETAILS: usize = 32_768;
/// Up to so many of them are looked at closely from their first session on, then from the fourth.
const AT_ONCE: usize = MAX_DETAILS / 2;
const PATIENCE: u32 = 3;
/// Recent sessions that are kept, of all hosts together.
pub const MAX_RECENT_IN_ALL: usize = 65_536;
/// A host is judged at most this often while it sends, and this often while it has points, nanoseconds.
const JUDGED_EVERY_NS: u64 = 1_000_000_000;
const FOLLOWED_EVERY_NS: u64 = 10_000_000_000;
/// A host with less than this has no points.
const NO_SCORE: f32 = 0.5;
/// A host that was not seen for two days is forgotten.
const FORGOTTEN_NS: u64 = 2 * 24 * 3600 * 1_000_000_000;
/// So many at a time: the work of one poll is bounded.
const FORGOTTEN_AT_ONCE: usize = 1000;
/// How often histories are looked through for old ones, nanoseconds.
const PRUNED_EVERY_NS: u64 = 3600 * 1_000_000_000;
/// Signals that a change of state is told with.
pub(super) const TOLD: usize = 8;

/// Octets of a recent session; the places of a host's grow by doubling.
const RECENT_BYTES: usize = 2 * KEPT_BYTES + KEPT_TEXT_BYTES;
/// Octets of a place in the table of addresses, with one of control.
const BUCKET_BYTES: usize = size_of::<(IpAddr, u32)>() + 1;

/// Places of a table (hashbrown's) for so many: a power of two, 7/8 of it used.
const fn buckets(entries: usize) -> usize {
    (entries * 8 / 7 + 1).next_power_of_two()
}

/// What is known of every host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) address: IpAddr,
    pub(super) kind: HostKind,
    /// Its detail's slot, if it has one.
    pub(super) detail: Option<u32>,
    pub(super) sessions: u32,
    pub(super) transactions: u32,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    /// What the kernel counted before is spent, nanoseconds.
    pub(super) spent_ns: u64,
    /// Attempts in the kernel's record when it was looked at last.
    pub(super) attempts: u64,
}

/// The judge of inside hosts.
#[derive(Debug)]
pub struct Engine {
    pub(super) rules: Rules,
    by_address: HashMap<IpAddr, u32>,
    pub(super) hosts: Slots<Host>,
    pub(super) details: Slots<Box<Detail>>,
    pub(super) shared: SharedShapes,
    pub(super) networks: Networks,
    pub(super) standings: Standings,
    /// When details are due, and which; those that no longer agree with the detail are passed over.
    due: BinaryHeap<Reverse<(u64, u32)>>,
    recent: usize,
    /// Records that the kernel has of hosts.
    pub(super) counted: u64,
    pruned_ns: u64,
    pub(super) commands: Vec<Command>,
    counters: Counters,
}

impl Engine {
    /// An engine with these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            by_address: HashMap::new(),
            hosts: Slots::default(),
            details: Slots::default(),
            shared: SharedShapes::default(),
            networks: Networks::default(),
            standings: Standings::default(),
            due: BinaryHeap::new(),
            recent: 0,
            counted: 0,
            pruned_ns: 0,
            commands: Vec::new(),
            counters: Counters::default(),
        }
    }

    /// How it judges.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Changes the rules; the key of hashes stays. All hosts with points are judged anew at the next [`poll`](Self::poll), and
    /// containments end there if nobody is to be contained any more.
    pub fn set_rules(&mut self, rules: Rules, now_ns: u64) {
        self.rules = Rules { key: self.rules.key, ..rules };
        if !self.rules.enabled {
            self.rules.contain = false;
        }
        let judged: Vec<u32> = self.details.oldest_first().map(|(slot, _)| slot).collect();
        for slot in judged {
            self.schedule(slot, now_ns);
        }
    }

    /// Judges hosts by what `kind_of` says they are now: after declarations or the administrator's words have changed.
    pub fn set_kinds(&mut self, kind_of: impl Fn(IpAddr) -> HostKind, now_ns: u64) {
        let followed: Vec<(u32, u32)> =
            self.details.oldest_first().map(|(slot, detail)| (slot, detail.host)).collect();
        for (slot, host) in followed {
            if let Some(host) = self.hosts.get_mut(host) {
                let is_network = host.kind == HostKind::Network;
                host.kind = kind_of(host.address).or_network(is_network);
            }
            self.schedule(slot, now_ns);
        }
    }

    /// Takes what was seen of a session whose client is an inside host. Sessions with servers of ours are no sign.
    pub fn observe(&mut self, observation: &Observation, kind_of: impl Fn(IpAddr) -> HostKind, now_ns: u64) {
        if !self.rules.enabled {
            return;
        }
        let flow = observation.flow();
        let address = IpAddr::from(flow.client);
        let kind = kind_here(address, kind_of(address));
        let Some(host) = self.host(address, kind, now_ns) else { return };
        if kind_of(flow.server.into()).is_ours() {
            self.counters.to_own_servers += 1;
            return;
        }
        match observation {
            Observation::Transaction(transaction) => self.observe_transaction(host, transaction, now_ns),
            Observation::Session(session) => self.observe_session(host, session, now_ns),
        }
    }

    fn observe_transaction(&mut self, host: u32, transaction: &Transaction, now_ns: u64) {
        self.counters.transactions += 1;
        if let Some(host) = self.hosts.get_mut(host) {
            host.transactions = host.transactions.saturating_add(1);
        }
        let Some(slot) = self.follow(host, false, now_ns) else { return };
        let room = self.recent < MAX_RECENT_IN_ALL;
        let (client, server) = hashes(&transaction.flow);
        let Some(detail) = self.details.get_mut(slot) else { return };
        let refused =
            detail.note_transaction(transaction, (client, server), &mut self.shared, &self.rules, now_ns);
        let before = detail.recent.len();
        detail.recent.note_transaction(transaction, refused, &self.rules, room);
        self.recent = self.recent + detail.recent.len() - before;
        self.judge_soon(slot, now_ns);
    }

    fn observe_session(&mut self, host: u32, session: &Session, now_ns: u64) {
        let again = session.again;
        let Some(known) = self.hosts.get_mut(host) else { return };
        let (address, kind) = (known.address, known.kind);
        if !again {
            self.counters.sessions += 1;
            known.sessions = known.sessions.saturating_add(1);
            if !is_check(session) {
                self.note_source((address, kind), std::iter::once(hashes(&session.flow).1), now_ns);
            }
        }
        // Its network may have taken its place, where there is hardly any.
        if self.slot_of(address) != Some(host) {
            return;
        }
        let Some(slot) = self.follow(host, false, now_ns) else { return };
        let room = self.recent < MAX_RECENT_IN_ALL;
        let Some(detail) = self.details.get_mut(slot) else { return };
        if !again {
            let (_, server) = hashes(&session.flow);
            let own = Own { host: address, ours: &self.rules.own };
            detail.note_session(session, server, own, &self.rules, now_ns);
        }
        let before = detail.recent.len();
        detail.recent.note_session(session, &self.rules, room);
        self.recent = self.recent + detail.recent.len() - before;
        self.judge_soon(slot, now_ns);
    }

    /// What is to be done by now: judges all hosts that are due.
    #[must_use]
    pub fn poll(&mut self, now_ns: u64) -> Vec<Command> {
        while let Some(Reverse((due_ns, slot))) = self.due.peek().copied() {
            if due_ns > now_ns {
                break;
            }
            self.due.pop();
            if self.details.get(slot).is_some_and(|detail| detail.due_ns == due_ns) {
                self.judge(slot, now_ns);
            }
        }
        self.forget_idle(now_ns);
        if now_ns.saturating_sub(self.pruned_ns) >= PRUNED_EVERY_NS {
            self.pruned_ns = now_ns;
            self.standings.prune(now_ns);
        }
        std::mem::take(&mut self.commands)
    }

    /// When [`poll`](Self::poll) has something to do again, nanoseconds; none: not before something is seen. It may be past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        if !self.commands.is_empty() {
            return Some(0);
        }
        self.due.peek().map(|Reverse((due_ns, _))| *due_ns)
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters { histories_pushed_out: self.standings.pushed_out, ..self.counters }
    }

    /// How much there is.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let buckets = buckets(self.by_address.capacity());
        let bytes = self.hosts.memory()
            + buckets * BUCKET_BYTES
            + self.details.memory()
            + self.details.len() * size_of::<Detail>()
            + self.recent * RECENT_BYTES
            + self.shared.len() * super::shapes::MAX_SHARED_BYTES
            + self.networks.memory()
            + self.due.capacity() * size_of::<(u64, u32)>()
            + self.standings.memory();
        Sizes {
            hosts: self.hosts.len(),
            details: self.details.len(),
            recent: self.recent,
            standings: self.standings.len(),
            bytes,
        }
    }

    /// How many octets an engine takes at most that remembers so many hosts.
    #[must_use]
    pub const fn most_bytes(tracked_hosts: u32) -> usize {
        // Tables grow by doubling.
        let hosts = (tracked_hosts as usize).next_power_of_two();
        // One due time that holds for each detail, and those of ten seconds that were overtaken.
        let due = 32 * MAX_DETAILS * size_of::<(u64, u32)>();
        hosts * Slots::<Host>::SLOT_BYTES
            + buckets(tracked_hosts as usize) * BUCKET_BYTES
            + MAX_DETAILS * (Slots::<Box<Detail>>::SLOT_BYTES + size_of::<Detail>())
            + MAX_RECENT_IN_ALL * RECENT_BYTES
            + super::shapes::MAX_SHARED * super::shapes::MAX_SHARED_BYTES
            + MAX_NETWORKS_BYTES
            + due
            + super::standings::MAX_BYTES
    }

    /// The host's slot; it is the one seen last. None if there is room for nobody.
    pub(super) fn host(&mut self, address: IpAddr, kind: HostKind, now_ns: u64) -> Option<u32> {
        let slot = self.known_or_new(address, kind, now_ns)?;
        let host = self.hosts.get_mut(slot)?;
        host.kind = kind;
        host.last_ns = host.last_ns.max(now_ns);
        self.hosts.touch(slot);
        Some(slot)
    }

    pub(super) fn known_or_new(&mut self, address: IpAddr, kind: HostKind, now_ns: u64) -> Option<u32> {
        if let Some(slot) = self.by_address.get(&address) {
            return Some(*slot);
        }
        if self.hosts.len() >= self.rules.tracked_hosts.max(1) as usize {
            let (oldest, _) = self.hosts.oldest_first().find(|(_, host)| !self.stands(host))?;
            self.remove_host(oldest);
            self.counters.hosts_pushed_out += 1;
        }
        let host = Host {
            address,
            kind,
            detail: None,
            sessions: 0,
            transactions: 0,
            first_ns: now_ns,
            last_ns: now_ns,
            spent_ns: 0,
            attempts: 0,
        };
        let slot = self.hosts.insert(host);
        self.by_address.insert(address, slot);
        Some(slot)
    }

    fn stands(&self, host: &Host) -> bool {
        host.detail.and_then(|slot| self.details.get(slot)).is_some_and(|detail| detail.stands)
    }

    fn remove_host(&mut self, slot: u32) {
        let Some(host) = self.hosts.remove(slot) else { return };
        self.by_address.remove(&host.address);
        if let Some(detail) = host.detail {
            self.remove_detail(detail);
        }
    }

    /// What was known is given back, for its place.
    fn remove_detail(&mut self, slot: u32) -> Option<Box<Detail>> {
        let detail = self.details.remove(slot)?;
        self.recent -= detail.recent.len();
        if let Some(host) = self.hosts.get_mut(detail.host) {
            host.detail = None;
        }
        Some(detail)
    }

    pub(super) fn detail_of(&self, host: u32) -> Option<u32> {
        self.hosts.get(host)?.detail
    }

    /// The slot of the host's detail, made if it is worth it and there is room. `sign`: it gave a sign of something.
    pub(super) fn follow(&mut self, host: u32, sign: bool, now_ns: u64) -> Option<u32> {
        let known = self.hosts.get(host)?;
        if let Some(slot) = known.detail {
            self.details.touch(slot);
            return Some(slot);
        }
        let worth = sign || known.sessions > PATIENCE || self.details.len() < AT_ONCE;
        if !worth {
            return None;
        }
        let mut place = None;
        if self.details.len() >= MAX_DETAILS {
            let quiet = self.details.oldest_first().find(|(_, detail)| !detail.stands);
            let Some((oldest, _)) = quiet else {
                self.counters.unfollowed += 1;
                return None;
            };
            place = self.remove_detail(oldest);
            self.counters.details_pushed_out += 1;
        }
        let detail = match place {
            Some(mut place) => {
                *place = Detail::new(host, now_ns);
                place
            }
            None => Box::new(Detail::new(host, now_ns)),
        };
        let slot = self.details.insert(detail);
        self.hosts.get_mut(host)?.detail = Some(slot);
        Some(slot)
    }

    pub(super) fn judge_soon(&mut self, slot: u32, now_ns: u64) {
        let Some(detail) = self.details.get(slot) else { return };
        let at_ns = match detail.looked_at_ns {
            0 => now_ns,
            looked_at_ns => now_ns.max(looked_at_ns.saturating_add(JUDGED_EVERY_NS)),
        };
        self.schedule(slot, at_ns);
    }

    /// The detail is due then, or earlier.
    pub(super) fn schedule(&mut self, slot: u32, at_ns: u64) {
        if let Some(detail) = self.details.get_mut(slot)
            && at_ns < detail.due_ns
        {
            detail.due_ns = at_ns;
            self.due.push(Reverse((at_ns, slot)));
        }
    }

    /// Judges a host: figures, points, and where it goes on the ladder.
    fn judge(&mut self, slot: u32, now_ns: u64) {
        let rules = &self.rules;
        let Some(detail) = self.details.get(slot) else { return };
        let Some(host) = self.hosts.get(detail.host) else { return };
        let (address, kind) = (host.address, host.kind);
        let figures = self.figures_of(host, detail, now_ns);
        let Some(detail) = self.details.get_mut(slot) else { return };
        let counts =
            |signal: Signal| rules.enabled && (!kind.is_mail_server() || signal.is_of_mail_servers());
        detail.points.update(&figures, &rules.weights, rules.half_life_ns, now_ns, counts);
        (detail.due_ns, detail.looked_at_ns) = (u64::MAX, now_ns);
        let score = detail.points.score(rules.half_life_ns, now_ns);
        let first = rules.steps.first().map_or(f32::MAX, |step| step.score as f32);
        if detail.stands || score >= first {
            self.climb(slot, address, kind, (&figures, score), now_ns);
        }
        let Some(detail) = self.details.get(slot) else { return };
        if detail.stands || detail.points.score(self.rules.half_life_ns, now_ns) >= NO_SCORE {
            let until_ns = self.contained_until(address).unwrap_or(u64::MAX);
            self.schedule(slot, now_ns.saturating_add(FOLLOWED_EVERY_NS).min(until_ns.max(now_ns + 1)));
        }
    }

    /// A host's figures by now.
    pub(super) fn figures_of(&self, host: &Host, detail: &Detail, now_ns: u64) -> Figures {
        let mut figures = detail.figures(&self.shared, &self.rules, now_ns);
        if host.kind == HostKind::Network {
            let rotating = self.networks.rotating(host.address, tick(now_ns));
            figures.set(Signal::RotatingSources, rotating);
        }
        figures
    }

    fn climb(
        &mut self,
        slot: u32,
        address: IpAddr,
        kind: HostKind,
        (figures, score): (&Figures, f32),
        now_ns: u64,
    ) {
        let may_contain = self.may_contain(kind);
        let Some(stand) = self.standings.of(address) else {
            self.counters.unladdered += 1;
            return;
        };
        let mut moves = Vec::new();
        stand.standing.go(&self.rules.steps, score, may_contain, now_ns, |made| moves.push(made));
        let stands = stand.standing.state != HostState::Quiet;
        if let Some(detail) = self.details.get_mut(slot) {
            detail.stands = stands;
        }
        let told = if moves.is_empty() { Vec::new() } else { self.told(slot, figures, now_ns) };
        for made in moves {
            self.carry_out(address, kind, made, (score, &told, false), now_ns);
        }
    }

    const fn may_contain(&self, kind: HostKind) -> bool {
        self.rules.contain
            && (kind.may_be_contained()
                || (self.rules.contain_mail_servers && matches!(kind, HostKind::MailServer)))
    }

    fn told(&self, slot: u32, figures: &Figures, now_ns: u64) -> Vec<Reading> {
        let mut readings = self.readings(slot, figures, now_ns);
        readings.retain(|reading| reading.points >= NO_SCORE);
        readings.truncate(TOLD);
        readings.shrink_to_fit();
        readings
    }

    /// All signals of a host, most points first.
    pub(super) fn readings(&self, slot: u32, figures: &Figures, now_ns: u64) -> Vec<Reading> {
        let Some(detail) = self.details.get(slot) else { return Vec::new() };
        let reading = |signal| Reading::new(signal, figures.of(signal), &detail.points, &self.rules, now_ns);
        let mut readings: Vec<Reading> = Signal::ALL.into_iter().map(reading).collect();
        readings.sort_by(|a, b| b.points.total_cmp(&a.points));
        readings
    }

    pub(super) fn carry_out(
        &mut self,
        address: IpAddr,
        kind: HostKind,
        made: Move,
        (score, signals, by_hand): (f32, &[Reading], bool),
        now_ns: u64,
    ) {
        match made {
            Move::Changed { from, to } => {
                let score = score.round() as u32;
                let change = Change { at_ns: now_ns, from, to, score, signals: signals.to_vec(), by_hand };
                if let Some(stand) = self.standings.known(address) {
                    stand.note(change.clone());
                }
                self.commands.push(Command::Changed { address, kind, change });
            }
            Move::Contain { step, until_ns, ends_sessions, again } => {
                self.commands.push(Command::Contain { address, step, until_ns });
                self.forget_deeds(address, now_ns, if again { Detail::spend_all } else { Detail::spend });
                if ends_sessions {
                    self.commands.push(Command::EndSessions { address });
                }
            }
            Move::Release => {
                self.commands.push(Command::Release { address });
                if let Some(detail) = self.detail_mut(address) {
                    detail.points = Points::none(now_ns);
                }
            }
        }
    }

    /// Forgets what was counted of a host, here and by the kernel, as `how` says.
    pub(super) fn forget_deeds(&mut self, address: IpAddr, now_ns: u64, how: impl Fn(&mut Detail, u64)) {
        let Some(host) = self.slot_of(address).and_then(|slot| self.hosts.get_mut(slot)) else { return };
        host.spent_ns = now_ns;
        if let Some(detail) = host.detail.and_then(|slot| self.details.get_mut(slot)) {
            how(detail, now_ns);
        }
    }

    pub(super) fn detail_mut(&mut self, address: IpAddr) -> Option<&mut Detail> {
        let slot = self.hosts.get(self.slot_of(address)?)?.detail?;
        self.details.get_mut(slot).map(|detail| &mut **detail)
    }

    fn forget_idle(&mut self, now_ns: u64) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((oldest, host)) = self.hosts.oldest_first().next() else { return };
            if now_ns.saturating_sub(host.last_ns) <= FORGOTTEN_NS {
                return;
            }
            if self.stands(host) {
                self.hosts.touch(oldest);
            } else {
                self.remove_host(oldest);
            }
        }
    }

    pub(super) fn slot_of(&self, address: IpAddr) -> Option<u32> {
        self.by_address.get(&address).copied()
    }

    /// Until when the host is contained, nanoseconds of the engine's clock.
    #[must_use]
    pub fn contained_until(&self, address: IpAddr) -> Option<u64> {
        let stand = self.standings.get(address)?;
        matches!(stand.standing.state, HostState::Contained(_)).then_some(stand.standing.until_ns)
    }

    /// The contained hosts, the step of each (from 0) and until when.
    pub fn contained(&self) -> impl Iterator<Item = (IpAddr, u8, u64)> {
        self.standings.iter().filter_map(|(address, stand)| match stand.standing.state {
            HostState::Contained(step) => Some((address, step, stand.standing.until_ns)),
            HostState::Quiet | HostState::Reported(_) => None,
        })
    }
}

impl Engine {
    /// The hosts that are reported and not contained, with the step of each (from 0).
    pub fn reported(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        self.standings.iter().filter_map(|(address, stand)| match stand.standing.state {
            HostState::Reported(step) => Some((address, step)),
            HostState::Quiet | HostState::Contained(_) => None,
        })
    }
}

/// Hashes of both ends, for sketches.
fn hashes(flow: &FlowKey) -> (u32, u32) {
    (flow.client.hash(), flow.server.hash())
}

/// Who an address is: the first one of a network stands for that.
pub(super) fn kind_here(address: IpAddr, kind: HostKind) -> HostKind {
    kind.or_network(network_of(address) == Some(address))
}
