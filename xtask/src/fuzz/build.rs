//! Building the fuzzer: everything in it tells libFuzzer what it runs through.
//!
//! The flags are what `cargo fuzz` gives with `--sanitizer none`, and need no nightly. They hold for the named target
//! alone, not for build scripts and macros, and the build has a folder of its own, so that the others stay as they are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::bail;

use super::target::{CRATE, Target};
use crate::process;
use crate::steps::Steps;
use crate::workspace::{Workspace, host_triple};

/// Rustc's flags. The coverage pass is LLVM's; `fuzzing` is for build scripts, ours among them.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// The profile in the workspace's manifest.
const PROFILE: &str = "fuzz";

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
        let host = host_triple()?;
        let folder = workspace.target().join("fuzz");
        let built = folder.join("build");
        if !steps.run("build the fuzzer", &mut command(workspace, &host, &built))? {
            bail!("fuzz: the fuzzer does not build; see above");
        }
        let program = built.join(host).join(PROFILE).join(CRATE);
        Ok(Self { program, folder, root: workspace.root().to_owned() })
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

    /// A file as it is named to people: from the workspace's root, if it is in there.
    pub(super) fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.root).unwrap_or(file).display().to_string()
    }
}

fn command(workspace: &Workspace, host: &str, built: &Path) -> Command {
    let mut command = workspace.cargo(["build", "--quiet", "--package", CRATE, "--features", "libfuzzer"]);
    command.args(["--profile", PROFILE, "--target", host, "--target-dir"]).arg(built);
    command.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzzer_is_built_apart_from_everything_else() {
        let workspace = Workspace::find().unwrap();
        let command = command(&workspace, "x86_64-unknown-linux-gnu", Path::new("t/fuzz/build"));
        assert_eq!(
            process::shown(&command),
            "cargo build --quiet --package relay-guard-fuzz --features libfuzzer --profile fuzz \
             --target x86_64-unknown-linux-gnu --target-dir t/fuzz/build"
        );
    }
}
