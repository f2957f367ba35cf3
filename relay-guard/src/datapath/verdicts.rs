//! Writing verdicts into the kernel's maps.

use std::net::IpAddr;

use aya::maps::lpm_trie::Key;
use ipnet::IpNet;
use relay_guard_common::{
    address::{Address, AddressKey},
    verdict::{Steering, Verdict},
};

use super::{Datapath, DatapathError};

/// An address as a map key.
#[must_use]
pub fn host_key(address: IpAddr) -> AddressKey {
    Address::from(address).key()
}

/// A prefix as a key of the trie that holds both families: IPv4 stands at `::ffff:0:0/96`.
fn prefix_key(net: IpNet) -> Key<AddressKey> {
    let length = match net {
        IpNet::V4(v4) => u32::from(v4.prefix_len()) + 96,
        IpNet::V6(v6) => u32::from(v6.prefix_len()),
    };
    Key::new(length, host_key(net.network()))
}

impl Datapath {
    /// Writes the verdict of one address.
    ///
    /// # Errors
    /// If the kernel refuses, for one because the map is full.
    pub fn put_verdict(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError> {
        self.verdicts.insert(host_key(address), verdict, 0).map_err(DatapathError::map("write a verdict"))
    }

    /// Removes the verdict of one address, if it has one.
    pub fn remove_verdict(&mut self, address: IpAddr) {
        let _ = self.verdicts.remove(&host_key(address));
    }

    /// All addresses with a verdict.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn verdicts(&self) -> Result<Vec<(IpAddr, Verdict)>, DatapathError> {
        let mut found = Vec::new();
        for entry in self.verdicts.iter() {
            let (key, verdict) = entry.map_err(DatapathError::map("read verdicts"))?;
            found.push((Address::from_key(key).into(), verdict));
        }
        Ok(found)
    }

    /// Makes the administrator's prefixes these: `(prefix, allowed and blocked until)`. Prefixes that stay are
    /// never missing meanwhile.
    ///
    /// # Errors
    /// If the kernel refuses, for one because the map is full.
    pub fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError> {
        let keys: Vec<_> = prefixes.iter().map(|(net, _)| prefix_key(*net)).collect();
        for (key, (_, steering)) in keys.iter().zip(prefixes) {
            self.prefixes.insert(key, steering, 0).map_err(DatapathError::map("write a prefix verdict"))?;
        }
        let known: Vec<_> = self.prefixes.keys().filter_map(Result::ok).collect();
        let same = |a: &Key<AddressKey>, b: &Key<AddressKey>| {
            (a.prefix_len(), a.data()) == (b.prefix_len(), b.data())
        };
        for key in known.iter().filter(|known| !keys.iter().any(|key| same(key, known))) {
            let _ = self.prefixes.remove(key);
        }
        Ok(())
    }
}
