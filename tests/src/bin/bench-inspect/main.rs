//! `bench-inspect`: what it takes to look into sessions.
//!
//! [`sessions`]: how many whole sessions a second go through reassembly, SMTP and scoring, from memory. [`captures`]: how many
//! segments a second come from the kernel without loss, over a real device. [`replay`]: how many sessions a second are read from a
//! capture file, beside tshark. [`memory`]: what connections and hosts take. Each figure stands beside a baseline of the same run.
//! In the order of the work: [`script`] (what is said) → the four → [`report`].

mod captures;
mod memory;
mod replay;
mod report;
mod script;
mod sessions;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Parser;
use relay_guard_tests::bench::outcome::{EXIT_CODES, show};

use report::Report;

/// Measures inspection: sessions in a second, captured segments in a second, memory; each beside a baseline.
///
/// Needs root. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "bench-inspect", after_help = EXIT_CODES)]
struct Options {
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// Fewer and shorter repetitions: rough figures.
    #[arg(long)]
    quick: bool,
    /// Measure only what has this in its name: "sessions", "captures", "replay", "memory".
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
}

/// How often things are repeated.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Rounds, of which the fastest counts.
    rounds: u32,
    /// Sessions in a round.
    sessions: u32,
    /// How long segments are captured.
    sample: Duration,
    /// Sessions in a capture file.
    recorded: u32,
}

const FULL: Scale = Scale { rounds: 7, sessions: 300_000, sample: Duration::from_secs(5), recorded: 40_000 };
const QUICK: Scale = Scale { rounds: 2, sessions: 100_000, sample: Duration::from_secs(2), recorded: 8_000 };

fn main() -> ExitCode {
    let options = Options::parse();
    show("bench-inspect", measure(&options), options.json)
}

fn measure(options: &Options) -> Result<Report> {
    let scale = if options.quick { QUICK } else { FULL };
    let wanted = |name: &str| name.contains(&options.only);
    let mut report = Report::default();
    // Before anything else has used memory.
    if wanted("memory") {
        eprintln!("measuring: memory");
        report.memory = Some(memory::measure()?);
    }
    if wanted("sessions") {
        eprintln!("measuring: sessions from memory");
        report.sessions = Some(sessions::measure(scale)?);
    }
    if wanted("captures") {
        eprintln!("measuring: captured segments");
        report.captures = Some(captures::measure(scale)?);
    }
    if wanted("replay") {
        eprintln!("measuring: replay");
        report.replay = Some(replay::measure(scale)?);
    }
    ensure!(!report.is_empty(), "nothing is called {:?}", options.only);
    Ok(report.concluded())
}
