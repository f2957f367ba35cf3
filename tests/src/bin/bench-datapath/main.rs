//! `bench-datapath`: what the loaded XDP program costs per packet, over a program that does nothing.
//!
//! Each packet of a test-run has other addresses (see `relay-guard-ebpf/src/bin/bench.rs`), and each figure stands
//! beside that of a bare program of the same run. In the order of the work: [`relay_guard_tests::bench::lists`] →
//! [`traffic`] (frames) → [`cases`] (what is measured) → [`rig`] (measuring) → [`report`]. Unlike the tests, this knows
//! the library.

mod cases;
mod policy;
mod report;
mod rig;
mod traffic;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use relay_guard_tests::bench::outcome::{EXIT_CODES, show};
use relay_guard_tests::namespace::Namespace;

use cases::Bench;
use report::Report;
use rig::Rig;

/// Measures what the guard costs per packet, varied addresses, against a bare program in the same run.
///
/// Needs root. Leaves nothing behind.
#[derive(Debug, Parser)]
#[command(name = "bench-datapath", after_help = EXIT_CODES)]
struct Options {
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Fewer repetitions: rough figures.
    #[arg(long)]
    quick: bool,
    /// Measure only cases whose name contains this ("peers": the kernel's own maps).
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    only: String,
}

/// Repetitions of a million packets each, of which the fastest counts.
const ROUNDS: u32 = 15;
const QUICK_ROUNDS: u32 = 3;

fn main() -> ExitCode {
    let options = Options::parse();
    show("bench-datapath", measure(&options), options.json)
}

fn measure(options: &Options) -> Result<Report> {
    // A device that is not loopback, where the guard takes packets for questions.
    let namespace = Namespace::new("bench")?;
    namespace.ip("link add bench0 type veth peer name bench1\n")?;
    let ifindex = namespace.ifindex("bench0")?;
    let rounds = if options.quick { QUICK_ROUNDS } else { ROUNDS };
    // Interface indices of a test-run are those of the caller's namespace.
    namespace.run(|| Bench::new(Rig::new(ifindex, rounds)?, &options.only).run())
}
