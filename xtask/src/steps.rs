//! A run as a list of named steps: each is announced, timed, and listed at the end.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::{Verdict, interrupt, process};

/// Which of our own output streams a run writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// For runs whose steps are the result.
    Stdout,
    /// For runs that end with a program whose standard output is the result.
    Stderr,
}

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// It was not needed, or not possible, for this reason.
    Skipped(String),
    /// It failed, in these words.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("ok"),
            Self::Skipped(why) => write!(f, "{why}"),
            Self::Failed(how) => write!(f, "FAILED ({how})"),
        }
    }
}

/// The steps of one run.
#[derive(Debug)]
pub(crate) struct Steps {
    stream: Stream,
    colour: bool,
    done: Vec<(String, Duration, Outcome)>,
}

impl Steps {
    /// An empty list that writes to `stream`, in colour if that is a terminal.
    pub(crate) fn new(stream: Stream) -> Self {
        let terminal = match stream {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
        };
        let colour = terminal && std::env::var_os("NO_COLOR").is_none();
        Self { stream, colour, done: Vec::new() }
    }

    /// Runs `command` as the step `name`, its output going to our stream; tells whether it succeeded.
    ///
    /// # Errors
    ///
    /// When the program cannot be started, or Ctrl-C was pressed.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> anyhow::Result<bool> {
        if self.stream == Stream::Stderr {
            command.stdout(Stdio::from(io::stderr()));
        }
        let shown = process::shown(command);
        self.step(name, &shown, || {
            let status = command.status().with_context(|| format!("{shown}: cannot start"))?;
            Ok(if status.success() { Outcome::Done } else { Outcome::Failed(status.to_string()) })
        })
    }

    /// Does `work` as the step `name`, announced with `detail`; tells whether it did not fail.
    ///
    /// # Errors
    ///
    /// Those of `work`, or when Ctrl-C was pressed.
    pub(crate) fn step(
        &mut self,
        name: &str,
        detail: &str,
        work: impl FnOnce() -> anyhow::Result<Outcome>,
    ) -> anyhow::Result<bool> {
        self.say(&format!("{} {name}: {detail}", self.paint("1", "==>")));
        let start = Instant::now();
        let outcome = work()?;
        if interrupt::requested() {
            bail!("{name}: interrupted");
        }
        let took = start.elapsed();
        self.say(&format!("    {name}: {} in {}", self.painted(&outcome), seconds(took)));
        let fine = !matches!(outcome, Outcome::Failed(_));
        self.done.push((name.to_owned(), took, outcome));
        Ok(fine)
    }

    /// Prints every step with its time, and what all took; nothing if there was none.
    pub(crate) fn summary(&self) {
        if self.done.is_empty() {
            return;
        }
        let width = self.done.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        self.say("");
        for (name, took, outcome) in &self.done {
            self.say(&format!("{name:width$}  {:>9}  {}", seconds(*took), self.painted(outcome)));
        }
        let total: Duration = self.done.iter().map(|(_, took, _)| *took).sum();
        self.say(&format!("{:width$}  {:>9}", "total", seconds(total)));
    }

    /// [`Verdict::No`] if any step failed.
    pub(crate) fn verdict(&self) -> Verdict {
        let failed = self.done.iter().any(|(.., outcome)| matches!(outcome, Outcome::Failed(_)));
        if failed { Verdict::No } else { Verdict::Fine }
    }

    /// Prints a line.
    pub(crate) fn say(&self, line: &str) {
        // A reader that went away (`| head`) is no reason to stop what we are doing.
        let _ = match self.stream {
            Stream::Stdout => writeln!(io::stdout(), "{line}"),
            Stream::Stderr => writeln!(io::stderr(), "{line}"),
        };
    }

    fn painted(&self, outcome: &Outcome) -> String {
        let code = match outcome {
            Outcome::Done => "32",
            Outcome::Skipped(_) => "33",
            Outcome::Failed(_) => "31",
        };
        self.paint(code, &outcome.to_string())
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A duration for people: seconds, with a tenth.
pub(crate) fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_makes_the_answer_no() {
        let mut steps = Steps::new(Stream::Stderr);
        assert!(steps.run("works", &mut Command::new("true")).unwrap());
        assert_eq!(steps.verdict(), Verdict::Fine);
        assert!(!steps.run("fails", &mut Command::new("false")).unwrap());
        assert!(steps.step("skipped", "", || Ok(Outcome::Skipped("no need".into()))).unwrap());
        assert_eq!(steps.verdict(), Verdict::No);
        steps.summary();
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_with_its_name() {
        let error = Steps::new(Stream::Stderr).run("gone", &mut Command::new("/no/such-tool")).unwrap_err();
        assert!(format!("{error:#}").starts_with("such-tool: cannot start: "), "{error:#}");
    }
}
