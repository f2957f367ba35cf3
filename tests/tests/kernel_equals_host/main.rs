//! The loaded programs against the same functions run here: one frame, one policy, one answer.
//!
//! [`shape`] makes frames and what happens to them, [`world`] policies out of few addresses, so that they meet,
//! [`host`] is what the kernel does, on memory.

mod host;
#[path = "../support/outcome.rs"]
mod outcome;
mod shape;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;

use host::{Memory, Program};
use outcome::{Codes, Outcome, counters, moved, tc_takes};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use relay_guard::datapath::{CounterRow, FrameRun, LoadOptions, TcProgram, TcSight};
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Hook;
use relay_guard_tests::frames::Frame;
use support::kernel::{At, GUARDED, Kernel, with_kernel};

const POLICIES: u32 = 200;
const FRAMES_PER_POLICY: usize = 40;

/// Runs `test` on `cases` values of `strategy`, with one loaded program for all.
fn with_cases<S: Strategy + Send>(
    cases: u32,
    strategy: S,
    test: impl Fn(&mut Kernel, S::Value) -> Result<(), TestCaseError> + Send,
) {
    with_kernel(&LoadOptions::default(), move |kernel| {
        let kernel = RefCell::new(kernel);
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&strategy, |value| test(&mut kernel.borrow_mut(), value));
        if let Err(error) = outcome {
            panic!("{error}");
        }
    });
}

#[test]
fn the_kernel_decides_as_the_host_does() {
    let reached = Mutex::new(BTreeMap::<Reason, usize>::new());
    let frames = prop::collection::vec((world::places(), shape::frames()), FRAMES_PER_POLICY);
    with_cases(POLICIES, (world::worlds(), frames), |kernel, (world, frames)| {
        let policy = world.put(kernel);
        let mut counted = Counted::now(kernel, &policy);
        for ((at, program), frame) in frames {
            if let Some(outcome) = agrees(kernel, &policy, &mut counted, &frame, (at, program))? {
                *reached.lock().expect("no panic").entry(outcome.reason).or_default() += 1;
            }
        }
        Ok(())
    });
    let reached = reached.into_inner().expect("no panic");
    expect_often(
        &reached,
        &[
            (Reason::Clean, 200),
            (Reason::Listed, 150),
            (Reason::ListedDestination, 15),
            (Reason::Protected, 30),
            (Reason::AllowList, 25),
            (Reason::AdminAllow, 60),
            (Reason::AdminBlock, 50),
            (Reason::Contained, 3),
            (Reason::Reply, 50),
            (Reason::NotJudged, 200),
            (Reason::OtherPort, 100),
            (Reason::TinyFragment, 20),
            (Reason::OverlappingFragment, 50),
            (Reason::LaterFragment, 100),
            (Reason::TooDeep, 100),
            (Reason::Truncated, 100),
            (Reason::Malformed, 15),
            (Reason::NotTcp, 100),
            (Reason::NotIp, 100),
        ],
    );
}

/// Sources of which something is said, at ports of all groups: what counts is whose word it is.
#[test]
fn verdicts_hold_by_port_as_on_the_host() {
    let reached = Mutex::new(BTreeMap::<Reason, usize>::new());
    let syns =
        prop::collection::vec((any::<Index>(), select(GUARDED.to_vec()), select(INGRESS.to_vec())), 20);
    with_cases(POLICIES, (world::worlds(), syns), |kernel, (world, syns)| {
        let policy = world.put(kernel);
        let mut counted = Counted::now(kernel, &policy);
        let sources: Vec<IpAddr> = world.with_verdicts().collect();
        for (index, port, program) in syns.into_iter().filter(|_| !sources.is_empty()) {
            let source = *index.get(&sources);
            let server: IpAddr =
                if source.is_ipv4() { "10.9.9.9" } else { "2001:db8::9" }.parse().expect("one");
            let frame = Frame::tcp((source, 40000), (server, port)).build();
            if let Some(outcome) = agrees(kernel, &policy, &mut counted, &frame, (At::Outside, program))? {
                *reached.lock().expect("no panic").entry(outcome.reason).or_default() += 1;
            }
        }
        Ok(())
    });
    let reached = reached.into_inner().expect("no panic");
    expect_often(
        &reached,
        &[
            (Reason::DnsblListed, 150),
            (Reason::DnsblClean, 20),
            (Reason::DnsblUnknown, 20),
            (Reason::Contained, 100),
            (Reason::Listed, 200),
            (Reason::AdminAllow, 100),
            (Reason::AdminBlock, 100),
            (Reason::Protected, 30),
            (Reason::AllowList, 30),
            (Reason::Clean, 200),
        ],
    );
}

/// The programs that see what comes in.
const INGRESS: [Program; 2] = [Program::Xdp, Program::Tc(Hook::Ingress)];

fn expect_often(reached: &BTreeMap<Reason, usize>, expected: &[(Reason, usize)]) {
    for (reason, least) in expected {
        let often = reached.get(reason).copied().unwrap_or_default();
        assert!(often >= *least, "{} was reached {often} times: {reached:?}", reason.name());
    }
}

/// What the kernel has counted.
struct Counted {
    rows: Vec<CounterRow>,
    /// Packets that each class decided.
    classes: BTreeMap<u32, u64>,
}

impl Counted {
    fn now(kernel: &Kernel, policy: &Memory) -> Self {
        let packets = |class| kernel.datapath.class_counter(class).expect("a counter").packets;
        let classes = policy.classes.keys().map(|class| (*class, packets(*class))).collect();
        Self { rows: counters(kernel), classes }
    }
}

/// Runs the frame, and compares return code, counter and class. `None` if a test-run does not take such a frame.
fn agrees(
    kernel: &mut Kernel,
    policy: &Memory,
    counted: &mut Counted,
    frame: &[u8],
    (at, program): (At, Program),
) -> Result<Option<Outcome>, TestCaseError> {
    let takes = match program {
        Program::Xdp => frame.len() >= 14,
        Program::Tc(_) => tc_takes(frame),
    };
    if !takes {
        return Ok(None);
    }
    let expected = host::judge(policy, frame, at, program);
    let run = run(kernel, frame, at, program);
    let before = std::mem::replace(counted, Counted::now(kernel, policy));
    let told = || format!("{at:?} {program:?}: {frame:02x?}");
    let wanted = [(expected.outcome, 1, frame.len() as u64)];
    prop_assert_eq!(&moved(&before.rows, &counted.rows)[..], &wanted[..], "{}", told());
    let codes = if program == Program::Xdp { Codes::XDP } else { Codes::TC };
    prop_assert_eq!(run.code, codes.of(expected.outcome.effect), "{}", told());
    prop_assert_eq!(&run.frame[..], frame, "{}", told());
    let changed = |class: &&u32| before.classes.get(class) != counted.classes.get(class);
    let by_class: Vec<u32> = counted.classes.keys().filter(changed).copied().collect();
    let wanted: Vec<u32> = Some(expected.class).filter(|class| *class != 0).into_iter().collect();
    prop_assert_eq!(by_class, wanted, "{}", told());
    Ok(Some(expected.outcome))
}

fn run(kernel: &mut Kernel, frame: &[u8], at: At, program: Program) -> FrameRun {
    let ifindex = kernel.ifindex(at);
    let (tc, ingress_ifindex) = match program {
        Program::Xdp => return kernel.datapath.run_frame_on(frame, Some(ifindex)).expect("an XDP test-run"),
        Program::Tc(Hook::Ingress) => (TcProgram::Ingress, ifindex),
        Program::Tc(Hook::EgressForwarded) => (TcProgram::Egress, kernel.ifindex(At::Stray)),
        Program::Tc(Hook::EgressOwn) => (TcProgram::Egress, 0),
    };
    kernel.datapath.run_tc(tc, frame, TcSight { ifindex, ingress_ifindex }).expect("a tc test-run")
}
