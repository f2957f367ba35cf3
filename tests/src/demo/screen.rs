//! The live view at a terminal.

use std::io::{self, IsTerminal as _, Stderr};
use std::panic;
use std::sync::Once;
use std::time::Duration;

use anyhow::Result;
use ratatui::Terminal;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::prelude::CrosstermBackend;

use super::snapshot::Snapshot;

mod layout;

/// The terminal while the view has it; it is given back on drop, and on a panic anywhere.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
}

impl Screen {
    /// Whether there is a terminal to draw on. Standard error, as standard output is for the result.
    pub(super) fn is_possible() -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        !dumb && io::stderr().is_terminal()
    }

    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be set up; then it is as before.
    pub(super) fn open() -> Result<Self> {
        restore_on_panic();
        let open = || -> io::Result<Self> {
            enable_raw_mode()?;
            execute!(io::stderr(), EnterAlternateScreen)?;
            Ok(Self { terminal: Terminal::new(CrosstermBackend::new(io::stderr()))? })
        };
        open().map_err(|error| {
            restore();
            error.into()
        })
    }

    /// Draws the moment.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.terminal.draw(|frame| layout::draw(frame, snapshot))?;
        Ok(())
    }

    /// Waits for a key, at most for `limit`; whether it was one that stops.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn wants_to_stop(&self, limit: Duration) -> Result<bool> {
        if !event::poll(limit)? {
            return Ok(false);
        }
        let Input::Key(key) = event::read()? else { return Ok(false) };
        let control_c = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        Ok(control_c || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Best effort: there is nobody left to tell.
fn restore() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stderr(), LeaveAlternateScreen, Show);
}

/// A panic's message belongs on the real screen, so the hook gives the terminal back before it is printed.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            restore();
            print(panic);
        }));
    });
}
