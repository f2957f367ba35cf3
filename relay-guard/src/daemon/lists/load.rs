//! The lists of a configuration: what is known of them is kept, the rest is read, or comes from the cache.

use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

use super::{
    Bounds, ListSet,
    list::{Intake, LoadedList, Part},
    watch::Watch,
};
use crate::{
    config::{Config, ListConfig},
    daemon::clock::Tick,
    datapath::Tally,
    feeds::{
        schedule::{Schedule, Timing},
        source::{Fetcher, Source},
    },
    intake::{self, Failure, LastGood},
    lists::ParsedList,
    policy::{
        ListSlot,
        places::{TooManyParts, place_lists},
    },
};

/// A list that could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("list {name}: {}", failure.message)]
pub struct LoadListError {
    /// The list.
    pub name: String,
    /// Why.
    pub failure: Failure,
}

impl ListSet {
    /// Loads all lists of a configuration. What `before` knows of lists that come from the same place and are read in
    /// the same way is kept; files that have changed are read; what cannot be read for the first time comes from the
    /// cache; nothing is fetched.
    ///
    /// # Errors
    /// All lists whose files cannot be read, if there is no last good copy, or if they could be read before.
    pub async fn load(
        config: &Config,
        before: &Self,
        fetcher: &Fetcher,
        now: Tick,
    ) -> Result<Self, Vec<LoadListError>> {
        let mut set =
            Self { lists: Vec::new(), bounds: before.bounds.clone(), next_number: before.next_number };
        let places = places(config, before).map_err(|error| {
            let name = config.lists.last().map_or_else(String::new, |list| list.name.clone());
            vec![LoadListError { name, failure: Failure::of_content("places", error.to_string()) }]
        })?;
        let mut errors = Vec::new();
        for list in &config.lists {
            set.next_number += 1;
            let loaded = match before.find(&list.name).filter(|known| known.is_still(list)) {
                Some(known) => known.kept(list, set.next_number, fetcher, &set.bounds, now).await,
                None => fresh(list, set.next_number, fetcher, &set.bounds, now).await,
            };
            match loaded {
                Ok(mut loaded) => {
                    loaded.parts = parts(list, &places);
                    loaded.counted = before.find(&list.name).map_or_else(Tally::default, |list| list.counted);
                    set.lists.push(loaded);
                }
                Err(failure) => errors.push(LoadListError { name: list.name.clone(), failure }),
            }
        }
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// Removes copies of lists that are not in the set from the cache. While a list is being taken in this is left for
    /// the next time: its copy may be half written.
    pub fn prune_cache(&self) {
        if self.lists.iter().any(|list| list.busy) {
            return;
        }
        let names: Vec<&str> = self.lists.iter().map(|list| list.config.name.as_str()).collect();
        if let Err(error) = self.bounds.cache.prune(&names) {
            tracing::warn!("cannot tidy the cache of lists: {error}");
        }
    }
}

/// Places by list and value.
type Places = BTreeMap<(String, Option<Ipv4Addr>), ListSlot>;

/// The places of all parts; those of parts that stay are kept.
fn places(config: &Config, before: &ListSet) -> Result<Places, TooManyParts> {
    let known = before
        .lists
        .iter()
        .flat_map(|list| list.parts.iter().map(|part| ((list.config.name.clone(), part.value), part.slot)));
    let wanted: Vec<_> = config
        .lists
        .iter()
        .flat_map(|list| list.parts().map(|(value, _)| (list.name.clone(), value)))
        .collect();
    place_lists(&known.collect(), wanted.into_iter())
}

fn parts(list: &ListConfig, places: &Places) -> Vec<Part> {
    let place = |value| places.get(&(list.name.clone(), value)).copied();
    list.parts().filter_map(|(value, rule)| Some(Part { slot: place(value)?, value, rule })).collect()
}

impl LoadedList {
    fn new(config: &ListConfig, number: u64, intake: Intake) -> Self {
        Self {
            config: config.clone(),
            parts: Vec::new(),
            content: Arc::new(ParsedList::default()),
            figures: None,
            addresses: (0, 0),
            loaded_at: 0,
            refreshed_at: None,
            fault: None,
            unkept: None,
            counted: Tally::default(),
            busy: false,
            asked_at: 0,
            number,
            intake,
            validators: Vec::new(),
        }
    }

    /// Whether what is known of it is also right for this configuration.
    fn is_still(&self, config: &ListConfig) -> bool {
        self.config.source == config.source && self.config.options == config.options
    }

    /// The same list under a new configuration; files that have changed are read. It has the number `number` then, so
    /// that what is being read of it meanwhile, and is older, comes to nothing.
    async fn kept(
        &self,
        config: &ListConfig,
        number: u64,
        fetcher: &Fetcher,
        bounds: &Bounds,
        now: Tick,
    ) -> Result<Self, Failure> {
        let intake = match &self.intake {
            Intake::Watched { watch, reading } => {
                Intake::Watched { watch: watch.clone(), reading: reading.clone() }
            }
            Intake::Fetched(schedule) => {
                let mut schedule = schedule.clone();
                schedule.retime(timing(config), now.monotonic_s);
                Intake::Fetched(schedule)
            }
        };
        let mut list = Self {
            content: Arc::clone(&self.content),
            figures: self.figures,
            addresses: self.addresses,
            loaded_at: self.loaded_at,
            refreshed_at: self.refreshed_at,
            fault: self.fault.clone(),
            unkept: self.unkept.clone(),
            busy: self.busy,
            asked_at: self.asked_at,
            validators: self.validators.clone(),
            ..Self::new(config, self.number, intake)
        };
        if let Intake::Watched { watch, .. } = &list.intake {
            let current = config.source.fingerprints().map_err(Failure::from)?.unwrap_or_default();
            if !watch.has_taken(&current) {
                list.number = number;
                list.read(fetcher, bounds, now).await?;
            }
        }
        Ok(list)
    }

    /// Reads it here and now. A failure is the caller's to tell.
    async fn read(&mut self, fetcher: &Fetcher, bounds: &Bounds, now: Tick) -> Result<(), Failure> {
        let task = self.task(false, bounds, now);
        match intake::run(fetcher, task).await {
            Ok(taken) => {
                self.done(Ok(taken), now);
                Ok(())
            }
            Err(failure) => {
                self.refuse(&failure, now);
                Err(failure)
            }
        }
    }

    /// Takes the last good copy, if it has none better.
    fn restore(&mut self, copy: LastGood) {
        self.figures = Some(copy.about.figures);
        self.validators = copy.content.validators();
        self.hold(Arc::new(copy.list));
        self.loaded_at = copy.about.fetched_at;
        self.refreshed_at = Some(copy.about.checked_at);
    }
}

/// A list that nothing is known of yet.
async fn fresh(
    config: &ListConfig,
    number: u64,
    fetcher: &Fetcher,
    bounds: &Bounds,
    now: Tick,
) -> Result<LoadedList, Failure> {
    if !matches!(config.source, Source::File(_) | Source::Directory(_)) {
        return Ok(fetched(config, number, last_good(config, bounds), now));
    }
    let mut list =
        LoadedList::new(config, number, Intake::Watched { watch: Watch::default(), reading: None });
    // The shape of the last good copy counts, but its content is only taken where the files fail.
    list.figures = intake::about(&bounds.cache, config).ok().flatten().map(|about| about.figures);
    match list.read(fetcher, bounds, now).await {
        Ok(()) => Ok(list),
        Err(failure) => match last_good(config, bounds) {
            Some(copy) => {
                list.restore(copy);
                list.fail(&failure, now.unix_s);
                Ok(list)
            }
            None => Err(failure),
        },
    }
}

/// The last good copy, if there is one that can be used.
fn last_good(config: &ListConfig, bounds: &Bounds) -> Option<LastGood> {
    intake::last_good(&bounds.cache, config, bounds.list_bytes).unwrap_or_else(|error| {
        tracing::warn!(list = config.name, "{error}");
        None
    })
}

/// A list that is fetched by a clock: until then its last good copy is in force.
fn fetched(config: &ListConfig, number: u64, copy: Option<LastGood>, now: Tick) -> LoadedList {
    let age = copy.as_ref().map(|copy| now.unix_s.saturating_sub(copy.about.checked_at));
    let schedule = Schedule::new(&config.name, seed(), timing(config), now.monotonic_s, age);
    let mut list = LoadedList::new(config, number, Intake::Fetched(schedule));
    if let Some(copy) = copy {
        list.restore(copy);
    }
    list
}

fn timing(config: &ListConfig) -> Timing {
    Timing::new(config.interval.as_secs(), config.floor.as_secs())
}

/// What this machine has and others have not, so that not all of them ask at the same moment.
fn seed() -> u64 {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    id.bytes().fold(0, |seed: u64, byte| seed.rotate_left(5) ^ u64::from(byte))
}
