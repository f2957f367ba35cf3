//! What libFuzzer says, as figures.

use std::time::Duration;

/// How far a run got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    /// Inputs tried.
    pub(super) runs: u64,
    /// Places in the code that were reached.
    pub(super) coverage: u64,
    /// Places, counting how often and with what comparisons.
    pub(super) features: u64,
    /// Inputs of the corpus.
    pub(super) corpus: u64,
    /// Those of them that this run found.
    pub(super) new: u64,
    /// The most memory, in MiB.
    pub(super) memory: u64,
}

impl Figures {
    /// Takes what a line says, if it says anything.
    ///
    /// `#2097152 pulse  cov: 196 ft: 200 corp: 3/5b lim: 4 exec/s: 1 rss: 28Mb`, `stat::new_units_added: 7`
    pub(super) fn take(&mut self, line: &str) {
        if let Some((name, value)) = line.strip_prefix("stat::").and_then(|rest| rest.split_once(':')) {
            let Ok(value) = value.trim().parse() else { return };
            match name {
                "number_of_executed_units" => self.runs = value,
                "new_units_added" => self.new = value,
                "peak_rss_mb" => self.memory = value,
                _ => {}
            }
            return;
        }
        let Some(rest) = line.strip_prefix('#') else { return };
        let mut words = rest.split_whitespace();
        self.runs = words.next().and_then(|runs| runs.parse().ok()).unwrap_or(self.runs);
        while let Some(word) = words.next() {
            let figure = match word {
                "cov:" => &mut self.coverage,
                "ft:" => &mut self.features,
                "corp:" => &mut self.corpus,
                _ => continue,
            };
            let digits = words.next().unwrap_or_default();
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            *figure = digits[..end].parse().unwrap_or(*figure);
        }
    }

    /// Inputs tried per second, of a run that took so long.
    pub(super) fn per_second(&self, took: Duration) -> u64 {
        // For people: no more digits than a double has.
        (self.runs as f64 / took.as_secs_f64().max(0.001)) as u64
    }
}

/// How libFuzzer's own exit code says that a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The time was over.
    Fine,
    /// An invariant was broken, or the program crashed.
    Crash,
    /// An input took too long.
    Timeout,
    /// An input took too much memory.
    Memory,
}

impl End {
    /// What an exit code means; nothing if the run did not go as it should.
    pub(super) const fn of(code: Option<i32>) -> Option<Self> {
        match code {
            Some(0) => Some(Self::Fine),
            Some(77) => Some(Self::Crash),
            Some(70) => Some(Self::Timeout),
            Some(71) => Some(Self::Memory),
            _ => None,
        }
    }

    /// In a word or two.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Crash => "BROKEN",
            Self::Timeout => "TOO SLOW",
            Self::Memory => "TOO MUCH MEMORY",
        }
    }
}

/// The most lines kept of what is said about a fault.
const MAX_FAULT_LINES: usize = 20;

/// What is said about a fault: the panic's own words, or libFuzzer's where there was no panic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) lines: Vec<String>,
    is_open: bool,
}

impl Fault {
    /// Takes what a line says: from where the panic begins to where its stack or libFuzzer's advice does.
    pub(super) fn take(&mut self, line: &str) {
        if line.contains("panicked at") {
            self.is_open = true;
        } else if line.starts_with("stack backtrace:") || line.starts_with("note: ") || line.starts_with("==")
        {
            self.is_open = false;
        }
        let by_libfuzzer = line.split_once("ERROR: libFuzzer: ").map(|(_, what)| what);
        let words = by_libfuzzer.filter(|_| self.lines.is_empty()).or(self.is_open.then_some(line));
        if let Some(words) = words.filter(|_| self.lines.len() < MAX_FAULT_LINES) {
            self.lines.push(words.to_owned());
        }
    }
}

/// The path in `Test unit written to PATH`, if the line is that.
pub(super) fn artifact(line: &str) -> Option<&str> {
    line.split_once("Test unit written to ").map(|(_, path)| path.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_lines_that_have_them() {
        let mut figures = Figures::default();
        for line in [
            "INFO: Seed: 3192011443",
            "#2\tINITED cov: 196 ft: 200 corp: 1/1b exec/s: 0 rss: 28Mb",
            "#761019\tDONE   cov: 410 ft: 1234 corp: 57/13Kb lim: 4096 exec/s: 84557 rss: 45Mb",
            "stat::number_of_executed_units: 761020",
            "stat::new_units_added:          56",
            "stat::peak_rss_mb:              45",
            "stat::slowest_unit_time_sec:    0",
            "# nonsense",
        ] {
            figures.take(line);
        }
        let expected =
            Figures { runs: 761_020, coverage: 410, features: 1234, corpus: 57, new: 56, memory: 45 };
        assert_eq!(figures, expected);
        assert_eq!(figures.per_second(Duration::from_secs(10)), 76_102);
    }

    #[test]
    fn of_a_fault_only_its_own_words_are_kept() {
        let said = |lines: &[&str]| {
            let mut fault = Fault::default();
            lines.iter().for_each(|line| fault.take(line));
            fault.lines
        };
        let panic =
            ["thread '<unnamed>' (1) panicked at fuzz/src/x.rs:1:5:", "assertion failed", "  left: 1"];
        let around = ["#2\tINITED cov: 1", "INFO: seed"];
        let stack =
            ["stack backtrace:", "   0: main", "==7== ERROR: libFuzzer: deadly signal", "Base64: AA=="];
        assert_eq!(said(&[&around[..], &panic, &stack].concat()), panic);
        assert_eq!(
            said(&["==7== ERROR: libFuzzer: timeout after 20 seconds", "    #0 0x1"]),
            ["timeout after 20 seconds"]
        );
    }

    #[test]
    fn ends_are_told_apart() {
        assert_eq!(End::of(Some(0)), Some(End::Fine));
        assert_eq!(End::of(Some(77)), Some(End::Crash));
        assert_eq!(End::of(Some(1)), None);
        assert_eq!(End::of(None), None);
        let line = "artifact_prefix='x/'; Test unit written to x/crash-da39";
        assert_eq!(artifact(line), Some("x/crash-da39"));
        assert_eq!(artifact("#2 NEW"), None);
    }
}
