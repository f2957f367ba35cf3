//! Building the fuzzer: what is ours tells libFuzzer what it runs through.
//!
//! `fuzz/instrument` adds the flags to our own crates alone, and cargo keeps them apart from those built without. All
//! else is as the tests have built it already, which saves minutes; other people's code is not what we look for faults in.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::target::{CRATE, Target};
use crate::process;
use crate::steps::Steps;
use crate::workspace::{KERNEL_CRATE, Workspace};

/// Started by cargo instead of rustc, for our own crates.
const WRAPPER: &str = "fuzz/instrument";

/// Says to our build script that no kernel object is needed.
const NO_OBJECTS: &str = "RELAY_GUARD_NO_OBJECTS";

/// The fuzzer, built, and where it keeps what it finds.
#[derive(Debug)]
pub(super) struct Fuzzer {
    program: PathBuf,
    folder: PathBuf,
    root: PathBuf,
}

impl Fuzzer {
    /// Builds it.
    ///
    /// # Errors
    ///
    /// When there is no C++ compiler, or it does not build.
    pub(super) fn build(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Self> {
        if std::env::var_os("CXX").is_none() && process::find_program("c++").is_none() {
            bail!("fuzz: there is no C++ compiler, which libFuzzer is built with; run `cargo xtask setup`");
        }
        if !steps.run("build the fuzzer", &mut command(workspace))? {
            bail!("fuzz: the fuzzer does not build; see above");
        }
        let folder = workspace.target().join("fuzz");
        Ok(Self { program: workspace.program("debug", CRATE), folder, root: workspace.root().to_owned() })
    }

    /// The fuzzer with `target`, run in the workspace's root.
    pub(super) fn command(&self, target: &Target) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).env("RELAY_GUARD_FUZZ_TARGET", &target.name);
        command
    }

    /// The folder for what there is of a `kind` for `target`.
    pub(super) fn folder(&self, kind: &str, target: &Target) -> PathBuf {
        self.folder.join(kind).join(&target.name)
    }

    /// A file named by people, from where they are or from the workspace's root.
    pub(super) fn find(&self, file: &Path) -> Option<PathBuf> {
        file.canonicalize().or_else(|_| self.root.join(file).canonicalize()).ok()
    }

    /// A file as it is named to people: from the workspace's root, if it is in there.
    pub(super) fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).display().to_string()
    }
}

/// The same selection of crates as for the tests: with another one, dependencies would have other features, and be built
/// again.
fn command(workspace: &Workspace) -> Command {
    let mut command = workspace.cargo(["build", "--quiet", "--workspace", "--exclude", KERNEL_CRATE]);
    command.args(["--bin", CRATE, "--features", "relay-guard-fuzz/libfuzzer"]);
    command.env("RUSTC_WORKSPACE_WRAPPER", workspace.root().join(WRAPPER)).env(NO_OBJECTS, "1");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_is_built_with_the_features_of_the_tests() {
        let workspace = Workspace::find().unwrap();
        let command = command(&workspace);
        assert_eq!(
            process::shown(&command),
            "cargo build --quiet --workspace --exclude relay-guard-ebpf --bin relay-guard-fuzz \
             --features relay-guard-fuzz/libfuzzer"
        );
        assert!(workspace.root().join(WRAPPER).is_file());
    }
}
