//! The loaded programs, and timing them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions};
use aya::{Ebpf, EbpfLoader};
use relay_guard::datapath::{Datapath, EventSource, LoadOptions, bench_object, check_requirements};
use relay_guard::table::ClassRange;
use relay_guard_tests::bench::{Times, stay_on_one_cpu, take, xdp};
use tokio::runtime::{self, Runtime};

use super::policy;
use super::traffic::{FRAME_LEN, Headers, Source};

/// Writes the headers over the frame and goes on with the program in the slot.
const FEED: &str = "bench_feed";
const SLOT: u32 = 0;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A program that passes everything.
    Pass,
    /// A program that drops everything.
    Drop,
    /// The kernel's LPM trie.
    Trie,
    /// The kernel's hash map.
    Hash,
    /// The guard.
    Guard,
}

impl Subject {
    const BENCH: [(Self, &'static str); 4] = [
        (Self::Pass, "bench_pass"),
        (Self::Drop, "bench_drop"),
        (Self::Trie, "bench_trie"),
        (Self::Hash, "bench_hash"),
    ];
}

/// Return codes (`enum xdp_action`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    Drop = 1,
    Pass = 2,
}

/// The guard and the programs to compare it with.
pub(crate) struct Rig {
    pub(crate) guard: Datapath,
    bench: Ebpf,
    slots: ProgramArray<MapData>,
    headers: Array<MapData, Headers>,
    sources: Array<MapData, Source>,
    events: EventSource,
    runtime: Runtime,
    ifindex: u32,
    rounds: u32,
}

impl Rig {
    /// Loads everything and keeps this thread on one CPU. `ifindex`: the interface that packets come in on.
    pub(crate) fn new(ifindex: u32, rounds: u32) -> Result<Self> {
        check_requirements()?;
        stay_on_one_cpu()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let mut guard = Datapath::load(&LoadOptions::default())?;
        policy::set(&mut guard, ifindex)?;
        let events = runtime.block_on(async { guard.take_events() })?;
        let mut bench = EbpfLoader::new().load(bench_object()).context("cannot load the bench object")?;
        for name in Subject::BENCH.map(|(_, name)| name).into_iter().chain([FEED]) {
            xdp(&mut bench, name)?.load().with_context(|| format!("the kernel refused {name}"))?;
        }
        let slots = take(&mut bench, "MEASURED")?;
        let headers = take(&mut bench, "HEADERS")?;
        let sources = take(&mut bench, "SOURCES")?;
        Ok(Self { guard, bench, slots, headers, sources, events, runtime, ifindex, rounds })
    }

    /// Prepares the packets of the next measurements.
    pub(crate) fn prepare(
        &mut self,
        mut headers: impl FnMut() -> Headers,
        mut source: impl FnMut() -> Source,
    ) -> Result<()> {
        for index in 0..self.headers.len() {
            self.headers.set(index, headers(), 0)?;
        }
        for index in 0..self.sources.len() {
            self.sources.set(index, source(), 0)?;
        }
        Ok(())
    }

    /// Times subjects on the prepared packets, in turns, so that what else the machine does meets all of them alike.
    pub(crate) fn time<const N: usize>(&mut self, subjects: [(Subject, Code); N]) -> Result<[Times; N]> {
        let mut times = [const { Times::new() }; N];
        for _ in 0..self.rounds {
            for (times, (subject, expected)) in times.iter_mut().zip(subjects) {
                times.add(self.run(subject, expected)?);
            }
        }
        Ok(times)
    }

    /// Nanoseconds per packet for one pass over the prepared sources.
    fn run(&mut self, subject: Subject, expected: Code) -> Result<u64> {
        self.forget_events();
        let program = fd(&mut self.guard, &mut self.bench, subject)?;
        self.slots.set(SLOT, program, 0)?;
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context: Vec<u8> =
            [0, FRAME_LEN as u32, 0, self.ifindex, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        let mut options = TestRunOptions::new();
        options.data_in = Some(&[0; FRAME_LEN]);
        options.ctx_in = Some(&context);
        options.repeat = self.sources.len();
        let result = xdp(&mut self.bench, FEED)?.test_run(options).context("the test-run failed")?;
        let code = result.return_value;
        ensure!(
            code == expected as u32,
            "{subject:?} returned {code}, not {expected:?}: it measured nothing"
        );
        Ok(u64::try_from(result.duration.as_nanos())?)
    }

    /// Empties the ring, as the daemon would.
    fn forget_events(&mut self) {
        let events = &mut self.events;
        self.runtime.block_on(async {
            // None there is no error, nor is a ring that cannot be polled: it is full then, and that is counted.
            let _ = tokio::time::timeout(Duration::ZERO, events.next(usize::MAX)).await;
        });
    }

    /// Puts a list into the kernel's maps, for comparison.
    pub(crate) fn fill_peers(&mut self, list: &[ClassRange<u32>]) -> Result<()> {
        let mut trie: LpmTrie<_, [u8; 4], u32> = self.bench.map_mut("TRIE").context("no TRIE")?.try_into()?;
        for range in list {
            trie.insert(&Key::new(32, range.first.to_be_bytes()), range.class, 0)?;
        }
        let mut hash: HashMap<_, [u8; 4], u32> = self.bench.map_mut("HASH").context("no HASH")?.try_into()?;
        for range in list {
            hash.insert(range.first.to_be_bytes(), range.class, 0)?;
        }
        Ok(())
    }
}

fn fd<'a>(guard: &'a mut Datapath, bench: &'a mut Ebpf, subject: Subject) -> Result<&'a ProgramFd> {
    match Subject::BENCH.into_iter().find(|(known, _)| *known == subject) {
        Some((_, name)) => Ok(xdp(bench, name)?.fd()?),
        None => Ok(guard.xdp_fd()?),
    }
}
