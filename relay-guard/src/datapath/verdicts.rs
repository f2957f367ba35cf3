//! Writing verdicts into the kernel's maps.

use std::net::{IpAddr, Ipv4Addr};

use aya::maps::{HashMap, Map, MapData, lpm_trie::Key};
use ipnet::{IpNet, Ipv4Net};
use relay_guard_common::{
    address::Address,
    verdict::{Steering, Verdict},
};

use super::{Datapath, DatapathError};

/// A prefix as a key of the trie that holds both families: IPv4 stands at `::ffff:0:0/96`.
fn prefix_key(net: IpNet) -> Key<Address> {
    let length = match net {
        IpNet::V4(v4) => u32::from(v4.prefix_len()) + 96,
        IpNet::V6(v6) => u32::from(v6.prefix_len()),
    };
    Key::new(length, net.network().into())
}

/// An entry for all of IPv4 that says nothing, where an IPv6 prefix is so wide that it spans the place of IPv4 in the
/// trie: the longest match of an IPv4 address must not be an IPv6 prefix.
fn shield(prefixes: &[(IpNet, Steering)]) -> Option<(IpNet, Steering)> {
    let all_v4 = IpNet::from(Ipv4Net::default());
    let place = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();
    let spans = |net: &IpNet| matches!(net, IpNet::V6(v6) if v6.contains(&place));
    let needed = prefixes.iter().any(|(net, _)| spans(net)) && prefixes.iter().all(|(net, _)| *net != all_v4);
    needed.then(|| (all_v4, Steering::default()))
}

impl Datapath {
    /// Writes the verdict of one address.
    ///
    /// # Errors
    /// If the kernel refuses, for one because the map is full.
    pub fn put_verdict(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError> {
        self.verdicts
            .insert(Address::from(address), verdict, 0)
            .map_err(DatapathError::map("write a verdict"))
    }

    /// Removes the verdict of one address, if it has one.
    pub fn remove_verdict(&mut self, address: IpAddr) {
        let _ = self.verdicts.remove(&Address::from(address));
    }

    /// All addresses with a verdict.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn verdicts(&self) -> Result<Vec<(IpAddr, Verdict)>, DatapathError> {
        let mut found = Vec::new();
        for entry in &self.verdicts {
            let (key, verdict) = entry.map_err(DatapathError::map("read verdicts"))?;
            found.push((key.into(), verdict));
        }
        Ok(found)
    }

    /// Verdicts in maps of another layout, which are about to be replaced. What cannot be read is left out.
    #[must_use]
    pub fn earlier_verdicts(&self) -> Vec<(IpAddr, Verdict)> {
        let mut found = Vec::new();
        for path in self.pins().into_iter().flat_map(|pins| pins.earlier("VERDICTS")) {
            let map = MapData::from_pin(&path).ok().map(Map::HashMap);
            let map: Option<HashMap<_, Address, Verdict>> = map.and_then(|map| map.try_into().ok());
            let entries = map.iter().flat_map(HashMap::iter).filter_map(Result::ok);
            found.extend(entries.map(|(address, verdict)| (address.into(), verdict)));
        }
        found
    }

    /// Makes the administrator's prefixes these: `(prefix, allowed and blocked until)`. Prefixes that stay are
    /// never missing meanwhile.
    ///
    /// # Errors
    /// If the kernel refuses, for one because the map is full.
    pub fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError> {
        let entries: Vec<_> = shield(prefixes).iter().chain(prefixes).copied().collect();
        let keys: Vec<_> = entries.iter().map(|(net, _)| prefix_key(*net)).collect();
        for (key, (_, steering)) in keys.iter().zip(&entries) {
            self.prefixes.insert(key, steering, 0).map_err(DatapathError::map("write a prefix verdict"))?;
        }
        let known: Vec<_> = self.prefixes.keys().filter_map(Result::ok).collect();
        let same =
            |a: &Key<Address>, b: &Key<Address>| (a.prefix_len(), a.data()) == (b.prefix_len(), b.data());
        for key in known.iter().filter(|known| !keys.iter().any(|key| same(key, known))) {
            let _ = self.prefixes.remove(key);
        }
        Ok(())
    }
}
