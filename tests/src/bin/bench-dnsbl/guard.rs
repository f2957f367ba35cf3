//! The guard: SYNs of new sources at several rates, and how soon there is a verdict.

mod latency;
mod load;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, GuardConfig, Threshold, Zone};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::spoof::Spoofer;
use relay_guard_tests::wait;

use super::report::{Latency, Rate};
use super::stage::{RESOLVER, Stage};
use super::zone::{Sources, ZONE};
use latency::Watch;
use load::Pace;

/// SYNs in a second that are tried, of which the best number of verdicts counts.
const OFFERED: [u32; 5] = [15_000, 30_000, 45_000, 60_000, 90_000];
/// Half of what is to be reached.
const HALF_LOAD: u32 = 7_500;
/// One verdict of so many is waited for.
const WATCHED: u64 = 16;
/// How long the last verdicts may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Verdicts in a second at several loads, and the latency at half load.
pub(crate) fn measure(stage: &Stage, sample: Duration) -> Result<(Vec<Rate>, Latency)> {
    let mut guard = Guard::start(&stage.lab, &config(stage))?;
    guard.quiet();
    guard.wait_for("/v1/dnsbl", "the zone to be good", |all| all["zones"][0]["state"] == "good")?;
    let mut sources = Sources::new();
    eprintln!("measuring: the guard at half load");
    let latency = latency_at(stage, &guard, &mut sources, HALF_LOAD, sample)?;
    let mut rates = Vec::new();
    for offered in OFFERED {
        eprintln!("measuring: the guard at {offered} new sources a second");
        rates.push(rate_at(stage, &guard, &mut sources, offered, sample)?);
    }
    let detached = guard.cli(["detach"])?;
    ensure!(detached.status.success(), "cannot take the guard off: {detached:?}");
    Ok((rates, latency))
}

fn config(stage: &Stage) -> GuardConfig {
    let mut config = GuardConfig::for_lab(&stage.lab);
    let numbers =
        [("per_second", 1_000_000), ("in_flight", 1024), ("queue", 8192), ("cache_entries", 1_000_000)];
    for (key, value) in numbers {
        config.lookups.insert(key.to_owned(), value.into());
    }
    config.lookups.insert("resolvers".to_owned(), vec![RESOLVER.to_string()].into());
    config.lookups.insert("own_interval".to_owned(), "off".into());
    config.dnsbl = vec![Zone::new(ZONE)];
    config.thresholds = vec![Threshold::new(1, "refuse")];
    config
}

/// What the daemon has counted.
#[derive(Debug, Clone, Copy)]
struct Asks {
    asked: u64,
    answered: u64,
    under_way: u64,
}

impl Asks {
    fn of(guard: &Guard<'_>) -> Result<Self> {
        let all = guard.request("GET", "/v1/dnsbl", None)?.json()?;
        let number = |key: &str| all["asks"][key].as_u64().with_context(|| format!("no {key} in {all:#}"));
        let under_way = number("in_flight")? + number("waiting")?;
        Ok(Self { asked: number("asked")?, answered: number("answered")?, under_way })
    }

    fn wait_until_quiet(guard: &Guard<'_>) -> Result<Self> {
        wait::until("the last verdicts", PATIENCE, || {
            let asks = Self::of(guard)?;
            Ok((asks.under_way == 0).then_some(asks))
        })
    }
}

fn rate_at(
    stage: &Stage,
    guard: &Guard<'_>,
    sources: &mut Sources,
    offered: u32,
    sample: Duration,
) -> Result<Rate> {
    let before = Asks::wait_until_quiet(guard)?;
    let begun = Instant::now();
    let sent = send(stage, sources, offered, sample, |_, _| Ok(()))?;
    let after = Asks::wait_until_quiet(guard)?;
    let seconds = begun.elapsed().as_secs_f64();
    let verdicts = after.answered - before.answered;
    ensure!(verdicts > 0, "no verdict at all: {after:?}");
    Ok(Rate {
        offered: sent as f64 / seconds,
        asked: (after.asked - before.asked) as f64 / seconds,
        verdicts: verdicts as f64 / seconds,
    })
}

fn latency_at(
    stage: &Stage,
    guard: &Guard<'_>,
    sources: &mut Sources,
    offered: u32,
    sample: Duration,
) -> Result<Latency> {
    let before = Asks::wait_until_quiet(guard)?;
    let watch = Watch::start(stage)?;
    send(stage, sources, offered, sample, |number, source| {
        if number.is_multiple_of(WATCHED) { watch.sent(source) } else { Ok(()) }
    })?;
    let latency = watch.finish(offered)?;
    let after = Asks::wait_until_quiet(guard)?;
    ensure!(after.answered > before.answered, "no verdict at all: {after:?}");
    Ok(latency)
}

/// Sends SYNs of new sources for so long; each is announced before it is sent.
fn send(
    stage: &Stage,
    sources: &mut Sources,
    per_second: u32,
    sample: Duration,
    announce: impl Fn(u64, std::net::Ipv4Addr) -> Result<()>,
) -> Result<u64> {
    let spoofer = Spoofer::new(&stage.lab.internet)?;
    let server = SocketAddr::new(addr::MAIL_SERVER.v4.into(), addr::SMTP);
    let mut pace = Pace::new(per_second, sample);
    let mut sent = 0;
    while let Some(burst) = pace.next_burst() {
        for _ in 0..burst {
            let source = sources.next();
            announce(sent, source)?;
            spoofer.syn(
                SocketAddr::new(source.into(), 1024 + (sent % 60_000) as u16),
                server,
                sent as u32,
            )?;
            sent += 1;
        }
    }
    Ok(sent)
}
