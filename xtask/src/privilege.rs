//! Becoming root: tests in network namespaces, loading programs into the kernel and installing packages need
//! it; building never does.

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::process;

/// How this run gets root's rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It has them.
    Root,
    /// `sudo` gives them without asking.
    Sudo,
    /// `sudo` is there, and someone at the terminal may answer it.
    SudoAsks,
    /// Not at all.
    Nothing,
}

impl Access {
    /// Finds out.
    pub(crate) fn probe() -> Self {
        if rustix::process::geteuid().is_root() {
            Self::Root
        } else if process::find_program("sudo").is_none() {
            Self::Nothing
        } else if process::succeeds(&mut process::command("sudo", ["-n", "true"])) {
            Self::Sudo
        } else if io::stdin().is_terminal() {
            Self::SudoAsks
        } else {
            Self::Nothing
        }
    }

    /// Whether something may be installed without a question being asked.
    pub(crate) fn is_silent(self) -> bool {
        matches!(self, Self::Root | Self::Sudo)
    }

    /// `program` as root, with our environment.
    pub(crate) fn command(self, program: &Path) -> Command {
        match self {
            Self::Root => Command::new(program),
            Self::Sudo | Self::SudoAsks | Self::Nothing => {
                let words = [OsString::from("-E"), program.into()];
                process::command("sudo", words)
            }
        }
    }

    /// The setting that makes cargo run host programs as root, when they would not be.
    pub(crate) fn runner(self, host: &str) -> Option<(String, &'static str)> {
        (self != Self::Root).then(|| (runner_variable(host), "sudo -E"))
    }

    /// Stops early where no way to root exists.
    ///
    /// # Errors
    ///
    /// For [`Access::Nothing`], with what to do about it.
    pub(crate) fn require(self, what: &str) -> anyhow::Result<()> {
        if self == Self::Nothing {
            bail!(
                "{what}: needs root, and sudo is not there or wants a password; run `sudo -v` first, or as root"
            );
        }
        Ok(())
    }
}

fn runner_variable(host: &str) -> String {
    format!("CARGO_TARGET_{}_RUNNER", host.to_uppercase().replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runner_is_sudo_unless_root() {
        assert_eq!(Access::Root.runner("x86_64-unknown-linux-gnu"), None);
        let expected = ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER".to_owned(), "sudo -E");
        assert_eq!(Access::Sudo.runner("x86_64-unknown-linux-gnu"), Some(expected));
    }

    #[test]
    fn root_runs_programs_directly_and_others_through_sudo() {
        let program = Path::new("/x/demo");
        assert_eq!(process::shown(&Access::Root.command(program)), "demo");
        assert_eq!(process::shown(&Access::Sudo.command(program)), "sudo -E /x/demo");
    }

    #[test]
    fn only_no_access_at_all_stops_a_run() {
        assert!(Access::SudoAsks.require("test").is_ok());
        let error = Access::Nothing.require("test").unwrap_err().to_string();
        assert!(error.starts_with("test: needs root"), "{error}");
    }
}
