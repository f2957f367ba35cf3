//! Zone files of rbldnsd, answered as rbldnsd 1.0 with `-e` answers them (rbldnsd(8)).
//!
//! **Kinds.** `$DATASET` names the kind of each section of a `combined` file. A file without `$DATASET` does not say what
//! it is; each line is taken by its form: IPv4 as an entry of an `ip4set`, IPv6 of an `ip6trie` (which reads what an
//! `ip6tset` reads), a domain name as one of a `dnset`. An `ip4trie` answers differently where entries with different
//! values are nested: put `$DATASET ip4trie @` above it. Several documents without `$DATASET` are one data set, in which
//! an exclusion is one for all, as `zone:ip4set:file,file` has it.
//!
//! **Subzones.** The list is what a query for the zone itself (`@`) gets; sections only for subzones are left out and
//! counted. If no section is for the zone itself, all are taken.
//!
//! **Nesting.** See [`sweep`]. Entries of different sections do not affect each other; their answers are joined.
//!
//! **Differences.** A bad line, on which rbldnsd only warns, refuses the list. Host bits are masked, or refused where
//! the list says so. IPv4-mapped IPv6 is IPv4. Names, generic records and access rules are left out and counted.

mod dataset;
mod entry;
mod read;
mod special;
mod sweep;
mod token;
mod value;

use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

use super::Format;
use super::collect::Collector;
use super::error::{DocumentCause, ListError};
use super::parsed::{Group, ParsedList};
use dataset::Answers;
use read::Zone;

pub(super) use entry::is_zone_line;

/// The most data sets of a list; each has its own variables.
const MAX_DATASETS: usize = 256;

/// What can be wrong with a line of an rbldnsd zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ZoneCause {
    /// No entry of the data set's kind.
    #[error("not an address, prefix or range of an {kind}")]
    Address {
        /// The kind.
        kind: &'static str,
    },
    /// No entry of any kind.
    #[error("not an address, prefix or range as rbldnsd reads it, nor a domain name")]
    Entry,
    /// A bad A value.
    #[error("not a value: behind an entry stand :A, :A:TEXT or TEXT, and A is an address or its last number")]
    Value,
    /// An unknown special line.
    #[error("not a special line that rbldnsd knows")]
    Special,
    /// A bad `$MAXRANGE4`.
    #[error("$MAXRANGE4 takes a number of addresses, or / and a prefix length")]
    MaxRange,
    /// A bad `$TIMESTAMP`.
    #[error("$TIMESTAMP takes yyyy:mm:dd[:hh[:mi[:ss]]] twice, the second time also as +TIME or 0")]
    Timestamp,
    /// A `$DATASET` within a data set of the kind `combined`.
    #[error("data sets cannot be nested")]
    Nested,
    /// A kind that rbldnsd does not have.
    #[error("rbldnsd has no data sets of this kind")]
    Kind,
    /// More data sets than a list may have.
    #[error("more than {MAX_DATASETS} data sets")]
    TooMany,
    /// An entry before the first `$DATASET`.
    #[error("in a file with $DATASET lines, no entry comes before the first of them")]
    BeforeDataset,
    /// An entry of an `ip6tset` that is not a /64.
    #[error("an entry of an ip6tset is a /64, written as four groups without a prefix length")]
    FourGroups,
    /// An exclusion of an `ip6tset` that is not a /128.
    #[error("an exclusion of an ip6tset is a whole address")]
    WholeAddress,
}

/// The reader: fed with documents one after the other.
pub(super) struct Reader {
    zone: Zone,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { zone: Zone::default() }
    }

    /// Reads a document.
    pub(super) fn parse(&mut self, text: &[u8], out: &mut Collector<'_>) -> Result<(), DocumentCause> {
        self.zone.read(text, out)
    }

    /// The list.
    pub(super) fn finish(self, mut out: Collector<'_>) -> Result<ParsedList, ListError> {
        let Zone { datasets, values, expires, .. } = self.zone;
        let all = !datasets.iter().any(|dataset| dataset.in_base);
        let count = values.addresses.len();
        let mut answers = Answers {
            v4: vec![Vec::new(); count],
            v6: vec![Vec::new(); count],
            max_entries: out.options.max_entries,
        };
        for dataset in datasets {
            let entries = dataset.v4.len() + dataset.v6.len();
            if !(all || dataset.in_base) {
                if entries > 0 {
                    *out.summary.skipped.entry("only in subzones").or_default() += entries;
                }
            } else if dataset.answer(&mut answers).is_none() {
                return Err(ListError::TooManyEntries { name: out.name(), limit: out.options.max_entries });
            }
        }
        let mut groups: Vec<Group> = values
            .addresses
            .iter()
            .zip(answers.v4.into_iter().zip(answers.v6))
            .filter(|(_, (v4, v6))| !v4.is_empty() || !v6.is_empty())
            .map(|(value, (v4, v6))| Group { value: Some(Ipv4Addr::from(*value)), v4, v6 })
            .collect();
        groups.sort_by_key(|group| group.value);
        let mut list = out.finish_groups(Format::Rbldnsd, groups)?;
        list.expires = expires;
        Ok(list)
    }

    /// The TXT record of the wanted line for an address.
    pub(super) fn note(self, address: Option<IpAddr>) -> Option<Vec<u8>> {
        let (template, dataset) = self.zone.wanted?;
        let dataset = self.zone.datasets.get(dataset)?;
        let template = template.as_deref().unwrap_or(dataset.default().template);
        Some(value::substitute(template, &dataset.variables, address)).filter(|text| !text.is_empty())
    }
}
