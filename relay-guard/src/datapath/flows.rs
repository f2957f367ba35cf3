//! The table of connections that are looked into: userspace's half.

use aya::maps::MapError;
use relay_guard_common::flow::{FlowKey, Order, state::FlowRecord};

use super::{Datapath, DatapathError, handles::Handle};
use crate::inspect::segment::{Connection, Opening};

/// The kernel's table of connections that are looked into. The kernel makes entries and never removes one: that is to be done here,
/// when a connection is over or was idle for too long.
pub struct FlowTable(Handle<FlowKey, FlowRecord>);

impl std::fmt::Debug for FlowTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlowTable")
    }
}

/// An entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEntry {
    /// Which connection.
    pub connection: Connection,
    /// When it was last seen to say something, nanoseconds of `CLOCK_MONOTONIC`.
    pub last_seen_ns: u64,
    /// What is wanted of it.
    pub order: Order,
}

impl Datapath {
    /// Takes the table of connections that are looked into.
    ///
    /// # Errors
    /// If it is taken already.
    pub fn take_flow_table(&mut self) -> Result<FlowTable, DatapathError> {
        Handle::new(self.programs().take_map("FLOWS"), "FLOWS").map(FlowTable)
    }
}

impl FlowTable {
    /// Another handle on the same table.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn try_clone(&self) -> Result<Self, DatapathError> {
        self.0.try_clone().map(Self)
    }

    /// Says what is wanted of a connection. Whether there is such a connection: the next one between the same ends is another.
    ///
    /// What the kernel writes at the same moment may be lost: octets charged to a budget, or that some were skipped.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn order(&mut self, connection: &Connection, order: Order) -> Result<bool, DatapathError> {
        const EXISTING: u64 = 2;
        let flow = &connection.flow;
        let failed = DatapathError::map("give an order about a connection");
        let record = match self.0.map.get(flow, 0) {
            Ok(record) if is_of(&record, connection) => record,
            Ok(_) | Err(MapError::KeyNotFound) => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        match self.0.map.insert(flow, record.ordered(order), EXISTING) {
            Ok(()) => Ok(true),
            // Somebody else forgot it meanwhile.
            Err(error) => match self.0.map.get(flow, 0) {
                Err(MapError::KeyNotFound) => Ok(false),
                _ => Err(failed(error)),
            },
        }
    }

    /// Forgets a connection, if it is there. The next one between the same ends stays.
    pub fn forget(&mut self, connection: &Connection) {
        let flow = &connection.flow;
        if self.get(flow).is_some_and(|record| is_of(&record, connection)) {
            // It may be gone by now.
            let _ = self.0.map.remove(flow);
        }
    }

    /// What the kernel keeps of a connection, if it is there.
    #[must_use]
    pub fn get(&self, flow: &FlowKey) -> Option<FlowRecord> {
        self.0.map.get(flow, 0).ok()
    }

    /// How many there are. Counts them by a system call each: not often.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn len(&self) -> Result<usize, DatapathError> {
        let mut count = 0;
        for key in self.0.map.keys() {
            key.map_err(DatapathError::map("count connections"))?;
            count += 1;
        }
        Ok(count)
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn is_empty(&self) -> Result<bool, DatapathError> {
        self.0
            .map
            .keys()
            .next()
            .transpose()
            .map_err(DatapathError::map("count connections"))
            .map(|key| key.is_none())
    }

    /// All of them: after a start, what an earlier daemon left.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn entries(&self) -> Result<Vec<FlowEntry>, DatapathError> {
        let mut entries = Vec::new();
        for key in self.0.map.keys() {
            let flow = key.map_err(DatapathError::map("list connections"))?;
            // It may go between the two calls; that is no error.
            if let Ok(record) = self.0.map.get(&flow, 0) {
                let connection = Connection { flow, opening: record.opening().map(Opening::from) };
                entries.push(FlowEntry {
                    connection,
                    last_seen_ns: record.last_seen_ns,
                    order: record.order(),
                });
            }
        }
        Ok(entries)
    }
}

/// Whether a record is this connection's.
fn is_of(record: &FlowRecord, connection: &Connection) -> bool {
    record.opening().map(Opening::from) == connection.opening
}
