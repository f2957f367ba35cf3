//! `bench-respond`: how many SYNs the guard answers in a second, and how many whole dialogues it refuses.
//!
//! Each figure stands beside those of the same run on the same wire: of a program that only sends back, of nftables,
//! of Postfix's postscreen. In the order of the work: [`traffic`] (SYNs) → [`rig`] (programs, and
//! running them) → [`policy`]
//! (what the guard is set to) → [`syns`], [`dialogues`] (measuring) → [`report`].

mod dialogues;
mod policy;
mod report;
mod rig;
mod syns;
mod traffic;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use relay_guard_tests::bench::outcome::{EXIT_CODES, show};
use relay_guard_tests::bench::wire::Wire;

use report::Report;

/// Measures how fast the guard answers: SYNs, and whole refused dialogues; beside nftables and postscreen.
///
/// Needs root, and for the comparison nft and Postfix. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "bench-respond", after_help = EXIT_CODES)]
struct Options {
    /// Print one JSON object instead of the tables.
    #[arg(long)]
    json: bool,
    /// Fewer and shorter repetitions: rough figures.
    #[arg(long)]
    quick: bool,
    /// Measure only what has this in its name: "SYNs, IPv4", "SYNs, IPv6", "dialogues".
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
}

/// How often things are repeated.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Rounds, of which the fastest counts.
    rounds: u32,
    /// SYNs in a round.
    syns: u32,
    /// Samples of dialogues, of which the best counts.
    samples: u32,
}

const FULL: Scale = Scale { rounds: 15, syns: 1 << 20, samples: 5 };
const QUICK: Scale = Scale { rounds: 3, syns: 1 << 18, samples: 2 };

fn main() -> ExitCode {
    let options = Options::parse();
    show("bench-respond", measure(&options), options.json)
}

fn measure(options: &Options) -> Result<Report> {
    let scale = if options.quick { QUICK } else { FULL };
    let wire = Wire::new()?;
    let mut rig = rig::Rig::new(&wire)?;
    let mut report = Report::default();
    for family in traffic::Family::ALL {
        let name = family.title();
        if name.contains(&options.only) {
            report.syns.extend(syns::measure(&mut rig, family, scale)?);
        }
    }
    if "dialogues".contains(&options.only) {
        report.dialogues = Some(dialogues::measure(&mut rig, scale)?);
    }
    ensure!(!report.is_empty(), "nothing is called {:?}", options.only);
    Ok(report.concluded())
}
