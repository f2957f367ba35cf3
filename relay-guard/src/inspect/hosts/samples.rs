//! What the kernel counted of hosts, and the networks that hosts are of.

use std::net::IpAddr;

use relay_guard_common::host::HostRecord;

use super::{Command, Engine, WindowFigures, engine::kind_here, networks::network_of, seen::tick};
use crate::inspect::{HostKind, Sample, signals::Signal};

/// The kernel's record of a host that was idle for this many windows, and at least [`IDLE_NS`], can go.
const IDLE_WINDOWS: u64 = 10;
const IDLE_NS: u64 = 600_000_000_000;
/// Where the kernel's table is fuller than this, percent, hosts with so few attempts can go when they were idle for so long,
/// nanoseconds: many come once, from addresses that are forged or change each time, and others are to find room.
const CROWDED_PERCENT: u64 = 75;
const FEW_ATTEMPTS: u64 = 2;
const PASSING_NS: u64 = 10_000_000_000;

impl Engine {
    /// Takes how many hosts the kernel has a record of.
    pub const fn set_counted(&mut self, hosts: usize) {
        self.counted = hosts as u64;
    }

    /// Takes what the kernel counted of hosts.
    pub fn sample(&mut self, samples: &[Sample<'_>], now_ns: u64) {
        let is_crowded = self.counted * 100 > u64::from(self.rules.counted_hosts) * CROWDED_PERCENT;
        for sample in samples {
            let Sample { address, kind, record } = *sample;
            let idle_ns = now_ns.saturating_sub(record.last_seen_ns);
            let contained = self.contained_until(address).is_some();
            let is_over = idle_ns > IDLE_NS.max(self.rules.window_ns.saturating_mul(IDLE_WINDOWS));
            if (self.rules.enabled && !is_over) || contained {
                self.sample_of_live(address, kind, record, now_ns);
            }
            let passes = is_crowded && record.attempts <= FEW_ATTEMPTS && idle_ns > PASSING_NS;
            if (is_over || passes) && !contained {
                self.commands.push(Command::Forget { address });
                if let Some(host) = self.slot_of(address).and_then(|slot| self.hosts.get_mut(slot)) {
                    // The kernel begins at 0 again.
                    host.attempts = 0;
                }
            }
        }
    }

    fn sample_of_live(&mut self, address: IpAddr, kind: HostKind, record: &HostRecord, now_ns: u64) {
        let seen_ns = record.last_seen_ns.min(now_ns);
        let kind = kind_here(address, kind);
        let Some(host) = self.known_or_new(address, kind, seen_ns) else { return };
        let Some(known) = self.hosts.get_mut(host) else { return };
        let changed = std::mem::replace(&mut known.kind, kind) != kind;
        let since_ns = known.spent_ns;
        let figures = WindowFigures::of(record, (since_ns, now_ns), self.rules.window_ns);
        let tried = record.attempts != std::mem::replace(&mut known.attempts, record.attempts);
        if seen_ns > known.last_ns {
            known.last_ns = seen_ns;
            self.hosts.touch(host);
        }
        let counts = self.window_points(&figures) > 0.0;
        if tried && record.window_start_ns >= since_ns {
            self.note_source((address, kind), places(&record.current.sketch), now_ns);
            if self.slot_of(address) != Some(host) {
                return;
            }
        }
        let Some(slot) =
            (if counts || tried { self.follow(host, counts, now_ns) } else { self.detail_of(host) })
        else {
            return;
        };
        if let Some(detail) = self.details.get_mut(slot) {
            detail.note_window(figures, &self.rules, now_ns);
            if tried && record.window_start_ns >= since_ns {
                detail.note_sketch(&record.current.sketch, now_ns);
            }
        }
        if counts || changed || tried {
            self.judge_soon(slot, now_ns);
        }
    }

    /// Takes note of a host of an IPv6 network by the hashes of servers that it wrote to, or tried. The network is told of, as if it
    /// were a host, from where its figure gives points.
    pub(super) fn note_source(
        &mut self,
        (address, kind): (IpAddr, HostKind),
        servers: impl Iterator<Item = u32>,
        now_ns: u64,
    ) {
        let Some(network) = network_of(address).filter(|_| kind == HostKind::Host) else { return };
        let figure = self.networks.note(address, servers, &self.rules.key, tick(now_ns));
        let Some(figure) = figure.filter(|figure| *figure > 0) else { return };
        if self.rules.weights.of(Signal::RotatingSources).points(figure) > 0.0
            && let Some(host) = self.host(network, HostKind::Network, now_ns)
            && let Some(slot) = self.follow(host, true, now_ns)
        {
            self.judge_soon(slot, now_ns);
        }
    }

    fn window_points(&self, figures: &WindowFigures) -> f32 {
        let points = |signal, figure| self.rules.weights.of(signal).points(figure);
        points(Signal::Attempts, u32::try_from(figures.attempts).unwrap_or(u32::MAX))
            + points(Signal::Destinations, figures.destinations)
            + points(Signal::FailedAttempts, figures.failed_percent())
    }
}

/// The places of a sketch where something is.
fn places(sketch: &[u64]) -> impl Iterator<Item = u32> {
    let of = |(word, bits): (usize, &u64)| {
        let (word, bits) = (word as u32 * 64, *bits);
        (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word + bit)
    };
    sketch.iter().enumerate().flat_map(of)
}
