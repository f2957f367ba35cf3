//! The kernel's records of inside hosts.

use std::os::fd::{AsFd as _, OwnedFd};

use aya::maps::{HashMap, Map, MapData};
use relay_guard_common::{address::Address, host::HostRecord};

use super::{Datapath, DatapathError};

/// A handle on the kernel's records of inside hosts. There may be several: the kernel keeps them apart.
pub struct HostTable {
    map: HashMap<MapData, Address, HostRecord>,
    /// For further handles.
    fd: OwnedFd,
}

impl std::fmt::Debug for HostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostTable")
    }
}

impl HostTable {
    pub(super) fn new(map: Map) -> Result<Self, DatapathError> {
        let Map::HashMap(data) = map else { return Err(DatapathError::Missing("HOSTS")) };
        Self::of(data)
    }

    fn of(data: MapData) -> Result<Self, DatapathError> {
        let fd = data.fd().as_fd().try_clone_to_owned().map_err(|error| no_handle(&error))?;
        let map = HashMap::try_from(Map::HashMap(data)).map_err(DatapathError::map("HOSTS"))?;
        Ok(Self { map, fd })
    }

    /// Another handle on the same records.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, DatapathError> {
        let fd = self.fd.try_clone().map_err(|error| no_handle(&error))?;
        Self::of(MapData::from_fd(fd).map_err(DatapathError::map("open the table of hosts"))?)
    }

    /// The hosts of which there is a record, in no order. Takes a system call for each.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn addresses(&self) -> Result<Vec<Address>, DatapathError> {
        self.map.keys().map(|key| key.map_err(DatapathError::map("list hosts"))).collect()
    }

    /// A host's record, if there is one.
    #[must_use]
    pub fn record(&self, address: Address) -> Option<HostRecord> {
        self.map.get(&address, 0).ok()
    }

    /// Forgets a host.
    pub fn forget(&mut self, address: Address) {
        // It may be gone already.
        let _ = self.map.remove(&address);
    }
}

fn no_handle(error: &std::io::Error) -> DatapathError {
    DatapathError::Map { what: "open the table of hosts", error: error.to_string() }
}

impl Datapath {
    /// A handle on the records of inside hosts, for somebody who reads them beside others.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn host_table(&self) -> Result<HostTable, DatapathError> {
        self.hosts.try_clone()
    }

    /// The inside hosts that the kernel keeps a record of.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn hosts(&self) -> Result<Vec<(Address, HostRecord)>, DatapathError> {
        // A record may go between the two calls; that is no error.
        let record = |address| Some((address, self.hosts.record(address)?));
        Ok(self.hosts.addresses()?.into_iter().filter_map(record).collect())
    }

    /// Forgets an inside host.
    pub fn forget_host(&mut self, address: Address) {
        self.hosts.forget(address);
    }
}
