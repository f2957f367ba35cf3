//! Well-known feeds by name, so that an administrator need not look for URLs, formats and terms.
//!
//! A feed here is known to have been published at this place for years. Feeds end and move all the same; the URL in a
//! configuration then takes the place of this table. Nothing of a feed's content is part of this program.

mod table;

use relay_guard_common::action::Action;
use thiserror::Error;

use crate::policy::Applies;
use url::Url;

use super::schedule::Timing;
use super::source::HttpSource;

pub use table::FEEDS;

/// A published list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feed {
    /// What the configuration calls it.
    pub name: &'static str,
    /// What it holds, in a few words.
    pub title: &'static str,
    /// Where it is; several documents make one list.
    pub urls: &'static [&'static str],
    /// The name of the documents' format, as a list's `format` says it.
    pub format: &'static str,
    /// The families of addresses in it.
    pub families: Families,
    /// How often to fetch it, in seconds.
    pub interval: u64,
    /// The least time between two fetches that its provider accepts, in seconds.
    pub floor: u64,
    /// Which side of a connection it speaks of.
    pub applies: Applies,
    /// What to do with what it lists, unless the administrator says otherwise.
    pub action: Action,
    /// The widest prefixes in it, as prefix lengths of IPv4 and IPv6, where it holds wider ones than a list may.
    pub widest: Option<(u8, u8)>,
    /// Terms of use as the provider states them, shortened; the provider's own words count.
    pub terms: &'static str,
    /// What to know before it is used; empty if nothing.
    pub caution: &'static str,
    /// The provider's page about it.
    pub homepage: &'static str,
}

impl Feed {
    /// Where to fetch it from: its URLs, without secrets, with the system's trust.
    #[must_use]
    pub fn source(&self) -> HttpSource {
        let urls = self.urls.iter().map(|url| Url::parse(url).expect("a test parses every URL of the table"));
        HttpSource::new(urls.collect())
    }

    /// How often to fetch it.
    #[must_use]
    pub fn timing(&self) -> Timing {
        Timing::new(self.interval, self.floor)
    }
}

/// Families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
    /// Both.
    Both,
}

impl Families {
    /// As a table shows it: `IPv4`, `IPv6` or `both`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
            Self::Both => "both",
        }
    }
}

/// A name that no feed has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no feed {name:?} in the catalogue{}", suggestion(*.nearest))]
pub struct UnknownFeed {
    /// The name.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest:?}?"),
        None => "; `relay-guard list catalogue` shows them".to_owned(),
    }
}

/// The feed of this name.
///
/// # Errors
/// [`UnknownFeed`], with the nearest name if one is near.
pub fn find(name: &str) -> Result<&'static Feed, UnknownFeed> {
    if let Some(feed) = FEEDS.iter().find(|feed| feed.name == name) {
        return Ok(feed);
    }
    let lower = name.to_lowercase();
    let nearest = FEEDS.iter().map(|feed| (strsim::osa_distance(&lower, feed.name), feed.name)).min();
    // Up to a third of the letters may be wrong; more, and it is another word.
    let nearest = nearest.filter(|(distance, near)| distance * 3 <= near.len()).map(|(_, near)| near);
    let nearest = nearest.or_else(|| {
        FEEDS.iter().map(|feed| feed.name).find(|near| lower.len() >= 4 && near.contains(&lower))
    });
    Err(UnknownFeed { name: name.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::schedule::{HTTP_FLOOR, MAX_INTERVAL};
    use super::super::source::check_url;
    use super::*;

    #[test]
    fn every_feed_is_complete_and_its_times_make_sense() {
        let formats = ["plain", "drop-json", "drop-text", "dshield", "rbldnsd"];
        for feed in FEEDS {
            let Feed { name, title, terms, homepage, .. } = feed;
            assert!(feed.interval >= feed.floor, "{name}");
            assert!((HTTP_FLOOR..=MAX_INTERVAL).contains(&feed.floor), "{name}");
            assert!(feed.interval <= MAX_INTERVAL, "{name}");
            assert!(formats.contains(&feed.format), "{name}: {}", feed.format);
            assert!(!feed.urls.is_empty(), "{name}");
            assert_eq!(feed.source().urls.len(), feed.urls.len());
            assert_eq!((feed.timing().interval(), feed.timing().floor()), (feed.interval, feed.floor));
            for url in feed.urls.iter().chain([homepage]) {
                let url = Url::parse(url).unwrap_or_else(|error| panic!("{name}: {url}: {error}"));
                check_url(&url).unwrap();
                assert!(url.username().is_empty() && url.query().is_none(), "{name}: {url}");
            }
            for text in [title, terms] {
                assert!(!text.is_empty() && !text.ends_with('.') && text.len() <= 120, "{name}: {text}");
            }
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(!name.is_empty() && name.bytes().all(plain), "{name}");
        }
    }

    #[test]
    fn names_and_urls_are_unique_and_names_in_order() {
        let names: Vec<&str> = FEEDS.iter().map(|feed| feed.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
        let urls: Vec<&str> = FEEDS.iter().flat_map(|feed| feed.urls).copied().collect();
        assert_eq!(urls.iter().collect::<BTreeSet<_>>().len(), urls.len(), "{urls:?}");
    }

    #[test]
    fn unencrypted_feeds_say_so() {
        for feed in FEEDS {
            let clear = feed.urls.iter().any(|url| url.starts_with("http://"));
            assert_eq!(clear, feed.caution.contains("without encryption"), "{}", feed.name);
        }
    }

    #[test]
    fn spamhaus_is_asked_no_more_than_once_an_hour() {
        for feed in FEEDS.iter().filter(|feed| feed.urls.iter().any(|url| url.contains("spamhaus.org"))) {
            assert!(feed.floor >= 3600, "{}", feed.name);
        }
    }

    #[test]
    fn feeds_are_found_by_name_and_nearly() {
        for feed in FEEDS {
            assert_eq!(find(feed.name).unwrap().name, feed.name);
        }
        for (name, expected) in [
            ("spamhaus-dorp", Some("spamhaus-drop")),
            ("Spamhaus-DROP", Some("spamhaus-drop")),
            ("dshields", Some("dshield")),
            ("firehol-level9", Some("firehol-level1")),
            ("fullbogons", Some("cymru-fullbogons")),
            ("my-own-list", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(find(name).unwrap_err().nearest, expected, "{name}");
        }
        assert_eq!(
            find("spamhaus-dorp").unwrap_err().to_string(),
            "no feed \"spamhaus-dorp\" in the catalogue: did you mean \"spamhaus-drop\"?"
        );
        assert_eq!(
            find("x").unwrap_err().to_string(),
            "no feed \"x\" in the catalogue; `relay-guard list catalogue` shows them"
        );
    }
}
