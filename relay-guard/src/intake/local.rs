//! What is here of a list without asking any server: its files, or its last good copy. For commands without a daemon.

use thiserror::Error;

use super::{copy, entries, limit};
use crate::config::ListConfig;
use crate::feeds::cache::{Cache, CacheError};
use crate::feeds::source::{Content, FetchError, Fetcher, Source};
use crate::lists::{ListError, ParsedList};

/// A list as it is here.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its entries.
    pub list: ParsedList,
    /// The documents that they were read from.
    pub content: Content,
    /// When it was fetched, seconds since the epoch; none for files, which are read as they are now.
    pub fetched_at: Option<u64>,
}

/// Why there is nothing here of a list.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each is the error of what it names")]
pub enum LocalError {
    #[error(transparent)]
    Files(#[from] FetchError),
    #[error(transparent)]
    Copy(#[from] CacheError),
    #[error(transparent)]
    Content(#[from] ListError),
}

/// Reads what is here of a list; nothing if it has never been fetched. Blocks, and must not be called on a runtime.
///
/// # Errors
/// [`LocalError`].
pub fn local(list: &ListConfig, bytes: u64, cache: &Cache) -> Result<Option<Local>, LocalError> {
    let Some((content, fetched_at)) = local_content(list, bytes, cache)? else { return Ok(None) };
    Ok(Some(Local { list: entries(&content, &list.options)?, content, fetched_at }))
}

/// As [`local`], but without reading the entries: the content, and when it was fetched, if it was.
///
/// # Errors
/// [`LocalError`].
pub fn local_content(
    list: &ListConfig,
    bytes: u64,
    cache: &Cache,
) -> Result<Option<(Content, Option<u64>)>, LocalError> {
    match &list.source {
        Source::File(_) | Source::Directory(_) => {
            Ok(Some((Fetcher::default().fetch_blocking(&list.source, limit(bytes))?, None)))
        }
        Source::Http(_) | Source::Command(_) => {
            let copy = copy::load(cache, list, bytes)?;
            Ok(copy.map(|(about, content)| (content, Some(about.fetched_at))))
        }
    }
}
