//! What was found out about sources, kept until there is no more room. The oldest go first.
//!
//! An expired entry is kept too: a source that was known to be clean is asked about again without being held.

use std::collections::HashMap;
use std::net::IpAddr;

use super::order::Order;
use super::score::{Findings, Kind};

/// What was found out about a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cached {
    /// The source.
    pub address: IpAddr,
    /// Until when it holds, nanoseconds of `CLOCK_MONOTONIC`.
    pub until_ns: u64,
    /// What was found out.
    pub findings: Findings,
    /// What that comes to.
    pub kind: Kind,
}

/// Findings by address, a bounded number of them.
#[derive(Clone, Debug)]
pub struct Cache {
    limit: usize,
    places: HashMap<IpAddr, u32>,
    /// Those that were judged longest ago first.
    order: Order<Cached>,
    of_kind: [u64; 3],
    evicted: u64,
}

impl Cache {
    /// An empty one for so many sources, at least one.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit: limit.max(1) as usize,
            places: HashMap::new(),
            order: Order::default(),
            of_kind: [0; 3],
            evicted: 0,
        }
    }

    /// How many there may be.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.order.len()
    }

    /// How many there are of a kind.
    #[must_use]
    pub const fn of_kind(&self, kind: Kind) -> u64 {
        self.of_kind[kind as usize]
    }

    /// How many made room for others.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is known of an address, expired or not.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<&Cached> {
        self.order.get(*self.places.get(&address)?)
    }

    /// All, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Cached> {
        self.order.iter()
    }

    /// Takes one in as the newest, in place of what was known of that address; the address that made room for it.
    pub fn insert(&mut self, cached: Cached) -> Option<IpAddr> {
        self.remove(cached.address);
        let oldest = (self.len() >= self.limit).then(|| self.order.first()).flatten();
        let evicted = oldest.and_then(|place| self.order.get(place)).map(|cached| cached.address);
        if let Some(address) = evicted {
            self.remove(address);
            self.evicted += 1;
        }
        self.of_kind[cached.kind as usize] += 1;
        let address = cached.address;
        self.places.insert(address, self.order.push(cached));
        evicted
    }

    /// Forgets an address; whether anything was known of it.
    pub fn remove(&mut self, address: IpAddr) -> bool {
        let removed = self.places.remove(&address).and_then(|place| self.order.remove(place));
        if let Some(cached) = removed {
            self.of_kind[cached.kind as usize] -= 1;
        }
        removed.is_some()
    }

    /// Sees all, the oldest first, and what `changed` makes of each is kept at its place, where it says anything.
    pub fn update(&mut self, mut changed: impl FnMut(&Cached) -> Option<Cached>) {
        let mut next = self.order.first();
        while let Some(place) = next {
            next = self.order.after(place);
            let Some(cached) = self.order.get_mut(place) else { continue };
            if let Some(new) = changed(cached) {
                self.of_kind[cached.kind as usize] -= 1;
                self.of_kind[new.kind as usize] += 1;
                *cached = Cached { address: cached.address, ..new };
            }
        }
    }

    /// Forgets all; their addresses, the oldest first.
    pub fn clear(&mut self) -> Vec<IpAddr> {
        let all = self.iter().map(|cached| cached.address).collect();
        (self.places, self.order, self.of_kind) = Default::default();
        all
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn cached(address: u32, kind: Kind, until_ns: u64) -> Cached {
        let address = IpAddr::V4(Ipv4Addr::from(address));
        Cached { address, until_ns, findings: Findings::default(), kind }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Cached),
        Remove(IpAddr),
        Expire,
        Clear,
    }

    fn step() -> impl Strategy<Value = Step> {
        let kind = prop_oneof![Just(Kind::Listed), Just(Kind::Clean), Just(Kind::Unknown)];
        let insert =
            (0_u32..12, kind, any::<u64>()).prop_map(|(address, kind, until)| cached(address, kind, until));
        prop_oneof![
            20 => insert.prop_map(Step::Insert),
            4 => (0_u32..12).prop_map(|address| Step::Remove(cached(address, Kind::Clean, 0).address)),
            1 => Just(Step::Expire),
            1 => Just(Step::Clear),
        ]
    }

    proptest! {
        #[test]
        fn it_is_a_list_whose_first_go(limit in 1_u32..8, steps in proptest::collection::vec(step(), 0..120)) {
            let mut cache = Cache::new(limit);
            let (mut model, mut evicted) = (Vec::<Cached>::new(), 0);
            for step in steps {
                match step {
                    Step::Insert(new) => {
                        model.retain(|known| known.address != new.address);
                        let full = model.len() == limit as usize;
                        let gone = full.then(|| model.remove(0).address);
                        evicted += u64::from(full);
                        model.push(new);
                        prop_assert_eq!(cache.insert(new), gone);
                    }
                    Step::Remove(address) => {
                        let known = model.len();
                        model.retain(|known| known.address != address);
                        prop_assert_eq!(cache.remove(address), model.len() < known);
                    }
                    Step::Expire => {
                        let expired = |known: &Cached| Cached { until_ns: 0, kind: Kind::Unknown, ..*known };
                        let listed = |known: &Cached| known.kind == Kind::Listed;
                        model.iter_mut().filter(|known| listed(known)).for_each(|known| *known = expired(known));
                        cache.update(|known| listed(known).then(|| expired(known)));
                    }
                    Step::Clear => {
                        let all: Vec<IpAddr> = model.drain(..).map(|known| known.address).collect();
                        prop_assert_eq!(cache.clear(), all);
                    }
                }
                prop_assert!(cache.iter().eq(model.iter()));
                prop_assert!(model.iter().all(|known| cache.get(known.address) == Some(known)));
                prop_assert_eq!((cache.len(), cache.places.len(), cache.evicted()), (model.len(), model.len(), evicted));
                for kind in [Kind::Listed, Kind::Clean, Kind::Unknown] {
                    let of_kind = model.iter().filter(|known| known.kind == kind).count();
                    prop_assert_eq!(cache.of_kind(kind), of_kind as u64);
                }
            }
        }
    }
}
