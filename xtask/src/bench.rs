//! `cargo xtask bench`: measurements. They are programs of the tests crate, named `bench-…`, since they share
//! the lab with the tests, and need root.

use std::ffi::OsString;

use anyhow::bail;
use clap::Args;

use crate::Verdict;
use crate::demo::{build, start};
use crate::privilege::Access;
use crate::steps::{Steps, Stream};
use crate::workspace::Workspace;

/// The benchmarks there are.
const NAMES: [&str; 5] = ["datapath", "table", "respond", "dnsbl", "inspect"];

/// Options of `cargo xtask bench`.
#[derive(Args, Debug)]
#[command(after_help = "Benchmarks:
  datapath    what the kernel program costs per packet
  table       what a lookup in the table costs, what the table takes, and how long
              it is from a text file to the live table; beside the kernel's LPM trie
              and hash map, and ipset
  respond     how many SYNs are answered in a second, beside a program that only
              sends back and nftables; how many whole dialogues are refused,
              beside Postfix's postscreen
  dnsbl       how many new sources a second get a verdict from a local rbldnsd,
              and how long one takes; beside a bare client of the same rbldnsd
              and postscreen
  inspect     how many whole sessions a second go through reassembly, SMTP and score,
              how many segments a second come from the kernel without loss, and what
              connections and a million hosts take; each beside a baseline; how many
              sessions a second replay reads from a file, beside tshark

Needs root, or sudo. Ends with the benchmark's own exit code.

Examples:
  cargo xtask bench datapath
  cargo xtask bench datapath --quick    rough numbers in a few seconds
  cargo xtask bench datapath --json     for programs
  cargo xtask bench table               some minutes
  cargo xtask bench table --quick       small lists, about a minute
  cargo xtask bench respond             some minutes
  cargo xtask bench respond --quick     about a minute
  cargo xtask bench dnsbl               about two minutes
  cargo xtask bench inspect             about two minutes
  cargo xtask bench inspect --only captures")]
pub(crate) struct Options {
    /// Which benchmark
    name: String,
    /// Passed on to it (`--json`, `--quick`, …)
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<OsString>,
}

/// Carries out `cargo xtask bench`.
///
/// # Errors
///
/// When there is no such benchmark, no way to root, or it does not build or start.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let program = program(&options.name)?;
    let access = Access::probe();
    access.require("bench")?;
    let workspace = Workspace::find()?;
    let mut steps = Steps::new(Stream::Stderr);
    build(&mut steps, &workspace, &["-p", "relay-guard"])?;
    build(&mut steps, &workspace, &["-p", "relay-guard-tests", "--bin", &program])?;
    let mut bench = access.command(&workspace.program("release", &program));
    // The one that measures a daemon's memory starts one.
    bench.args(&options.args).env("RELAY_GUARD_BIN", workspace.program("release", "relay-guard"));
    start(&mut bench)
}

fn program(name: &str) -> anyhow::Result<String> {
    if !NAMES.contains(&name) {
        bail!("bench: no benchmark is called {name:?}; there is: {}", NAMES.join(", "));
    }
    Ok(format!("bench-{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_benchmark_is_answered_with_those_there_are() {
        assert_eq!(program("datapath").unwrap(), "bench-datapath");
        assert_eq!(program("table").unwrap(), "bench-table");
        assert_eq!(program("respond").unwrap(), "bench-respond");
        assert_eq!(program("dnsbl").unwrap(), "bench-dnsbl");
        assert_eq!(program("inspect").unwrap(), "bench-inspect");
        let error = program("nonsense").unwrap_err().to_string();
        assert_eq!(
            error,
            "bench: no benchmark is called \"nonsense\"; there is: datapath, table, respond, dnsbl, inspect"
        );
    }
}
