//! Whole refused dialogues: how many go to their end in a second.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use relay_guard_common::action::Action;
use relay_guard_tests::bench::Times;
use relay_guard_tests::bench::wire::DIALOGUES;
use relay_guard_tests::peers::{Judge, Postscreen};

use super::Scale;
use super::report::{Dialogues, Rate, Tried};
use super::rig::{Rig, Subject};
use super::traffic;

/// How long a sample of the rate takes: dialogues with a real server come in bursts.
const SAMPLE: Duration = Duration::from_secs(2);
/// Until dialogues are under way, before the first sample.
const START: Duration = Duration::from_secs(3);
/// Picoseconds in a second.
const SECOND: f64 = 1e12;

/// Dialogues at once that are tried, of which the best number counts. All of them are on their way all the time, and many more
/// than a device's queue takes (256 frames) would lose each other's segments.
const GUARD_AT_ONCE: [u32; 3] = [16, 64, 128];
const POSTSCREEN_AT_ONCE: [u32; 4] = [16, 64, 250, 1_000];

/// The ports of the first dialogues with one number of them at once, and how many there are.
const FIRST_PORT: u16 = 2_000;
const PORTS_EACH: usize = 10_000;

/// Measures both.
pub(crate) fn measure(rig: &mut Rig<'_>, scale: Scale) -> Result<Dialogues> {
    eprintln!("measuring: dialogues, the guard");
    rig.place(Subject::Guard(Action::Refuse))?;
    let guard = try_all(rig, &GUARD_AT_ONCE, scale)?;
    eprintln!("measuring: dialogues, postscreen");
    rig.place(Subject::Stack)?;
    let server = Postscreen::start(&rig.wire.server, Judge::Table(DIALOGUES))?;
    let postscreen = try_all(rig, &POSTSCREEN_AT_ONCE, scale)?;
    let log = server.log_text();
    ensure!(log.contains("NOQUEUE: reject: RCPT from"), "postscreen refused nobody; its log:\n{log}");
    Ok(Dialogues::new(guard, postscreen))
}

/// Ports are not used twice: the kernel would take the new connection for the old one.
fn try_all(rig: &mut Rig<'_>, numbers: &[u32], scale: Scale) -> Result<Vec<Tried>> {
    let ports = (FIRST_PORT..).step_by(PORTS_EACH);
    let tried = numbers
        .iter()
        .zip(ports)
        .map(|(&at_once, port)| Ok(Tried { at_once, rate: sample(rig, at_once, port, scale)? }));
    tried.collect()
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
