//! Whole refused dialogues: how many go to their end in a second.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use relay_guard_common::action::Action;
use relay_guard_tests::bench::Times;
use relay_guard_tests::peers::Postscreen;

use super::Scale;
use super::report::{Dialogues, Rate};
use super::rig::{Rig, Subject};
use super::traffic;
use super::wire::DIALOGUES;

/// How long a sample of the rate takes.
const SAMPLE: Duration = Duration::from_millis(200);
/// Until dialogues are under way, before the first sample.
const START: Duration = Duration::from_secs(3);
/// Picoseconds in a second.
const SECOND: f64 = 1e12;

/// Dialogues at once that are tried, of which the best number counts. The guard's are all on their way all the time, and more
/// than a device's queue takes would be lost; postscreen's wait most of the time for its own clock.
const GUARD_AT_ONCE: [u32; 3] = [16, 64, 128];
const POSTSCREEN_AT_ONCE: [u32; 3] = [1_000, 4_000, 12_000];

/// Measures both.
pub(crate) fn measure(rig: &mut Rig<'_>, scale: Scale) -> Result<Dialogues> {
    let mut ports = (2_000..).step_by(5_000);
    let mut port = || ports.next().context("no ports are left");
    eprintln!("measuring: dialogues, the guard");
    let mut guard = Vec::new();
    rig.place(Subject::Guard(Action::Refuse))?;
    for at_once in GUARD_AT_ONCE {
        guard.push((sample(rig, at_once, port()?, scale)?, at_once));
    }
    eprintln!("measuring: dialogues, postscreen");
    rig.place(Subject::Stack)?;
    let server = Postscreen::start(&rig.wire.server, DIALOGUES)?;
    let mut postscreen = Vec::new();
    for at_once in POSTSCREEN_AT_ONCE {
        postscreen.push((sample(rig, at_once, port()?, scale)?, at_once));
    }
    let log = server.log_text();
    ensure!(log.contains("NOQUEUE: reject: RCPT from"), "postscreen refused nobody; its log:\n{log}");
    Ok(Dialogues::new(best(guard)?, best(postscreen)?))
}

fn best(rates: Vec<(Rate, u32)>) -> Result<(Rate, u32)> {
    let faster = |one: &(Rate, u32), other: &(Rate, u32)| one.0.per_second.total_cmp(&other.0.per_second);
    rates.into_iter().max_by(faster).context("nothing was tried")
}

/// Starts so many dialogues, each of which begins anew when it has ended, and looks how many end.
fn sample(rig: &mut Rig<'_>, at_once: u32, port: u16, scale: Scale) -> Result<Rate> {
    rig.prepare(&traffic::dialogues(at_once, port)?)?;
    rig.converse(true)?;
    rig.send(at_once)?;
    thread::sleep(START);
    let first = rig.tally()?;
    let mut times = Times::new();
    let (mut last, mut since) = (first, Instant::now());
    for _ in 0..scale.samples {
        thread::sleep(SAMPLE);
        let (now, time) = (rig.tally()?, since.elapsed());
        since += time;
        let completed = now.completed - last.completed;
        last = now;
        times.add((time.as_secs_f64() * SECOND / completed.max(1) as f64) as u64);
    }
    rig.converse(false)?;
    let (completed, refused) = (last.completed - first.completed, last.refused - first.refused);
    ensure!(completed > 0, "none of {at_once} dialogues went to its end");
    ensure!(
        refused + u64::from(at_once) >= completed,
        "{completed} dialogues ended, but in {refused} only was a recipient refused"
    );
    let broken = last.broken - first.broken + last.resets - first.resets;
    ensure!(broken * 100 <= completed, "{broken} dialogues broke off, {completed} ended well");
    Ok(Rate::of(&times))
}
