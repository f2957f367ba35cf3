//! The kernel's records of inside hosts.

use relay_guard_common::{address::Address, host::HostRecord};

use super::{Datapath, DatapathError, handles::Handle};

/// A handle on the kernel's records of inside hosts. There may be several: the kernel keeps them apart.
pub struct HostTable(pub(super) Handle<Address, HostRecord>);

impl std::fmt::Debug for HostTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostTable")
    }
}

impl HostTable {
    /// Another handle on the same records.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, DatapathError> {
        self.0.try_clone().map(Self)
    }

    /// The hosts of which there is a record, in no order. Takes a system call for each.
    ///
    /// # Errors
    /// If the table cannot be read.
    pub fn addresses(&self) -> Result<Vec<Address>, DatapathError> {
        self.0.map.keys().map(|key| key.map_err(DatapathError::map("list hosts"))).collect()
    }

    /// A host's record, if there is one.
    #[must_use]
    pub fn record(&self, address: Address) -> Option<HostRecord> {
        self.0.map.get(&address, 0).ok()
    }

    /// Forgets a host.
    pub fn forget(&mut self, address: Address) {
        // It may be gone already.
        let _ = self.0.map.remove(&address);
    }
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
