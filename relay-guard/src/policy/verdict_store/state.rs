//! The store as JSON, to outlive the daemon.

use serde::{Deserialize, Serialize};

use super::{Capacity, Entry, StoreError, VerdictStore};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

#[derive(Serialize)]
struct Saved<'a> {
    version: u64,
    verdicts: Vec<&'a Entry>,
}

/// Read first and by itself, so that a newer state is called newer, and not damaged.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Loaded {
    #[serde(rename = "version")]
    _version: u64,
    verdicts: Vec<Entry>,
}

impl VerdictStore {
    /// All entries as JSON: `{"version": 1, "verdicts": [{"net", "kind", "until"?, "reason"?, "added"}, …]}`.
    ///
    /// # Errors
    /// None that is known; whatever the JSON writer says is passed on.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&Saved { version: VERSION, verdicts: self.iter().collect() })
    }

    /// The store that was saved as `json`. Of several entries for the same addresses the last one holds.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] and [`StoreError::Version`] for what is not a state of this version;
    /// [`StoreError::Full`] and [`StoreError::Reason`] for entries that do not fit.
    pub fn from_json(json: &[u8], capacity: Capacity) -> Result<Self, StoreError> {
        let damaged = |cause: serde_json::Error| StoreError::Damaged { cause: cause.to_string() };
        let Version { version } = serde_json::from_slice(json).map_err(damaged)?;
        if version != VERSION {
            return Err(StoreError::Version { found: version, expected: VERSION });
        }
        let loaded: Loaded = serde_json::from_slice(json).map_err(damaged)?;
        let mut store = Self::new(capacity);
        for entry in loaded.verdicts {
            store.put(entry)?;
        }
        Ok(store)
    }
}
