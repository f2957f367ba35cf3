//! Several handles on one map: for threads that read it beside others.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use aya::Pod;
use aya::maps::{HashMap, Map, MapData};

use super::DatapathError;

/// A hash map, and what further handles on it are made of.
pub(super) struct Handle<K, V> {
    pub(super) map: HashMap<MapData, K, V>,
    fd: OwnedFd,
}

impl<K: Pod, V: Pod> Handle<K, V> {
    /// The first handle on a map of this name.
    pub(super) fn new(map: Option<Map>, name: &'static str) -> Result<Self, DatapathError> {
        let Some(Map::HashMap(data)) = map else { return Err(DatapathError::Missing(name)) };
        Self::of(data)
    }

    fn of(data: MapData) -> Result<Self, DatapathError> {
        let fd = data.fd().as_fd().try_clone_to_owned().map_err(|error| no_handle(&error))?;
        let map = HashMap::try_from(Map::HashMap(data)).map_err(DatapathError::map("open a map again"))?;
        Ok(Self { map, fd })
    }

    /// Another handle on the same map.
    pub(super) fn try_clone(&self) -> Result<Self, DatapathError> {
        let fd = self.fd.try_clone().map_err(|error| no_handle(&error))?;
        Self::of(MapData::from_fd(fd).map_err(DatapathError::map("open a map again"))?)
    }
}

fn no_handle(error: &io::Error) -> DatapathError {
    DatapathError::Map { what: "open a map again", error: error.to_string() }
}
