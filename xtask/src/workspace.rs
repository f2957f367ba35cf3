//! What cargo says about this workspace: where it is, where it builds to, what can be built.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::process;

/// The crate that only builds for the BPF target; on the host it is checked, linted and documented.
pub(crate) const KERNEL_CRATE: &str = "relay-guard-ebpf";

/// The workspace that contains this program.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
    metadata: Value,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When cargo cannot be run, or we are not inside the workspace.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let mut command = process::cargo();
        // Set by `cargo run`, and right even if that was called from elsewhere with --manifest-path.
        if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") {
            command.current_dir(folder);
        }
        let metadata = metadata(command.args(["metadata", "--no-deps", "--format-version", "1"]))?;
        let path = |key: &str| {
            let text = metadata[key].as_str().with_context(|| format!("cargo metadata: no {key}"))?;
            anyhow::Ok(PathBuf::from(text))
        };
        Ok(Self { root: path("workspace_root")?, target: path("target_directory")?, metadata })
    }

    /// The folder with the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo, to be run in the workspace's root.
    pub(crate) fn cargo<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = process::cargo();
        command.current_dir(&self.root).args(args);
        command
    }

    /// Where cargo puts the program `name` of `profile`'s folder (`debug`, `release`).
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }

    /// The folder that cargo builds to.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// What cargo says of our crate `name`.
    pub(crate) fn package(&self, name: &str) -> Option<&Value> {
        elements(&self.metadata["packages"]).find(|package| package["name"] == name)
    }

    /// Whether some crate that is built for the host has a target of this `kind` (`test`, `bin`, …).
    pub(crate) fn has_target(&self, kind: &str) -> bool {
        let is_kind = |target: &Value| elements(&target["kind"]).any(|found| found == kind);
        elements(&self.metadata["packages"])
            .filter(|package| package["name"] != KERNEL_CRATE)
            .any(|package| elements(&package["targets"]).any(is_kind))
    }
}

/// The elements of a JSON array; none for anything else.
pub(crate) fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Runs a `cargo metadata` command and reads its answer.
///
/// # Errors
///
/// When cargo cannot be run or fails (with its own last words), or its answer is not JSON.
pub(crate) fn metadata(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.output().context("cargo: cannot start; is it installed and on PATH?")?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("cargo metadata: {}", words.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata: unreadable answer")
}

/// The host's target triple, as rustc names it.
///
/// # Errors
///
/// When rustc cannot be run.
pub(crate) fn host_triple() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = process::command(rustc, ["-vV"]);
    let words = process::answer(command.env("PATH", process::search_path()));
    words.as_deref().and_then(host_line).context("rustc -vV: no answer; is rustc installed and on PATH?")
}

fn host_line(version: &str) -> Option<String> {
    version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_is_found() {
        let workspace = Workspace::find().unwrap();
        assert!(workspace.root().join("xtask/Cargo.toml").is_file());
        assert!(workspace.program("debug", "relay-guard").ends_with("debug/relay-guard"));
        assert!(workspace.has_target("bin"));
        assert!(!workspace.has_target("no such kind"));
        assert!(workspace.package(KERNEL_CRATE).is_some() && workspace.package("no-such-crate").is_none());
    }

    #[test]
    fn the_host_is_read_from_rustc() {
        assert_eq!(
            host_line("rustc 1.95.0\nhost: aarch64-unknown-linux-gnu\n").unwrap(),
            "aarch64-unknown-linux-gnu"
        );
        assert_eq!(host_line("rustc 1.95.0\n"), None);
    }
}
