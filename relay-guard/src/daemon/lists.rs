//! The lists in force: last good contents, and watching their files for change.

use std::collections::BTreeMap;

use relay_guard_common::counter::Counter;

use crate::{
    config::{Config, ListConfig},
    lists::{self, ListError, ParsedList, source},
    policy::{
        ListSlot,
        compile::{PlacedList, place_lists},
    },
};

/// One list with its last good content.
#[derive(Debug)]
pub struct LoadedList {
    /// What the configuration says.
    pub config: ListConfig,
    /// Its place in sets of lists.
    pub slot: ListSlot,
    /// Its last good content.
    pub content: ParsedList,
    /// The file that `content` came from.
    pub fingerprint: source::Fingerprint,
    /// When `content` was read, seconds since the epoch.
    pub loaded_at: u64,
    /// Why its file is not what is in force, if it is not.
    pub error: Option<String>,
    /// What classes counted for it that no longer exist.
    pub counted: Counter,
    /// The file as it was seen last, if that was not taken: it is read once it holds still.
    seen: Option<source::Fingerprint>,
    /// A file that was read and refused; it is not read again until it changes.
    refused: Option<source::Fingerprint>,
}

/// All lists, in the order of the configuration.
#[derive(Debug, Default)]
pub struct ListSet {
    lists: Vec<LoadedList>,
}

/// Why a list could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadListError {
    /// Its file cannot be read.
    #[error("list {name}: {error}")]
    Source {
        /// The list.
        name: String,
        /// Why.
        error: source::SourceError,
    },
    /// Its content is refused.
    #[error("list {name}: {error}")]
    Content {
        /// The list.
        name: String,
        /// Why.
        error: Box<ListError>,
    },
}

impl ListSet {
    /// Loads all lists of a configuration; places and counts of lists in `before` are kept.
    ///
    /// # Errors
    /// All lists that cannot be loaded.
    pub fn load(config: &Config, before: &Self, now: u64) -> Result<Self, Vec<LoadListError>> {
        let known: BTreeMap<String, ListSlot> =
            before.lists.iter().map(|list| (list.config.name.clone(), list.slot)).collect();
        let places = place_lists(&known, config.lists.iter().map(|list| list.name.as_str()));
        let mut lists = Vec::new();
        let mut errors = Vec::new();
        for list in &config.lists {
            match (read(list, config.limits.list_bytes), places.get(&list.name)) {
                (Ok((content, fingerprint)), Some(&slot)) => lists.push(LoadedList {
                    counted: before.find(&list.name).map_or_else(Counter::default, |list| list.counted),
                    config: list.clone(),
                    slot,
                    content,
                    fingerprint,
                    loaded_at: now,
                    error: None,
                    seen: None,
                    refused: None,
                }),
                // The configuration allows no more lists than there are places.
                (Ok(_), None) => {}
                (Err(error), _) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(Self { lists }) } else { Err(errors) }
    }

    /// The list of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&LoadedList> {
        self.lists.iter().find(|list| list.config.name == name)
    }

    /// The list in a place.
    #[must_use]
    pub fn at(&self, slot: ListSlot) -> Option<&LoadedList> {
        self.lists.iter().find(|list| list.slot == slot)
    }

    /// All lists.
    pub fn iter(&self) -> impl Iterator<Item = &LoadedList> {
        self.lists.iter()
    }

    /// What is compiled.
    #[must_use]
    pub fn placed(&self) -> Vec<PlacedList<'_>> {
        let placed = |list: &'_ LoadedList| (list.slot, list.config.action);
        self.lists
            .iter()
            .map(|list| {
                let (slot, action) = placed(list);
                PlacedList { slot, action, content: &list.content }
            })
            .collect()
    }

    /// Adds what a class counted, before the class goes, to the lists in its set.
    pub fn fold(&mut self, set: u64, counted: Counter) {
        for list in self.lists.iter_mut().filter(|list| set & list.slot.bit() != 0) {
            list.counted = list.counted.plus(counted);
        }
    }

    /// Looks whether files have changed, and takes the content of those that have and hold still since the last look.
    /// Whether anything is to be compiled anew.
    pub fn refresh(&mut self, limit: u64, now: u64) -> bool {
        let mut changed = false;
        for list in &mut self.lists {
            changed |= list.refresh(limit, now);
        }
        changed
    }
}

impl LoadedList {
    fn refresh(&mut self, limit: u64, now: u64) -> bool {
        let current = match source::Fingerprint::of(&self.config.file) {
            Ok(current) => current,
            Err(error) => {
                self.fail(&error.to_string());
                self.seen = None;
                return false;
            }
        };
        if current == self.fingerprint {
            self.seen = None;
            self.recover();
            return false;
        }
        if self.refused.as_ref() == Some(&current) {
            return false;
        }
        // Somebody may still be writing: take it when two looks agree.
        if self.seen.as_ref() != Some(&current) {
            self.seen = Some(current);
            return false;
        }
        match read(&self.config, limit) {
            Ok((content, fingerprint)) => {
                tracing::info!(list = self.config.name, entries = content.summary.entries, "list reloaded");
                (self.content, self.fingerprint, self.loaded_at) = (content, fingerprint, now);
                (self.seen, self.refused, self.error) = (None, None, None);
                true
            }
            Err(error) => {
                self.refused = Some(current);
                self.fail(&error.to_string());
                false
            }
        }
    }

    /// Notes an error; logs it when it is news.
    fn fail(&mut self, error: &str) {
        if self.error.as_deref() != Some(error) {
            tracing::warn!(list = self.config.name, "{error}; the last good content stays in force");
            self.error = Some(error.to_owned());
        }
    }

    fn recover(&mut self) {
        if self.error.take().is_some() {
            self.refused = None;
            tracing::info!(list = self.config.name, "the file is again what is in force");
        }
    }
}

fn read(list: &ListConfig, limit: u64) -> Result<(ParsedList, source::Fingerprint), LoadListError> {
    let name = || list.name.clone();
    let read = source::read(&list.file, limit, "limits.list_bytes")
        .map_err(|error| LoadListError::Source { name: name(), error })?;
    let content = lists::parse(
        &[lists::Input { name: &list.file.to_string_lossy(), bytes: &read.bytes }],
        &list.options,
    )
    .map_err(|error| LoadListError::Content { name: name(), error: Box::new(error) })?;
    for warning in &content.warnings {
        tracing::warn!(list = list.name, "{warning}");
    }
    Ok((content, read.fingerprint))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn config(directory: &Path, names: &[&str]) -> Config {
        let lists: String =
            names.iter().map(|name| format!("[[lists]]\nname = {name:?}\nfile = \"{name}.txt\"\n")).collect();
        let text = format!("[interfaces]\noutside = [\"eth0\"]\n{lists}");
        crate::config::parse(&text, &directory.join("config.toml")).expect("a configuration")
    }

    #[test]
    fn a_changed_file_is_taken_once_it_holds_still() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.txt");
        fs::write(&file, "192.0.2.1\n").expect("written");
        let config = config(directory.path(), &["a"]);
        let mut set = ListSet::load(&config, &ListSet::default(), 0).expect("a good list");
        assert!(!set.refresh(1 << 20, 1));
        fs::write(&file, "192.0.2.1\n192.0.2.2\n").expect("written");
        assert!(!set.refresh(1 << 20, 2), "first look");
        assert!(set.refresh(1 << 20, 3), "second look");
        assert_eq!(set.find("a").map(|list| list.content.summary.entries), Some(2));
        assert!(!set.refresh(1 << 20, 4));
    }

    #[test]
    fn a_bad_file_leaves_the_last_good_content() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("a.txt");
        fs::write(&file, "192.0.2.1\n").expect("written");
        let config = config(directory.path(), &["a"]);
        let mut set = ListSet::load(&config, &ListSet::default(), 0).expect("a good list");
        fs::write(&file, "192.0.2.1\nnonsense\n").expect("written");
        assert!(!set.refresh(1 << 20, 1) && !set.refresh(1 << 20, 2) && !set.refresh(1 << 20, 3));
        let list = set.find("a").expect("it is there");
        assert_eq!(list.content.summary.entries, 1);
        assert!(list.error.as_deref().is_some_and(|error| error.contains("a.txt:2")), "{:?}", list.error);
        fs::remove_file(&file).expect("removed");
        assert!(!set.refresh(1 << 20, 4));
        fs::write(&file, "192.0.2.9\n192.0.2.10\n192.0.2.11\n").expect("written");
        assert!(!set.refresh(1 << 20, 5) && set.refresh(1 << 20, 6));
        assert_eq!(
            set.find("a").map(|list| (list.content.summary.entries, list.error.clone())),
            Some((3, None))
        );
    }

    #[test]
    fn all_bad_lists_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("a.txt"), "nonsense\n").expect("written");
        let config = config(directory.path(), &["a", "b"]);
        let errors = ListSet::load(&config, &ListSet::default(), 0).expect_err("two bad lists");
        assert_eq!(errors.len(), 2, "{errors:?}");
    }
}
