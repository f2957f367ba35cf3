//! What takes hours, at default settings: bots and their look-alikes in captures that are read by `relay-guard replay`. Needs no root.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ipnet::IpNet;
use relay_guard_tests::bot::{self, Recording, Visit};
use relay_guard_tests::child::run_to_end;
use relay_guard_tests::guard::find_program;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use serde_json::Value;
use tempfile::TempDir;

/// How long reading one capture may take, also on a busy machine with a debug build.
const LIMIT: Duration = Duration::from_secs(120);

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What `replay` says of hosts, with the lab's mail server and monitoring host declared and all else as it is by default.
struct Judged {
    hosts: Vec<Value>,
}

impl Judged {
    fn of(campaigns: &[&[Visit]]) -> Result<Self> {
        let directory = TempDir::new()?;
        let config = directory.path().join("relay-guard.toml");
        let quoted = |host: addr::Host| host.addresses().map(|address| format!("\"{address}\"")).join(", ");
        let (servers, excepted) = (quoted(addr::MAIL_SERVER), quoted(addr::MONITOR));
        std::fs::write(
            &config,
            format!(
                "mode = \"enforce\"\n[interfaces]\ninside = [\"in0\"]\n[hosts]\nown_servers = [{servers}]\n\
                 mail_servers = [{servers}]\nexcepted = [{excepted}]\n"
            ),
        )?;
        let mut recording = Recording::new(bot::server_options());
        for visits in campaigns {
            recording.add(visits);
        }
        let capture = directory.path().join("capture.pcap");
        recording.write(&capture)?;
        let mut command = Command::new(find_program()?);
        command.arg("--config").arg(config).args(["replay", "--json"]).arg(capture);
        let output = run_to_end(command, LIMIT)?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = std::str::from_utf8(&output.stdout)?.lines().map(serde_json::from_str::<Value>);
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { hosts: lines.into_iter().filter(|line| line["type"] == "host").collect() })
    }

    fn host(&self, address: IpAddr) -> Result<&Value> {
        let found = self.hosts.iter().find(|host| host["host"] == address.to_string());
        found.with_context(|| format!("{address} is not known: {:#?}", self.hosts))
    }

    /// From when it was first seen until it reached `state`.
    fn reached(&self, address: IpAddr, state: &str) -> Result<Duration> {
        let host = self.host(address)?;
        let first = host["seen"][0].as_f64().context("when it was first seen")?;
        let changes = host["changes"].as_array().context("changes")?;
        let change = changes.iter().find(|change| change["to"] == state);
        let at = change.and_then(|change| change["at"].as_f64());
        let at = at.with_context(|| format!("{address} is never {state}: {host:#}"))?;
        Ok(Duration::from_secs_f64(at - first))
    }

    fn assert_never_contained(&self, address: IpAddr) -> Result<()> {
        let host = self.host(address)?;
        ensure!(host["state"] != "contained", "{address} is contained: {host:#}");
        Ok(())
    }
}

/// The signals that spoke most against a host.
fn names(host: &Value) -> Vec<&str> {
    let signals = host["signals"].as_array().into_iter().flatten();
    signals.filter_map(|signal| signal["signal"].as_str()).collect()
}

/// `docs/signals.md` says for a bot that does nothing else that is odd: told of, and contained, within this time.
#[derive(Debug, Clone, Copy)]
struct Documented {
    told: Duration,
    contained: Option<Duration>,
}

impl Documented {
    const EVERY_3_MINUTES: Self = Self::new(75, Some(210));
    const EVERY_5_MINUTES: Self = Self::new(120, Some(360));
    const SNOWSHOE: Self = Self::new(45, Some(60));
    const STOLEN_ACCOUNT: Self = Self::new(45, None);

    /// In minutes.
    const fn new(told: u64, contained: Option<u64>) -> Self {
        let contained = match contained {
            Some(minutes) => Some(Duration::from_secs(60 * minutes)),
            None => None,
        };
        Self { told: Duration::from_secs(60 * told), contained }
    }

    fn assert_held(self, judged: &Judged, address: IpAddr) -> Result<()> {
        let host = judged.host(address)?;
        let contained = judged.reached(address, "contained");
        // Who comes to a step that contains at once was never only reported.
        let told = judged.reached(address, "reported").or_else(|_| judged.reached(address, "contained"))?;
        eprintln!("{address}: told of after {told:?}, contained: {contained:?}, by {:?}", names(host));
        ensure!(told <= self.told, "told of after {told:?}: {host:#}");
        match self.contained {
            Some(limit) => ensure!(contained? <= limit, "{host:#}"),
            None => ensure!(contained.is_err(), "{host:#}"),
        }
        Ok(())
    }
}

#[test]
fn low_and_slow_is_found_in_the_documented_time() -> Result<()> {
    for source in addr::ZOMBIE.addresses() {
        for (visits, documented) in [
            (bot::careful(source, 70, 3 * MINUTE), Documented::EVERY_3_MINUTES),
            (bot::low_and_slow(source, 72, 5 * MINUTE), Documented::EVERY_5_MINUTES),
        ] {
            documented.assert_held(&Judged::of(&[&visits])?, source)?;
        }
    }
    Ok(())
}

#[test]
fn snowshoe_is_found_on_every_host() -> Result<()> {
    for net in [IpNet::from(addr::CROWD_V4), IpNet::from(addr::CROWD_V6)] {
        let hosts: Vec<_> = (0..20).map(|n| nth(net, 1000 + n)).collect();
        let judged = Judged::of(&[&bot::snowshoe(&hosts, 6, 10 * MINUTE)])?;
        hosts.into_iter().try_for_each(|host| Documented::SNOWSHOE.assert_held(&judged, host))?;
    }
    Ok(())
}

#[test]
fn a_stolen_account_is_told_of_and_its_server_goes_on() -> Result<()> {
    for server in addr::MAIL_SERVER.addresses() {
        let people = bot::correspondence(server, "mail.guarded.example", 40, 120, MINUTE);
        // 500 recipients in an hour.
        let bot = bot::compromised(server, 25, 144 * SECOND);
        let judged = Judged::of(&[&people, &bot])?;
        Documented::STOLEN_ACCOUNT.assert_held(&judged, server)?;
        let host = judged.host(server)?;
        assert!(names(host).contains(&"busy-sender"), "{host:#}");
    }
    Ok(())
}

#[test]
fn nobody_honest_is_contained_nor_reported() -> Result<()> {
    for (server, monitor, workstation) in addr::MAIL_SERVER
        .addresses()
        .into_iter()
        .zip(addr::MONITOR.addresses())
        .zip(addr::WORKSTATION.addresses())
        .map(|((server, monitor), workstation)| (server, monitor, workstation))
    {
        let another = if server.is_ipv4() { nth(addr::CROWD_V4, 7) } else { nth(addr::CROWD_V6, 7) };
        // An office's mail, a newsletter, a check every minute, from an excepted host and from one that nobody
        // declared, and a workstation that sends its own mail.
        let campaigns = [
            bot::correspondence(server, "mail.guarded.example", 80, 500, MINUTE),
            bot::newsletter(server, 600, 2 * SECOND),
            bot::monitoring(monitor, 50, 10, MINUTE),
            bot::monitoring(another, 5, 120, MINUTE),
            bot::correspondence(workstation, "workstation.guarded.example", 1, 60, 10 * MINUTE),
        ];
        let judged = Judged::of(&campaigns.each_ref().map(Vec::as_slice))?;
        for address in [server, monitor, another, workstation] {
            let host = judged.host(address)?;
            eprintln!("{address}: {} {} {:?}", host["state"], host["score"], names(host));
            judged.assert_never_contained(address)?;
        }
        for address in [server, another, workstation] {
            assert_eq!(judged.host(address)?["state"], "quiet", "{:#}", judged.host(address)?);
        }
    }
    Ok(())
}
