//! A progress bar for long work: on standard error, only at a terminal, only where there is something to wait for.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bytes that are read in about a third of a second; less than that shows no bar.
const WORTH_SHOWING: u64 = 8 << 20;
/// Bytes of captures that are read in about as long.
const WORTH_SHOWING_OF_CAPTURES: u64 = 64 << 20;
/// How often the bar moves on its own, so that a single large file does not look like a standstill.
const TICK: Duration = Duration::from_millis(100);
/// Both fit 80 columns with names of up to [`MAX_NAME`] characters.
const BAR: &str = "{spinner} [{bar:24}] {bytes:>10}/{total_bytes:<10} {msg}";
/// For a single piece of work, which gives no figures on the way.
const SPINNER: &str = "{spinner} {msg} ({total_bytes}), {elapsed}";
/// For waiting.
const WAITING: &str = "{spinner} {msg}, {elapsed}";
/// The most characters of a name.
const MAX_NAME: usize = 26;

/// The bar, if there is one. It is gone when this is dropped.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// For work on so many pieces, of so many bytes together.
    pub(super) fn over(pieces: usize, bytes: u64) -> Self {
        Self::of(bytes, WORTH_SHOWING, if pieces > 1 { BAR } else { SPINNER })
    }

    /// For reading so many bytes, which are told as they come.
    pub(super) fn reading(bytes: u64) -> Self {
        Self::of(bytes, WORTH_SHOWING_OF_CAPTURES, BAR)
    }

    fn of(bytes: u64, worth_showing: u64, template: &str) -> Self {
        let shown = bytes >= worth_showing && std::io::stderr().is_terminal();
        let bar = shown.then(|| {
            let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar }
    }

    /// For work of somebody else, of which nothing is known but that it goes on.
    pub(super) fn waiting(what: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template(WAITING) {
                bar.set_style(style);
            }
            bar.set_message(what.to_owned());
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar }
    }

    /// Says what is waited for now.
    pub(super) fn waiting_for(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// Says what is worked on now.
    pub(super) fn working_on(&self, name: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(super::output::shorten_start(name, MAX_NAME));
        }
    }

    /// Says that so many bytes more are done.
    pub(super) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }

    /// Prints a remark on standard error that is no failure.
    pub(super) fn note(&self, text: &str) {
        let print = || drop(writeln!(std::io::stderr(), "relay-guard: note: {}", text.replace('\n', " ")));
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
