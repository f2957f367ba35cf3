//! Hosts as the administrator sees them, and his word about them.

use std::net::IpAddr;

use super::{Engine, HostDetail, HostView, detail::Detail, seen::tick};
use crate::inspect::{HostKind, ladder::HostState, score::Figures};

impl Engine {
    /// Hosts, highest score first, then by address; at most so many.
    #[must_use]
    pub fn views(&self, most: usize, now_ns: u64) -> Vec<HostView> {
        let score = |slot: Option<u32>| {
            let detail = slot.and_then(|slot| self.details.get(slot));
            detail.map_or(0.0, |detail| detail.points.score(self.rules.half_life_ns, now_ns))
        };
        let mut ranks: Vec<_> =
            self.hosts.oldest_first().map(|(slot, host)| (score(host.detail), host.address, slot)).collect();
        let order = |a: &(f32, IpAddr, u32), b: &(f32, IpAddr, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if ranks.len() > most && most > 0 {
            ranks.select_nth_unstable_by(most - 1, order);
        }
        ranks.truncate(most);
        ranks.sort_unstable_by(order);
        ranks.into_iter().filter_map(|(_, _, slot)| self.view_of(slot, true, now_ns)).collect()
    }

    /// All that is known of a host; none if that is nothing.
    #[must_use]
    pub fn view(&self, address: IpAddr, now_ns: u64) -> Option<HostDetail> {
        let stand = self.standings.get(address);
        let Some(slot) = self.slot_of(address) else {
            let stand = stand?;
            let view = HostView {
                contained_until_ns: self.contained_until(address).unwrap_or(0),
                ..nothing(address, stand.standing.state)
            };
            let history = stand.history.iter().cloned().collect();
            let relapses = stand.standing.relapses;
            return Some(HostDetail { view, followed: false, relapses, recent: Vec::new(), history });
        };
        let view = self.view_of(slot, false, now_ns)?;
        let detail = self.hosts.get(slot)?.detail.and_then(|slot| self.details.get(slot));
        Some(HostDetail {
            view,
            followed: detail.is_some(),
            relapses: stand.map_or(0, |stand| stand.standing.relapses),
            recent: detail.map_or_else(Vec::new, |detail| detail.recent.iter().collect()),
            history: stand.map_or_else(Vec::new, |stand| stand.history.iter().cloned().collect()),
        })
    }

    /// `scoring`: only signals with points; else those with a figure as well.
    fn view_of(&self, slot: u32, scoring: bool, now_ns: u64) -> Option<HostView> {
        let host = self.hosts.get(slot)?;
        let detail = host.detail.and_then(|slot| self.details.get(slot));
        let figures = detail.map_or_else(Figures::default, |detail| self.figures_of(host, detail, now_ns));
        let mut signals = host.detail.map_or_else(Vec::new, |slot| self.readings(slot, &figures, now_ns));
        signals.retain(|reading| reading.points >= 0.5 || (!scoring && reading.figure > 0));
        let score = detail.map_or(0.0, |detail| detail.points.score(self.rules.half_life_ns, now_ns));
        let standing = self.standings.get(host.address).map(|stand| stand.standing).unwrap_or_default();
        Some(HostView {
            kind: host.kind,
            score: score.round() as u32,
            contained_until_ns: self.contained_until(host.address).unwrap_or(0),
            first_ns: host.first_ns,
            last_ns: host.last_ns,
            sessions: host.sessions,
            transactions: host.transactions,
            signals,
            ..nothing(host.address, standing.state)
        })
    }

    /// Ends a containment by the administrator's word, and forgives everything; whether there was one. Commands follow at the next
    /// [`poll`](Self::poll).
    pub fn release(&mut self, address: IpAddr, now_ns: u64) -> bool {
        let was = self.contained_until(address).is_some();
        let (slot, mut moves) = (self.slot_of(address), Vec::new());
        let kind = slot.and_then(|slot| self.hosts.get(slot)).map_or(HostKind::Host, |host| host.kind);
        let Some(stand) = self.standings.known(address) else { return false };
        stand.standing.pardon(|made| moves.push(made));
        self.forget_deeds(address, now_ns, Detail::forgive);
        if kind == HostKind::Network {
            self.networks.forgive(address, tick(now_ns));
        }
        for made in moves {
            self.carry_out(address, kind, made, (0.0, &[], true), now_ns);
        }
        was
    }
}

const fn nothing(address: IpAddr, state: HostState) -> HostView {
    HostView {
        address,
        kind: HostKind::Host,
        state,
        score: 0,
        contained_until_ns: 0,
        first_ns: 0,
        last_ns: 0,
        sessions: 0,
        transactions: 0,
        signals: Vec::new(),
    }
}
