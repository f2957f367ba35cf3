//! Where a list comes from, and how often it is asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::values::duration;
use crate::config::error::Fault;
use crate::config::raw::{self, Text};
use crate::feeds::catalogue::{self, Feed};
use crate::feeds::source::{
    CommandSource, DEFAULT_TIMEOUT, HttpSource, Source, check_header_name, check_url,
};

/// How often something is fetched, unless told otherwise.
const INTERVAL: Duration = Duration::from_secs(3600);
/// Nobody's server is asked more often than this.
const FLOOR: Duration = Duration::from_secs(60);
const MAX_INTERVAL: Duration = Duration::from_secs(31 * 24 * 3600);
const TIMEOUTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

/// Where a list comes from.
pub(super) struct Origin {
    pub(super) source: Source,
    pub(super) feed: Option<&'static Feed>,
    pub(super) interval: Duration,
    pub(super) floor: Duration,
    /// Whether it is asked for by a clock; files and directories are watched.
    pub(super) fetched: bool,
}

pub(super) fn origin(raw: &raw::List, directory: &Path) -> Result<Origin, Fault> {
    let source = only_one(raw)?;
    let fetched = matches!(source, "url" | "feed" | "command");
    let keys = [
        ("interval", &raw.interval, fetched),
        ("timeout", &raw.timeout, fetched),
        ("bearer_file", &raw.bearer_file, fetched && source != "command"),
        ("header", &raw.header, fetched && source != "command"),
        ("header_file", &raw.header_file, fetched && source != "command"),
        ("ca_file", &raw.ca_file, fetched && source != "command"),
    ];
    if let Some((key, Some(text), _)) = keys.into_iter().find(|(_, text, fits)| text.is_some() && !fits) {
        let message = format!("{key} means nothing for a list with {source}; leave it out");
        return Err(Fault::new(text.span(), message));
    }
    let feed = raw.feed.as_ref().map(feed).transpose()?;
    let floor = feed.map_or(FLOOR, |feed| Duration::from_secs(feed.floor));
    let default = feed.map_or(INTERVAL, |feed| Duration::from_secs(feed.interval));
    Ok(Origin {
        source: content(raw, feed, directory)?,
        feed,
        fetched,
        interval: duration(raw.interval.as_ref(), default, (floor, MAX_INTERVAL))?,
        floor,
    })
}

/// The key that says where the list comes from.
fn only_one(raw: &raw::List) -> Result<&'static str, Fault> {
    let command = raw.command.as_ref().map(toml::Spanned::span);
    let span = |text: &Option<Text>| text.as_ref().map(Text::span);
    let keys = [
        ("file", span(&raw.file)),
        ("directory", span(&raw.directory)),
        ("url", span(&raw.url)),
        ("command", command),
        ("feed", span(&raw.feed)),
    ];
    let mut named = keys.into_iter().filter_map(|(key, span)| Some((key, span?)));
    let message = "write exactly one of file, directory, url, command and feed for a list";
    let Some((key, _)) = named.next() else {
        return Err(Fault::new(raw.name.span(), format!("the list comes from nowhere: {message}")));
    };
    match named.next() {
        Some((_, span)) => Err(Fault::new(span, message)),
        None => Ok(key),
    }
}

fn feed(raw: &Text) -> Result<&'static Feed, Fault> {
    catalogue::find(raw.get_ref()).map_err(|error| Fault::new(raw.span(), error.to_string()))
}

fn content(raw: &raw::List, feed: Option<&'static Feed>, directory: &Path) -> Result<Source, Fault> {
    if let Some(file) = &raw.file {
        return path(file, directory).map(Source::File);
    }
    if let Some(folder) = &raw.directory {
        return path(folder, directory).map(Source::Directory);
    }
    let timeout = duration(raw.timeout.as_ref(), DEFAULT_TIMEOUT, TIMEOUTS)?;
    if let Some(command) = &raw.command {
        let argv: Vec<String> = command.get_ref().iter().map(|word| word.get_ref().clone()).collect();
        let absolute = argv.first().is_some_and(|program| program.starts_with('/'));
        if !absolute || argv.iter().any(|word| word.contains('\0')) {
            let message = "a command is a program with its absolute path, then its arguments: [\"/usr/bin/fetch\", \"x\"]";
            return Err(Fault::new(command.span(), message));
        }
        return Ok(Source::Command(CommandSource { argv, timeout }));
    }
    let urls = match (&raw.url, feed) {
        (Some(url), _) => vec![web_address(url)?],
        (None, feed) => feed.map_or_else(Vec::new, |feed| feed.source().urls),
    };
    Ok(Source::Http(HttpSource {
        urls,
        bearer_file: raw.bearer_file.as_ref().map(|file| path(file, directory)).transpose()?,
        header: header(raw, directory)?,
        ca_file: raw.ca_file.as_ref().map(|file| path(file, directory)).transpose()?,
        timeout,
    }))
}

fn web_address(raw: &Text) -> Result<Url, Fault> {
    let text = raw.get_ref();
    let url =
        Url::parse(text).map_err(|cause| Fault::new(raw.span(), format!("{text:?} is no URL: {cause}")))?;
    check_url(&url)
        .map_err(|cause| Fault::new(raw.span(), format!("{text:?} cannot be fetched: {cause}")))?;
    Ok(url)
}

/// A header's name and the file that holds its value: a secret does not belong into the configuration.
fn header(raw: &raw::List, directory: &Path) -> Result<Option<(String, PathBuf)>, Fault> {
    let message =
        "header and header_file belong together: the header's name, and the file that holds its value";
    match (&raw.header, &raw.header_file) {
        (None, None) => Ok(None),
        (Some(name), Some(file)) => {
            check_header_name(name.get_ref()).map_err(|message| Fault::new(name.span(), message))?;
            Ok(Some((name.get_ref().clone(), path(file, directory)?)))
        }
        (Some(text), None) | (None, Some(text)) => Err(Fault::new(text.span(), message)),
    }
}

pub(super) fn path(raw: &Text, directory: &Path) -> Result<PathBuf, Fault> {
    if raw.get_ref().is_empty() || raw.get_ref().contains('\0') {
        return Err(Fault::new(raw.span(), "no file is named; write its path"));
    }
    Ok(directory.join(raw.get_ref()))
}
