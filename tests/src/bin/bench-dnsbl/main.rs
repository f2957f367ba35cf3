//! `bench-dnsbl`: how many new sources a second get a verdict, and how long a verdict takes.
//!
//! A daemon in the gateway of the lab, an rbldnsd beside it, and SYNs of sources that nobody has seen before, over a real
//! device. Beside it, in the same run and with the same rbldnsd: a client that does nothing but ask ([`bare`]), which is as
//! fast as anything can be, and Postfix's postscreen. In the order of the work: [`zone`] (who is listed) → [`stage`] →
//! [`bare`], [`guard`], [`screen`] (measuring) → [`report`].

mod bare;
mod guard;
mod report;
mod screen;
mod stage;
mod zone;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use relay_guard_tests::bench::outcome::{EXIT_CODES, show};

use report::Report;
use stage::Stage;

/// Measures lookups in DNSBLs: verdicts in a second, and what one takes; beside a bare client and postscreen.
///
/// Needs root, rbldnsd, and for the comparison Postfix. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "bench-dnsbl", after_help = EXIT_CODES)]
struct Options {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Shorter samples: rough figures.
    #[arg(long)]
    quick: bool,
}

/// How long one sample takes.
const FULL: Duration = Duration::from_secs(8);
const QUICK: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let options = Options::parse();
    show("bench-dnsbl", measure(&options), options.json)
}

fn measure(options: &Options) -> Result<Report> {
    let sample = if options.quick { QUICK } else { FULL };
    let stage = Stage::new()?;
    eprintln!("measuring: the bare client");
    let bare = bare::measure(&stage, sample)?;
    let (rates, latency) = guard::measure(&stage, sample)?;
    eprintln!("measuring: postscreen");
    let screen = screen::measure(&stage, sample)?;
    Ok(Report::new(bare, rates, latency, screen))
}
