//! A million SYNs in the name of a million sources, and honest mail at the same time.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use relay_guard_tests::Scene;
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::{Rbldnsd, ZoneText};
use relay_guard_tests::scene::{clean, listed};
use relay_guard_tests::smtp::Stream;
use relay_guard_tests::spoof::Spoofer;
use relay_guard_tests::wait;
use serde_json::Value;

use super::held::{config, directory};
use super::{PATIENCE, ZONE, assert_delivered_after_one_hold, attempt, inbound, refused, start};

/// SYNs that come to the guard, each from a source of its own. More are sent: a device's queue loses some of a flood.
const SYNS: u32 = 1_000_000;
/// So many of them from IPv4 addresses.
const SYNS_V4: u32 = 1 << 16;
const MOST_SENT: u32 = 5 * SYNS;
/// So many go in one piece, then there is a pause: else a device's queue (256 frames) would lose honest mail as well, on
/// the way to the guard and behind it.
const BURST: u32 = 64;
const PAUSE: Duration = Duration::from_micros(50);
/// What the configuration allows.
const PER_SECOND: u32 = 2_000;
const CACHE_ENTRIES: u32 = 10_000;
const IN_FLIGHT: u32 = 256;
const QUEUE: u32 = 1_000;
/// What the daemon may grow by in the flood, KiB: what these bounds come to is far below, but for the allocator's own rest.
const GROWTH_KIB: u64 = 32 << 10;
/// Honest senders that are known before, and others that come for the first time.
const KNOWN: u32 = 20;
const PACE: Duration = Duration::from_millis(100);

#[test]
fn a_million_forged_sources_stay_within_every_bound() -> Result<()> {
    let scene = Scene::new()?;
    let directory = directory(&scene)?;
    let answer = [127, 0, 0, 2];
    let zone = ZoneText::new(ZONE, 3000).list(addr::LISTED_V4, answer).list(addr::LISTED_V6, answer);
    let _rbldnsd = Rbldnsd::start(&scene.lab.gateway, &directory, &[zone.zone()])?;
    let mut config = config(&scene, Rbldnsd::address());
    for (key, value) in [
        ("per_second", PER_SECOND),
        ("cache_entries", CACHE_ENTRIES),
        ("in_flight", IN_FLIGHT),
        ("queue", QUEUE),
    ] {
        config.lookups.insert(key.to_owned(), i64::from(value).into());
    }
    let guard = start(&scene.lab, &config)?;
    let known: Vec<_> = (0..KNOWN).flat_map(clean).collect();
    assert_delivered_after_one_hold(&scene, &guard, &known)?;

    // What passes is the server's to withstand, which here does so by answering none of it.
    let forged = [addr::SPARE_V4.to_string(), addr::BLACK_HOLE_V6.to_string()];
    scene.lab.mail.ip(&forged.map(|net| format!("route add blackhole {net}\n")).concat())?;
    let before = Figures::of(&guard)?;
    let (took, peaks) = flood(&scene, &guard, &before)?;
    let after = wait_until_quiet(&guard)?;
    assert_bounds(&before, &after, took, &peaks);
    // Soon after, strangers are looked up again before they are heard.
    let mut next = 100;
    wait::until("a refusal after the flood", PATIENCE, || {
        next += 1;
        let sources = listed(next);
        let (outcomes, _) = attempt(&scene, &guard, &sources, addr::SMTP)?;
        Ok((outcomes == sources.map(|source| refused(source, ZONE))).then_some(()))
    })
}

/// What the daemon says of itself.
#[derive(Debug)]
struct Figures {
    asked: u64,
    /// What was not asked, for whatever reason.
    not_asked: u64,
    entries: u64,
    in_flight: u64,
    waiting: u64,
    resident_kib: u64,
}

impl Figures {
    /// SYNs of unknown sources.
    fn seen(&self) -> u64 {
        self.asked + self.not_asked
    }

    fn of(guard: &Guard<'_>) -> Result<Self> {
        let all = guard.request("GET", "/v1/dnsbl", None)?.json()?;
        let status = guard.status()?;
        let number = |value: &Value| value.as_u64().with_context(|| format!("no number {value} in {all:#}"));
        let losses = status["losses"].as_object().context("no losses")?;
        let lost = losses.iter().filter(|(name, _)| name.starts_with("ask-"));
        let lost: u64 = lost.filter_map(|(_, count)| count.as_u64()).sum();
        let memory = fs::read_to_string(format!("/proc/{}/status", guard.daemon_id().context("no daemon")?))?;
        let resident = memory.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        Ok(Self {
            asked: number(&all["asks"]["asked"])?,
            not_asked: lost + number(&all["asks"]["overflow"])?,
            entries: number(&all["cache"]["entries"])?,
            in_flight: number(&all["asks"]["in_flight"])?,
            waiting: number(&all["asks"]["waiting"])?,
            resident_kib: resident.context("no VmRSS")?,
        })
    }
}

/// Sends all of it, while honest mail comes, known and unknown senders; all of that is delivered. How long the flood took,
/// and what the daemon said meanwhile.
fn flood(scene: &Scene, guard: &Guard<'_>, before: &Figures) -> Result<(Duration, Vec<Figures>)> {
    let known: Vec<_> = (0..KNOWN).flat_map(clean).map(|source| inbound(source, addr::SMTP)).collect();
    let strangers = (KNOWN..250).flat_map(clean).map(|source| inbound(source, addr::SMTP)).collect();
    let streams = [
        Stream::start(&scene.lab.internet, known, PACE)?,
        Stream::start(&scene.lab.internet, strangers, PACE)?,
    ];
    let begun = Instant::now();
    let (enough, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut peaks = Vec::new();
    thread::scope(|scope| -> Result<()> {
        let flood = scope.spawn(|| {
            let sent = send(scene, &enough);
            over.store(true, Ordering::Relaxed);
            sent
        });
        while !over.load(Ordering::Relaxed) {
            let figures = Figures::of(guard)?;
            if figures.seen() - before.seen() >= SYNS.into() {
                enough.store(true, Ordering::Relaxed);
            }
            peaks.push(figures);
            thread::sleep(PACE);
        }
        flood.join().expect("it does not panic")
    })?;
    let took = begun.elapsed();
    for stream in streams {
        let attempts = stream.finish();
        let failed: Vec<_> = attempts.iter().filter(|attempt| !attempt.outcome.is_delivered()).collect();
        assert!(
            failed.is_empty() && !attempts.is_empty(),
            "{} of {}: {failed:?}",
            failed.len(),
            attempts.len()
        );
    }
    Ok((took, peaks))
}

fn send(scene: &Scene, enough: &AtomicBool) -> Result<()> {
    let spoofer = Spoofer::new(&scene.lab.internet)?;
    for number in 0..MOST_SENT {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        if number % BURST == 0 {
            thread::sleep(PAUSE);
        }
        let source: IpAddr =
            if number < SYNS_V4 { nth(addr::SPARE_V4, number) } else { nth(addr::BLACK_HOLE_V6, number) };
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
        spoofer.syn(SocketAddr::new(source, 1024 + (number % 60_000) as u16), server, number)?;
    }
    Ok(())
}

/// Waits until nothing is under way any more.
fn wait_until_quiet(guard: &Guard<'_>) -> Result<Figures> {
    wait::until("the end of all questions", PATIENCE, || {
        let figures = Figures::of(guard)?;
        Ok((figures.in_flight == 0 && figures.waiting == 0).then_some(figures))
    })
}

fn assert_bounds(before: &Figures, after: &Figures, took: Duration, peaks: &[Figures]) {
    for figures in peaks.iter().chain([after]) {
        assert!(figures.entries <= CACHE_ENTRIES.into(), "{figures:?}");
        assert!(figures.in_flight <= IN_FLIGHT.into(), "{figures:?}");
        assert!(figures.waiting <= QUEUE.into(), "{figures:?}");
        let growth = figures.resident_kib.saturating_sub(before.resident_kib);
        assert!(growth <= GROWTH_KIB, "it has grown by {growth} KiB: {figures:?}");
    }
    let asked = after.asked - before.asked;
    // The budget may be full when the flood begins, and lets a burst of a second through.
    let budget = (took.as_secs_f64() + 1.0) * f64::from(PER_SECOND);
    assert!(asked as f64 <= budget, "{asked} were asked about in {took:?}");
    assert!(asked > u64::from(PER_SECOND), "the budget was not used: {asked}");
    let not_asked = after.not_asked - before.not_asked;
    assert!(asked + not_asked >= SYNS.into(), "{asked} asked about, {not_asked} counted as not, of {SYNS}");
}
