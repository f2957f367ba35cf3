//! The targets there are, as the fuzz crate's manifest names them: nothing needs to be built to know.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::workspace::Workspace;

/// The crate with the targets.
pub(super) const CRATE: &str = "relay-guard-fuzz";

/// How names of targets begin that read lists; they share a folder of seeds.
const LIST: &str = "list-";

/// Something to fuzz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    /// Its invariant, in a line.
    pub(super) asserts: String,
    /// Where its own seeds are.
    pub(super) own_seeds: PathBuf,
    /// Those that it shares with others.
    shared_seeds: Option<PathBuf>,
}

impl Target {
    /// The folders of its seeds that there are.
    pub(super) fn seeds(&self) -> Vec<PathBuf> {
        let folders = [Some(&self.own_seeds), self.shared_seeds.as_ref()];
        folders.into_iter().flatten().filter(|folder| folder.is_dir()).cloned().collect()
    }
}

/// All targets, by name.
///
/// # Errors
///
/// When the manifest does not name any.
pub(super) fn all(workspace: &Workspace) -> anyhow::Result<Vec<Target>> {
    let package = workspace.package(CRATE).with_context(|| format!("there is no crate {CRATE}"))?;
    let named = package["metadata"]["targets"].as_object();
    let named = named.with_context(|| format!("{CRATE}: no [package.metadata.targets] in its manifest"))?;
    let corpus = workspace.root().join("fuzz/corpus");
    let target = |(name, asserts): (&String, &serde_json::Value)| Target {
        name: name.clone(),
        asserts: asserts.as_str().unwrap_or_default().to_owned(),
        own_seeds: corpus.join(name),
        shared_seeds: name.starts_with(LIST).then(|| corpus.join("lists")),
    };
    Ok(named.iter().map(target).collect())
}

/// Those of `known` that are `wanted`; all, if none is.
///
/// # Errors
///
/// When there is no target of a name.
pub(super) fn choose(known: Vec<Target>, wanted: &[String]) -> anyhow::Result<Vec<Target>> {
    for name in wanted {
        if !known.iter().any(|target| target.name == *name) {
            let names: Vec<&str> = known.iter().map(|target| target.name.as_str()).collect();
            bail!("fuzz: no target is called {name:?}; there is: {}", names.join(", "));
        }
    }
    Ok(known.into_iter().filter(|target| wanted.is_empty() || wanted.contains(&target.name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_from_the_manifest_and_chosen_by_name() {
        let known = all(&Workspace::find().unwrap()).unwrap();
        assert!(known.len() > 4 && known.iter().all(|target| !target.asserts.is_empty()), "{known:?}");
        let chosen = choose(known.clone(), &["parser".to_owned()]).unwrap();
        assert_eq!(chosen.iter().map(|target| &target.name).collect::<Vec<_>>(), ["parser"]);
        assert_eq!(choose(known.clone(), &[]).unwrap(), known);
        let error = choose(known, &["parsr".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("fuzz: no target is called \"parsr\"; there is: address, "), "{error}");
    }

    #[test]
    fn list_targets_have_shared_seeds_too() {
        let known = all(&Workspace::find().unwrap()).unwrap();
        for target in known {
            let seeds = target.seeds();
            assert!(!seeds.is_empty(), "{}: no seeds", target.name);
            assert_eq!(seeds.iter().any(|folder| folder.ends_with("lists")), target.name.starts_with(LIST));
        }
    }
}
