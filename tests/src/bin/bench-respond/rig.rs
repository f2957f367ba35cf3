//! The loaded programs at both ends of the wire, and sending.

use std::time::Duration;

use anyhow::{Context as _, Result};
use aya::maps::{MapData, PerCpuArray, ProgramArray};
use aya::programs::XdpMode;
use aya::programs::xdp::XdpLink;
use aya::{Ebpf, EbpfLoader};
use relay_guard::datapath::{Datapath, LoadOptions, bench_respond_object, check_requirements};
use relay_guard_common::action::Action;
use relay_guard_tests::bench::feeder::{Batch, FEED, Feeder};
use relay_guard_tests::bench::wire::{CLIENT_DEVICE, SERVER_DEVICE, Wire};
use relay_guard_tests::bench::{take, xdp};

use super::policy;
use super::traffic::Listed;

/// Goes on with the program in the slot, or with the kernel.
const SLOT: &str = "respond_slot";
/// The programs of the clients' end, of which one is there at a time.
const COUNT: &str = "respond_count";
const CLIENT: &str = "respond_client";
/// What the guard is compared with.
const BOUNCE: &str = "respond_bounce";

/// What gets the frames at the server's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A program that sends everything back.
    Bare,
    /// The guard, and what it does with listed sources.
    Guard(Action),
    /// The kernel's stack, with whatever rules and servers it has.
    Stack,
}

/// What has come back, by the places of the map `TALLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// SYNs as they were sent.
    pub(crate) syns: u64,
    pub(crate) syn_acks: u64,
    pub(crate) resets: u64,
    /// Dialogues that went to their end.
    pub(crate) completed: u64,
    /// Recipients that were refused.
    pub(crate) refused: u64,
    /// Dialogues that the server ended too early.
    pub(crate) broken: u64,
}

/// Everything that is loaded.
pub(crate) struct Rig<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) listed: Listed,
    guard: Datapath,
    bench: Ebpf,
    slots: ProgramArray<MapData>,
    feeder: Feeder,
    tally: PerCpuArray<MapData, u64>,
    /// The clients' end. There is always one, but for a moment.
    receiver: Option<XdpLink>,
    /// The server's end, for as long as this lives.
    _slot: XdpLink,
}

impl<'a> Rig<'a> {
    /// Loads everything.
    pub(crate) fn new(wire: &'a Wire) -> Result<Self> {
        check_requirements()?;
        let listed = Listed::new();
        let mut guard = Datapath::load(&LoadOptions::default())?;
        policy::set(&mut guard, wire.server_index, &listed)?;
        let mut bench =
            EbpfLoader::new().load(bench_respond_object()).context("cannot load the bench object")?;
        for name in [FEED, SLOT, COUNT, CLIENT, BOUNCE] {
            xdp(&mut bench, name)?.load().with_context(|| format!("the kernel refused {name}"))?;
        }
        let slots = take(&mut bench, "MEASURED")?;
        let feeder = Feeder::new(&mut bench)?;
        let tally = take(&mut bench, "TALLY")?;
        let _slot = wire.server.run(|| attach(&mut bench, SLOT, SERVER_DEVICE))?;
        let receiver = Some(wire.client.run(|| attach(&mut bench, COUNT, CLIENT_DEVICE))?);
        Ok(Self { wire, listed, guard, bench, slots, feeder, tally, receiver, _slot })
    }

    /// Puts a subject at the server's end.
    pub(crate) fn place(&mut self, subject: Subject) -> Result<()> {
        match subject {
            Subject::Bare => self.slots.set(0, xdp(&mut self.bench, BOUNCE)?.fd()?, 0)?,
            Subject::Guard(action) => {
                policy::act(&mut self.guard, action)?;
                self.slots.set(0, self.guard.xdp_fd()?, 0)?;
            }
            // One that is empty already is no error.
            Subject::Stack => drop(self.slots.clear_index(&0)),
        }
        Ok(())
    }

    /// Whether the clients' end goes on with dialogues, or only counts what comes.
    pub(crate) fn converse(&mut self, on: bool) -> Result<()> {
        let program = xdp(&mut self.bench, if on { CLIENT } else { COUNT })?;
        let link = self.receiver.take().context("the clients' end is gone")?;
        let link = program.attach_to_link(link)?;
        self.receiver = Some(program.take_link(link)?);
        Ok(())
    }

    /// Prepares what is sent.
    pub(crate) fn prepare(&mut self, batch: &Batch) -> Result<()> {
        self.feeder.prepare(batch)
    }

    /// Sends so many of the prepared frames, in a circle, and returns how long it took until all had arrived, been answered
    /// and counted, all of it on one CPU.
    pub(crate) fn send(&mut self, frames: u32) -> Result<Duration> {
        let Self { wire, bench, feeder, .. } = self;
        wire.on_one_cpu(|| feeder.send(wire, bench, frames))
    }

    /// What has come back so far.
    pub(crate) fn tally(&self) -> Result<Tally> {
        let count = |place: u32| -> Result<u64> { Ok(self.tally.get(&place, 0)?.iter().sum()) };
        Ok(Tally {
            syns: count(0)?,
            syn_acks: count(1)?,
            resets: count(2)?,
            completed: count(3)?,
            refused: count(4)?,
            broken: count(5)?,
        })
    }
}

/// In the namespace of the caller.
fn attach(bench: &mut Ebpf, name: &str, device: &str) -> Result<XdpLink> {
    let program = xdp(bench, name)?;
    let link = program.attach(device, XdpMode::Driver).with_context(|| format!("cannot attach {name}"))?;
    Ok(program.take_link(link)?)
}
