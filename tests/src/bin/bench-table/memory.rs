//! What a daemon with a large list takes at its peak, a reload included, and that a table is gone after a swap.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aya::maps::loaded_maps;
use relay_guard::datapath::{Datapath, LoadOptions};
use relay_guard::table;
use relay_guard_tests::bench::lists::list_v4;
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::{Lab, wait};
use serde_json::Value;

use super::Plan;
use super::report::Memory;
use super::text::plain;

const MIB: u64 = 1 << 20;
/// What a daemon may take at its peak.
const DAEMON_GOAL: u64 = 200 * MIB;
/// Until the kernel has freed a map: it waits for all that may still look at it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Measures with as large a list as there are goals for.
pub(crate) fn measure(plan: Plan<'_>) -> Result<Option<Memory>> {
    let entries = plan.scale.peers;
    if !plan.takes(&format!("memory, {entries} addresses")) {
        return Ok(None);
    }
    let peak = daemon_peak(entries)?;
    let freed = is_freed_after_swap(entries)?;
    Ok(Some(Memory::new(entries, peak, DAEMON_GOAL, freed)))
}

/// The most memory that a daemon took which started with a list and then read a longer one.
fn daemon_peak(entries: usize) -> Result<u64> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab);
    let list = list_v4(entries, 1);
    let (longest, rest) = list.split_last().context("no entries")?;
    let path = config.add_list(&lab, "large", "drop", &plain(rest))?;
    let mut guard = Guard::start(&lab, &config)?;
    guard.quiet();
    let before = ranges(&guard.status()?);
    let mut text = fs::read_to_string(&path)?;
    text += &plain(std::slice::from_ref(longest));
    fs::write(&path, text)?;
    guard.reload();
    guard.wait_for_status("the longer list", |status| ranges(status) > before)?;
    let id = guard.daemon_id().context("the daemon has ended")?;
    let text = fs::read_to_string(format!("/proc/{id}/status"))?;
    let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}

fn ranges(status: &Value) -> Option<u64> {
    status["table"]["v4_ranges"].as_u64()
}

/// Whether the kernel frees a table when another one is swapped in.
fn is_freed_after_swap(entries: usize) -> Result<bool> {
    let mut guard = Datapath::load(&LoadOptions::default())?;
    let list = list_v4(entries, 1);
    let plan = table::Plan::new(&list, &[])?;
    let before = tables_like(plan.cells());
    guard.publish(&plan, u64::MAX)?;
    let ours: Vec<u32> = tables_like(plan.cells()).into_iter().filter(|id| !before.contains(id)).collect();
    anyhow::ensure!(!ours.is_empty(), "the kernel does not list the live table");
    guard.publish(&table::Plan::new(&[], &[])?, u64::MAX)?;
    let gone = wait::until("the old table to go", PATIENCE, || {
        let left = tables_like(plan.cells()).iter().any(|id| ours.contains(id));
        Ok((!left).then_some(()))
    });
    Ok(gone.is_ok())
}

/// Maps with as many entries as a table of so many cells, by id.
fn tables_like(cells: u32) -> Vec<u32> {
    let maps = loaded_maps().filter_map(Result::ok);
    maps.filter(|map| map.max_entries() == cells).map(|map| map.id()).collect()
}
