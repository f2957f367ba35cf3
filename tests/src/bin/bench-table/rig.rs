//! The lookups, loaded, and timing them.

use anyhow::{Context as _, Result, ensure};
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, ArrayOfMaps, HashMap, MapData, MapFd};
use aya::programs::{TestRun as _, TestRunOptions};
use aya::{Ebpf, EbpfLoader};
use relay_guard::datapath::{PreparedTable, bench_table_object, check_requirements};
use relay_guard::table::{ClassRange, Plan};
use relay_guard_tests::bench::{Times, take, xdp};

/// Lookups in one run of a program, and runs in one round: once over all prepared keys.
const LOOKUPS: u32 = 1024;
const RUNS: u32 = KEY_COUNT / LOOKUPS;
const KEY_COUNT: u32 = 1 << 20;

/// A frame, which nobody looks at.
const FRAME: [u8; 64] = [0; 64];

/// An address as the programs take it: halves in host byte order, IPv4 as a lower half.
pub(crate) type LookupKey = [u64; 2];

/// What is looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing: keys are fetched.
    None,
    TableV4,
    TableV6,
    TrieV4,
    TrieV6,
    HashV4,
}

impl Subject {
    const ALL: [Self; 6] =
        [Self::None, Self::TableV4, Self::TableV6, Self::TrieV4, Self::TrieV6, Self::HashV4];

    const fn program(self) -> &'static str {
        match self {
            Self::None => "bench_none",
            Self::TableV4 => "bench_table_v4",
            Self::TableV6 => "bench_table_v6",
            Self::TrieV4 => "bench_trie_v4",
            Self::TrieV6 => "bench_trie_v6",
            Self::HashV4 => "bench_hash_v4",
        }
    }
}

/// The loaded programs. Their maps are as large as the list that they are loaded for.
pub(crate) struct Rig {
    object: Ebpf,
    tables: ArrayOfMaps<MapData, MapFd>,
    keys: Array<MapData, LookupKey>,
    rounds: u32,
}

impl Rig {
    /// Loads the programs with maps for so many entries.
    pub(crate) fn new(entries: usize, rounds: u32) -> Result<Self> {
        check_requirements()?;
        let mut loader = EbpfLoader::new();
        for map in ["TRIE_V4", "TRIE_V6", "HASH_V4"] {
            loader.map_max_entries(map, u32::try_from(entries)?);
        }
        let mut object = loader.load(bench_table_object()).context("cannot load the bench object")?;
        for name in Subject::ALL.map(Subject::program) {
            xdp(&mut object, name)?.load().with_context(|| format!("the kernel refused {name}"))?;
        }
        let (tables, keys) = (take(&mut object, "TABLES")?, take(&mut object, "KEYS")?);
        Ok(Self { object, tables, keys, rounds })
    }

    /// Makes the table of these lists and swaps it in; the bytes that it takes.
    pub(crate) fn publish(&mut self, v4: &[ClassRange<u32>], v6: &[ClassRange<u128>]) -> Result<u64> {
        let table = PreparedTable::new(&Plan::new(v4, v6)?, u64::MAX)?;
        self.tables.set(0, table.fd(), 0)?;
        Ok(table.bytes())
    }

    /// Puts an IPv4 list of single addresses into the kernel's maps.
    pub(crate) fn fill_v4(&mut self, list: &[ClassRange<u32>]) -> Result<()> {
        let mut trie: LpmTrie<_, u32, u32> = self.object.map_mut("TRIE_V4").context("no trie")?.try_into()?;
        for range in list {
            trie.insert(&Key::new(32, range.first.to_be()), range.class, 0)?;
        }
        let mut hash: HashMap<_, u32, u32> = self.object.map_mut("HASH_V4").context("no hash")?.try_into()?;
        for range in list {
            hash.insert(range.first.to_be(), range.class, 0)?;
        }
        Ok(())
    }

    /// Puts an IPv6 list of prefixes into the kernel's trie.
    pub(crate) fn fill_v6(&mut self, list: &[ClassRange<u128>]) -> Result<()> {
        let mut trie: LpmTrie<_, LookupKey, u32> =
            self.object.map_mut("TRIE_V6").context("no trie")?.try_into()?;
        for range in list {
            let length = (range.last ^ range.first).leading_zeros();
            trie.insert(&Key::new(length, halves(range.first).map(u64::to_be)), range.class, 0)?;
        }
        Ok(())
    }

    /// Prepares the keys of the next measurements.
    pub(crate) fn prepare(&mut self, mut key: impl FnMut() -> LookupKey) -> Result<()> {
        for index in 0..KEY_COUNT {
            self.keys.set(index, key(), 0)?;
        }
        Ok(())
    }

    /// Times [`Subject::None`] and these subjects on the prepared keys, in turns, so that what else the machine does meets
    /// all of them alike. Times are picoseconds per lookup. All keys are to be found, or none.
    pub(crate) fn time(&mut self, subjects: &[Subject], listed: bool) -> Result<Vec<Times>> {
        let mut times = vec![Times::new(); 1 + subjects.len()];
        for _ in 0..self.rounds {
            for (times, subject) in times.iter_mut().zip([Subject::None].iter().chain(subjects)) {
                times.add(self.run(*subject, listed)?);
            }
        }
        Ok(times)
    }

    fn run(&mut self, subject: Subject, listed: bool) -> Result<u64> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(&FRAME);
        options.repeat = RUNS;
        let program = xdp(&mut self.object, subject.program())?;
        let result = program.test_run(options).context("the test-run failed")?;
        let expected = if listed { LOOKUPS } else { 0 };
        let found = result.return_value;
        ensure!(
            subject == Subject::None || found == expected,
            "{subject:?} found {found} of {LOOKUPS} addresses, not {expected}: it measured nothing"
        );
        Ok(u64::try_from(result.duration.as_nanos())? * 1000 / u64::from(LOOKUPS))
    }
}

/// An IPv6 address as halves.
pub(crate) const fn halves(address: u128) -> LookupKey {
    [(address >> 64) as u64, address as u64]
}
