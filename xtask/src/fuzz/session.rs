//! One run of the fuzzer with one target.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::build::Fuzzer;
use super::report::{Report, Result};
use super::target::Target;
use super::words::{End, Fault, Figures, artifact};
use crate::{Verdict, interrupt};

/// The longest input made: longer than any header is looked for in a frame.
const MAX_INPUT: &str = "-max_len=6000";

/// Longer than this for one input is a fault, in seconds; far longer than any takes on a busy machine.
const TOO_SLOW: &str = "-timeout=20";

/// More memory than this is a fault, in MiB.
const TOO_MUCH: &str = "-rss_limit_mb=1024";

/// The longest that is looked for a shorter input.
const MINIMISING: &str = "-max_total_time=60";

/// Where a run starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Luck {
    /// From all that earlier runs found, in another order each time.
    New,
    /// From the tree's own corpus, in the same order each time.
    Same,
}

/// Fuzzes `target` for a while.
///
/// # Errors
///
/// When the fuzzer does not start, or ends in a way that says nothing about the target.
pub(super) fn run(
    fuzzer: &Fuzzer,
    target: &Target,
    time: Duration,
    luck: Luck,
    report: &mut Report,
) -> anyhow::Result<Result> {
    let found = match luck {
        Luck::New => fuzzer.folder("corpus", target),
        Luck::Same => fuzzer.folder("short", target),
    };
    if luck == Luck::Same && found.is_dir() {
        fs::remove_dir_all(&found).with_context(|| format!("{}: cannot remove", found.display()))?;
    }
    let mut command = command(fuzzer, target)?;
    fs::create_dir_all(&found).with_context(|| format!("{}: cannot create", found.display()))?;
    if luck == Luck::Same {
        command.arg("-seed=1");
    }
    // It stops in the second after the one that it is told.
    let told = time.as_secs().saturating_sub(1).max(1);
    command.arg(format!("-max_total_time={told}")).arg(MAX_INPUT).arg("-print_final_stats=1");
    command.arg(&found).args(target.seeds());
    let start = Instant::now();
    let heard = listen(command, fuzzer, target, report)?;
    let took = start.elapsed();
    let Some(end) = heard.end else {
        bail!("fuzz: {}: the fuzzer itself failed; its words are in {}", target.name, heard.log);
    };
    let artifact = heard.artifact.map(|file| fuzzer.shown(Path::new(&file)));
    Ok(Result {
        target: target.name.clone(),
        took,
        figures: heard.figures,
        end,
        fault: heard.fault.lines,
        artifact,
    })
}

/// What every run of the fuzzer has in common.
fn command(fuzzer: &Fuzzer, target: &Target) -> anyhow::Result<Command> {
    let artifacts = fuzzer.folder("artifacts", target);
    fs::create_dir_all(&artifacts).with_context(|| format!("{}: cannot create", artifacts.display()))?;
    let mut command = fuzzer.command(target);
    command.arg(format!("-artifact_prefix={}/", artifacts.display())).args([TOO_SLOW, TOO_MUCH]);
    Ok(command)
}

/// What a run said.
struct Heard {
    figures: Figures,
    fault: Fault,
    /// The file with the input that showed the fault.
    artifact: Option<String>,
    /// How it ended, if it did as it should.
    end: Option<End>,
    /// The file with all its words.
    log: String,
}

/// Runs the command and reads what it says, which goes to a log file too.
fn listen(
    mut command: Command,
    fuzzer: &Fuzzer,
    target: &Target,
    report: &mut Report,
) -> anyhow::Result<Heard> {
    let log = fuzzer.folder("logs", target).with_extension("log");
    let what = || format!("{}: cannot write", log.display());
    fs::create_dir_all(log.parent().unwrap_or(&log)).with_context(what)?;
    let mut file = File::create(&log).with_context(what)?;
    let mut child =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("fuzz: cannot start")?;
    let (mut figures, mut fault, mut written) = (Figures::default(), Fault::default(), None);
    for line in lines(&mut child) {
        writeln!(file, "{line}").with_context(what)?;
        figures.take(&line);
        fault.take(&line);
        written = artifact(&line).map(str::to_owned).or(written);
        report.progress(&target.name, &figures);
    }
    let status = child.wait().context("fuzz: cannot wait for the fuzzer")?;
    let end = if interrupt::requested() { Some(End::Fine) } else { End::of(status.code()) };
    Ok(Heard { figures, fault, artifact: written, end, log: fuzzer.shown(&log) })
}

fn lines(child: &mut Child) -> impl Iterator<Item = String> {
    let words = child.stderr.take().map(BufReader::new);
    let lines = words.into_iter().flat_map(|words| words.split(b'\n').map_while(std::result::Result::ok));
    lines.map(|line| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// Tries one input with `target`; the fuzzer's words go to the terminal.
///
/// # Errors
///
/// When there is no such input, or the fuzzer does not start or fails by itself.
pub(super) fn replay(
    fuzzer: &Fuzzer,
    target: &Target,
    input: &Path,
    minimise: bool,
) -> anyhow::Result<Verdict> {
    let input = fuzzer.find(input).with_context(|| format!("fuzz: {}: no such file", input.display()))?;
    let end = end_of(command(fuzzer, target)?.arg(&input))?;
    println!("{}: {}: {}", target.name, fuzzer.shown(&input), end.name());
    if end == End::Fine {
        return Ok(Verdict::Fine);
    }
    if minimise {
        let shorter = fuzzer.folder("artifacts", target).join("minimised");
        let mut command = command(fuzzer, target)?;
        command.args(["-minimize_crash=1", MINIMISING]);
        command.arg(format!("-exact_artifact_path={}", shorter.display())).arg(&input);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("fuzz: cannot start")?;
        let words = if shorter.is_file() { "the shortest found is" } else { "none shorter was found than" };
        println!(
            "{}: {words} {}",
            target.name,
            fuzzer.shown(if shorter.is_file() { &shorter } else { &input })
        );
    }
    Ok(Verdict::No)
}

fn end_of(command: &mut Command) -> anyhow::Result<End> {
    let status = command.status().context("fuzz: cannot start")?;
    End::of(status.code()).with_context(|| format!("fuzz: the fuzzer itself failed: {status}"))
}
