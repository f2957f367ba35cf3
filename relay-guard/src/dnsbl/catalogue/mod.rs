//! Well-known DNSBLs, so that an administrator need not look for names, codes and pages about listings.
//!
//! A zone here is known to have been public under this name for years, and only what its operator states is said of it. Zones
//! end and move all the same: every zone is tested before it is believed, and [`ENDED`] are some that must not be asked any
//! more.

mod table;

use std::net::Ipv4Addr;

use thiserror::Error;

use super::filter::AnswerFilter;
use super::zone::{KEY_PLACE, ZoneName};
use crate::policy::Text;
use crate::policy::text::Words;

pub use table::{ENDED, ZONES};

/// A public DNSBL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownZone {
    /// Its name, in lower case; `{key}` stands for a customer's key.
    pub zone: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// Who runs it.
    pub operator: &'static str,
    /// Whom it lists, in a few words.
    pub what: &'static str,
    /// What being listed means.
    pub kind: Kind,
    /// Whether it lists IPv4 addresses.
    pub ipv4: bool,
    /// Whether it lists IPv6 addresses.
    pub ipv6: bool,
    /// The answers that count where the administrator says nothing; none: all.
    pub answers: Option<&'static str>,
    /// What answers mean, as filters with words, where they mean different things.
    pub codes: &'static [(&'static str, &'static str)],
    /// Answers by which it says that it was asked too often, instead of 127.255.255.255: no listings, whatever the filter.
    pub quota: &'static [Ipv4Addr],
    /// Answers about networks that are not to send mail directly, which says nothing of abuse and nothing at submission
    /// ports.
    pub policy: &'static [Ipv4Addr],
    /// Whether it is known to have the test entries of RFC 5782 §5; without, only a name that does not exist is tried.
    pub test_points: bool,
    /// Whether its operator wants to know who asks, and answers nobody else.
    pub registration: bool,
    /// Where to read about a listing and have it removed; `{address}` may stand in it.
    pub info_url: &'static str,
    /// What to know before it is used; empty if nothing.
    pub note: &'static str,
}

/// What being listed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing good.
    Blocks,
    /// That somebody vouches for the sender.
    Vouches,
    /// Either, by the answer.
    Mixed,
}

impl Kind {
    /// As a table shows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocks => "block",
            Self::Vouches => "allow",
            Self::Mixed => "both",
        }
    }
}

impl KnownZone {
    /// Whether it can be asked without a key, so that its name holds none.
    #[must_use]
    pub fn is_public(&self) -> bool {
        !self.zone.contains(KEY_PLACE)
    }

    /// The answers that count where the administrator says nothing.
    #[must_use]
    pub fn filter(&self) -> AnswerFilter {
        self.answers.and_then(|answers| AnswerFilter::parse(answers).ok()).unwrap_or_default()
    }

    /// Where to read about a listing.
    #[must_use]
    pub fn page(&self) -> Option<Text> {
        Text::new(self.info_url, Words::default()).ok()
    }

    /// Its name, as it can be asked; none if that takes a key.
    #[must_use]
    pub fn name(&self) -> Option<ZoneName> {
        ZoneName::parse(self.zone).ok()
    }

    /// The answers among [`KnownZone::policy`] that a filter lets count.
    pub fn policy_among<'f>(&self, filter: &'f AnswerFilter) -> impl Iterator<Item = Ipv4Addr> + use<'f> {
        self.policy.iter().copied().filter(|answer| filter.matches(*answer))
    }

    /// Whether this is its name, with whatever key in it.
    fn is(&self, zone: &str) -> bool {
        match self.zone.split_once(KEY_PLACE) {
            None => self.zone == zone,
            Some((before, after)) => zone
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|key| !key.contains('.')),
        }
    }
}

/// What is known of a zone, whatever key is in its name.
#[must_use]
pub fn known(zone: &ZoneName) -> Option<&'static KnownZone> {
    ZONES.iter().find(|known| known.is(zone.expose()))
}

/// What became of a zone that nobody runs any more. Some of these answer every question with a listing.
#[must_use]
pub fn ended(zone: &ZoneName) -> Option<&'static str> {
    let below = |ended: &str| {
        zone.expose().strip_suffix(ended).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    ENDED.iter().find(|(ended, _)| below(ended)).map(|(_, what)| *what)
}

/// Public zones that say nothing good of those whom they list: where to look whether one is listed oneself.
pub fn public_blocklists() -> impl Iterator<Item = &'static KnownZone> {
    ZONES.iter().filter(|known| known.kind == Kind::Blocks && known.is_public())
}

/// A name that no zone of the catalogue has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no zone {name:?} in the catalogue{}", suggestion(*.nearest))]
pub struct UnknownZone {
    /// The name.
    pub name: String,
    /// The name that was probably meant.
    pub nearest: Option<&'static str>,
}

fn suggestion(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest:?}?"),
        None => "; `relay-guard dnsbl catalogue` shows them".to_owned(),
    }
}

/// The zone of this name, in any case.
///
/// # Errors
/// [`UnknownZone`], with the nearest name if one is near.
pub fn find(name: &str) -> Result<&'static KnownZone, UnknownZone> {
    let lower = name.trim_end_matches('.').to_lowercase();
    if let Some(known) = ZONES.iter().find(|known| known.zone == lower) {
        return Ok(known);
    }
    let nearest = ZONES.iter().map(|known| (strsim::osa_distance(&lower, known.zone), known.zone)).min();
    // Up to a quarter of the letters may be wrong; more, and it is another name.
    let nearest = nearest.filter(|(distance, near)| distance * 4 <= near.len()).map(|(_, near)| near);
    let part = || ZONES.iter().map(|known| known.zone).find(|near| lower.len() >= 4 && near.contains(&lower));
    Err(UnknownZone { name: name.to_owned(), nearest: nearest.or_else(part) })
}

#[cfg(test)]
mod tests;
