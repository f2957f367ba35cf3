//! The figures, as tables within 80 columns and as JSON.

use std::fmt::{self, Write as _};
use std::time::Duration;

use relay_guard_tests::bench::outcome::Figures;
use serde::Serialize;

const MIB: f64 = (1 << 20) as f64;

/// What a lookup costs, in nanoseconds above fetching its key.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) table_ns: f64,
    /// The kernel's LPM trie and hash map, where they were filled.
    pub(crate) trie_ns: Option<f64>,
    pub(crate) hash_ns: Option<f64>,
}

impl Cost {
    /// How many times as long the trie takes.
    fn ratio(&self) -> Option<f64> {
        // What is too fast to be measured is taken for a tenth of a nanosecond.
        self.trie_ns.map(|trie| trie / self.table_ns.max(0.1))
    }
}

/// What is expected of a list's lookups; ratios are to the LPM trie of the same run.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Goals {
    pub(crate) hit_ns: Option<f64>,
    pub(crate) miss_ns: Option<f64>,
    pub(crate) hit_ratio: Option<f64>,
    pub(crate) miss_ratio: Option<f64>,
    pub(crate) bytes: Option<u64>,
}

/// A list's lookups, and its table's size.
#[derive(Debug, Serialize)]
pub(crate) struct Lookup {
    family: &'static str,
    data: &'static str,
    entries: usize,
    bytes: u64,
    hit: Cost,
    miss: Cost,
    hit_ratio: Option<f64>,
    miss_ratio: Option<f64>,
    goals: Goals,
    /// Goals that are missed; none where there are no goals.
    missed: Option<Vec<&'static str>>,
}

impl Lookup {
    pub(crate) fn new(
        family: &'static str,
        data: &'static str,
        entries: usize,
        bytes: u64,
        [hit, miss]: [Cost; 2],
        goals: &Goals,
    ) -> Self {
        let (hit_ratio, miss_ratio) = (hit.ratio(), miss.ratio());
        let at_most = |found: f64, goal: Option<f64>| goal.map(|goal| found <= goal);
        // Without a trie to compare with nothing is missed.
        let at_least = |found: Option<f64>, goal: Option<f64>| Some(found? >= goal?);
        let checks = [
            ("hit", at_most(hit.table_ns, goals.hit_ns)),
            ("miss", at_most(miss.table_ns, goals.miss_ns)),
            ("hit against trie", at_least(hit_ratio, goals.hit_ratio)),
            ("miss against trie", at_least(miss_ratio, goals.miss_ratio)),
            ("size", goals.bytes.map(|goal| bytes <= goal)),
        ];
        Self {
            family,
            data,
            entries,
            bytes,
            hit,
            miss,
            hit_ratio,
            miss_ratio,
            goals: *goals,
            missed: missed(&checks),
        }
    }
}

/// The names of goals that are missed; none if there are no goals.
fn missed(checks: &[(&'static str, Option<bool>)]) -> Option<Vec<&'static str>> {
    if checks.iter().all(|(_, met)| met.is_none()) {
        return None;
    }
    Some(checks.iter().filter(|(_, met)| *met == Some(false)).map(|(name, _)| *name).collect())
}

/// The phases from text to live table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Phases {
    /// Reading the file.
    pub(crate) read: Duration,
    /// From text to sorted spans.
    pub(crate) parse: Duration,
    /// From spans to disjoint ranges with classes.
    pub(crate) compile: Duration,
    /// Sizing the table.
    pub(crate) plan: Duration,
    /// Making and filling its map.
    pub(crate) fill: Duration,
    /// Writing classes and swapping it in.
    pub(crate) swap: Duration,
}

impl Phases {
    pub(crate) fn total(&self) -> Duration {
        self.read + self.parse + self.compile + self.plan + self.fill + self.swap
    }
}

/// The way of one text.
#[derive(Debug, Serialize)]
pub(crate) struct Text {
    lines: usize,
    read_ms: f64,
    parse_ms: f64,
    compile_ms: f64,
    plan_ms: f64,
    fill_ms: f64,
    swap_ms: f64,
    total_ms: f64,
    goal_ms: Option<f64>,
    /// `ipset restore` of the same addresses.
    ipset_ms: Option<f64>,
    /// What part of ipset's time this is, and should be.
    ipset_part: Option<f64>,
    ipset_goal: Option<f64>,
    missed: Option<Vec<&'static str>>,
}

impl Text {
    pub(crate) fn new(
        lines: usize,
        phases: &Phases,
        ipset: Option<Duration>,
        goal_ms: Option<f64>,
        ipset_goal: Option<f64>,
    ) -> Self {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        let total_ms = ms(phases.total());
        let ipset_ms = ipset.map(ms);
        let ipset_part = ipset_ms.map(|ipset| total_ms / ipset);
        let against = |found: Option<f64>, goal: Option<f64>| Some(found? <= goal?);
        let checks =
            [("time", against(Some(total_ms), goal_ms)), ("against ipset", against(ipset_part, ipset_goal))];
        Self {
            lines,
            read_ms: ms(phases.read),
            parse_ms: ms(phases.parse),
            compile_ms: ms(phases.compile),
            plan_ms: ms(phases.plan),
            fill_ms: ms(phases.fill),
            swap_ms: ms(phases.swap),
            total_ms,
            goal_ms,
            ipset_ms,
            ipset_part,
            ipset_goal,
            missed: missed(&checks),
        }
    }
}

/// A daemon's memory, and the kernel's.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    entries: usize,
    /// The most that a daemon took, a reload included.
    daemon_peak_bytes: u64,
    goal_bytes: u64,
    /// Whether the kernel frees a table when another one is swapped in.
    freed_after_swap: bool,
    missed: Option<Vec<&'static str>>,
}

impl Memory {
    pub(crate) fn new(
        entries: usize,
        daemon_peak_bytes: u64,
        goal_bytes: u64,
        freed_after_swap: bool,
    ) -> Self {
        let checks = [
            ("daemon's peak", Some(daemon_peak_bytes < goal_bytes)),
            ("freed after a swap", Some(freed_after_swap)),
        ];
        Self { entries, daemon_peak_bytes, goal_bytes, freed_after_swap, missed: missed(&checks) }
    }
}

/// All that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Whether all goals are met.
    ok: bool,
    kernel: String,
    lookups: Vec<Lookup>,
    texts: Vec<Text>,
    memory: Option<Memory>,
}

impl Report {
    pub(crate) fn new(lookups: Vec<Lookup>, texts: Vec<Text>, memory: Option<Memory>) -> Self {
        let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
        let all = lookups.iter().map(|lookup| &lookup.missed).chain(texts.iter().map(|text| &text.missed));
        let all = all.chain(memory.iter().map(|memory| &memory.missed));
        let ok = all.flatten().all(Vec::is_empty);
        Self { ok, kernel, lookups, texts, memory }
    }

    fn write_lookups(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Nanoseconds per lookup, fetching the key not counted, Linux {}", self.kernel)?;
        writeln!(out)?;
        writeln!(out, "{:<29} {:>11} {:>11} {:>11} {:>11}", "", "table", "LPM trie", "hash", "trie/table")?;
        writeln!(
            out,
            "{:<14} {:>8} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5}",
            "list", "entries", "MiB", "hit", "miss", "hit", "miss", "hit", "miss", "hit", "miss"
        )?;
        for lookup in &self.lookups {
            lookup.write(out)?;
        }
        writeln!(out)
    }

    fn write_texts(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Milliseconds from a text file to the live table, on one CPU")?;
        writeln!(out)?;
        writeln!(
            out,
            "{:>8} {:>5} {:>6} {:>7} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6} {:>5}",
            "lines", "read", "parse", "compile", "plan", "fill", "swap", "total", "goal", "ipset", "part"
        )?;
        for text in &self.texts {
            let Text { lines, read_ms, parse_ms, compile_ms, plan_ms, fill_ms, swap_ms, total_ms, .. } = text;
            let part = or_dash(text.ipset_part.map(|part| format!("{:.1}%", part * 100.0)));
            writeln!(
                out,
                "{lines:>8} {read_ms:>5.0} {parse_ms:>6.0} {compile_ms:>7.0} {plan_ms:>6.0} {fill_ms:>6.0} \
                 {swap_ms:>5.0} {total_ms:>6.0} {:>6} {:>6} {part:>5}{}",
                rounded(text.goal_ms),
                rounded(text.ipset_ms),
                Mark(text.missed.as_deref())
            )?;
        }
        writeln!(out)
    }
}

impl Figures for Report {
    fn write(&self, out: &mut String) -> fmt::Result {
        if !self.lookups.is_empty() {
            self.write_lookups(out)?;
        }
        if !self.texts.is_empty() {
            self.write_texts(out)?;
        }
        if let Some(memory) = &self.memory {
            memory.write(out)?;
        }
        self.write_outcome(out)
    }

    fn are_good(&self) -> bool {
        self.ok
    }
}

impl Lookup {
    fn write(&self, out: &mut String) -> fmt::Result {
        let Self { family, data, entries, hit, miss, .. } = self;
        writeln!(
            out,
            "{:<14} {entries:>8} {:>5.1} {:>5.0} {:>5.0} {:>5} {:>5} {:>5} {:>5} {:>5} {:>5}{}",
            format!("{family} {data}"),
            self.bytes as f64 / MIB,
            hit.table_ns,
            miss.table_ns,
            rounded(hit.trie_ns),
            rounded(miss.trie_ns),
            rounded(hit.hash_ns),
            rounded(miss.hash_ns),
            or_dash(self.hit_ratio.map(|ratio| format!("{ratio:.1}"))),
            or_dash(self.miss_ratio.map(|ratio| format!("{ratio:.1}"))),
            Mark(self.missed.as_deref()),
        )
    }
}

impl Memory {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "A daemon with {} addresses took at most {:.0} MiB (goal {:.0}); after a swap the old\ntable is {}.{}",
            self.entries,
            self.daemon_peak_bytes as f64 / MIB,
            self.goal_bytes as f64 / MIB,
            if self.freed_after_swap { "freed" } else { "not freed" },
            Mark(self.missed.as_deref()),
        )
    }
}

/// What stands at the end of a line: nothing where there was no goal.
struct Mark<'a>(Option<&'a [&'static str]>);

impl fmt::Display for Mark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some([]) => f.write_str(" ok"),
            Some(missed) => write!(f, "\n  MISSED: {}", missed.join(", ")),
        }
    }
}

fn rounded(number: Option<f64>) -> String {
    or_dash(number.map(|number| format!("{number:.0}")))
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".into())
}
