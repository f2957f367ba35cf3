//! The programs with a daemon's settings, the reader of questions, and what becomes of a frame.

use std::net::IpAddr;
use std::time::Duration;

use relay_guard::datapath::{AskSource, EventSource, FrameRun, LoadOptions, TcProgram, TcSight};
use relay_guard::policy::ClassInterner;
use relay_guard_common::action::Action;
use relay_guard_common::ask::Ask;
use relay_guard_common::counter::{Effect, Loss};
use relay_guard_common::ports::PortGroups;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_common::settings::Settings;
use relay_guard_tests::frames::Frame;
use tokio::runtime::{Builder, Runtime};

use super::memory::{Memory, pin_dir};
use super::outcome::{Codes, Outcome, counters, moved, tc_takes};
use super::support::kernel::{At, Kernel, with_kernel};
use super::support::lists::{List, compile};

/// Nobody has ever heard of them.
pub const UNKNOWN: &str = "203.0.113.7";
pub const UNKNOWN_V6: &str = "2001:db8:a::7";
/// On lists.
pub const DROPPED: &str = "198.18.1.7";
pub const OBSERVED: &str = "198.18.2.7";
pub const ALLOW_LISTED: &str = "198.18.3.7";
/// Our mail server: protected.
pub const MAIL: &str = "198.18.4.25";
pub const MAIL_V6: &str = "2001:db8:2::25";

/// The ports' groups: 25, 465, 587.
const GROUPS: [(u16, u8); 3] = [(25, 0), (465, 1), (587, 2)];

/// Everybody, in all groups.
pub const ALL: u32 = 0xff;

/// Settings under which everybody is asked about and held.
pub fn holding() -> Settings {
    const HOUR_NS: u64 = 3_600_000_000_000;
    Settings {
        enforce: 1,
        verdicts: 1,
        prefixes: 1,
        destinations: 1,
        window_ns: HOUR_NS,
        ask: ALL | Settings::HOLD,
        // No rate.
        asks: Default::default(),
        heartbeat_ns: now_ns() + HOUR_NS,
        // Nothing is looked into.
        inspect: 0,
        budgets: Default::default(),
    }
}

/// Now, nanoseconds of `CLOCK_MONOTONIC`.
pub fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// An address from its text.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A SYN to a port of our mail server.
pub fn syn(source: IpAddr, port: u16) -> Frame {
    let mail = ip(if source.is_ipv4() { MAIL } else { MAIL_V6 });
    Frame::tcp((source, 40000), (mail, port))
}

/// A program that sees what comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Xdp,
    Tc,
    /// For devices without Ethernet.
    TcPacket,
}

/// What a frame came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// As usual, and nobody was asked.
    As(Outcome),
    /// It passed, and its source was asked about.
    Asked,
    /// It was held, and its source was asked about.
    Held,
}

/// It passed as one of which nothing is known, and nobody was asked.
pub const PASSED: Came =
    Came::As(Outcome { reason: Reason::Clean, direction: Direction::Inbound, effect: Effect::Passed });

impl Came {
    fn outcome(self) -> Outcome {
        let direction = Direction::Inbound;
        match self {
            Self::As(outcome) => outcome,
            Self::Asked => Outcome { reason: Reason::Clean, direction, effect: Effect::Passed },
            Self::Held => Outcome { reason: Reason::Held, direction, effect: Effect::Stopped },
        }
    }
}

pub struct World<'a> {
    pub kernel: &'a mut Kernel,
    pub memory: Memory,
    runtime: Runtime,
    asks: AskSource,
    events: EventSource,
}

impl<'a> World<'a> {
    pub fn new(kernel: &'a mut Kernel) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let asks = runtime.block_on(async { kernel.datapath.take_asks() }).expect("the ring is free");
        let events = runtime.block_on(async { kernel.datapath.take_events() }).expect("the ring is free");
        let mut world = Self { kernel, memory: Memory::open(), runtime, asks, events };
        world.set(holding());
        world
    }

    pub fn set(&mut self, settings: Settings) {
        self.kernel.datapath.set_settings(settings).expect("settings are written");
    }

    /// All questions since the last call; test-runs are over before this is asked.
    pub fn asked(&mut self) -> Vec<Ask> {
        let Self { runtime, asks, .. } = self;
        let asked =
            runtime.block_on(async { tokio::time::timeout(Duration::ZERO, asks.next(usize::MAX)).await });
        asked.map_or(Vec::new(), |asks| asks.expect("the ring is read"))
    }

    /// How many events there were since the last call.
    pub fn told(&mut self) -> usize {
        let Self { runtime, events, .. } = self;
        let told =
            runtime.block_on(async { tokio::time::timeout(Duration::ZERO, events.next(usize::MAX)).await });
        told.map_or(0, |events| events.expect("the ring is read").len())
    }

    pub fn losses(&self, of: Loss) -> u64 {
        let rows = self.kernel.datapath.losses().expect("losses are read");
        rows.iter().find(|row| row.loss == of).map_or(0, |row| row.count)
    }

    /// How often policy wanted something done.
    pub fn actions(&self) -> u64 {
        let rows = self.kernel.datapath.action_counters().expect("counters are read");
        rows.iter().map(|row| row.count.packets).sum()
    }

    /// Runs a frame, as if it came in there.
    pub fn run(&mut self, frame: &Frame, at: At, program: Program) -> FrameRun {
        let ifindex = self.kernel.ifindex(at);
        let sight = TcSight { ifindex, ingress_ifindex: ifindex };
        let datapath = &mut self.kernel.datapath;
        let run = match program {
            Program::Xdp => datapath.run_frame_on(&frame.build(), Some(ifindex)),
            Program::Tc => {
                let frame = frame.build();
                assert!(tc_takes(&frame), "a test-run takes it");
                datapath.run_tc(TcProgram::Ingress, &frame, sight)
            }
            Program::TcPacket => {
                datapath.run_tc(TcProgram::IngressL3, &frame.clone().without_ethernet().build(), sight)
            }
        };
        run.expect("a test-run")
    }

    /// Runs a frame and says what came of it: return code, counter, question and event must all say the same.
    pub fn send(&mut self, frame: &Frame, at: At, program: Program) -> Result<Came, String> {
        let (before, actions, from) = (counters(self.kernel), self.actions(), now_ns());
        let run = self.run(frame, at, program);
        let (asked, events) = (self.asked(), self.told());
        let moved = moved(&before, &counters(self.kernel));
        let &[(outcome, 1, _)] = &moved[..] else { return Err(format!("counters moved: {moved:?}")) };
        let came = match &asked[..] {
            [] => Came::As(outcome),
            [Ask { held: 0, .. }] => Came::Asked,
            [Ask { held: 1, .. }] => Came::Held,
            more => return Err(format!("questions: {more:?}")),
        };
        let codes = if program == Program::Xdp { Codes::XDP } else { Codes::TC };
        if came.outcome() != outcome || codes.of(outcome.effect) != run.code {
            return Err(format!("{came:?}, but counted as {outcome:?}, code {}", run.code as i32));
        }
        for ask in asked {
            // The coarse clock is behind by a tick.
            let since = from - 100_000_000;
            if ask.reserved != [0; 5] || !(since..=now_ns()).contains(&ask.time_ns) {
                return Err(format!("{ask:?}"));
            }
        }
        let wants_nothing = matches!(came, Came::Asked | Came::Held) || came == PASSED;
        if wants_nothing && (events, self.actions()) != (0, actions) {
            return Err(format!("{came:?}, but told of as something that policy wanted"));
        }
        Ok(came)
    }

    /// [`send`](Self::send) of a SYN from outside to a port of our mail server, by XDP.
    pub fn syn(&mut self, source: &str, port: u16) -> Came {
        self.send(&syn(ip(source), port), At::Outside, Program::Xdp)
            .unwrap_or_else(|error| panic!("{source} to {port}: {error}"))
    }
}

/// Runs `test` where everybody is asked about and held.
pub fn with_world(test: impl FnOnce(World<'_>) + Send) {
    let options = LoadOptions { pin_dir: Some(pin_dir()), ..LoadOptions::default() };
    with_kernel(&options, |kernel| {
        let mut groups = PortGroups::ONE;
        for (port, group) in GROUPS {
            groups.set_inbound(port, group);
        }
        kernel.datapath.set_port_groups(&groups).expect("port groups are written");
        kernel.publish(&compile(&lists(), &mut ClassInterner::new()));
        test(World::new(kernel));
    });
}

fn lists() -> Vec<List> {
    let list = |action, reason, net: &str| {
        List::inbound(action, reason, vec![net.parse().unwrap_or_else(|error| panic!("{net}: {error}"))])
    };
    vec![
        list(Action::Drop, Reason::Listed, "198.18.1.0/24"),
        list(Action::Observe, Reason::Listed, "198.18.2.0/24"),
        list(Action::Pass, Reason::AllowList, "198.18.3.0/24"),
        list(Action::Pass, Reason::Protected, "198.18.4.0/24"),
    ]
}
