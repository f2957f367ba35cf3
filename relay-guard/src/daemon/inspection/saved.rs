//! What is known of hosts, in a file, so that it outlives the daemon: containments, relapses, histories and the last changes. All
//! times in it are of the calendar.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{control::api::HostEvent, daemon::file, inspect::hosts::Saved};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// The name of the file in the state directory.
const FILE: &str = "hosts.json";

#[derive(Debug, Default, Deserialize, Serialize)]
struct Content {
    version: u64,
    known: Saved,
    /// Newest first.
    events: Vec<HostEvent>,
}

/// The file of a state directory.
#[derive(Clone, Debug)]
pub(super) struct SavedFile(PathBuf);

impl SavedFile {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// What was saved; nothing if nothing was. What cannot be read is told and no reason to fail: hosts are judged by what they do
    /// from now on.
    pub(super) fn read(&self) -> (Saved, Vec<HostEvent>) {
        let content = match fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice::<Content>(&bytes).map_err(|error| error.to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Default::default(),
            Err(error) => Err(error.to_string()),
        };
        match content {
            Ok(content) if content.version == VERSION => (content.known, content.events),
            Ok(content) => {
                let version = content.version;
                tracing::info!("{}: version {version}; what hosts did before is forgotten", self.0.display());
                Default::default()
            }
            Err(error) => {
                tracing::warn!("{}: {error}; what hosts did before is forgotten", self.0.display());
                Default::default()
            }
        }
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, known: Saved, events: Vec<HostEvent>) -> io::Result<()> {
        let content = Content { version: VERSION, known, events };
        file::replace(&self.0, &serde_json::to_vec(&content).map_err(io::Error::other)?)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_outlives_the_daemon_and_damage_is_forgotten() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = SavedFile::of(directory.path());
        assert_eq!(file.read(), Default::default());
        let known: Saved = serde_json::from_value(serde_json::json!({ "hosts": [{
            "address": "10.0.1.66", "contained": [2, 5_000_000_000_u64], "lasted_ns": 7,
            "released": null, "relapses": 3, "history": []
        }] }))
        .expect("what the engine saves");
        let event = HostEvent {
            at: 5,
            address: "10.0.1.66".parse().expect("an address"),
            kind: "host".to_owned(),
            from: "quiet".to_owned(),
            to: "contained".to_owned(),
            action: Some("limit".to_owned()),
            score: 80,
            signals: Vec::new(),
            by_hand: false,
        };
        file.write(known.clone(), vec![event.clone()]).expect("written");
        assert_eq!(file.read(), (known, vec![event]));
        assert!(!directory.path().join("hosts.json.new").exists());
        for damaged in ["", "{", "{\"version\":1}", "{\"version\":2,\"known\":{},\"events\":[]}"] {
            fs::write(file.path(), damaged).expect("written");
            assert_eq!(file.read(), Default::default(), "{damaged}");
        }
    }
}
