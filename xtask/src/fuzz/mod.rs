//! `cargo xtask fuzz`: looks for inputs that break an invariant of the product, with libFuzzer.
//!
//! What is asserted is the crate `fuzz`'s; here is how it is built, run, timed and told. New inputs are kept under
//! `target/fuzz` and tried again by the next run.

mod build;
mod corpus;
mod report;
mod session;
mod target;
mod words;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Args;

use self::build::Fuzzer;
use self::report::Report;
use self::session::Luck;
use crate::steps::{Outcome, Steps, Stream};
use crate::workspace::Workspace;
use crate::{Verdict, interrupt};

/// How long a target is fuzzed unless told otherwise.
const EACH: Duration = Duration::from_secs(5);

/// The longest that all targets take together unless told otherwise.
const ALL: Duration = Duration::from_secs(60);

/// Options of `cargo xtask fuzz`.
#[derive(Args, Debug)]
#[command(
    after_help = "Needs a C++ compiler, neither root nor a BPF toolchain. Without --for each target gets 5 s, all
together 60 s at most. Inputs that reach something new are kept in target/fuzz/corpus and tried again by the next run;
those of fuzz/corpus are always tried first. Code 1: an input that breaks an invariant was found.

Examples:
  cargo xtask fuzz                            all targets, a few seconds each
  cargo xtask fuzz compile --for 10m          one target, longer
  cargo xtask fuzz parser --input FILE        try one input again
  cargo xtask fuzz parser --input FILE --minimise
  cargo xtask fuzz --list                     what there is, and what it asserts"
)]
pub(crate) struct Options {
    /// Which targets; all, if none is named
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// How long, for all targets together (30s, 10m, 2h)
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Option<Duration>,
    /// The result as one line of JSON
    #[arg(long)]
    json: bool,
    /// Say what targets there are, and do nothing
    #[arg(long, conflicts_with_all = ["targets", "time", "keep", "input"])]
    list: bool,
    /// Copy inputs that reached something new to fuzz/corpus, to be given names there
    #[arg(long)]
    keep: bool,
    /// Try this input with one target, and nothing else
    #[arg(long, value_name = "FILE", conflicts_with_all = ["time", "keep", "json"])]
    input: Option<PathBuf>,
    /// Look for a shorter input that fails as well
    #[arg(long, requires = "input")]
    minimise: bool,
}

/// Carries out `cargo xtask fuzz`.
///
/// # Errors
///
/// When a target is unknown, there is no C++ compiler, or the fuzzer does not build or start.
pub(crate) fn run(options: &Options) -> anyhow::Result<Verdict> {
    let workspace = Workspace::find()?;
    let known = target::all(&workspace)?;
    if options.list {
        report::list(&known, options.json);
        return Ok(Verdict::Fine);
    }
    let targets = target::choose(known, &options.targets)?;
    let fuzzer = Fuzzer::build(&workspace, &mut Steps::new(Stream::Stderr))?;
    if let Some(input) = &options.input {
        let [target] = targets.as_slice() else { bail!("fuzz: --input: name the one target that it is for") };
        return session::replay(&fuzzer, target, input, options.minimise);
    }
    let each = share(options.time, targets.len());
    ensure!(each >= Duration::from_secs(1), "fuzz: --for: less than a second for each target; give more");
    let mut report = Report::new(options.json, each);
    for target in &targets {
        let result = session::run(&fuzzer, target, each, Luck::New, &mut report)?;
        if options.keep {
            report.kept(&corpus::keep(&fuzzer, target)?);
        }
        report.add(result);
    }
    report.end();
    Ok(report.verdict())
}

/// The short run that is part of `cargo xtask test`: only the tree's own corpus and always the same luck, so that it
/// fails because of a change and not by chance.
///
/// # Errors
///
/// When the fuzzer does not build or start, or Ctrl-C was pressed.
pub(crate) fn short(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<()> {
    let targets = target::all(workspace)?;
    let fuzzer = Fuzzer::build(workspace, steps)?;
    let each = share(None, targets.len());
    let detail = format!("{} targets, {} s each", targets.len(), each.as_secs());
    steps.step("fuzzing", &detail, || {
        let mut report = Report::new(false, each);
        for target in &targets {
            let result = session::run(&fuzzer, target, each, Luck::Same, &mut report)?;
            report.add(result);
            if interrupt::requested() {
                break;
            }
        }
        Ok(match report.verdict() {
            Verdict::Fine => Outcome::Done,
            _ => Outcome::Failed("an invariant was broken".to_owned()),
        })
    })?;
    Ok(())
}

/// The time for each of so many targets, in whole seconds, as libFuzzer takes it.
fn share(all: Option<Duration>, targets: usize) -> Duration {
    let targets = u32::try_from(targets.max(1)).unwrap_or(u32::MAX);
    let each = all.map_or(EACH.min(ALL / targets), |all| all / targets);
    Duration::from_secs(each.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_shared() {
        let seconds = Duration::from_secs;
        assert_eq!(share(None, 1), seconds(5));
        assert_eq!(share(None, 12), seconds(5));
        assert_eq!(share(None, 24), seconds(2));
        assert_eq!(share(Some(seconds(600)), 3), seconds(200));
    }
}
