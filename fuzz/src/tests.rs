//! Every file of the corpus through its target, and the corpus itself.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// The folder of seeds that all list formats share.
const LISTS: &str = "lists";

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The folders of a target's seeds.
fn folders(target: Target) -> Vec<PathBuf> {
    let shared = matches!(target, Target::List(_)).then(|| corpus().join(LISTS));
    shared.into_iter().chain([corpus().join(target.to_string())]).filter(|folder| folder.is_dir()).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(targets: impl Iterator<Item = Target>) {
    for target in targets {
        let files: Vec<PathBuf> = folders(target).iter().flat_map(|folder| files(folder)).collect();
        assert!(!files.is_empty(), "{target} has no seed");
        for file in files {
            println!("{target} {}", file.display());
            target.run(&fs::read(&file).unwrap());
        }
        target.run(b"");
    }
}

#[test]
fn the_corpus_holds_for_all_but_lists() {
    replay(Target::all().filter(|target| !matches!(target, Target::List(_))));
}

#[test]
fn the_corpus_holds_for_every_list_format() {
    replay(Target::all().filter(|target| matches!(target, Target::List(_))));
}

#[test]
fn every_folder_of_the_corpus_belongs_to_a_target() {
    for folder in files(&corpus()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(name == LISTS || Target::named(name).is_some(), "{name}: no target is called so");
    }
}

#[test]
fn files_of_the_corpus_are_named_by_meaning() {
    for file in files(&corpus()).iter().flat_map(|folder| files(folder)) {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let hash = name.len() >= 32 && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        assert!(!hash && !name.starts_with("crash-"), "{}: say what it is", file.display());
    }
}

/// `cargo xtask fuzz` reads what there is from the manifest, so that it need not build us to know.
#[test]
fn the_manifest_names_the_same_targets() {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().unwrap();
    let named = manifest["package"]["metadata"]["targets"].as_table().unwrap();
    let named: BTreeSet<String> = named.keys().cloned().collect();
    assert_eq!(named, Target::all().map(|target| target.to_string()).collect());
}
