//! Where the daemon is to be found. Commands that only talk to it must work with a configuration that is broken or
//! gone: that is when they are needed most.

use std::path::{Path, PathBuf};

use super::Arguments;
use crate::config;

/// The daemon's directories.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directories {
    /// Where its socket and lock are.
    pub(super) run_dir: PathBuf,
    /// Where programs, maps and links are pinned.
    pub(super) pin_dir: PathBuf,
}

/// The directories that the configuration names; from a broken one what can be read of it, else the defaults, with a
/// note on stderr.
pub(super) fn of(arguments: &Arguments) -> Directories {
    let error = match config::load(&arguments.config) {
        Ok(config) => {
            return Directories { run_dir: config.daemon.run_dir, pin_dir: config.daemon.pin_dir };
        }
        Err(error) => error,
    };
    let directories = salvage(&arguments.config);
    eprintln!(
        "relay-guard: note: {}; going on with run_dir {} and pin_dir {}",
        error.to_string().replace('\n', " "),
        directories.run_dir.display(),
        directories.pin_dir.display()
    );
    directories
}

fn salvage(path: &Path) -> Directories {
    let table: Option<toml::Table> = std::fs::read_to_string(path).ok().and_then(|text| text.parse().ok());
    let directory = |key: &str, default: &str| {
        let named = table.as_ref().and_then(|table| table.get("daemon")?.get(key)?.as_str());
        PathBuf::from(named.filter(|path| path.starts_with('/')).unwrap_or(default))
    };
    Directories {
        run_dir: directory("run_dir", "/run/relay-guard"),
        pin_dir: directory("pin_dir", "/sys/fs/bpf/relay-guard"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_is_used() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("broken.toml");
        let defaults = salvage(&path);
        assert_eq!(defaults.run_dir, Path::new("/run/relay-guard"));
        std::fs::write(&path, "nonsense = 1\n[daemon]\nrun_dir = \"/run/other\"\npin_dir = 7\n")
            .expect("written");
        let salvaged = salvage(&path);
        assert_eq!(salvaged.run_dir, Path::new("/run/other"));
        assert_eq!(salvaged.pin_dir, defaults.pin_dir);
    }
}
