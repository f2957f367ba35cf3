//! What the kernel's map of verdicts holds, as far as it is known.

use std::{collections::HashMap, net::IpAddr};

use relay_guard_common::{respond::response::MAX_RESPONSES, verdict::Verdict};

/// The entries, and how often each response is named by them.
#[derive(Debug)]
pub(super) struct Written {
    hosts: HashMap<IpAddr, Verdict>,
    named: Vec<u32>,
}

impl Default for Written {
    fn default() -> Self {
        Self { hosts: HashMap::new(), named: vec![0; MAX_RESPONSES] }
    }
}

impl Written {
    pub(super) fn get(&self, address: IpAddr) -> Option<&Verdict> {
        self.hosts.get(&address)
    }

    pub(super) fn insert(&mut self, address: IpAddr, verdict: Verdict) {
        let before = self.hosts.insert(address, verdict);
        self.count(before, false);
        self.count(Some(verdict), true);
    }

    pub(super) fn remove(&mut self, address: IpAddr) {
        let before = self.hosts.remove(&address);
        self.count(before, false);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.hosts.len()
    }

    /// The places of responses that they name, without looking at all of them.
    pub(super) fn places(&self) -> impl Iterator<Item = u16> {
        let named = self.named.iter().enumerate().filter(|(_, times)| **times > 0);
        named.map(|(place, _)| place as u16)
    }

    fn count(&mut self, verdict: Option<Verdict>, comes: bool) {
        for rule in verdict.iter().flat_map(|verdict| verdict.rules) {
            // What an earlier daemon wrote may name places that there are not: nobody writes there.
            if let Some(times) = self.named.get_mut(usize::from(rule.param)) {
                *times = if comes { *times + 1 } else { *times - 1 };
            }
        }
    }
}
