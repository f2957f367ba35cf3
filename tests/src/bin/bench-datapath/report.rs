//! The figures, as a table within 80 columns and as JSON.

use std::fmt::{self, Write as _};

use serde::Serialize;

use relay_guard_tests::bench::Times;
use relay_guard_tests::bench::outcome::Figures;

/// What one kind of packet costs.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    name: &'static str,
    /// Entries of the list.
    entries: Option<usize>,
    /// Nanoseconds per packet of a bare program, and of the guard: the fastest of all rounds.
    bare_ns: u64,
    guard_ns: u64,
    /// The medians of the rounds: far above the fastest, the machine was busy.
    bare_median_ns: u64,
    guard_median_ns: u64,
    /// The difference, which is what the guard costs.
    cost_ns: i64,
    goal_ns: Option<u64>,
    ok: Option<bool>,
}

impl Measured {
    pub(crate) fn new(
        name: &'static str,
        entries: Option<usize>,
        bare: &Times,
        guard: &Times,
        goal_ns: Option<u64>,
    ) -> Self {
        let cost_ns = cost(bare, guard);
        Self {
            name,
            entries,
            bare_ns: bare.fastest(),
            guard_ns: guard.fastest(),
            bare_median_ns: bare.median(),
            guard_median_ns: guard.median(),
            cost_ns,
            goal_ns,
            ok: goal_ns.map(|goal| cost_ns <= goal as i64),
        }
    }
}

/// What another way to look up the same list costs.
#[derive(Debug, Serialize)]
pub(crate) struct Peer {
    name: &'static str,
    entries: usize,
    cost_ns: i64,
    guard_cost_ns: i64,
    /// The peer's cost for each nanosecond of the guard's.
    ratio: f64,
}

impl Peer {
    pub(crate) fn new(name: &'static str, entries: usize, bare: &Times, guard: &Times, peer: &Times) -> Self {
        let (cost_ns, guard_cost_ns) = (cost(bare, peer), cost(bare, guard));
        Self { name, entries, cost_ns, guard_cost_ns, ratio: cost_ns as f64 / guard_cost_ns.max(1) as f64 }
    }
}

fn cost(bare: &Times, subject: &Times) -> i64 {
    subject.fastest() as i64 - bare.fastest() as i64
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether all goals are met.
    ok: bool,
    kernel: String,
    pub(crate) cases: Vec<Measured>,
    pub(crate) peers: Vec<Peer>,
}

impl Report {
    /// Whether nothing was measured.
    pub(crate) const fn is_empty(&self) -> bool {
        self.cases.is_empty() && self.peers.is_empty()
    }

    /// With where it was measured, and whether all is well.
    pub(crate) fn concluded(mut self) -> Self {
        self.kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        self.ok = self.cases.iter().all(|case| case.ok != Some(false));
        self
    }

    fn write_peers(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{:<36} {:>8} {:>6} {:>6} {:>6}", "lookup alone", "entries", "cost", "guard", "ratio")?;
        for Peer { name, entries, cost_ns, guard_cost_ns, ratio } in &self.peers {
            writeln!(out, "{name:<36} {entries:>8} {cost_ns:>6} {guard_cost_ns:>6} {ratio:>6.1}")?;
        }
        writeln!(out)
    }
}

impl Figures for Report {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Nanoseconds per packet, Linux {}", self.kernel)?;
        writeln!(out)?;
        writeln!(
            out,
            "{:<36} {:>8} {:>6} {:>6} {:>6} {:>6}",
            "packets", "entries", "bare", "guard", "cost", "goal"
        )?;
        for case in &self.cases {
            let Measured { name, bare_ns, guard_ns, cost_ns, .. } = case;
            let mark = match case.ok {
                None => "",
                Some(true) => " ok",
                Some(false) => " MISSED",
            };
            let (entries, goal) = (or_dash(case.entries), or_dash(case.goal_ns));
            writeln!(out, "{name:<36} {entries:>8} {bare_ns:>6} {guard_ns:>6} {cost_ns:>6} {goal:>6}{mark}")?;
        }
        writeln!(out)?;
        if !self.peers.is_empty() {
            self.write_peers(out)?;
        }
        writeln!(out, "{}", if self.ok { "All goals are met." } else { "A goal is missed." })
    }

    fn are_good(&self) -> bool {
        self.ok
    }
}

fn or_dash(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".into(), |number| number.to_string())
}
