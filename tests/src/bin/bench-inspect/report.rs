//! The figures, as tables within 80 columns and as JSON.

use std::fmt::{self, Write as _};

use relay_guard_tests::bench::Times;
use relay_guard_tests::bench::outcome::Figures;
use serde::Serialize;

/// Whole sessions in a second and core that should go through all of it.
const SESSIONS_GOAL: f64 = 100_000.0;
/// Segments in a second that should come from the kernel without loss.
const SEGMENTS_GOAL: f64 = 500_000.0;
/// What a million hosts may take, in the kernel and outside of it.
const HOSTS_GOAL: u64 = 1 << 30;

/// How often something was done in a second: at the fastest, and in the middle of all rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Rate {
    best: f64,
    median: f64,
}

impl Rate {
    /// Of times for one, in picoseconds.
    fn of(times: &Times) -> Self {
        let per_second = |picoseconds: u64| 1e12 / picoseconds.max(1) as f64;
        Self { best: per_second(times.fastest()), median: per_second(times.median()) }
    }
}

/// What one contender has come to.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: &'static str,
    sessions: Rate,
}

/// Sessions from memory.
#[derive(Debug, Serialize)]
pub(crate) struct Sessions {
    segments_per_session: f64,
    octets_per_session: f64,
    rows: Vec<Row>,
    per_second: f64,
    goal: f64,
}

impl Sessions {
    /// `rows`: what, and picoseconds for a session; the last is all of it.
    pub(crate) fn new(segments: f64, octets: f64, rows: &[(&'static str, Times)]) -> Self {
        let rows: Vec<_> = rows.iter().map(|(name, times)| Row { name, sessions: Rate::of(times) }).collect();
        let per_second = rows.last().map_or(0.0, |row| row.sessions.best);
        Self {
            segments_per_session: segments,
            octets_per_session: octets,
            rows,
            per_second,
            goal: SESSIONS_GOAL,
        }
    }
}

/// What came when so many frames were sent at once, again and again; in a second.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Burst {
    pub(crate) frames: u32,
    pub(crate) sent: f64,
    pub(crate) read: f64,
    /// In all.
    pub(crate) lost: u64,
}

/// Segments from the kernel.
#[derive(Debug, Serialize)]
pub(crate) struct Captures {
    payload: usize,
    ring_bytes: u32,
    /// Frames in a second that go by without being looked into.
    unseen: Rate,
    /// The same when all are captured, or lost.
    seen: Rate,
    bursts: Vec<Burst>,
    /// The most without a loss.
    per_second: f64,
    goal: f64,
}

impl Captures {
    pub(crate) fn new(
        payload: usize,
        ring_bytes: u32,
        unseen: Times,
        seen: Times,
        bursts: Vec<Burst>,
    ) -> Self {
        let complete = bursts.iter().filter(|burst| burst.lost == 0);
        let per_second = complete.map(|burst| burst.read).fold(0.0, f64::max);
        let [unseen, seen] = [unseen, seen].map(|times| Rate::of(&times));
        Self { payload, ring_bytes, unseen, seen, bursts, per_second, goal: SEGMENTS_GOAL }
    }
}

/// Sessions from a capture file.
#[derive(Debug, Serialize)]
pub(crate) struct Replay {
    /// Octets of the file.
    file_bytes: u64,
    sessions: u32,
    rows: Vec<Row>,
    /// How many times as many as tshark reads.
    of_tshark: f64,
}

impl Replay {
    /// `guard`, `tshark`: picoseconds for a session.
    pub(crate) fn new(file_bytes: u64, sessions: u32, guard: &Times, tshark: &Times) -> Self {
        let row = |name, times| Row { name, sessions: Rate::of(times) };
        let rows =
            vec![row("tshark, envelopes and replies", tshark), row("relay-guard replay --json", guard)];
        let of_tshark = rows[1].sessions.best / rows[0].sessions.best;
        Self { file_bytes, sessions, rows, of_tshark }
    }
}

/// What things take, bytes.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Memory {
    /// Connections that were followed.
    pub(crate) flows: usize,
    /// What each takes, as the program counts it, in the middle of a message.
    pub(crate) flow_bytes: f64,
    /// The same as the process has grown.
    pub(crate) flow_resident_bytes: f64,
    /// What each may take.
    pub(crate) flow_limit_bytes: usize,
    /// What each takes in the kernel.
    pub(crate) flow_kernel_bytes: f64,
    /// Hosts that were tracked.
    pub(crate) hosts: usize,
    /// What all take, as the program counts it.
    pub(crate) hosts_bytes: u64,
    /// The same as the process has grown.
    pub(crate) hosts_resident_bytes: u64,
    /// What all take in the kernel.
    pub(crate) hosts_kernel_bytes: u64,
    /// The least that anybody could do: an address and a number each, in a hash map.
    pub(crate) bare_map_bytes: u64,
}

impl Memory {
    fn hosts_total(&self) -> u64 {
        self.hosts_bytes.max(self.hosts_resident_bytes) + self.hosts_kernel_bytes
    }
}

/// All that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    /// Whether all goals that were measured are met.
    ok: bool,
    kernel: String,
    cpus: usize,
    pub(crate) memory: Option<Memory>,
    pub(crate) sessions: Option<Sessions>,
    pub(crate) captures: Option<Captures>,
    pub(crate) replay: Option<Replay>,
}

impl Report {
    pub(crate) const fn is_empty(&self) -> bool {
        self.memory.is_none() && self.sessions.is_none() && self.captures.is_none() && self.replay.is_none()
    }

    pub(crate) fn concluded(self) -> Self {
        let sessions = self.sessions.as_ref().is_none_or(|sessions| sessions.per_second >= SESSIONS_GOAL);
        let captures = self.captures.as_ref().is_none_or(|captures| captures.per_second >= SEGMENTS_GOAL);
        let memory = self.memory.as_ref().is_none_or(|memory| memory.hosts_total() < HOSTS_GOAL);
        Self {
            ok: sessions && captures && memory,
            kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            ..self
        }
    }
}

impl Figures for Report {
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "Looking into SMTP on {} CPUs, Linux {}", self.cpus, self.kernel)?;
        if let Some(sessions) = &self.sessions {
            write_sessions(sessions, out)?;
        }
        if let Some(captures) = &self.captures {
            write_captures(captures, out)?;
        }
        if let Some(replay) = &self.replay {
            write_replay(replay, out)?;
        }
        if let Some(memory) = &self.memory {
            write_memory(memory, out)?;
        }
        writeln!(out)?;
        self.write_outcome(out)
    }

    fn are_good(&self) -> bool {
        self.ok
    }
}

fn write_sessions(sessions: &Sessions, out: &mut String) -> fmt::Result {
    let Sessions { segments_per_session: segments, octets_per_session: octets, per_second, .. } = sessions;
    writeln!(
        out,
        "\nWhole sessions from memory, on one CPU: {segments:.1} segments, {octets:.0} octets each"
    )?;
    write_rows(&sessions.rows, out)?;
    writeln!(out, "{per_second:.0} sessions/s (goal {SESSIONS_GOAL:.0})")
}

fn write_rows(rows: &[Row], out: &mut String) -> fmt::Result {
    writeln!(out, "{:<44} {:>14} {:>14}", "", "sessions/s", "median")?;
    for Row { name, sessions: Rate { best, median } } in rows {
        writeln!(out, "{name:<44} {best:>14.0} {median:>14.0}")?;
    }
    Ok(())
}

fn write_replay(replay: &Replay, out: &mut String) -> fmt::Result {
    let Replay { file_bytes, sessions, rows, of_tshark } = replay;
    let mib = file_bytes >> 20;
    writeln!(out, "\nA capture file of {sessions} sessions ({mib} MiB), read from its begin to its end")?;
    write_rows(rows, out)?;
    writeln!(out, "replay reads {of_tshark:.1} times as many as tshark")
}

fn write_captures(captures: &Captures, out: &mut String) -> fmt::Result {
    let Captures { payload, ring_bytes, unseen, seen, per_second, .. } = captures;
    let ring = ring_bytes >> 20;
    writeln!(out, "\nSegments from the kernel, {payload} octets of payload each, a ring of {ring} MiB")?;
    for (name, rate) in
        [("frames past the guard, not looked into", unseen), ("frames past the guard, captured", seen)]
    {
        writeln!(out, "{name:<44} {:>14.0} {:>14.0}", rate.best, rate.median)?;
    }
    writeln!(out, "{:<44} {:>14} {:>14}", "frames at once, sent again and again", "read/s", "lost")?;
    for Burst { frames, read, lost, .. } in &captures.bursts {
        writeln!(out, "{frames:<44} {read:>14.0} {lost:>14}")?;
    }
    writeln!(out, "{per_second:.0} segments/s without loss (goal {SEGMENTS_GOAL:.0})")
}

fn write_memory(memory: &Memory, out: &mut String) -> fmt::Result {
    let Memory { flows, hosts, .. } = memory;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    writeln!(out, "\nMemory")?;
    for (name, bytes) in [
        (format!("connection of {flows}, as counted"), memory.flow_bytes),
        (format!("connection of {flows}, resident"), memory.flow_resident_bytes),
        ("connection in the kernel".to_owned(), memory.flow_kernel_bytes),
        ("connection at most".to_owned(), memory.flow_limit_bytes as f64),
    ] {
        writeln!(out, "{name:<44} {bytes:>14.0} B")?;
    }
    for (name, bytes) in [
        (format!("{hosts} hosts, as counted"), memory.hosts_bytes),
        (format!("{hosts} hosts, resident"), memory.hosts_resident_bytes),
        (format!("{hosts} hosts in the kernel"), memory.hosts_kernel_bytes),
        ("a hash map of as many addresses".to_owned(), memory.bare_map_bytes),
    ] {
        writeln!(out, "{name:<44} {:>14.0} MiB", mib(bytes))?;
    }
    let (total, goal) = (mib(memory.hosts_total()), mib(HOSTS_GOAL));
    writeln!(out, "{total:.0} MiB for {hosts} hosts in all (goal below {goal:.0} MiB)")
}
