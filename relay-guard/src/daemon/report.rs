//! The daemon's state in the words of the control socket.

mod answers;

use std::collections::BTreeMap;

use relay_guard_common::{action::Action, counter::Effect, event::Event, reason::Reason, role::Direction};

use self::answers::steps;
use super::{LoadedList, clock::Tick, interfaces::InterfaceState, policy::too_wide, state::State};
use crate::{
    control::{api, server::Answer},
    datapath::{CounterRow, DatapathError, Tally},
    policy::{Entry, PortChoice},
};

pub(super) use self::answers::exchange;

impl State {
    /// Tells how the daemon is, once the threads that look sources up and into sessions have said how they are.
    pub(super) fn tell_status(&self, answer: Answer<api::Status>) {
        let mut status = match self.status() {
            Ok(status) => status,
            Err(error) => return drop(answer.send(Err(error.to_string()))),
        };
        let (lookups, inspection) = (self.lookups_teller(), self.inspection_teller());
        tokio::spawn(async move {
            lookups.complete(&mut status).await;
            inspection.complete(&mut status).await;
            drop(answer.send(Ok(status)));
        });
    }

    /// The daemon at a glance, as far as the loop knows.
    fn status(&self) -> Result<api::Status, DatapathError> {
        let rows = self.datapath.counters()?;
        let losses: BTreeMap<_, _> =
            self.datapath.losses()?.into_iter().map(|row| (row.loss.name().to_owned(), row.count)).collect();
        let lists = self.list_rows()?;
        let interfaces: Vec<_> = self.interfaces.iter().map(|(name, state)| interface(name, state)).collect();
        Ok(api::Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            mode: self.config.mode.name().to_owned(),
            uptime_s: self.started.elapsed().as_secs(),
            start: self.start_word().to_owned(),
            warnings: self
                .trouble
                .iter()
                .chain(&self.unpublished)
                .cloned()
                .chain(too_wide(&self.config, &self.addresses))
                .chain(self.unheard.iter().cloned())
                .chain(warnings(&interfaces, &lists, &losses))
                .collect(),
            interfaces,
            lists,
            table: self.published.table,
            totals: totals(&rows),
            counters: rows.iter().map(counter).collect(),
            actions: self.actions()?,
            answers: self.answers()?,
            losses,
            verdicts: api::Verdicts {
                administrator: self.verdicts.store().len() as u64,
                contained: self.verdicts.contained().len() as u64,
            },
            dnsbl: None,
            inspection: None,
            hosts: BTreeMap::new(),
            recent: self.recent.iter().cloned().collect(),
        })
    }

    /// All lists, and the table that they are in.
    pub(super) fn list_table(&self) -> Result<api::Lists, DatapathError> {
        Ok(api::Lists { lists: self.list_rows()?, table: self.published.table })
    }

    fn list_rows(&self) -> Result<Vec<api::List>, DatapathError> {
        let tallies: Vec<_> = self
            .published
            .classes()
            .map(|(class, set)| Ok((set, self.datapath.tally(class)?)))
            .collect::<Result<_, DatapathError>>()?;
        let now = Tick::now();
        let row = |list: &LoadedList| {
            let set = list.set();
            let live = tallies.iter().filter(|(of, _)| of & set != 0).map(|(_, tally)| *tally);
            list_row(list, live.fold(list.counted, Tally::plus), now)
        };
        Ok(self.lists.iter().map(row).collect())
    }

    /// An event of the kernel in words.
    pub(super) fn attempt(&self, event: &Event) -> api::Attempt {
        api::Attempt {
            at: self.verdicts.to_unix(event.time_ns),
            source: event.source.into(),
            destination: event.destination.into(),
            port: event.destination_port,
            interface: self.interfaces.name_of(event.ifindex).map(str::to_owned),
            direction: Direction::from_u8(event.direction).map_or("unknown", Direction::name).to_owned(),
            action: Action::from_u8(event.action).map_or("unknown", Action::name).to_owned(),
            reason: Reason::from_u8(event.reason).map_or("unknown", Reason::name).to_owned(),
            lists: self.names_of(event.class, event.source.into()),
            effect: Effect::ALL
                .get(usize::from(event.effect))
                .map_or("unknown", |effect| effect.name())
                .to_owned(),
        }
    }

    /// The administrator's entries.
    pub(super) fn verdict_list(&self) -> api::VerdictList {
        api::VerdictList { verdicts: self.verdicts.store().iter().map(verdict).collect() }
    }
}

/// An entry of the administrator in words.
pub(super) fn verdict(entry: &Entry) -> api::Verdict {
    api::Verdict {
        net: entry.net,
        kind: entry.kind.to_string(),
        until: entry.until,
        reason: entry.reason.clone(),
        added: entry.added,
    }
}

fn interface(name: &str, state: &InterfaceState) -> api::Interface {
    let attached = state.attached.as_ref();
    let word = match (attached, &state.error) {
        (Some(_), _) => "attached",
        (None, Some(_)) => "failed",
        (None, None) => "absent",
    };
    api::Interface {
        name: name.to_owned(),
        side: state.side.name().to_owned(),
        state: word.to_owned(),
        mode: attached.map(|(_, attached)| attached.mode.name().to_owned()),
        tc: attached.map(|(_, attached)| attached.tc.name().to_owned()),
        ifindex: attached.map(|(device, _)| device.ifindex),
        why: attached.and_then(|(_, attached)| attached.why.clone()).or_else(|| state.error.clone()),
    }
}

fn list_row(list: &LoadedList, tally: Tally, now: Tick) -> api::List {
    let config = &list.config;
    let (addresses_v4, addresses_v6) = list.addresses();
    let ports = match &config.ports {
        PortChoice::All => None,
        PortChoice::Only(ports) => Some(ports.clone()),
    };
    api::List {
        name: config.name.clone(),
        file: config.source.to_string(),
        source: config.source.kind().to_owned(),
        format: list.figures.map_or(config.options.format, |_| list.content.format).name().to_owned(),
        action: config.action.name().to_owned(),
        direction: config.applies.name().to_owned(),
        ports,
        state: list.state(now.unix_s).name().to_owned(),
        busy: list.busy,
        entries: list.figures.map_or(0, |figures| figures.entries),
        addresses_v4,
        addresses_v6: addresses_v6 as f64,
        loaded_at: list.loaded_at,
        refreshed_at: list.refreshed_at,
        next_at: list.next_at(now),
        expires_at: list.expires_at(),
        packets: tally.count.packets,
        bytes: tally.count.bytes,
        steps: steps(&tally.steps),
        error: list.fault.as_ref().map(|fault| fault.message.clone()),
        error_since: list.fault.as_ref().map(|fault| fault.since),
        failures: list.failures(),
    }
}

fn counter(row: &CounterRow) -> api::Counter {
    api::Counter {
        reason: row.reason.name().to_owned(),
        direction: row.direction.name().to_owned(),
        effect: row.effect.name().to_owned(),
        packets: row.count.packets,
        bytes: row.count.bytes,
    }
}

fn totals(rows: &[CounterRow]) -> api::Totals {
    let sum = |wanted: &dyn Fn(&CounterRow) -> bool| -> u64 {
        rows.iter().filter(|row| wanted(row)).map(|row| row.count.packets).sum()
    };
    let of = |direction, effect| sum(&|row| row.direction == direction && row.effect == effect);
    api::Totals {
        packets: sum(&|_| true),
        inbound: sum(&|row| row.direction == Direction::Inbound),
        inbound_stopped: of(Direction::Inbound, Effect::Stopped),
        inbound_observed: of(Direction::Inbound, Effect::Observed),
        outbound: sum(&|row| row.direction == Direction::Outbound && row.reason != Reason::Reply),
        outbound_stopped: of(Direction::Outbound, Effect::Stopped),
        outbound_observed: of(Direction::Outbound, Effect::Observed),
        unparsable: sum(&|row| matches!(row.reason, Reason::Truncated | Reason::Malformed | Reason::TooDeep)),
    }
}

fn list_warning(list: &api::List) -> Option<String> {
    let rest = match (list.state.as_str(), &list.error) {
        ("expired", _) => "weighs nothing: it was not refreshed for too long".to_owned(),
        (_, Some(error)) => error.clone(),
        ("ageing", None) => "will soon weigh nothing: it was not refreshed for long".to_owned(),
        _ => return None,
    };
    Some(format!("list {}: {rest}", list.name))
}

fn warnings(
    interfaces: &[api::Interface],
    lists: &[api::List],
    losses: &BTreeMap<String, u64>,
) -> Vec<String> {
    let of_interfaces = interfaces.iter().filter_map(|interface| match interface.state.as_str() {
        "absent" => Some(format!("{}: not there; attached when it comes", interface.name)),
        "failed" => {
            Some(format!("{}: {}", interface.name, interface.why.as_deref().unwrap_or("not attached")))
        }
        _ => interface.why.as_ref().map(|why| {
            format!("{}: {} mode: {why}", interface.name, interface.mode.as_deref().unwrap_or("slow"))
        }),
    });
    let of_lists = lists.iter().filter_map(list_warning);
    let of_losses = losses
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(loss, count)| format!("{loss}: {count} times since the maps were made"));
    of_interfaces.chain(of_lists).chain(of_losses).collect()
}
