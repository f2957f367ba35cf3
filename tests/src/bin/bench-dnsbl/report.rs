//! The figures, as a table within 80 columns and as JSON.

use std::fmt::{self, Write as _};
use std::time::Duration;

use relay_guard_tests::bench::outcome::Figures;
use serde::Serialize;

/// Verdicts in a second that the guard should reach.
const GOAL_PER_SECOND: f64 = 15_000.0;
/// What of a hundred verdicts the slowest but one should take at half of that, milliseconds.
const GOAL_P99_MS: f64 = 20.0;

/// How many new sources came in a second, and how many verdicts there were.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Rate {
    pub(crate) offered: f64,
    pub(crate) asked: f64,
    pub(crate) verdicts: f64,
}

/// From the SYN to the verdict in the kernel, milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    offered: u32,
    watched: usize,
    p50_ms: f64,
    p90_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    pub(crate) fn of(offered: u32, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
        };
        Self {
            offered,
            watched: times.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: at(1.0),
        }
    }
}

/// How many clients postscreen has turned away in a second, with so many of them at once.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Screened {
    pub(crate) at_once: u32,
    pub(crate) per_second: f64,
}

/// All that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whether all goals are met.
    ok: bool,
    kernel: String,
    cpus: usize,
    bare_per_second: f64,
    guard: Vec<Rate>,
    guard_per_second: f64,
    goal_per_second: f64,
    latency: Latency,
    goal_p99_ms: f64,
    postscreen: Vec<Screened>,
    postscreen_per_second: f64,
}

impl Report {
    pub(crate) fn new(bare: f64, guard: Vec<Rate>, latency: Latency, postscreen: Vec<Screened>) -> Self {
        let guard_per_second = guard.iter().map(|rate| rate.verdicts).fold(0.0, f64::max);
        let postscreen_per_second = postscreen.iter().map(|tried| tried.per_second).fold(0.0, f64::max);
        Self {
            ok: guard_per_second >= GOAL_PER_SECOND && latency.p99_ms < GOAL_P99_MS,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            bare_per_second: bare,
            guard,
            guard_per_second,
            goal_per_second: GOAL_PER_SECOND,
            latency,
            goal_p99_ms: GOAL_P99_MS,
            postscreen,
            postscreen_per_second,
        }
    }
}

impl Figures for Report {
    fn write(&self, out: &mut String) -> fmt::Result {
        let Self { kernel, cpus, guard, latency, .. } = self;
        writeln!(
            out,
            "Verdicts on new sources by one local rbldnsd, all of it on {cpus} CPUs, Linux {kernel}\n"
        )?;
        writeln!(out, "{:<40} {:>12} {:>12} {:>12}", "", "sources/s", "asked/s", "verdicts/s")?;
        let bare = self.bare_per_second;
        writeln!(out, "{:<40} {:>12} {bare:>12.0} {:>12}", "a client that only asks", "-", "-")?;
        for Rate { offered, asked, verdicts } in guard {
            writeln!(out, "{:<40} {offered:>12.0} {asked:>12.0} {verdicts:>12.0}", "guard")?;
        }
        for Screened { at_once, per_second } in &self.postscreen {
            let who = format!("postscreen, {at_once} clients at once");
            writeln!(out, "{who:<40} {:>12} {:>12} {per_second:>12.0}", "-", "-")?;
        }
        let Latency { offered, watched, p50_ms, p90_ms, p99_ms, max_ms } = latency;
        writeln!(
            out,
            "\nFrom a SYN to its verdict in the kernel, at {offered} sources/s ({watched} watched):"
        )?;
        writeln!(out, "  p50 {p50_ms:.2} ms, p90 {p90_ms:.2} ms, p99 {p99_ms:.2} ms, max {max_ms:.2} ms\n")?;
        let (rate, ratio) =
            (self.guard_per_second, self.guard_per_second / self.postscreen_per_second.max(1.0));
        writeln!(out, "{rate:.0} verdicts/s (goal {GOAL_PER_SECOND:.0}), {ratio:.1} times postscreen's;")?;
        writeln!(out, "p99 {p99_ms:.1} ms (goal below {GOAL_P99_MS:.0} ms).")?;
        writeln!(out, "{}", if self.ok { "All goals are met." } else { "A goal is missed." })
    }

    fn are_good(&self) -> bool {
        self.ok
    }
}
