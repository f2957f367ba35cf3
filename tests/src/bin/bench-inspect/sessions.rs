//! Whole sessions from memory, all on one CPU: segments of many connections, which come in turns, through reassembly, SMTP and
//! scoring; beside those who do less.

use std::hint::black_box;
use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use relay_guard::inspect::flows::{Flows, Limits, Listener};
use relay_guard::inspect::observation::{Ended, Observation};
use relay_guard::inspect::reassembly::{Begins, Piece};
use relay_guard::inspect::segment::Segment;
use relay_guard::inspect::smtp;
use relay_guard::inspect::{HostKind, Inspection};
use relay_guard_common::flow::FlowKey;
use relay_guard_tests::bench::{Random, Times, stay_on_one_cpu};
use rustix::time::{ClockId, clock_gettime};

use super::Scale;
use super::report::Sessions;
use super::script::{Script, Told, host, rules};

/// Connections that take turns.
const AT_ONCE: usize = 512;
/// Inside hosts.
const HOSTS: usize = 10_000;
/// Between two segments, nanoseconds: as much as at the rate that is the goal.
const STEP_NS: u64 = 500;
/// Between two looks at what is due, nanoseconds.
const POLL_NS: u64 = 1_000_000;

/// Somebody who takes segments.
trait Contender {
    fn take(&mut self, segment: &Segment<'_>);
    /// How many sessions it has seen the end of, if it can tell.
    fn sessions(&self) -> Option<u64>;
}

/// Nobody: what it costs to make segments.
struct Nobody;

impl Contender for Nobody {
    fn take(&mut self, segment: &Segment<'_>) {
        black_box(segment);
    }

    fn sessions(&self) -> Option<u64> {
        None
    }
}

/// Copies payload.
struct Copier(Vec<u8>);

impl Contender for Copier {
    fn take(&mut self, segment: &Segment<'_>) {
        self.0.clear();
        self.0.extend_from_slice(segment.payload);
        black_box(&self.0);
    }

    fn sessions(&self) -> Option<u64> {
        None
    }
}

/// Cuts payload into lines, without regard to connections.
struct Splitter;

impl Contender for Splitter {
    fn take(&mut self, segment: &Segment<'_>) {
        for line in segment.payload.split(|octet| *octet == b'\n') {
            black_box(line);
        }
    }

    fn sessions(&self) -> Option<u64> {
        None
    }
}

/// Listens to nothing that is said.
struct Deaf;

impl Listener for Deaf {
    type Heard = ();
    const MAX_BYTES: usize = 0;

    fn new(_: FlowKey, _: Begins, _: u64) -> Self {
        Self
    }

    fn client(&mut self, _: u64, piece: Piece<'_>, _: &mut Vec<()>) {
        black_box(piece);
    }

    fn server(&mut self, _: u64, piece: Piece<'_>, _: &mut Vec<()>) {
        black_box(piece);
    }

    fn end(&mut self, _: u64, _: Ended, out: &mut Vec<()>) {
        out.push(());
    }

    fn wants_more(&self) -> bool {
        true
    }

    fn memory(&self) -> usize {
        0
    }
}

/// Puts streams together.
struct Reassembly {
    flows: Flows<Deaf>,
    heard: Vec<()>,
}

impl Contender for Reassembly {
    fn take(&mut self, segment: &Segment<'_>) {
        self.flows.handle(segment, &mut self.heard);
        self.flows.commands();
    }

    fn sessions(&self) -> Option<u64> {
        Some(self.heard.len() as u64)
    }
}

/// Reads SMTP, and nobody is judged.
struct Reader {
    flows: Flows<smtp::Session>,
    heard: Vec<Observation>,
    sessions: u64,
}

impl Contender for Reader {
    fn take(&mut self, segment: &Segment<'_>) {
        self.flows.handle(segment, &mut self.heard);
        self.flows.commands();
        for observation in self.heard.drain(..) {
            self.sessions += u64::from(matches!(observation, Observation::Session(_)));
            black_box(&observation);
        }
    }

    fn sessions(&self) -> Option<u64> {
        Some(self.sessions)
    }
}

/// All of it, as the daemon has it.
struct Whole {
    inspection: Inspection,
    sessions: u64,
    due_ns: u64,
}

impl Contender for Whole {
    fn take(&mut self, segment: &Segment<'_>) {
        let Self { inspection, sessions, .. } = self;
        inspection.segment(segment, kind_of, |observation| {
            *sessions += u64::from(matches!(observation, Observation::Session(_)));
        });
        if self.due_ns <= segment.time_ns {
            black_box(inspection.poll(segment.time_ns, kind_of, |_| ()));
            self.due_ns = segment.time_ns + POLL_NS;
        }
        inspection.flow_commands().for_each(drop);
    }

    fn sessions(&self) -> Option<u64> {
        Some(self.sessions)
    }
}

fn kind_of(_: IpAddr) -> Option<HostKind> {
    Some(HostKind::Host)
}

type Make = fn() -> Result<Box<dyn Contender>>;

const CONTENDERS: [(&str, Make); 6] = [
    ("the segments alone", || Ok(Box::new(Nobody))),
    ("their payload copied", || Ok(Box::new(Copier(Vec::new())))),
    ("their payload cut into lines", || Ok(Box::new(Splitter))),
    ("reassembly", || Ok(Box::new(Reassembly { flows: Flows::new(Limits::default()), heard: Vec::new() }))),
    ("reassembly, SMTP", || {
        Ok(Box::new(Reader { flows: Flows::new(Limits::default()), heard: Vec::new(), sessions: 0 }))
    }),
    ("reassembly, SMTP, score", || {
        let inspection = Inspection::new(Limits::default(), rules(1 << 20)?);
        Ok(Box::new(Whole { inspection, sessions: 0, due_ns: 0 }))
    }),
];

/// All contenders.
pub(crate) fn measure(scale: Scale) -> Result<Sessions> {
    // In a thread of its own, which alone stays on one CPU.
    thread::scope(|scope| scope.spawn(|| measure_here(scale)).join().expect("a thread that does not panic"))
}

/// In turns, so that what else the machine does meets all of them alike.
fn measure_here(scale: Scale) -> Result<Sessions> {
    stay_on_one_cpu()?;
    let scripts = Script::all();
    let mut times = vec![Times::new(); CONTENDERS.len()];
    for _ in 0..scale.rounds {
        for (times, (name, make)) in times.iter_mut().zip(CONTENDERS) {
            let mut contender = make()?;
            let time = round(&scripts, scale.sessions, contender.as_mut());
            if let Some(seen) = contender.sessions() {
                ensure!(seen == u64::from(scale.sessions), "{name}: {seen} of {} sessions", scale.sessions);
            }
            times.add((time.as_secs_f64() * 1e12 / f64::from(scale.sessions)) as u64);
        }
    }
    let mean = |sum: usize| sum as f64 / scripts.len() as f64;
    let segments = mean(scripts.iter().map(Script::len).sum());
    let octets = mean(scripts.iter().map(Script::octets).sum());
    let rows = CONTENDERS.iter().zip(times).map(|((name, _), times)| (*name, times));
    Ok(Sessions::new(segments, octets, &rows.collect::<Vec<_>>()))
}

/// How long so many sessions take, in time of the CPU: what else the machine does is not counted.
fn round(scripts: &[Script], sessions: u32, contender: &mut dyn Contender) -> Duration {
    let mut random = Random::new(25);
    let mut begun = 0;
    let mut next = || {
        begun += 1;
        let script = &scripts[random.below(scripts.len())];
        (begun <= sessions).then(|| Told::new(script, host(random.below(HOSTS) as u32), &mut random))
    };
    let mut under_way: Vec<_> = (0..AT_ONCE).map_while(|_| next()).collect();
    let mut turn = 0;
    let mut now_ns = 1_000_000_000;
    let start = cpu_time();
    while !under_way.is_empty() {
        turn = (turn + 1) % under_way.len();
        now_ns += STEP_NS;
        match under_way[turn].next(now_ns) {
            Some(segment) => contender.take(&segment),
            None => match next() {
                Some(told) => under_way[turn] = told,
                None => drop(under_way.swap_remove(turn)),
            },
        }
    }
    cpu_time() - start
}

/// What this thread has had of a CPU.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
