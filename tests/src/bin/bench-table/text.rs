//! From a text file to the live table, in the phases of a reload.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use relay_guard::config::{ListAction, Ports};
use relay_guard::datapath::{Datapath, LoadOptions, PreparedTable};
use relay_guard::lists::{Input, ParseOptions, parse};
use relay_guard::policy::compile::compile;
use relay_guard::policy::ports::Judged;
use relay_guard::policy::{ClassInterner, ListRule, ListSlot, PlacedList, Protected};
use relay_guard::table::{self, ClassRange};
use relay_guard_tests::bench::lists::list_v4;

use super::Plan;
use super::ipset;
use super::report::{Phases, Text};

/// Milliseconds that the way may take, by lines.
const GOALS_MS: [(usize, f64); 2] = [(1_000_000, 400.0), (10_000_000, 4000.0)];
/// What it may take of what ipset takes, from so many lines on: of a short list most is waiting for a grace period.
const IPSET_GOAL: (usize, f64) = (1_000_000, 0.1);

/// Measures lists of several sizes.
pub(crate) fn measure(plan: Plan<'_>) -> Result<Vec<Text>> {
    let scale = plan.scale;
    let mut guard = Datapath::load(&LoadOptions::default())?;
    let dir = tempfile::tempdir()?;
    let file = dir.path().join("list.txt");
    let mut all = Vec::new();
    for lines in [scale.v4 / 10, scale.v4] {
        if !plan.takes(&format!("from text to live table, {lines} lines")) {
            continue;
        }
        let list = list_v4(lines, 1);
        fs::write(&file, plain(&list))?;
        // Of large lists a few rounds tell as much.
        let rounds = scale.rounds.min((30_000_000 / lines) as u32);
        let mut fastest: Option<Phases> = None;
        for _ in 0..rounds {
            let phases = load(&file, &mut guard)?;
            if fastest.is_none_or(|fastest| phases.total() < fastest.total()) {
                fastest = Some(phases);
            }
        }
        let ipset = if lines <= scale.peers { ipset::restore(dir.path(), &list)? } else { None };
        let goal = GOALS_MS.iter().find(|(of, _)| *of == lines).map(|(_, goal)| *goal);
        let ipset_goal = (lines >= IPSET_GOAL.0).then_some(IPSET_GOAL.1);
        all.push(Text::new(lines, &fastest.context("no rounds")?, ipset, goal, ipset_goal));
    }
    Ok(all)
}

/// A plain list: an address per line.
pub(crate) fn plain(list: &[ClassRange<u32>]) -> String {
    let mut text = String::with_capacity(16 * list.len());
    for range in list {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}", Ipv4Addr::from(range.first));
    }
    text
}

/// Everything that a reload does, as the daemon does it.
fn load(file: &Path, guard: &mut Datapath) -> Result<Phases> {
    let mut clock = Clock(Instant::now());
    let text = fs::read(file)?;
    let read = clock.lap();
    let input = Input { name: &file.display().to_string(), bytes: &text };
    let content = parse(&[input], &ParseOptions::default())?;
    drop(text);
    let parse = clock.lap();
    let slot = ListSlot::new(0).context("no slot")?;
    let protected = Protected { special_purpose: true, ..Protected::default() };
    let ports = Ports { guarded: vec![25, 465, 587], watched: vec![25] };
    let mut interner = ClassInterner::new();
    let rule = ListRule::of(ListAction::Drop);
    let group = content.groups.first().context("no entries")?;
    let placed = PlacedList { slot, rule: &rule, v4: &group.v4, v6: &group.v6 };
    let compiled = compile(&[placed], &protected, Judged { ports: &ports, zones: &[] }, &mut interner)?;
    let compile = clock.lap();
    let plan = table::Plan::new(&compiled.v4, &compiled.v6)?;
    let plan_time = clock.lap();
    let table = PreparedTable::new(&plan, u64::MAX)?;
    let fill = clock.lap();
    for (class, meaning) in &compiled.rules.classes {
        guard.set_class(*class, *meaning)?;
    }
    guard.swap_in(&table)?;
    let swap = clock.lap();
    Ok(Phases { read, parse, compile, plan: plan_time, fill, swap })
}

/// A stopwatch.
struct Clock(Instant);

impl Clock {
    /// The time since the last call.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now - self.0;
        self.0 = now;
        lap
    }
}
