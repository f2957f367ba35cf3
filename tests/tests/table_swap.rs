//! Swaps of the table under traffic: no frame sees half a table, or none.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use relay_guard::datapath::{FrameRunner, LoadOptions};
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::reason::Reason;
use relay_guard_tests::frames::Frame;

mod support;
use support::kernel::{At, Kernel, with_kernel};
use support::lists::{Compiled, List, compile};

/// More than what is asked for, which is 200.
const SWAPS: u64 = 240;
/// Frames that are to meet each table, each several times.
const ROUNDS_PER_SWAP: u64 = 5;
/// For a round of frames; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// In which of the two tables a source is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    Always,
    Never,
    InFirst,
    InSecond,
}

/// Sources of each kind, of both families, in every kind of cell of the table.
const SOURCES: [(&str, Listed); 16] = [
    // A whole /16; a /24 and single addresses in a node, whose place moves from one table to the next; in a leaf of
    // mixed classes.
    ("198.18.1.1", Listed::Always),
    ("203.0.113.9", Listed::Always),
    ("192.0.2.77", Listed::Always),
    ("192.0.2.99", Listed::Always),
    ("2001:db8:bad::9", Listed::Always),
    ("2001:db8:bad:ffff::77", Listed::Always),
    ("2001:db8:5:5::5", Listed::Always),
    ("198.51.100.1", Listed::Never),
    ("192.0.2.78", Listed::Never),
    ("0.0.0.1", Listed::Never),
    ("2001:db8:c1ea::1", Listed::Never),
    ("2001:db8:5:5::6", Listed::Never),
    ("100.64.0.1", Listed::InFirst),
    ("2001:db8:1::1", Listed::InFirst),
    ("100.65.0.1", Listed::InSecond),
    ("2001:db8:2::1", Listed::InSecond),
];

/// In both tables.
const COMMON: [&str; 7] = [
    "198.18.0.0/16",
    "203.0.113.0/24",
    "192.0.2.77/32",
    "192.0.2.96/28",
    "2001:db8:bad::/48",
    "2001:db8:5:5::5/128",
    "9.9.9.0/24",
];

/// A table of the common list and one of its own, with `filler` addresses more, so that the tables differ in size and
/// in where things are.
fn table(own: &[&str], filler: u32, interner: &mut ClassInterner) -> Compiled {
    let fill = (0..filler).map(|n| format!("11.{}.{}.{}", n % 7, n / 7 % 256, n % 251));
    let fill_v6 = (0..filler / 2).map(|n| format!("2001:db8:f:{n:x}::{n:x}"));
    let fill: Vec<String> = fill.chain(fill_v6).collect();
    let fill: Vec<String> =
        fill.iter().map(|a| format!("{a}/{}", if a.contains(':') { 128 } else { 32 })).collect();
    let fill: Vec<&str> = fill.iter().map(String::as_str).collect();
    let mixed = ["192.0.2.98/31"];
    let lists = [
        list(Action::Drop, Reason::Listed, &COMMON),
        list(Action::Drop, Reason::Listed, own),
        list(Action::Drop, Reason::Listed, &mixed),
        list(Action::Observe, Reason::Listed, &fill),
    ];
    compile(&lists, interner)
}

/// What one source's frames met.
#[derive(Default)]
struct Tally {
    dropped: AtomicU64,
    passed: AtomicU64,
}

/// Runs a frame of every source again and again, until told to stop.
fn traffic(runner: &FrameRunner, outside: u32, tallies: &[Tally], rounds: &AtomicU64, stop: &AtomicBool) {
    let frames: Vec<Vec<u8>> = SOURCES.iter().map(|(source, _)| frame(source)).collect();
    while !stop.load(Relaxed) {
        for (frame, tally) in frames.iter().zip(tallies) {
            let counter = match runner.run(frame, Some(outside)).expect("a test-run").code {
                XDP_DROP => &tally.dropped,
                XDP_PASS => &tally.passed,
                code => panic!("return code {code}"),
            };
            counter.fetch_add(1, Relaxed);
        }
        rounds.fetch_add(1, Relaxed);
    }
}

fn frame(source: &str) -> Vec<u8> {
    let v6 = source.contains(':');
    let source = source.parse().expect(source);
    let destination = if v6 { "2001:db8:2::25" } else { "10.0.2.25" };
    Frame::tcp((source, 40000), (destination.parse().expect(destination), 25)).build()
}

#[test]
fn no_frame_sees_half_a_table() {
    with_kernel(&LoadOptions::default(), |kernel| {
        // One interner: a set of lists has one class in both tables.
        let mut interner = ClassInterner::new();
        let first = table(&["100.64.0.0/16", "2001:db8:1::/48"], 300, &mut interner);
        let second = table(&["100.65.0.0/16", "2001:db8:2::/48"], 9000, &mut interner);
        assert!(second.plan().cells() > first.plan().cells() + 1000);
        kernel.publish(&first);
        let runner = kernel.datapath.frame_runner().expect("a second handle");
        // It is the lists that the frames meet: where sources are not judged, they all pass.
        for (source, _) in SOURCES {
            for at in [At::Stray, At::Inside] {
                let run = runner.run(&frame(source), Some(kernel.ifindex(at))).expect("a test-run");
                assert_eq!(run.code, XDP_PASS, "{source} {at:?}");
            }
        }
        let tallies: Vec<Tally> = SOURCES.iter().map(|_| Tally::default()).collect();
        let fewest = swap_under(kernel, &runner, &tallies, [&second, &first]);
        assert!(fewest >= ROUNDS_PER_SWAP, "a table met only {fewest} rounds of frames");
        check(&tallies);
    });
}

/// Swaps tables while frames run, and says how many rounds of frames the table that met fewest met.
fn swap_under(kernel: &mut Kernel, runner: &FrameRunner, tallies: &[Tally], tables: [&Compiled; 2]) -> u64 {
    let (rounds, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let outside = kernel.ifindex(At::Outside);
    thread::scope(|scope| {
        // A thread begins in the network namespace of the one that starts it.
        scope.spawn(|| traffic(runner, outside, tallies, &rounds, &stop));
        let stop_at_end = Stop(&stop);
        let mut fewest = u64::MAX;
        for table in tables.into_iter().cycle().take(SWAPS as usize) {
            let before = rounds.load(Relaxed);
            kernel.publish(table);
            let deadline = Instant::now() + PATIENCE;
            while rounds.load(Relaxed) < before + ROUNDS_PER_SWAP && Instant::now() < deadline {
                thread::yield_now();
            }
            fewest = fewest.min(rounds.load(Relaxed) - before);
        }
        drop(stop_at_end);
        fewest
    })
}

/// Ends the traffic, also when a swap fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn check(tallies: &[Tally]) {
    for ((source, listed), tally) in SOURCES.iter().zip(tallies) {
        let (dropped, passed) = (tally.dropped.load(Relaxed), tally.passed.load(Relaxed));
        let fine = match listed {
            Listed::Always => passed == 0 && dropped >= SWAPS * ROUNDS_PER_SWAP,
            Listed::Never => dropped == 0 && passed >= SWAPS * ROUNDS_PER_SWAP,
            // Some rounds with each table at least.
            Listed::InFirst | Listed::InSecond => dropped.min(passed) >= SWAPS,
        };
        assert!(fine, "{source}, listed {listed:?}: {dropped} dropped, {passed} passed");
    }
}

/// A list of these CIDRs.
fn list(action: Action, reason: Reason, nets: &[&str]) -> List {
    let nets = nets.iter().map(|net| net.parse().unwrap_or_else(|error| panic!("{net}: {error}")));
    List::inbound(action, reason, nets.collect())
}
