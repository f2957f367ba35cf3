//! What DNSBLs said, in a file, so that it outlives the daemon.
//!
//! Sources are told with bits for the entries of `[[dnsbl]]`, in a file as in the kernel's map; both mean nothing without the
//! configuration that they are about. The file has a fingerprint of that: it is there before the first verdict is, and goes
//! before the last one does.

use std::{
    collections::HashMap,
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{config::Dnsbl, daemon::file, dnsbl::engine::Saved};

/// The version that is written, and the only one that is read.
const VERSION: u64 = 1;

/// The name of the file in the state directory.
const FILE: &str = "dnsbl.json";

/// What is known of a source, in the kernel's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) address: IpAddr,
    /// Until when, seconds since the epoch.
    pub(super) until: u64,
    /// The entries of the configuration that list it.
    pub(super) listed: u32,
    /// Those that could not say.
    pub(super) unknown: u32,
}

impl Known {
    const fn is_clean(&self) -> bool {
        self.listed | self.unknown == 0
    }
}

#[derive(Deserialize, Serialize)]
struct Content {
    version: u64,
    fingerprint: String,
    /// When it was written, seconds since the epoch.
    written: u64,
    sources: Vec<(IpAddr, u64, u32, u32)>,
}

/// What the bits of an entry are about: which zones are asked, about whom, and which answers count. Not how much they weigh,
/// nor where: what is known of a source is the same then.
pub(super) fn fingerprint(dnsbl: &Dnsbl) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    for zone in &dnsbl.zones {
        (&zone.zone, zone.answers.to_string(), zone.ipv4, zone.ipv6).hash(&mut hasher);
    }
    format!("{}-{:016x}", dnsbl.zones.len(), hasher.finish())
}

/// The file of a state directory.
#[derive(Clone, Debug)]
pub(super) struct SavedFile(PathBuf);

impl SavedFile {
    pub(super) fn of(state_dir: &Path) -> Self {
        Self(state_dir.join(FILE))
    }

    /// What was saved about this configuration; nothing if that was another one, or nothing was saved. What cannot be read is
    /// no reason to fail: it is told, and asked again. A file from after `now` (seconds since the epoch) says that the clock is
    /// wrong, by which all in it would hold for too long.
    pub(super) fn read(&self, fingerprint: &str, now: u64) -> Option<Vec<Known>> {
        let bytes = match fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("{}: {error}; sources are asked about again", self.0.display());
                return None;
            }
        };
        match serde_json::from_slice::<Content>(&bytes) {
            Ok(content) if content.version == VERSION && content.written > now => {
                tracing::warn!("{}: from the future; sources are asked about again", self.0.display());
                None
            }
            Ok(content) if content.version == VERSION => {
                (content.fingerprint == fingerprint).then(|| known(content.sources))
            }
            Ok(content) => {
                let version = content.version;
                tracing::info!("{}: version {version}; sources are asked about again", self.0.display());
                None
            }
            Err(error) => {
                tracing::warn!("{}: {error}; sources are asked about again", self.0.display());
                None
            }
        }
    }

    /// Writes it whole or not at all, at a time (seconds since the epoch).
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, fingerprint: &str, known: &[Known], now: u64) -> io::Result<()> {
        let source = |known: &Known| (known.address, known.until, known.listed, known.unknown);
        let content = Content {
            version: VERSION,
            fingerprint: fingerprint.to_owned(),
            written: now,
            sources: known.iter().map(source).collect(),
        };
        file::replace(&self.0, &serde_json::to_vec(&content).map_err(io::Error::other)?)
    }

    /// Removes it, if it is there.
    ///
    /// # Errors
    /// If it stays.
    pub(super) fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

fn known(sources: Vec<(IpAddr, u64, u32, u32)>) -> Vec<Known> {
    let known = |(address, until, listed, unknown)| Known { address, until, listed, unknown };
    sources.into_iter().map(known).collect()
}

/// What is to be restored at a time (seconds since the epoch), of what was found in several places: of each source what holds
/// longest, those first that are over first. What is over stays if it says that a source was clean, which is not held then.
pub(super) fn restored(found: impl IntoIterator<Item = Known>, now: u64) -> Vec<Saved> {
    let mut of_source: HashMap<IpAddr, Known> = HashMap::new();
    for known in found.into_iter().filter(|known| known.until > now || known.is_clean()) {
        let held = of_source.entry(known.address).or_insert(known);
        if held.until < known.until {
            *held = known;
        }
    }
    let mut known: Vec<Known> = of_source.into_values().collect();
    known.sort_unstable_by_key(|known| (known.until, known.address));
    let saved = |known: Known| Saved {
        address: known.address,
        remaining_ms: known.until.saturating_sub(now).saturating_mul(1000),
        listed: known.listed,
        unknown: known.unknown,
    };
    known.into_iter().map(saved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str, until: u64, listed: u32) -> Known {
        Known { address: address.parse().expect("an address"), until, listed, unknown: 4 }
    }

    #[test]
    fn what_is_known_outlives_the_daemon_as_long_as_it_means_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = SavedFile::of(directory.path());
        assert_eq!(file.read("2-a", 9), None);
        file.remove().expect("it is not there");
        let known = [source("192.0.2.1", 5_000_000_000, 1), source("2001:db8::1", 7, u32::MAX)];
        file.write("2-a", &known, 9).expect("written");
        assert_eq!(file.read("2-a", 9).as_deref(), Some(&known[..]));
        assert_eq!(file.read("2-a", 8), None, "by a clock that is wrong");
        assert_eq!(file.read("2-b", 9), None, "about another configuration");
        file.write("2-b", &[], 9).expect("written");
        assert_eq!(file.read("2-b", 9), Some(Vec::new()));
        for damaged in [
            "",
            "{",
            "{\"version\":1}",
            "{\"version\":2,\"fingerprint\":\"2-b\",\"written\":1,\"sources\":[]}",
        ] {
            fs::write(file.path(), damaged).expect("written");
            assert_eq!(file.read("2-b", 9), None, "{damaged}");
        }
        file.remove().expect("removed");
        assert!(!file.path().exists());
        assert!(file.write("x", &known, 9).is_ok() && !directory.path().join("dnsbl.json.new").exists());
    }

    #[test]
    fn of_each_source_what_holds_longest_is_restored() {
        let found = [
            source("192.0.2.1", 20, 1),
            source("192.0.2.2", 15, 2),
            source("192.0.2.1", 30, 3),
            source("192.0.2.1", 25, 4),
            source("192.0.2.3", 10, 5),
            Known { unknown: 0, ..source("192.0.2.4", 3, 0) },
            Known { unknown: 0, ..source("192.0.2.5", 3, 1) },
        ];
        let restored = restored(found, 10);
        let told: Vec<_> = restored
            .iter()
            .map(|saved| (saved.address.to_string(), saved.remaining_ms, saved.listed, saved.unknown))
            .collect();
        let expected = [("192.0.2.4", 0, 0, 0), ("192.0.2.2", 5000, 2, 4), ("192.0.2.1", 20_000, 3, 4)];
        let expected =
            expected.map(|(address, left, listed, unknown)| (address.to_owned(), left, listed, unknown));
        assert_eq!(told, expected);
    }

    #[test]
    fn a_fingerprint_is_of_what_bits_are_about() {
        let config = |zones: &str| {
            let head = "mode = \"observe\"\n[interfaces]\noutside = [\"eth0\"]\n";
            let thresholds = "[[thresholds]]\nscore = 1\naction = \"drop\"\n";
            let text = format!("{head}{zones}{thresholds}");
            crate::config::parse(&text, Path::new("/x.toml")).map(|config| fingerprint(&config.dnsbl))
        };
        let one = "[[dnsbl]]\nzone = \"a.example\"\n";
        let first = config(one).expect(one);
        let same = |zones: &str| config(zones).expect(zones) == first;
        assert!(same(&format!("{one}weight = 7\nports = [25]\n")));
        for other in [
            "[[dnsbl]]\nzone = \"b.example\"\n".to_owned(),
            format!("{one}answers = \"127.0.0.2\"\n"),
            format!("{one}families = [\"ipv4\", \"ipv6\"]\n"),
            format!("{one}[[dnsbl]]\nzone = \"b.example\"\n"),
        ] {
            assert!(!same(&other), "{other}");
        }
    }
}
