//! Taking what fuzzing found into the tree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};

use super::build::Fuzzer;
use super::target::Target;

/// Copies the inputs of earlier runs that reach what no seed reaches, as few as do, to the target's seeds. Returns the
/// files, as people know them.
///
/// # Errors
///
/// When files cannot be copied, or the fuzzer does not compare them.
pub(super) fn keep(fuzzer: &Fuzzer, target: &Target) -> anyhow::Result<Vec<String>> {
    let chosen = fuzzer.folder("chosen", target);
    if chosen.is_dir() {
        fs::remove_dir_all(&chosen).with_context(|| format!("{}: cannot remove", chosen.display()))?;
    }
    for folder in target.seeds() {
        for file in files(&folder)? {
            copy(&file, &chosen)?;
        }
    }
    fs::create_dir_all(&chosen).with_context(|| format!("{}: cannot create", chosen.display()))?;
    let seeds: BTreeSet<PathBuf> = files(&chosen)?.into_iter().collect();
    let mut command = fuzzer.command(target);
    // Places in the code alone: how often each was reached would make every second input worth keeping.
    command
        .args(["-merge=1", "-use_counters=0", "-use_cmp=0"])
        .arg(&chosen)
        .arg(fuzzer.folder("corpus", target));
    let status =
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("fuzz: cannot start")?;
    ensure!(status.success(), "fuzz: {}: cannot compare with the seeds: {status}", target.name);
    let new = files(&chosen)?.into_iter().filter(|file| !seeds.contains(file));
    new.map(|file| Ok(fuzzer.shown(&copy(&file, &target.own_seeds)?))).collect()
}

fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let what = || format!("{}: cannot read", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(what)? {
        files.push(entry.with_context(what)?.path());
    }
    files.sort();
    Ok(files)
}

/// Copies `file` into `folder`, which is made; returns the copy.
fn copy(file: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let to = folder.join(file.file_name().unwrap_or_default());
    let what = || format!("{}: cannot write", to.display());
    fs::create_dir_all(folder).with_context(what)?;
    fs::copy(file, &to).with_context(what)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("one"), folder.path().join("a/b"));
        fs::write(&from, "x").unwrap();
        assert_eq!(copy(&from, &to).unwrap(), to.join("one"));
        assert_eq!(files(&to).unwrap(), [to.join("one")]);
        assert!(files(&folder.path().join("none")).is_err());
    }
}
