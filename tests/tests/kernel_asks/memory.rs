//! What the kernel remembers of those whom it asked about.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use aya::maps::{Array, Map, MapData};
use relay_guard_common::ask::mark::{Places, mark};
use relay_guard_tests::namespace::BPFFS;

use super::world::now_ns;

/// Where the programs' maps are pinned.
pub fn pin_dir() -> PathBuf {
    PathBuf::from(BPFFS).join("asks")
}

/// The pinned map of marks, and the key that chooses places in it.
pub struct Memory {
    marks: Array<MapData, u64>,
    pub key: [u64; 2],
}

impl Memory {
    pub fn open() -> Self {
        let key: Array<_, [u64; 2]> = pinned("ASK_KEY");
        Self { marks: pinned("ASKED"), key: key.get(&0, 0).expect("the key is read") }
    }

    /// The marks in a source's places, its own or others', as they are.
    pub fn of(&self, source: IpAddr) -> [u64; 2] {
        let places = self.places(source);
        [places.first, places.second].map(|place| self.marks.get(&place, 0).expect("a mark is read"))
    }

    /// Forgets a source.
    pub fn forget(&mut self, source: IpAddr) {
        self.write(source, [0, 0]);
    }

    /// Makes a source's mark, if it has one, so much older. Times come round, also before this machine was started.
    pub fn age(&mut self, source: IpAddr, by_ms: u64) {
        let tag = self.places(source).tag;
        let older = |word: u64| {
            let own = word != 0 && word & mark(u32::MAX, 0) == mark(tag, 0);
            if own { mark(tag, word.wrapping_sub(by_ms)) } else { word }
        };
        let marks = self.of(source).map(older);
        self.write(source, marks);
    }

    /// Puts somebody else's marks of these ages into a source's places.
    pub fn occupy(&mut self, source: IpAddr, ages_ms: [u64; 2]) {
        let tag = self.places(source).tag ^ 1;
        let now_ms = now_ns() / 1_000_000;
        self.write(source, ages_ms.map(|age| mark(tag, now_ms.wrapping_sub(age))));
    }

    fn write(&mut self, source: IpAddr, [first, second]: [u64; 2]) {
        let places = self.places(source);
        for (place, word) in [(places.first, first), (places.second, second)] {
            self.marks.set(place, word, 0).expect("a mark is written");
        }
    }

    fn places(&self, source: IpAddr) -> Places {
        Places::of(self.key, source.into())
    }
}

/// A pinned array.
fn pinned<T: aya::Pod>(name: &str) -> Array<MapData, T> {
    let layouts =
        fs::read_dir(pin_dir()).expect("maps are pinned").map(|entry| entry.expect("an entry").path());
    let path = layouts.map(|layout| layout.join(name)).find(|path| path.exists()).expect("it is pinned");
    let map = MapData::from_pin(&path).expect("it is a map");
    Map::Array(map).try_into().expect("it is an array")
}
