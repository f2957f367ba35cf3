//! The figures, as tables within 80 columns and as JSON.

use std::fmt::{self, Write as _};

use serde::Serialize;

use relay_guard_tests::bench::Times;
use relay_guard_tests::bench::outcome::Figures;

use super::traffic::Family;

/// How many in a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Rate {
    /// In the fastest round.
    pub(crate) per_second: f64,
    /// In the round in the middle: far below the fastest, the machine was busy.
    pub(crate) median_per_second: f64,
}

impl Rate {
    /// Of times in picoseconds.
    pub(crate) fn of(times: &Times) -> Self {
        let rate = |picoseconds: u64| 1e12 / picoseconds.max(1) as f64;
        Self { per_second: rate(times.fastest()), median_per_second: rate(times.median()) }
    }

    fn nanoseconds(self) -> f64 {
        1e9 / self.per_second
    }
}

/// How fast SYNs are answered.
#[derive(Debug, Serialize)]
pub(crate) struct Syns {
    traffic: &'static str,
    name: &'static str,
    #[serde(flatten)]
    rate: Rate,
    /// What one takes, with everything of it: making it, both ends of the wire, counting the answer.
    ns: f64,
    /// What part of the bare program's rate this is, and should be.
    of_bare: f64,
    goal: Option<f64>,
    ok: Option<bool>,
}

impl Syns {
    pub(crate) fn new(
        traffic: &'static str,
        name: &'static str,
        rate: Rate,
        bare: Rate,
        goal: Option<f64>,
    ) -> Self {
        let of_bare = rate.per_second / bare.per_second;
        Self {
            traffic,
            name,
            rate,
            ns: rate.nanoseconds(),
            of_bare,
            goal,
            ok: goal.map(|goal| of_bare >= goal),
        }
    }
}

/// How fast whole dialogues are refused, with so many of them at once.
#[derive(Debug, Serialize)]
pub(crate) struct Tried {
    pub(crate) at_once: u32,
    #[serde(flatten)]
    pub(crate) rate: Rate,
}

/// How fast whole dialogues are refused.
#[derive(Debug, Serialize)]
pub(crate) struct Dialogues {
    /// The guard, on one CPU with its clients.
    guard: Vec<Tried>,
    /// Postfix's postscreen, with all CPUs.
    postscreen: Vec<Tried>,
    /// Best against best.
    guard_per_second: f64,
    postscreen_per_second: f64,
    ratio: f64,
    goal: f64,
    ok: bool,
}

/// How many times as many dialogues as postscreen the guard should refuse.
const DIALOGUES_GOAL: f64 = 20.0;

impl Dialogues {
    pub(crate) fn new(guard: Vec<Tried>, postscreen: Vec<Tried>) -> Self {
        let best = |tried: &[Tried]| tried.iter().map(|tried| tried.rate.per_second).fold(0.0, f64::max);
        let (guard_per_second, postscreen_per_second) = (best(&guard), best(&postscreen));
        let ratio = guard_per_second / postscreen_per_second.max(1.0);
        let (goal, ok) = (DIALOGUES_GOAL, ratio >= DIALOGUES_GOAL);
        Self { guard, postscreen, guard_per_second, postscreen_per_second, ratio, goal, ok }
    }
}

/// How the names of what resets begin.
const RESET: &str = "guard: reset";
const NFTABLES: &str = "nftables";

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether all goals are met.
    ok: bool,
    kernel: String,
    pub(crate) syns: Vec<Syns>,
    /// How many times as many SYNs the guard resets as nftables, where that is fastest.
    reset_of_nftables: Option<f64>,
    pub(crate) dialogues: Option<Dialogues>,
}

impl Report {
    /// Whether nothing was measured.
    pub(crate) const fn is_empty(&self) -> bool {
        self.syns.is_empty() && self.dialogues.is_none()
    }

    /// With where it was measured, and whether all is well.
    pub(crate) fn concluded(mut self) -> Self {
        self.kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let fastest = |name: &str| {
            // nftables is measured over IPv4 alone.
            let rows = self
                .syns
                .iter()
                .filter(|syns| syns.traffic == Family::V4.title() && syns.name.starts_with(name));
            rows.map(|syns| syns.rate.per_second).reduce(f64::max)
        };
        self.reset_of_nftables = fastest(RESET).zip(fastest(NFTABLES)).map(|(guard, nft)| guard / nft);
        let dialogues = self.dialogues.as_ref().is_none_or(|dialogues| dialogues.ok);
        self.ok = dialogues && self.syns.iter().all(|syns| syns.ok != Some(false));
        self
    }

    fn write_syns(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "SYNs answered on one CPU, sending and counting included, Linux {}", self.kernel)?;
        writeln!(out)?;
        writeln!(
            out,
            "{:<11} {:<28} {:>10} {:>10} {:>5} {:>5} {:>4}",
            "SYNs", "answered by", "per second", "median", "ns", "bare", "goal"
        )?;
        for Syns { traffic, name, rate, ns, of_bare, goal, ok } in &self.syns {
            let goal = goal.map_or_else(|| "-".into(), |goal| format!("{goal:.2}"));
            writeln!(
                out,
                "{:<11} {name:<28} {:>10.0} {:>10.0} {ns:>5.0} {of_bare:>5.2} {goal:>4}{}",
                traffic.trim_start_matches("SYNs, "),
                rate.per_second,
                rate.median_per_second,
                Mark(*ok)
            )?;
        }
        writeln!(out)?;
        if let Some(ratio) = self.reset_of_nftables {
            writeln!(out, "The guard resets {ratio:.1} times as many as nftables at its fastest.")?;
            writeln!(out)?;
        }
        Ok(())
    }
}

impl Figures for Report {
    fn write(&self, out: &mut String) -> fmt::Result {
        if !self.syns.is_empty() {
            self.write_syns(out)?;
        }
        if let Some(dialogues) = &self.dialogues {
            dialogues.write(out)?;
        }
        self.write_outcome(out)
    }

    fn are_good(&self) -> bool {
        self.ok
    }
}

impl Dialogues {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Dialogues refused (SYN, ACK, EHLO, MAIL, RCPT, QUIT, FIN), clients included")?;
        writeln!(out)?;
        writeln!(out, "{:<34} {:>8} {:>10} {:>10}", "refused by", "at once", "per second", "median")?;
        for (name, tried) in [("guard, one CPU", &self.guard), ("postscreen, all CPUs", &self.postscreen)] {
            for Tried { at_once, rate } in tried {
                writeln!(
                    out,
                    "{name:<34} {at_once:>8} {:>10.0} {:>10.0}",
                    rate.per_second, rate.median_per_second
                )?;
            }
        }
        writeln!(out)?;
        let Self { ratio, goal, ok, .. } = self;
        writeln!(
            out,
            "The guard's rate is {ratio:.1} times that of postscreen; goal {goal:.0}:{}",
            Mark(Some(*ok))
        )?;
        writeln!(out)
    }
}

/// What stands behind a goal.
struct Mark(Option<bool>);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "",
            Some(true) => " ok",
            Some(false) => " MISSED",
        })
    }
}
