//! `bench-table`: what a lookup in the table costs, what the table takes, and how long it is from text to live table.
//!
//! Each figure stands beside those of the kernel's own maps, or of ipset, from the same run. In the order of the work:
//! [`lookups`] (what is looked up, with which goal) → [`rig`] (timing it); [`text`] (from lines to the live table) →
//! [`ipset`] (the same for ipset) → [`memory`] (a daemon's, and the kernel's after a swap); [`report`].

mod ipset;
mod lookups;
mod memory;
mod report;
mod rig;
mod text;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use relay_guard_tests::bench::outcome::{EXIT_CODES, show};
use relay_guard_tests::bench::stay_on_one_cpu;

use report::Report;

/// Measures the lookup table: lookups, size, and the way from a text file to the live table.
///
/// Needs root, and for the comparison ipset. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "bench-table", after_help = EXIT_CODES)]
struct Options {
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// Small sizes and fewer repetitions: rough figures, and not all goals.
    #[arg(long)]
    quick: bool,
    /// Measure only what has this in its name, as standard error shows it: "IPv6 random", "text", "memory".
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
}

/// How large lists are, and how often things are repeated.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Entries of the largest lists.
    v4: usize,
    v6: usize,
    /// Entries of the largest list that the kernel's maps are filled with, and ipset, one by one.
    peers: usize,
    /// Rounds, of which the fastest counts.
    rounds: u32,
}

const FULL: Scale = Scale { v4: 10_000_000, v6: 1_000_000, peers: 1_000_000, rounds: 9 };
const QUICK: Scale = Scale { v4: 100_000, v6: 100_000, peers: 100_000, rounds: 5 };

fn main() -> ExitCode {
    let options = Options::parse();
    let plan = Plan { scale: if options.quick { QUICK } else { FULL }, only: &options.only };
    show("bench-table", measure(plan), options.json)
}

/// What is to be measured.
#[derive(Debug, Clone, Copy)]
struct Plan<'a> {
    scale: Scale,
    /// Only what has this in its name.
    only: &'a str,
}

impl Plan<'_> {
    /// Whether something is to be measured, which is told then.
    fn takes(&self, name: &str) -> bool {
        let takes = name.contains(self.only);
        if takes {
            eprintln!("measuring: {name}");
        }
        takes
    }
}

fn measure(plan: Plan<'_>) -> Result<Report> {
    // First, while this process has no table of its own and may use all CPUs.
    let memory = memory::measure(plan)?;
    stay_on_one_cpu()?;
    let lookups = lookups::measure(plan)?;
    let texts = text::measure(plan)?;
    ensure!(memory.is_some() || lookups.len() + texts.len() > 0, "nothing is called {:?}", plan.only);
    Ok(Report::new(lookups, texts, memory))
}
