//! What the configured lists say of an address as a source of inbound mail: compiled and looked up as the daemon and the
//! kernel do, but in memory.

use std::{collections::HashMap, net::IpAddr};

use relay_guard_common::{
    address::Address,
    class::Class,
    decide::{Policy, decide_inbound},
    ports::PortGroups,
    table::{self, Cell},
    verdict::{Steering, Verdict},
};
use serde::Serialize;
use thiserror::Error;

use crate::{
    config::{Config, ListConfig},
    feeds::cache::Cache,
    intake::{Local, local},
    lists::ParsedList,
    policy::{
        ClassInterner, ListRule, ListSlot, PlacedList, Protected, ProtectedKind,
        compile::{CompileError, compile},
        ports::Judged,
    },
    table::{Plan, TableError},
};

/// Octets of a cell.
const CELL: u64 = 64;

/// Why lists could not be put together.
#[derive(Debug, Error)]
pub enum ListingsError {
    /// Too many sets of lists, or groups of ports.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Too many entries.
    #[error(transparent)]
    Table(#[from] TableError),
    /// More than the limit.
    #[error("the table would take {0} bytes, more than limits.table_bytes = {1}")]
    TooLarge(u64, u64),
}

/// What is said of a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The port that it was asked about, host byte order.
    pub port: u16,
    /// What policy wants.
    pub action: &'static str,
    /// Why.
    pub reason: &'static str,
    /// The lists that hold it, in the order of the configuration, whether or not they judge it.
    pub lists: Vec<String>,
    /// What protects it, the most telling first.
    pub protected: Vec<&'static str>,
}

/// The configured lists.
#[derive(Debug)]
pub struct Listings {
    cells: Vec<Cell>,
    classes: HashMap<u32, Class>,
    groups: PortGroups,
    interner: ClassInterner,
    /// The name of the list that has each place.
    names: Vec<String>,
    guarded: Vec<u16>,
}

impl Listings {
    /// Reads what is here of the lists (files, and last good copies of others) and compiles it. `now` (seconds since the epoch)
    /// says which are too old to have a say. What is left out is told in the notes.
    ///
    /// # Errors
    /// [`ListingsError`].
    pub fn load(config: &Config, now: u64) -> Result<(Self, Vec<String>), ListingsError> {
        let cache = Cache::at(&config.daemon.cache_dir);
        let (mut good, mut notes) = (Vec::new(), Vec::new());
        for list in &config.lists {
            match content(list, config.limits.list_bytes, &cache, now) {
                Ok(content) => good.push((list, content)),
                Err(why) => notes.push(format!("list {}: {why}; it is left out", list.name)),
            }
        }
        Ok((Self::compile(config, &good)?, notes))
    }

    fn compile(config: &Config, lists: &[(&ListConfig, ParsedList)]) -> Result<Self, ListingsError> {
        let rules: Vec<Vec<ListRule>> =
            lists.iter().map(|(list, _)| list.parts().map(|(_, rule)| rule).collect()).collect();
        let (mut placed, mut names) = (Vec::new(), Vec::new());
        for ((list, content), rules) in lists.iter().zip(&rules) {
            let first = names.len();
            names.extend(rules.iter().map(|_| list.name.clone()));
            for group in &content.groups {
                let part = list.part_of(group.value);
                // The configuration allows no more parts than there are places.
                if let Some(slot) = u8::try_from(first + part).ok().and_then(ListSlot::new) {
                    placed.push(PlacedList { slot, rule: &rules[part], v4: &group.v4, v6: &group.v6 });
                }
            }
        }
        // Addresses of the machine that reads a capture say nothing about the network where it was made.
        let protected = Protected::new(&config.hosts, &config.protected, &[]);
        let judged = Judged { ports: &config.ports, zones: &config.dnsbl.ports() };
        let mut interner = ClassInterner::new();
        let compiled = compile(&placed, &protected, judged, &mut interner)?;
        let plan = Plan::new(&compiled.v4, &compiled.v6)?;
        let bytes = u64::from(plan.cells()) * CELL;
        if bytes > config.limits.table_bytes {
            return Err(ListingsError::TooLarge(bytes, config.limits.table_bytes));
        }
        Ok(Self {
            cells: plan.to_cells(),
            classes: compiled.rules.classes.into_iter().collect(),
            groups: compiled.rules.ports.kernel_groups(&PortGroups::ONE),
            interner,
            names,
            guarded: config.ports.guarded.clone(),
        })
    }

    /// What is said of a source that connects to a port; if that is not guarded, to the first one that is.
    #[must_use]
    pub fn of(&self, source: IpAddr, port: u16) -> Listing {
        let known = self.guarded.iter().find(|guarded| **guarded == port);
        let port = known.or(self.guarded.first()).copied().unwrap_or(port);
        let source = Address::from(source);
        let decision = decide_inbound(self, source, port).at_port(port);
        let set = self.interner.lists_of(self.class_of(source)).unwrap_or(0);
        let mut lists: Vec<String> = Vec::new();
        for (slot, name) in (0_u8..).zip(&self.names) {
            let holds = ListSlot::new(slot).is_some_and(|slot| set & slot.bit() != 0);
            if holds && !lists.contains(name) {
                lists.push(name.clone());
            }
        }
        let protected = ProtectedKind::in_set(set).map(ProtectedKind::name).collect();
        Listing { port, action: decision.action.name(), reason: decision.reason.name(), lists, protected }
    }
}

/// What is here of a list, or why it has no say.
fn content(list: &ListConfig, bytes: u64, cache: &Cache, now: u64) -> Result<ParsedList, String> {
    let Local { list: content, fetched_at, .. } = match local(list, bytes, cache) {
        Ok(Some(local)) => local,
        Ok(None) => return Err("never fetched yet".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let by_age = list.max_age.zip(fetched_at).map(|(age, at)| at.saturating_add(age.as_secs()));
    let has_expired = by_age.into_iter().chain(content.expires).any(|at| at <= now);
    if has_expired { Err("it has expired".to_owned()) } else { Ok(content) }
}

impl Policy for Listings {
    fn now_ns(&self) -> u64 {
        // Nothing here has times.
        0
    }

    fn verdict(&self, _: Address) -> Option<Verdict> {
        None
    }

    fn prefix(&self, _: Address) -> Option<Steering> {
        None
    }

    fn class_of(&self, address: Address) -> u32 {
        table::lookup(&self.cells[..], address)
    }

    fn class(&self, class: u32) -> Option<&Class> {
        self.classes.get(&class)
    }

    fn inbound_group(&self, port: u16) -> usize {
        self.groups.inbound(port)
    }

    fn outbound_group(&self, port: u16) -> usize {
        self.groups.outbound(port)
    }

    fn judges_destinations(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    const CONFIG: &str = r#"
        interfaces.outside = ["eth0"]
        hosts.mail_servers = ["198.18.0.25"]
        [[lists]]
        name = "drops"
        file = "drops"
        [[lists]]
        name = "submission"
        file = "submission"
        action = "refuse"
        ports = [465, 587]
        [[lists]]
        name = "friends"
        file = "friends"
        action = "allow"
        [[lists]]
        name = "gone"
        file = "gone"
    "#;

    fn listings() -> (Listings, Vec<String>) {
        let directory = tempfile::tempdir().expect("a directory");
        for (name, text) in [
            ("drops", "203.0.114.0/24\n2a00:1::/32\n198.18.0.25\n"),
            ("submission", "203.0.114.7\n8.8.8.8\n"),
            ("friends", "203.0.114.9\n"),
        ] {
            std::fs::write(directory.path().join(name), text).expect("written");
        }
        let text = format!("{CONFIG}\n[daemon]\ncache_dir = {:?}", directory.path().join("cache"));
        let config = config::parse(&text, &directory.path().join("guard.toml")).expect("it is good");
        Listings::load(&config, 0).expect("they compile")
    }

    #[test]
    fn lists_say_what_the_kernel_would_do() {
        let (listings, notes) = listings();
        let of = |source: &str, port| {
            let Listing { port, action, reason, lists, protected } =
                listings.of(source.parse().expect(source), port);
            format!("{port} {action} {reason} {} {}", lists.join("+"), protected.join("+"))
        };
        assert_eq!(of("203.0.114.1", 25), "25 drop listed drops ");
        assert_eq!(of("203.0.114.7", 25), "25 drop listed drops+submission ");
        assert_eq!(of("8.8.8.8", 25), "25 pass clean submission ");
        assert_eq!(of("8.8.8.8", 587), "587 refuse listed submission ");
        assert_eq!(of("8.8.8.8", 465), "465 reset listed submission ");
        assert_eq!(of("8.8.8.8", 2525), "25 pass clean submission ", "not guarded");
        assert_eq!(of("203.0.114.9", 25), "25 pass allow-list drops+friends ");
        assert_eq!(of("2a00:1::7", 25), "25 drop listed drops ");
        assert_eq!(of("::ffff:203.0.114.1", 25), "25 drop listed drops ");
        assert_eq!(of("1.1.1.1", 25), "25 pass clean  ");
        assert!(of("198.18.0.25", 25).starts_with("25 pass protected drops mail-server"));
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("list gone: ") && notes[0].ends_with("; it is left out"), "{notes:?}");
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        let text = "interfaces.outside = [\"eth0\"]\nlimits.table_bytes = 65536";
        let config = config::parse(text, Path::new("/guard.toml")).expect("it is good");
        let error = Listings::load(&config, 0).expect_err("it is too large").to_string();
        assert!(error.contains("limits.table_bytes"), "{error}");
    }
}
