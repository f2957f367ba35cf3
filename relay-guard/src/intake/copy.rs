//! The last good copy of a list, read back. All of it blocks on the file system.

use std::net::IpAddr;

use thiserror::Error;

use super::{entries, inputs, limit};
use crate::config::ListConfig;
use crate::feeds::cache::{About, Cache, CacheError};
use crate::feeds::source::Content;
use crate::lists::{Entry, ListError, ParsedList, describe};

/// Why there is no last good copy.
#[derive(Debug, Error)]
pub enum CopyError {
    /// It cannot be read, or is damaged.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// It cannot be read in the way that the list is read now.
    #[error("the last good copy: {0}")]
    Content(ListError),
}

/// A last good copy.
#[derive(Clone, Debug)]
pub struct LastGood {
    /// Its entries.
    pub list: ParsedList,
    /// The documents that they were read from.
    pub content: Content,
    /// What is known of it.
    pub about: About,
}

/// The last good copy of a list, at most `bytes` of it, if there is one and it came from where the list comes from now.
///
/// # Errors
/// [`CopyError`].
pub fn last_good(cache: &Cache, list: &ListConfig, bytes: u64) -> Result<Option<LastGood>, CopyError> {
    let Some((about, content)) = load(cache, list, bytes)? else { return Ok(None) };
    let list = entries(&content, &list.options).map_err(CopyError::Content)?;
    Ok(Some(LastGood { list, content, about }))
}

/// What is known of the last good copy of a list, if there is one and it came from where the list comes from now.
///
/// # Errors
/// [`CacheError`].
pub fn about(cache: &Cache, list: &ListConfig) -> Result<Option<About>, CacheError> {
    Ok(cache.about(&list.name)?.filter(|about| about.source == list.source.id()))
}

/// What the last good copy of a list says in a line (counted through all documents) about an address.
///
/// # Errors
/// [`CacheError`].
pub fn describe_line(
    cache: &Cache,
    list: &ListConfig,
    bytes: u64,
    line: u32,
    address: IpAddr,
) -> Result<Option<Entry>, CacheError> {
    let Some((_, content)) = load(cache, list, bytes)? else { return Ok(None) };
    Ok(describe(&inputs(&content), &list.options, line, Some(address)))
}

pub(super) fn load(
    cache: &Cache,
    list: &ListConfig,
    bytes: u64,
) -> Result<Option<(About, Content)>, CacheError> {
    match about(cache, list)? {
        Some(_) => cache.load(&list.name, limit(bytes)),
        None => Ok(None),
    }
}
