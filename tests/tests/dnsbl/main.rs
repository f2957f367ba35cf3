//! DNSBLs through the running daemon and real connections: who is asked about, who is held, what becomes of mail, and what
//! every fault of zones and resolvers comes to. A real rbldnsd and unbound answer, or a nameserver that does what is wrong.
//!
//! All of them are on the loopback device of the gateway. A held SYN is repeated by its sender after about a second; no test
//! measures that time, they count: SYNs that were held, and SYNs that were sent again.

mod bad_input;
mod failures;
mod flood;
mod held;
mod kept;
mod mid_session;
mod never_asked;
mod own;
mod ports;
mod postscreen;
mod reloads;
mod scores;
mod shown;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Answers, Guard, GuardConfig, Threshold, Zone};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::nameserver::{Content, Nameserver};
use relay_guard_tests::scene::attempt_all;
use relay_guard_tests::smtp::{Delivery, Outcome, Stage};
use relay_guard_tests::{Lab, Scene, wait};
use serde_json::Value;

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The zone of most tests.
const ZONE: &str = "bl.example";
/// Where the scripted nameserver listens, in the gateway.
const RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
/// Where listed sources are sent.
const INFO_URL: &str = "https://bl.example/?ip={address}";
const TEXT: &str = "{address} is on {list}; see {url}";

/// What a source is told that a zone of this name lists.
fn refused(source: IpAddr, list: &str) -> Outcome {
    let text = format!("5.7.1 {source} is on {list}; see https://bl.example/?ip={source}");
    Outcome::Rejected { stage: Stage::Rcpt, code: 550, text }
}

/// A configuration that answers, and asks the resolvers at these addresses, but no zone yet. Zones are tested as often as may
/// be; the gateway's own addresses are not looked up.
fn asking(lab: &Lab, resolvers: &[SocketAddr]) -> GuardConfig {
    let mut config = GuardConfig::for_lab(lab);
    config.answers = Some(Answers {
        name: Some("mx.guarded.example".to_owned()),
        per_second: Some(1_000_000),
        per_second_per_prefix: Some(1_000_000),
        ..Answers::default()
    });
    let resolvers: Vec<_> = resolvers.iter().map(ToString::to_string).collect();
    config.lookups.insert("resolvers".to_owned(), resolvers.into());
    for (key, value) in [("timeout", "2s"), ("test_interval", "10s"), ("own_interval", "off")] {
        config.lookups.insert(key.to_owned(), value.into());
    }
    config
}

/// A zone that is asked about both families, and says where it says why.
fn zone(name: &str) -> Zone {
    Zone::new(name).with("families", vec!["ipv4", "ipv6"]).with("info_url", INFO_URL)
}

/// The same with a name of its own, for a second entry about one zone.
fn named(zone_name: &str, name: &str) -> Zone {
    zone(zone_name).with("name", name)
}

/// From this score on, sources are refused with [`TEXT`].
fn refuse_at(score: u32) -> Threshold {
    Threshold::new(score, "refuse").with("text", TEXT)
}

/// The scene, a scripted nameserver in its gateway that has [`ZONE`], and a configuration that asks it.
struct Served {
    nameserver: Nameserver,
    config: GuardConfig,
    // Last, so that it is dropped last.
    scene: Scene,
}

impl Served {
    /// The zone has this content. One listing is enough to be refused.
    fn new(content: Content) -> Result<Self> {
        let scene = Scene::new()?;
        let nameserver = Nameserver::start(&scene.lab.gateway, RESOLVER)?;
        nameserver.serve(ZONE, content);
        let mut config = asking(&scene.lab, &[RESOLVER]);
        config.dnsbl = vec![zone(ZONE)];
        config.thresholds = vec![refuse_at(1)];
        Ok(Self { nameserver, config, scene })
    }

    /// Starts the program and waits until all zones are good.
    fn start(&self) -> Result<Guard<'_>> {
        start(&self.scene.lab, &self.config)
    }
}

/// What lists the addresses that the lab has for that.
fn usual() -> Content {
    Content::default().list(addr::LISTED_V4, &[[127, 0, 0, 2]], "seen sending spam").list(
        addr::LISTED_V6,
        &[[127, 0, 0, 2]],
        "seen sending spam",
    )
}

/// Starts the program and waits until all zones are good.
fn start<'lab>(lab: &'lab Lab, config: &GuardConfig) -> Result<Guard<'lab>> {
    let guard = Guard::start(lab, config)?;
    wait_until_good(&guard)?;
    Ok(guard)
}

/// Waits until all zones are good, and returns what the daemon says of them.
fn wait_until_good(guard: &Guard<'_>) -> Result<Value> {
    wait_for_state(guard, "good")
}

/// Waits until all zones are in this state, and returns what the daemon says of them.
fn wait_for_state(guard: &Guard<'_>, state: &str) -> Result<Value> {
    guard.wait_for("/v1/dnsbl", &format!("all zones to be {state}"), |all| {
        let zones = all["zones"].as_array().map(Vec::as_slice).unwrap_or_default();
        !zones.is_empty() && zones.iter().all(|zone| zone["state"] == state)
    })
}

/// What the daemon says of a zone.
fn row(guard: &Guard<'_>, name: &str) -> Result<Value> {
    let all = guard.request("GET", "/v1/dnsbl", None)?.json()?;
    let mut rows = all["zones"].as_array().into_iter().flatten();
    rows.find(|row| row["name"] == name).cloned().with_context(|| format!("no zone {name}: {all:#}"))
}

/// Waits until a zone is suspended, and for a reason with these words in it, which `status` must show as a warning.
fn wait_until_suspended(guard: &Guard<'_>, name: &str, words: &[&str]) -> Result<()> {
    let suspended = |all: &Value| {
        let mut rows = all["zones"].as_array().into_iter().flatten();
        rows.any(|row| row["name"] == name && row["state"] == "suspended")
    };
    guard.wait_for("/v1/dnsbl", &format!("{name} to be suspended"), suspended)?;
    let row = row(guard, name)?;
    let why = row["why"].as_str().unwrap_or_default();
    for word in words {
        assert!(why.contains(word), "no {word:?} in {why:?}: {row:#}");
    }
    let named = |status: &Value| {
        let mut warnings = status["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
        warnings.any(|warning| warning.contains(name) && warning.contains(why))
    };
    guard.wait_for_status(&format!("a warning about {name}: {why}"), named)?;
    let printed = guard.cli(["status"])?;
    let text = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(text.contains(name) && text.contains("suspended"), "`status` does not name it:\n{text}");
    Ok(())
}

/// What the daemon says that DNSBLs say of an address.
fn said_of(guard: &Guard<'_>, address: IpAddr) -> Result<Value> {
    let explained = guard.request("GET", &format!("/v1/explain?address={address}"), None)?.json()?;
    Ok(explained["dnsbl"].clone())
}

/// Waits until there is a verdict on an address.
fn wait_for_verdict(guard: &Guard<'_>, address: IpAddr, state: &str) -> Result<Value> {
    let mut last = Value::Null;
    let found = wait::until(&format!("{address} to be {state}"), PATIENCE, || {
        last = said_of(guard, address)?;
        Ok((last["state"] == state).then(|| last.clone()))
    });
    found.with_context(|| format!("the last answer: {last:#}"))
}

/// Packets that were counted for this reason, inbound.
fn counted(guard: &Guard<'_>, reason: &str) -> Result<u64> {
    let status = guard.status()?;
    let rows = status["counters"].as_array().context("no counters")?;
    let of_it = rows.iter().filter(|row| row["reason"] == reason && row["direction"] == "inbound");
    Ok(of_it.filter_map(|row| row["packets"].as_u64()).sum())
}

/// A message to the own mail server. It waits longer than a held SYN takes, also on a busy machine.
fn inbound(source: IpAddr, port: u16) -> Delivery {
    let server = SocketAddr::new(addr::MAIL_SERVER.like(source), port);
    Delivery { connect_timeout: PATIENCE, reply_timeout: PATIENCE, ..Delivery::new(source, server) }
}

/// What happened meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Delays {
    /// SYNs that the guard has held.
    held: u64,
    /// SYNs that senders have sent again.
    repeated: u64,
}

impl Delays {
    const NONE: Self = Self { held: 0, repeated: 0 };

    /// One for each of so many senders.
    fn one_each(senders: usize) -> Self {
        Self { held: senders as u64, repeated: senders as u64 }
    }
}

/// Lets all these senders try at once, and returns how it went, and what delays there were.
fn attempt(
    scene: &Scene,
    guard: &Guard<'_>,
    sources: &[IpAddr],
    port: u16,
) -> Result<(Vec<Outcome>, Delays)> {
    let mails: Vec<_> = sources.iter().map(|source| inbound(*source, port)).collect();
    let repeated = || scene.lab.internet.counter("TcpExt.TCPSynRetrans");
    let before = (counted(guard, "held")?, repeated()?);
    let outcomes = attempt_all(&scene.lab.internet, &mails);
    let held = counted(guard, "held")? - before.0;
    Ok((outcomes, Delays { held, repeated: repeated()? - before.1 }))
}

/// All these senders, of whom nothing is known, are refused on their first connection, and the server hears nothing of them.
#[track_caller]
fn assert_refused(scene: &Scene, guard: &Guard<'_>, list: &str, sources: &[IpAddr]) -> Result<()> {
    let (outcomes, delays) = attempt(scene, guard, sources, addr::SMTP)?;
    for (source, outcome) in sources.iter().zip(outcomes) {
        assert_eq!(outcome, refused(*source, list), "{source}: {:#}", said_of(guard, *source)?);
        let seen = scene.own.ledger().connections_from(|peer| peer == *source);
        assert_eq!(seen, 0, "the server has seen {source}");
    }
    assert_eq!(delays, Delays::one_each(sources.len()), "{sources:?}");
    Ok(())
}

/// All these senders deliver, with so many delays in all.
#[track_caller]
fn assert_delivered(scene: &Scene, guard: &Guard<'_>, sources: &[IpAddr], expected: Delays) -> Result<()> {
    let (outcomes, delays) = attempt(scene, guard, sources, addr::SMTP)?;
    for (source, outcome) in sources.iter().zip(outcomes) {
        assert_eq!(outcome, Outcome::Delivered, "{source}: {:#}", said_of(guard, *source)?);
    }
    assert_eq!(delays, expected, "{sources:?}");
    Ok(())
}

/// All these senders, of whom nothing is known, deliver; each is held once.
#[track_caller]
fn assert_delivered_after_one_hold(scene: &Scene, guard: &Guard<'_>, sources: &[IpAddr]) -> Result<()> {
    assert_delivered(scene, guard, sources, Delays::one_each(sources.len()))
}

/// What a command printed as JSON, which must have ended with `code`.
fn json(output: &Output, code: i32) -> Result<Value> {
    ensure!(output.status.code() == Some(code), "not {code}: {output:?}");
    serde_json::from_slice(&output.stdout).with_context(|| format!("no JSON: {output:?}"))
}
