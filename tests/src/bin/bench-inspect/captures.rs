//! From the kernel to userspace: commands of inside hosts' sessions over a real device, captured, handed over by the ring of the
//! default size, and read.
//!
//! All frames are sent by one CPU, on which the guard sees them as well; whoever reads has the others.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{MapData, ProgramArray};
use aya::programs::XdpMode;
use aya::programs::xdp::XdpLink;
use aya::{Ebpf, EbpfLoader};
use relay_guard::datapath::{
    CaptureSource, Datapath, LoadOptions, TcProgram, TcSight, bench_respond_object, check_requirements,
};
use relay_guard_common::counter::Loss;
use relay_guard_common::flow::{Budgets, INSPECT_OUTBOUND};
use relay_guard_common::ports::PortSet;
use relay_guard_common::role::Side;
use relay_guard_common::settings::Settings;
use relay_guard_common::verdict::FOREVER;
use relay_guard_tests::bench::feeder::{Batch, FEED, FRAME_COUNT, Feeder, MAX_FRAME};
use relay_guard_tests::bench::wire::{CLIENT_MAC, SERVER_DEVICE, SERVER_MAC, Wire};
use relay_guard_tests::bench::{Times, take, xdp};
use relay_guard_tests::frames::{Frame, flags};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::Scale;
use super::report::{Burst, Captures};

/// Hands each frame to the guard.
const SLOT: &str = "respond_slot";

/// Connections that take turns.
const CONNECTIONS: u32 = 2048;
/// Segments of one after the other; the same ones come again.
const TURN: u32 = FRAME_COUNT / CONNECTIONS;
/// What of a frame is payload.
const PAYLOAD: usize = MAX_FRAME - 14 - 20 - 20;
/// Frames that are sent at once, as fast as the CPU sends. Between bursts are some 30 ms, in which the kernel changes the program
/// that it dispatches to: that makes the rate.
const BURSTS: [u32; 6] = [1 << 14, 1 << 15, 1 << 16, 1 << 17, 1 << 18, 1 << 20];
/// For the costs of a frame.
const FRAMES: u32 = 1 << 20;
/// Records that are read at once.
const READ: usize = 4096;
/// Until a reader that waits looks whether it is over.
const PATIENCE: Duration = Duration::from_millis(20);
/// The first numbers of all connections.
const CLIENT: u32 = 1_000_000;
const SERVER: u32 = 2_000_000;

/// Rates and costs.
pub(crate) fn measure(scale: Scale) -> Result<Captures> {
    let wire = Wire::new()?;
    let mut rig = Rig::new(&wire)?;
    let [unseen, seen] = rig.costs(scale.rounds)?;
    let bursts = BURSTS.into_iter().map(|frames| rig.burst(frames, scale.sample)).collect::<Result<_>>()?;
    Ok(Captures::new(PAYLOAD, LoadOptions::default().capture_bytes, unseen, seen, bursts))
}

/// The loaded programs at the server's end of the wire, which is the inside of a guard.
struct Rig<'a> {
    wire: &'a Wire,
    guard: Datapath,
    captures: CaptureSource,
    bench: Ebpf,
    feeder: Feeder,
    _slots: ProgramArray<MapData>,
    _slot: XdpLink,
}

impl<'a> Rig<'a> {
    fn new(wire: &'a Wire) -> Result<Self> {
        check_requirements()?;
        let mut guard = Datapath::load(&LoadOptions::default())?;
        guard.set_ports(&PortSet::new(&[25, 465, 587], &[25]))?;
        guard.set_interfaces(&[(wire.server_index, Side::Inside)])?;
        guard.set_settings(settings(INSPECT_OUTBOUND))?;
        let captures = guard.take_captures()?;
        let mut bench =
            EbpfLoader::new().load(bench_respond_object()).context("cannot load the bench object")?;
        for name in [FEED, SLOT] {
            xdp(&mut bench, name)?.load().with_context(|| format!("the kernel refused {name}"))?;
        }
        let mut feeder = Feeder::new(&mut bench)?;
        feeder.prepare(&Batch::new((0..FRAME_COUNT).map(command))?)?;
        let mut slots: ProgramArray<_> = take(&mut bench, "MEASURED")?;
        slots.set(0, guard.xdp_fd()?, 0)?;
        let slot = wire.server.run(|| -> Result<XdpLink> {
            let program = xdp(&mut bench, SLOT)?;
            let link = program.attach(SERVER_DEVICE, XdpMode::Driver)?;
            Ok(program.take_link(link)?)
        })?;
        let mut rig = Self { wire, guard, captures, bench, feeder, _slots: slots, _slot: slot };
        rig.open_all()?;
        Ok(rig)
    }

    /// Opens all connections, as far as the guard can tell.
    fn open_all(&mut self) -> Result<()> {
        let Self { wire, guard, captures, .. } = self;
        let index = wire.server_index;
        // As forwarded: it came by another interface, which is on no side.
        let sight = TcSight { ifindex: index, ingress_ifindex: index + 1 };
        let greetings = wire.server.run(|| -> Result<usize> {
            let mut greetings = 0;
            for number in 0..CONNECTIONS {
                let (client, server) = ends(number);
                let syn = Frame::tcp(client, server).flags(flags::SYN).numbers(CLIENT - 1, 0);
                let answer =
                    |flags, sequence| Frame::tcp(server, client).flags(flags).numbers(sequence, CLIENT);
                let syn_ack = answer(flags::SYN | flags::ACK, SERVER - 1);
                let greeting = answer(flags::ACK | flags::PSH, SERVER).payload("220 mx.example ESMTP\r\n");
                guard.run_frame_on(&syn.build(), Some(index))?;
                guard.run_tc(TcProgram::Egress, &syn_ack.build(), sight)?;
                guard.run_tc(TcProgram::Egress, &greeting.build(), sight)?;
                greetings += captures.drain(READ, |_| {});
            }
            Ok(greetings)
        })?;
        ensure!(
            greetings == CONNECTIONS as usize,
            "{greetings} of {CONNECTIONS} connections are looked into"
        );
        Ok(())
    }

    /// Picoseconds for a frame that is not looked into, and for one that is.
    fn costs(&mut self, rounds: u32) -> Result<[Times; 2]> {
        let mut times = [Times::new(), Times::new()];
        for _ in 0..rounds {
            for (times, inspect) in times.iter_mut().zip([0, INSPECT_OUTBOUND]) {
                self.guard.set_settings(settings(inspect))?;
                let (sent, read) = self.send(|rig| rig.frames(FRAMES))?;
                let lost = read.lost;
                ensure!(inspect == 0 || read.records + lost >= u64::from(FRAMES), "{read:?} of {FRAMES}");
                ensure!(inspect != 0 || read.records + lost == 0, "{read:?} are captured and should not be");
                times.add((sent.as_secs_f64() * 1e12 / f64::from(FRAMES)) as u64);
            }
        }
        Ok(times)
    }

    /// How many come when bursts of so many frames follow one another.
    fn burst(&mut self, frames: u32, sample: Duration) -> Result<Burst> {
        self.guard.set_settings(settings(INSPECT_OUTBOUND))?;
        let begun = Instant::now();
        let (sent, read) = self.send(|rig| {
            let mut sent = 0;
            while begun.elapsed() < sample {
                rig.frames(frames)?;
                sent += u64::from(frames);
            }
            Ok(sent)
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(read.records + read.lost == sent, "{sent} were sent: {read:?}");
        Ok(Burst {
            frames,
            sent: sent as f64 / seconds,
            read: read.records as f64 / seconds,
            lost: read.lost,
        })
    }

    /// Does `work` on one CPU of the clients' end while somebody reads what is captured; until all of it has been read.
    fn send<T: Send>(&mut self, work: impl FnOnce(&mut Sender<'_>) -> Result<T> + Send) -> Result<(T, Read)> {
        let before = lost(&self.guard)?;
        let Self { wire, guard, captures, bench, feeder, .. } = self;
        let over = AtomicBool::new(false);
        let (sent, mut read) = thread::scope(|scope| -> Result<_> {
            let reader = scope.spawn(|| read_all(captures, &over));
            let sent = wire.on_one_cpu(|| work(&mut Sender { wire, bench, feeder }));
            over.store(true, Ordering::Release);
            Ok((sent?, reader.join().expect("a reader that does not panic")?))
        })?;
        read.lost = lost(guard)? - before;
        Ok((sent, read))
    }
}

/// What sends.
struct Sender<'a> {
    wire: &'a Wire,
    bench: &'a mut Ebpf,
    feeder: &'a Feeder,
}

impl Sender<'_> {
    fn frames(&mut self, count: u32) -> Result<Duration> {
        self.feeder.send(self.wire, self.bench, count)
    }
}

/// What was read.
#[derive(Debug, Default)]
struct Read {
    records: u64,
    octets: u64,
    lost: u64,
}

/// On other CPUs than the one that sends, if there are.
fn read_all(captures: &mut CaptureSource, over: &AtomicBool) -> Result<Read> {
    leave_last_cpu()?;
    let mut read = Read::default();
    loop {
        // Asked before it is looked whether there is more.
        let ends = over.load(Ordering::Acquire);
        let taken = captures.drain(READ, |record| {
            let segment = record.segment();
            read.records += 1;
            read.octets += segment.payload.len() as u64;
        });
        if taken == 0 && ends {
            ensure!(read.octets == read.records * PAYLOAD as u64, "payload is missing: {read:?}");
            return Ok(read);
        }
        if taken == 0 {
            captures.wait(PATIENCE)?;
        }
    }
}

fn leave_last_cpu() -> Result<()> {
    let mut allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu));
    if let Some(last) = last.filter(|_| allowed.count() > 1) {
        allowed.unset(last);
    }
    Ok(sched_setaffinity(None, &allowed)?)
}

fn lost(guard: &Datapath) -> Result<u64> {
    let rows = guard.losses()?;
    Ok(rows.iter().find(|row| row.loss == Loss::CaptureRingFull).map_or(0, |row| row.count))
}

/// The settings of a gateway that enforces; no budget is used up.
fn settings(inspect: u32) -> Settings {
    let budgets = Budgets { turn: u32::MAX / 2, client: u32::MAX / 2, ..Budgets::USUAL };
    Settings {
        enforce: 1,
        window_ns: 60_000_000_000,
        heartbeat_ns: FOREVER,
        inspect,
        budgets,
        ..Settings::default()
    }
}

/// Both ends of a connection. The kernel has no way to the server, so that frames end behind the guard.
fn ends(number: u32) -> (SocketAddr, SocketAddr) {
    let client = Ipv4Addr::from_bits(0x0a00_0100 + number);
    let server = Ipv4Addr::from_bits(0xc633_6401 + number % 250);
    ((client, 32_768).into(), (server, 25).into())
}

/// Frame `number`: a command, as long as commands are.
fn command(number: u32) -> Vec<u8> {
    let (client, server) = ends(number % CONNECTIONS);
    let turn = number / CONNECTIONS % TURN;
    let text = format!("RCPT TO:<user{turn:0>width$}@domain.example>\r\n", width = PAYLOAD - 31);
    Frame::tcp(client, server)
        .ethernet_addresses(SERVER_MAC, CLIENT_MAC)
        .flags(flags::ACK | flags::PSH)
        .numbers(CLIENT + turn * PAYLOAD as u32, SERVER)
        .payload(text)
        .build()
}
