//! The programs with inspection's settings, the reader of captures, and what comes of a segment.

use std::net::IpAddr;
use std::time::Duration;

use relay_guard::datapath::{
    CaptureRecord, CaptureSource, FlowTable, FrameRun, LoadOptions, TcProgram, TcSight,
};
use relay_guard::inspect::segment::{Connection, Opening, Segment};
use relay_guard_common::counter::{Effect, Loss};
use relay_guard_common::flow::{Budgets, INSPECT_INBOUND, INSPECT_OUTBOUND, Order, Party};
use relay_guard_common::role::Direction;
use relay_guard_common::settings::Settings;
use relay_guard_tests::frames::Frame;

use super::outcome::{Codes, tc_takes};
use super::support::kernel::{At, Kernel, with_kernel};
use super::talk::{CLIENT, SERVER, Talk, Way};

/// An address from its text.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Settings under which everything is looked into.
pub fn inspecting() -> Settings {
    Settings {
        enforce: 1,
        verdicts: 1,
        prefixes: 1,
        window_ns: 3_600_000_000_000,
        inspect: INSPECT_OUTBOUND | INSPECT_INBOUND,
        budgets: Budgets::USUAL,
        ..Settings::default()
    }
}

/// Which programs see ingress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Programs {
    Xdp,
    Tc,
    /// For devices without Ethernet.
    TcPacket,
}

impl Programs {
    pub const ALL: [Self; 3] = [Self::Xdp, Self::Tc, Self::TcPacket];
}

/// A record of the ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub from: Party,
    pub direction: Direction,
    pub sequence: u32,
    pub acknowledgment: Option<u32>,
    pub flags: u8,
    pub len: u32,
    pub payload: Vec<u8>,
    pub opening: Option<Opening>,
    pub skipped_own: bool,
    pub skipped_other: bool,
    pub ended: bool,
}

impl Told {
    fn of(record: &CaptureRecord<'_>) -> Self {
        let Segment {
            from,
            sequence,
            acknowledgment,
            flags,
            len,
            payload,
            opening,
            skipped_own,
            skipped_other,
            ..
        } = record.segment();
        Self {
            from,
            direction: record.direction(),
            sequence,
            acknowledgment,
            flags: flags.0,
            len,
            payload: payload.to_vec(),
            opening,
            skipped_own,
            skipped_other,
            ended: record.is_ended(),
        }
    }

    /// In few words: who, how many octets before it, how many of how many, and what was skipped.
    pub fn brief(&self) -> (Party, u32, usize, u32, [bool; 2]) {
        let first = [CLIENT, SERVER][self.from as usize].wrapping_add(1);
        let before = self.sequence.wrapping_sub(first);
        (self.from, before, self.payload.len(), self.len, [self.skipped_own, self.skipped_other])
    }
}

/// The handshake's numbers of each [`Talk`].
pub const OPENED: Option<Opening> =
    Some(Opening { client: CLIENT.wrapping_add(1), server: SERVER.wrapping_add(1) });

pub struct World<'a> {
    pub kernel: &'a mut Kernel,
    pub captures: CaptureSource,
    pub flows: FlowTable,
    pub programs: Programs,
}

impl<'a> World<'a> {
    fn new(kernel: &'a mut Kernel) -> Self {
        let captures = kernel.datapath.take_captures().expect("the ring is free");
        let flows = kernel.datapath.take_flow_table().expect("the table is free");
        let mut world = Self { kernel, captures, flows, programs: Programs::Xdp };
        world.set(inspecting());
        world
    }

    pub fn set(&mut self, settings: Settings) {
        self.kernel.datapath.set_settings(settings).expect("settings are written");
    }

    pub fn budgets(&mut self, budgets: Budgets) {
        self.set(Settings { budgets, ..inspecting() });
    }

    pub fn losses(&self, of: Loss) -> u64 {
        let rows = self.kernel.datapath.losses().expect("losses are read");
        rows.iter().find(|row| row.loss == of).map_or(0, |row| row.count)
    }

    /// Runs a frame of a party's where it is seen.
    pub fn run(&mut self, way: Way, from: Party, frame: &Frame) -> FrameRun {
        let (outside, inside) = (self.kernel.ifindex(At::Outside), self.kernel.ifindex(At::Inside));
        let egress = |ifindex, ingress_ifindex| TcSight { ifindex, ingress_ifindex };
        match (way, from) {
            (Way::Host, Party::Client) => self.ingress(frame, inside),
            (Way::Host, Party::Server) => self.egress(frame, egress(inside, outside)),
            (Way::Gateway, Party::Server) | (Way::Inbound | Way::InboundGateway, Party::Client) => {
                self.ingress(frame, outside)
            }
            (Way::Gateway, Party::Client) | (Way::InboundGateway, Party::Server) => {
                self.egress(frame, egress(outside, 0))
            }
            (Way::Inbound, Party::Server) => self.egress(frame, egress(outside, inside)),
        }
    }

    pub fn ingress(&mut self, frame: &Frame, ifindex: u32) -> FrameRun {
        let sight = TcSight { ifindex, ingress_ifindex: ifindex };
        match self.programs {
            Programs::Xdp => {
                self.kernel.datapath.run_frame_on(&frame.build(), Some(ifindex)).expect("a test-run")
            }
            Programs::Tc => self.tc(TcProgram::Ingress, &frame.build(), sight),
            Programs::TcPacket => {
                self.tc(TcProgram::IngressL3, &frame.clone().without_ethernet().build(), sight)
            }
        }
    }

    pub fn egress(&mut self, frame: &Frame, sight: TcSight) -> FrameRun {
        match self.programs {
            Programs::Xdp | Programs::Tc => self.tc(TcProgram::Egress, &frame.build(), sight),
            Programs::TcPacket => {
                self.tc(TcProgram::EgressL3, &frame.clone().without_ethernet().build(), sight)
            }
        }
    }

    fn tc(&mut self, program: TcProgram, frame: &[u8], sight: TcSight) -> FrameRun {
        assert!(program == TcProgram::IngressL3 || program == TcProgram::EgressL3 || tc_takes(frame));
        self.kernel.datapath.run_tc(program, frame, sight).expect("a test-run")
    }

    /// Runs a frame of a party's, which passes.
    pub fn pass(&mut self, way: Way, from: Party, frame: &Frame) {
        let run = self.run(way, from, frame);
        let passed = [Codes::XDP, Codes::TC].map(|codes| codes.of(Effect::Passed));
        assert!(passed.contains(&run.code), "{way:?} {from:?}: code {}", run.code as i32);
    }

    /// All records since the last call; test-runs are over before this is asked.
    pub fn told(&mut self) -> Vec<Told> {
        let ready = self.captures.wait(Duration::ZERO).expect("the ring is polled");
        let mut told = Vec::new();
        let taken = self.captures.drain(usize::MAX, |record| told.push(Told::of(record)));
        assert_eq!((ready, taken), (!told.is_empty(), told.len()), "all that is there can be read");
        told
    }

    /// All records since the last call, in few words.
    pub fn brief(&mut self) -> Vec<(Party, u32, usize, u32, [bool; 2])> {
        self.told().iter().map(Told::brief).collect()
    }

    /// How many connections are looked into.
    pub fn count(&self) -> usize {
        self.flows.len().expect("the table is read")
    }

    /// A connection as the kernel knows it.
    fn connection(&self, talk: &Talk) -> Connection {
        let flow = talk.key();
        let opening = self.flows.get(&flow).and_then(|record| record.opening()).map(Opening::from);
        Connection { flow, opening }
    }

    /// Gives an order about a connection as the kernel knows it. Whether it is there.
    pub fn order(&mut self, talk: &Talk, order: Order) -> bool {
        let connection = self.connection(talk);
        self.flows.order(&connection, order).expect("an order is written")
    }

    /// Forgets a connection as the kernel knows it.
    pub fn forget(&mut self, talk: &Talk) {
        let connection = self.connection(talk);
        self.flows.forget(&connection);
    }

    /// Sends what a party says, and gives the records that come of it.
    pub fn say(&mut self, talk: &mut Talk, from: Party, payload: impl AsRef<[u8]>) -> Vec<Told> {
        let frame = talk.says(from, payload);
        self.pass(talk.way, from, &frame);
        self.told()
    }

    /// A connection's handshake, of which nothing is told.
    pub fn open(&mut self, talk: &Talk) {
        self.pass(talk.way, Party::Client, &talk.syn());
        self.pass(talk.way, Party::Server, &talk.syn_ack());
        assert_eq!(self.told(), []);
    }

    /// A connection with its server's greeting.
    pub fn greeted(&mut self, way: Way, v6: bool) -> Talk {
        let mut talk = Talk::new(way, v6);
        self.open(&talk);
        let told = self.say(&mut talk, Party::Server, GREETING);
        assert_eq!(told.len(), 1, "{told:?}");
        talk
    }
}

pub const GREETING: &str = "220 mx.example ESMTP\r\n";

/// Runs `test` where everything is looked into.
pub fn with_world(test: impl FnOnce(World<'_>) + Send) {
    with_world_of(&LoadOptions::default(), test);
}

/// Runs `test` where everything is looked into, with bounds of its own.
pub fn with_world_of(options: &LoadOptions, test: impl FnOnce(World<'_>) + Send) {
    with_kernel(options, |kernel| test(World::new(kernel)));
}
