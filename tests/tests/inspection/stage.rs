//! The lab with mail servers all over its internet, which know only some recipients, and the questions that tests ask.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::Lab;
use relay_guard_tests::bot::{self, Heard, Visit, make_in};
use relay_guard_tests::guard::{Guard, GuardConfig, SignalRule, Step};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::smtp::{ServerOptions, SmtpServer};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime;

/// More than anything takes that is waited for, but for what a test is about.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A lab with mail servers.
pub struct Stage {
    /// All servers of the internet.
    pub remote: SmtpServer,
    // Last, so that it is dropped last.
    pub lab: Lab,
}

impl Stage {
    pub fn new() -> Result<Self> {
        Self::with(bot::server_options())
    }

    /// With servers like this.
    pub fn with(options: ServerOptions) -> Result<Self> {
        let lab = Lab::new()?;
        Ok(Self { remote: SmtpServer::start_everywhere(&lab.internet, addr::SMTP, options)?, lab })
    }

    /// Enforcing, as it is by default.
    pub fn config(&self) -> GuardConfig {
        GuardConfig::for_lab(&self.lab)
    }

    /// Makes these visits from the inside, in turn.
    pub fn visit(&self, visits: &[Visit]) -> Vec<Heard> {
        make_in(&self.lab.inside, visits)
    }

    /// Messages that servers have taken from a host.
    pub fn delivered(&self, source: IpAddr) -> usize {
        self.remote.ledger().messages_from(|peer| peer == source)
    }
}

/// The `n`th server of the internet, of the family of `source`.
pub fn server(source: IpAddr, n: u32) -> SocketAddr {
    let address =
        if source.is_ipv4() { nth(addr::REMOTE_SERVERS_V4, n) } else { nth(addr::REMOTE_SERVERS_V6, n) };
    SocketAddr::new(address, addr::SMTP)
}

/// A visit of `source` to the `n`th server, with one letter to somebody whom it knows.
pub fn letter(source: IpAddr, n: u32) -> Visit {
    Visit::new(Duration::ZERO, source, server(source, n), "host.sender.example")
        .letter("someone@sender.example", &[format!("user@domain{n}.example")])
}

/// What `hosts ADDRESS --json` says.
pub fn detail(guard: &Guard<'_>, address: IpAddr) -> Result<Value> {
    guard.json(["hosts", &address.to_string(), "--json"])
}

/// Waits until what is known of a host is as wanted, and returns it. A host of which nothing is known yet is waited for.
pub fn wait_for(
    guard: &Guard<'_>,
    address: IpAddr,
    what: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    guard.wait_for(&format!("/v1/hosts/{address}"), what, |host| host["address"].is_string() && wanted(host))
}

/// Waits until it is in this state.
pub fn wait_for_state(guard: &Guard<'_>, address: IpAddr, state: &str) -> Result<Value> {
    wait_for(guard, address, &format!("{address} to be {state}"), |host| host["state"] == state)
}

/// Waits until so many sessions of a host are over and known.
pub fn wait_for_sessions(guard: &Guard<'_>, address: IpAddr, count: u64) -> Result<Value> {
    wait_for(guard, address, &format!("{count} sessions of {address}"), |host| {
        host["sessions"].as_u64() >= Some(count)
    })
}

/// A host's signal.
pub fn signal<'a>(host: &'a Value, name: &str) -> Result<&'a Value> {
    let mut signals = host["signals"].as_array().into_iter().flatten();
    let found = signals.find(|signal| signal["name"] == name);
    found.with_context(|| format!("no {name} in {host:#}"))
}

/// Its figure.
pub fn figure(host: &Value, name: &str) -> Result<u64> {
    signal(host, name)?["figure"].as_u64().with_context(|| format!("no figure of {name} in {host:#}"))
}

/// The sessions that are known, newest first.
pub fn sessions(host: &Value) -> Result<&[Value]> {
    let sessions = host["recent"].as_array().with_context(|| format!("no sessions in {host:#}"))?;
    ensure!(!sessions.is_empty(), "no session in {host:#}");
    Ok(sessions)
}

/// Asserts that nobody but these was ever contained.
pub fn assert_only_contained(guard: &Guard<'_>, bots: &[IpAddr]) -> Result<()> {
    let events = guard.request("GET", "/v1/hosts/events", None)?.json()?;
    for event in events["events"].as_array().context("events")? {
        let is_bot = bots.iter().any(|bot| event["address"] == bot.to_string());
        ensure!(is_bot || event["to"] != "contained", "{event:#}");
    }
    Ok(())
}

/// By how many servers it writes to: a point for each.
pub fn by_servers(config: &mut GuardConfig, steps: Vec<Step>) {
    config.judge_by([("new-servers", SignalRule { weight: Some(100), from: Some(0), at: Some(100) })]);
    config.containment = steps;
}

/// Writes to the servers `first`, `first` + 1 …; how many of these letters were delivered.
pub fn write_to(stage: &Stage, source: IpAddr, first: u32, count: u32) -> usize {
    let letters: Vec<_> = (first..first + count).map(|n| letter(source, n)).collect();
    stage.visit(&letters).iter().map(|heard| heard.delivered).sum()
}

/// A session that a test speaks itself.
pub struct Session {
    stream: BufReader<TcpStream>,
}

impl Session {
    pub fn open(namespace: &Namespace, source: IpAddr, server: SocketAddr) -> Result<Self> {
        let stream = namespace.run(|| -> Result<TcpStream> {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let socket = if source.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.bind(SocketAddr::new(source, 0))?;
                let stream = socket.connect(server).await?.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(stream)
            })
        })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut session = Self { stream: BufReader::new(stream) };
        session.hear("220")?;
        Ok(session)
    }

    /// Says a line, and hears a reply with this code.
    pub fn say(&mut self, line: &str, code: &str) -> Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.hear(code)
    }

    fn hear(&mut self, code: &str) -> Result<()> {
        loop {
            let mut line = String::new();
            ensure!(self.stream.read_line(&mut line)? > 0, "the connection is over");
            ensure!(line.starts_with(code), "{line:?}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
