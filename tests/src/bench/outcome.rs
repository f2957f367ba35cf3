//! How a benchmark ends: its figures, and whether its goals are met.

use std::fmt::{self, Write as _};
use std::process::ExitCode;

use anyhow::Result;
use serde::Serialize;

/// What a benchmark has measured.
pub trait Figures: Serialize {
    /// Writes tables for people, with a line end at the end.
    ///
    /// # Errors
    /// Those of `out`.
    fn write(&self, out: &mut String) -> fmt::Result;
    /// Whether all goals that were measured are met.
    fn are_good(&self) -> bool;

    /// Writes a line about that, for benchmarks of which parts can be left out.
    ///
    /// # Errors
    /// Those of `out`.
    fn write_outcome(&self, out: &mut String) -> fmt::Result {
        let outcome =
            if self.are_good() { "All goals that were measured are met." } else { "A goal is missed." };
        writeln!(out, "{outcome}")
    }
}

/// What `--help` says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all goals that were measured are met
  1  a goal is missed
  2  it could not run";

/// Shows what the benchmark of this name has measured, as one JSON object or as text, or why it could not.
#[must_use]
pub fn show(name: &str, measured: Result<impl Figures>, json: bool) -> ExitCode {
    match measured {
        Ok(figures) => {
            if json {
                println!("{}", serde_json::json!(figures));
            } else {
                let mut text = String::new();
                // Writing into a string cannot fail.
                let _ = figures.write(&mut text);
                print!("{text}");
            }
            ExitCode::from(u8::from(!figures.are_good()))
        }
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::from(2)
        }
    }
}
