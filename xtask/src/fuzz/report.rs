//! What fuzzing found, for people as it goes, or for programs at the end.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::target::Target;
use super::words::{End, Figures};
use crate::Verdict;
use crate::steps::seconds;

/// How often progress is shown at a terminal.
const PROGRESS: Duration = Duration::from_millis(500);

/// How one target did.
#[derive(Debug)]
pub(super) struct Result {
    pub(super) target: String,
    pub(super) took: Duration,
    pub(super) figures: Figures,
    pub(super) end: End,
    /// What was said of a fault.
    pub(super) fault: Vec<String>,
    /// The input that showed it.
    pub(super) artifact: Option<String>,
}

/// What all targets did.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    each: Duration,
    /// Whether progress is shown, and when it was last.
    terminal: bool,
    shown: Instant,
    results: Vec<Result>,
}

impl Report {
    /// An empty one, for targets that get so long `each`.
    pub(super) fn new(json: bool, each: Duration) -> Self {
        let terminal = io::stderr().is_terminal();
        Self { json, each, terminal, shown: Instant::now(), results: Vec::new() }
    }

    /// Shows how far a target is, now and then, where somebody looks.
    pub(super) fn progress(&mut self, target: &str, figures: &Figures) {
        if self.terminal && self.shown.elapsed() >= PROGRESS {
            self.shown = Instant::now();
            let Figures { runs, coverage, features, .. } = figures;
            let each = self.each.as_secs();
            let _ = write!(
                io::stderr(),
                "\r\x1b[K{target}: {runs} runs, coverage {coverage}, features {features}, of {each} s"
            );
        }
    }

    /// Takes what a target did, and says it.
    pub(super) fn add(&mut self, result: Result) {
        self.clear();
        if !self.json {
            say(&line(&result));
        }
        if result.end != End::Fine {
            for words in fault(&result) {
                let _ = writeln!(io::stderr(), "    {words}");
            }
        }
        self.results.push(result);
    }

    /// Says what was copied into the tree.
    pub(super) fn kept(&self, files: &[String]) {
        self.clear();
        for file in files {
            let _ = writeln!(io::stderr(), "kept {file}: give it a name that says what it is");
        }
    }

    fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Says what there is to say at the end.
    pub(super) fn end(&self) {
        if self.json {
            say(&json!({ "targets": self.results.iter().map(record).collect::<Vec<_>>() }).to_string());
        }
    }

    /// [`Verdict::No`] if some input broke an invariant.
    pub(super) fn verdict(&self) -> Verdict {
        if self.results.iter().all(|result| result.end == End::Fine) { Verdict::Fine } else { Verdict::No }
    }
}

/// Says what targets there are.
pub(super) fn list(targets: &[Target], json: bool) {
    if json {
        let targets: Vec<Value> = targets
            .iter()
            .map(|target| json!({ "target": target.name, "asserts": target.asserts }))
            .collect();
        say(&json!({ "targets": targets }).to_string());
        return;
    }
    let width = targets.iter().map(|target| target.name.len()).max().unwrap_or(0);
    for target in targets {
        say(&format!("{:width$}  {}", target.name, target.asserts));
    }
}

fn line(result: &Result) -> String {
    let Figures { runs, coverage, features, new, .. } = result.figures;
    let rate = result.figures.per_second(result.took);
    let (took, end) = (seconds(result.took), result.end.name());
    format!(
        "{:18} {took:>8}  {runs:>10} runs  {rate:>7}/s  coverage {coverage:>5}  features {features:>6}  new {new:>5}  {end}",
        result.target
    )
}

/// What broke, where the input is, and how to see it again.
fn fault(result: &Result) -> Vec<String> {
    let mut lines = result.fault.clone();
    if let Some(path) = &result.artifact {
        lines.push(format!("the input is {path}"));
        lines.push(format!("again: cargo xtask fuzz {} --input {path}", result.target));
    }
    lines
}

fn record(result: &Result) -> Value {
    let figures = &result.figures;
    json!({
        "target": result.target,
        "end": match result.end {
            End::Fine => "ok",
            End::Crash => "crash",
            End::Timeout => "timeout",
            End::Memory => "memory",
        },
        "seconds": result.took.as_secs_f64(),
        "runs": figures.runs,
        "runs_per_second": figures.per_second(result.took),
        "coverage": figures.coverage,
        "features": figures.features,
        "corpus": figures.corpus,
        "new": figures.new,
        "memory_mib": figures.memory,
        "input": result.artifact,
    })
}

fn say(line: &str) {
    // A reader that went away is no reason to stop.
    let _ = writeln!(io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(end: End) -> Result {
        let figures = Figures { runs: 5000, coverage: 10, features: 20, corpus: 3, new: 1, memory: 30 };
        let artifact = (end != End::Fine).then(|| "target/fuzz/artifacts/parser/crash-1".into());
        let fault = vec!["panicked at: no".to_owned()];
        Result { target: "parser".into(), took: Duration::from_secs(5), figures, end, fault, artifact }
    }

    #[test]
    fn one_broken_invariant_makes_the_answer_no() {
        let mut report = Report::new(true, Duration::from_secs(5));
        report.add(result(End::Fine));
        assert_eq!(report.verdict(), Verdict::Fine);
        report.add(result(End::Timeout));
        assert_eq!(report.verdict(), Verdict::No);
    }

    #[test]
    fn a_fault_says_how_to_see_it_again() {
        let lines = fault(&result(End::Crash));
        let again = "again: cargo xtask fuzz parser --input target/fuzz/artifacts/parser/crash-1";
        assert_eq!(lines.last().unwrap(), again);
        assert_eq!(lines[0], "panicked at: no");
    }

    #[test]
    fn results_are_told_to_people_and_programs() {
        let line = line(&result(End::Fine));
        assert!(line.contains("5000 runs     1000/s  coverage    10") && line.ends_with("ok"), "{line}");
        let record = record(&result(End::Memory));
        assert_eq!((&record["end"], &record["runs_per_second"]), (&json!("memory"), &json!(1000)));
    }
}
