//! The licences and origins of everything we are built from, held against `deny.toml`: what cargo-deny would
//! check, for machines without it.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Context as _;
use serde_json::Value;

use super::spdx;
use crate::workspace::{Workspace, elements, host_triple, metadata};

/// What is wrong with our dependencies, a line each; nothing if all is well.
///
/// # Errors
///
/// When `deny.toml` or cargo's list of dependencies cannot be read.
pub(crate) fn problems(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let file = workspace.root().join("deny.toml");
    let text = fs::read_to_string(&file).context("deny.toml: cannot read")?;
    let allowed = allowed(&text).context("deny.toml")?;
    Ok(judge(&dependencies(workspace)?, &allowed))
}

/// Everything we are built from, as `cargo metadata` tells it. For this host only: a build has downloaded
/// these, so it works without a network.
///
/// # Errors
///
/// When rustc or cargo cannot be run, or some dependency was never downloaded.
pub(crate) fn dependencies(workspace: &Workspace) -> anyhow::Result<Value> {
    let host = host_triple()?;
    metadata(&mut workspace.cargo(["metadata", "--format-version", "1", "--filter-platform", &host]))
}

/// The licences that `deny.toml` allows.
fn allowed(deny_toml: &str) -> anyhow::Result<BTreeSet<String>> {
    let settings: toml::Table = deny_toml.parse().context("not valid TOML")?;
    let list = settings.get("licenses").and_then(|licences| licences.get("allow")?.as_array());
    let names = list.context("no list `allow` in [licenses]")?.iter().filter_map(toml::Value::as_str);
    Ok(names.map(str::to_owned).collect())
}

fn judge(metadata: &Value, allowed: &BTreeSet<String>) -> Vec<String> {
    let mut problems: Vec<String> = elements(&metadata["packages"])
        .flat_map(|package| [licence_problem(package, allowed), source_problem(package)])
        .flatten()
        .collect();
    problems.sort();
    problems
}

fn licence_problem(package: &Value, allowed: &BTreeSet<String>) -> Option<String> {
    let name = title(package);
    let Some(expression) = package["license"].as_str() else {
        return Some(format!("{name}: names no licence"));
    };
    match spdx::allows(expression, |licence| allowed.contains(licence)) {
        Ok(true) => None,
        Ok(false) => Some(format!("{name}: {expression}: not allowed by deny.toml")),
        Err(error) => Some(format!("{name}: {expression}: {error}")),
    }
}

/// Our own crates have no source; everything else comes from a registry, never from somebody's repository.
fn source_problem(package: &Value) -> Option<String> {
    let source = package["source"].as_str()?;
    let fine = source.starts_with("registry+") || source.starts_with("sparse+");
    (!fine).then(|| format!("{}: does not come from a registry", title(package)))
}

fn title(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or("?");
    format!("{} {}", text("name"), text("version"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_problem_is_named_with_its_package() {
        let metadata = json!({"packages": [
            {"name": "own", "version": "0.1.0", "license": "MIT OR Apache-2.0", "source": null},
            {"name": "good", "version": "1.0.0", "license": "MIT", "source": "registry+somewhere"},
            {"name": "viral", "version": "1.0.0", "license": "GPL-3.0-only", "source": "registry+somewhere"},
            {"name": "silent", "version": "2.0.0", "license": null, "source": "git+somewhere"},
            {"name": "odd", "version": "3.0.0", "license": "MIT OR", "source": "sparse+somewhere"},
        ]});
        let expected = [
            "odd 3.0.0: MIT OR: ends where a licence should be",
            "silent 2.0.0: does not come from a registry",
            "silent 2.0.0: names no licence",
            "viral 1.0.0: GPL-3.0-only: not allowed by deny.toml",
        ];
        assert_eq!(judge(&metadata, &["MIT".to_owned()].into()), expected);
    }

    #[test]
    fn the_allow_list_is_read_from_deny_toml() {
        let list = allowed("[licenses]\nallow = [\"MIT\", \"Zlib\"]\n").unwrap();
        assert_eq!(list, ["MIT", "Zlib"].map(str::to_owned).into());
        assert!(allowed("[licenses]\n").is_err());
        assert!(allowed("[licenses").is_err());
    }

    #[test]
    fn our_own_deny_toml_allows_our_own_licence_and_no_copyleft() {
        let list = allowed(include_str!("../../../deny.toml")).unwrap();
        assert!(list.contains("MIT") && list.contains("Apache-2.0"));
        assert!(!list.iter().any(|licence| licence.contains("GPL")), "{list:?}");
    }
}
