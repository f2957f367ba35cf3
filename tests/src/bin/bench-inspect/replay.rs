//! A capture file from its begin to its end: `relay-guard replay`, which reads and judges, and tshark, which finds commands and replies.
//! Whole programs, by the clock on the wall.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::bench::Times;
use relay_guard_tests::bot::{self, Recording};
use relay_guard_tests::child::run_to_end;
use relay_guard_tests::guard::find_program;
use relay_guard_tests::peers::Tshark;

use super::Scale;
use super::report::Replay;

/// Inside hosts.
const HOSTS: u32 = 100;
/// How long one reading may take.
const LIMIT: Duration = Duration::from_secs(300);
/// Rounds at most: tshark takes its time.
const ROUNDS: u32 = 3;

/// Both, in turns.
pub(crate) fn measure(scale: Scale) -> Result<Replay> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("sessions.pcap");
    record(scale.recorded, &file)?;
    let (mut guard, mut tshark) = (Times::new(), Times::new());
    for _ in 0..scale.rounds.min(ROUNDS) {
        let mut replay = Command::new(find_program()?);
        replay.args(["replay", "--json"]).arg(&file).env_remove("RELAY_GUARD_CONFIG");
        guard.add(time(replay, scale.recorded, |line| line.contains("\"type\":\"session\""))?);
        let fields =
            ["ip.src", "tcp.srcport", "smtp.req.command", "smtp.req.parameter", "smtp.response.code"];
        tshark.add(time(Tshark::smtp(&file, &fields)?, scale.recorded, |line| line.contains("\tEHLO\t"))?);
    }
    Ok(Replay::new(fs::metadata(&file)?.len(), scale.recorded, &guard, &tshark))
}

/// So many sessions of bots and of people, some hundred at a time.
fn record(sessions: u32, file: &Path) -> Result<()> {
    let mut recording = Recording::new(bot::server_options());
    let each = sessions / HOSTS;
    for host in 0..HOSTS {
        let source = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0100 + host));
        let pace = Duration::from_millis(400);
        let visits = match host % 2 {
            0 => bot::low_and_slow(source, each, pace),
            _ => bot::correspondence(source, "host.guarded.example", 50, each, pace),
        };
        recording.add(&visits);
    }
    recording.write(file)
}

/// How long a command takes for a session, picoseconds. So many lines of its output must tell of one.
fn time(command: Command, sessions: u32, tells: impl Fn(&str) -> bool) -> Result<u64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let output = run_to_end(command, LIMIT)?;
    let took = start.elapsed();
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).with_context(|| format!("what {name} prints"))?;
    let told = text.lines().filter(|line| tells(line)).count();
    ensure!(told == sessions as usize, "{name} tells of {told} of {sessions} sessions");
    Ok((took.as_secs_f64() * 1e12 / f64::from(sessions)) as u64)
}
