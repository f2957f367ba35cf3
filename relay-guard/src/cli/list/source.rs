//! Which lists a command is about, and reading them.

use std::{
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::anyhow;

use super::{
    ReadArguments,
    document::{self, Document, DocumentError},
};
use crate::{
    cli::{Arguments, progress::Progress},
    config::{self, ListConfig},
    feeds::{
        cache::Cache,
        source::{Limit, Source},
    },
    intake::{self, LocalError, local_content},
    lists::{self, Input, ListError, ParseOptions, ParsedList},
    sets::AddressSet,
};

/// A list to be read: of the command line or of the configuration.
pub(super) struct ListSource {
    /// Its name in the configuration, or its file.
    pub(super) name: String,
    /// Where it is read from.
    origin: Origin,
    /// How it is read.
    pub(super) options: ParseOptions,
    /// The most bytes of each file.
    limit: Limit,
}

/// Where a list is read from.
enum Origin {
    File(PathBuf),
    /// A list of the configuration: its files, or its last good copy.
    Configured(Box<ListConfig>, Cache),
}

/// Each file as a list.
pub(super) fn named(files: &[PathBuf], read: &ReadArguments) -> Vec<ListSource> {
    let source = |file: &PathBuf| ListSource {
        name: document::name(file),
        origin: Origin::File(file.clone()),
        options: read.options(),
        limit: Limit { bytes: read.max_bytes, name: "--max-bytes" },
    };
    files.iter().map(source).collect()
}

/// The files that are named, or else the lists of the configuration.
pub(super) fn named_or_configured(
    arguments: &Arguments,
    files: &[PathBuf],
    read: &ReadArguments,
) -> anyhow::Result<Vec<ListSource>> {
    if files.is_empty() { configured_lists(arguments) } else { Ok(named(files, read)) }
}

/// The lists of the configuration, in its order.
fn configured_lists(arguments: &Arguments) -> anyhow::Result<Vec<ListSource>> {
    let config =
        config::load(&arguments.config).map_err(|error| anyhow!("{error}; or name list files here"))?;
    let limit = Limit { bytes: config.limits.list_bytes, name: "limits.list_bytes" };
    let cache = Cache::at(&config.daemon.cache_dir);
    let source = |list: ListConfig| ListSource {
        name: list.name.clone(),
        options: list.options.clone(),
        origin: Origin::Configured(Box::new(list), cache.clone()),
        limit,
    };
    let (here, missing): (Vec<_>, Vec<_>) = config.lists.into_iter().partition(|list| is_here(list, &cache));
    for list in &missing {
        eprintln!(
            "relay-guard: note: list {0}: never fetched yet; `relay-guard list refresh {0}` does it",
            list.name
        );
    }
    let sources: Vec<_> = here.into_iter().map(source).collect();
    anyhow::ensure!(
        !sources.is_empty(),
        "{}: no lists in it; name list files, or add [[lists]]",
        arguments.config.display()
    );
    Ok(sources)
}

/// Whether there is anything to read of a list: files always say themselves if they are gone.
fn is_here(list: &ListConfig, cache: &Cache) -> bool {
    match &list.source {
        Source::File(_) | Source::Directory(_) => true,
        // A copy that is damaged is told when it is read.
        Source::Http(_) | Source::Command(_) => !matches!(intake::about(cache, list), Ok(None)),
    }
}

/// A bar for reading these lists.
pub(super) fn progress<'a>(sources: impl IntoIterator<Item = &'a ListSource>) -> Progress {
    let sizes: Vec<u64> = sources.into_iter().map(ListSource::expected_bytes).collect();
    Progress::over(sizes.len(), sizes.into_iter().sum())
}

impl ListSource {
    /// Reads what it consists of. A list that was never fetched has nothing.
    pub(super) fn read(&self) -> Result<Vec<Document>, DocumentError> {
        let (list, cache) = match &self.origin {
            Origin::File(file) => return Ok(vec![document::read(file, self.limit)?]),
            Origin::Configured(list, cache) => (list, cache),
        };
        let failed =
            |cause: LocalError| DocumentError::Configured { name: self.name.clone(), cause: Box::new(cause) };
        let Some((content, _)) = local_content(list, self.limit.bytes, cache).map_err(failed)? else {
            return Err(DocumentError::NeverFetched { name: self.name.clone() });
        };
        let documents = content.documents.into_iter();
        Ok(documents.map(|document| Document { name: document.name, bytes: document.bytes }).collect())
    }

    /// How much there is to read, about.
    pub(super) fn expected_bytes(&self) -> u64 {
        match &self.origin {
            Origin::File(file) => document::expected_bytes(file),
            Origin::Configured(list, cache) => match &list.source {
                Source::File(file) => document::expected_bytes(file),
                Source::Directory(_) => 0,
                Source::Http(_) | Source::Command(_) => {
                    cache.about(&list.name).ok().flatten().map_or(0, |about| about.bytes())
                }
            },
        }
    }

    /// Reads what its documents say.
    pub(super) fn parse(&self, documents: &[Document]) -> Result<ParsedList, ListError> {
        lists::parse(&inputs(documents), &self.options)
    }

    /// Reads its files and what they say, and notes on standard error what was read with a change.
    pub(super) fn load(&self, progress: &Progress) -> anyhow::Result<(Vec<Document>, ParsedList)> {
        progress.working_on(&self.name);
        let documents = self.read()?;
        let content = self.parse(&documents)?;
        progress.advance(self.expected_bytes());
        if let Some(first) = content.warnings.first() {
            let more = match content.warnings.len() {
                1 => "",
                _ => " (and more; `relay-guard list check` shows them)",
            };
            progress.note(&format!("{first}{more}"));
        }
        if is_expired(&content) {
            progress.note(&format!("{}: it says that it has expired", self.name));
        }
        Ok((documents, content))
    }

    /// Its addresses. Everything else that was read is given up at once.
    pub(super) fn addresses(&self, progress: &Progress) -> anyhow::Result<AddressSet> {
        let (documents, content) = self.load(progress)?;
        drop(documents);
        Ok(AddressSet::from(content))
    }
}

/// Documents as the readers of lists take them.
pub(super) fn inputs(documents: &[Document]) -> Vec<Input<'_>> {
    documents.iter().map(|document| Input { name: &document.name, bytes: &document.bytes }).collect()
}

/// Whether a list says that it is of no use any more.
pub(super) fn is_expired(content: &ParsedList) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    content.expires.is_some_and(|expires| expires <= now)
}
