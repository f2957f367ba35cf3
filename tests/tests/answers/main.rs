//! What senders get to know from the guard's answers: real clients and servers, refused, reset, kept waiting and limited,
//! over XDP and tc, with VLAN tags, on a link that loses packets, and amid a flood.

mod actions;
mod clients;
mod flood;
mod loss;
mod sessions;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use relay_guard_tests::Lab;
use relay_guard_tests::guard::{Answers, GuardConfig};
use relay_guard_tests::lab::Attached;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::smtp::{Delivery, Outcome, Stage};
use rustix::net::{AddressFamily, SocketType};

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

const CONTACT: &str = "postmaster@guarded.example";
/// What lists say here; `info_url` fills `{url}`.
const TEXT: &str = "{address} is on {list}; see {url} or write to {contact}";
const INFO_URL: &str = "https://lists.example/{address}";

/// The reason that the list gives.
fn reason(source: IpAddr, list: &str) -> String {
    format!("{source} is on {list}; see https://lists.example/{source} or write to {CONTACT}")
}

/// A configuration that answers in a name of its own, without any list. No cap is met here.
fn config(lab: &Lab) -> GuardConfig {
    let mut config = GuardConfig::for_lab(lab);
    config.answers = Some(Answers {
        name: Some("mx.guarded.example".to_owned()),
        contact: Some(CONTACT.to_owned()),
        per_second: Some(1_000_000),
        per_second_per_prefix: Some(1_000_000),
        tarpit_per_second: Some(1_000_000),
        ..Answers::default()
    });
    config
}

/// The `n`th block of addresses that a list of these tests holds, one of each family.
fn block(n: u8) -> [IpNet; 2] {
    let [v4, v6] = spot(n, 0);
    [(v4, 24), (v6, 64)].map(|(address, len)| IpNet::new_assert(address, len))
}

/// An address of each family in the `n`th block.
fn spot(n: u8, host: u8) -> [IpAddr; 2] {
    let v4 = nth(addr::SPARE_V4, u32::from(n) << 8 | u32::from(host));
    let mut v6 = addr::SPARE_V6.network().segments();
    v6[3] = n.into();
    v6[7] = host.into();
    [v4, v6.into()]
}

/// The lines of a list with these blocks.
fn lines(blocks: impl IntoIterator<Item = IpNet>) -> String {
    blocks.into_iter().map(|block| format!("{block}\n")).collect()
}

/// A short message from the internet to the own mail server; it waits for little, as nothing is far away.
fn inbound(source: IpAddr) -> Delivery {
    let server = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
    Delivery { reply_timeout: Duration::from_secs(5), ..Delivery::new(source, server) }
}

/// The standard library connects from no address of choice.
fn connect(source: IpAddr, server: SocketAddr) -> Result<TcpStream> {
    let family = if source.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::net::bind(&socket, &SocketAddr::new(source, 0))?;
    rustix::net::connect(&socket, &server).context("cannot connect")?;
    Ok(socket.into())
}

/// Takes XDP away from the guard: another program has all its devices.
fn occupy_xdp(lab: &Lab) -> Result<Attached> {
    Attached::echo(&lab.gateway, &[addr::OUTSIDE, addr::INSIDE, addr::SERVERS])
}

/// A refusal at this stage with these words.
fn refused(stage: Stage, code: u16, text: impl Into<String>) -> Outcome {
    Outcome::Rejected { stage, code, text: text.into() }
}

/// Nothing that has arrived anywhere was broken.
#[track_caller]
fn assert_well_made(lab: &Lab) -> Result<()> {
    for namespace in [&lab.internet, &lab.gateway, &lab.inside, &lab.mail] {
        assert_eq!(namespace.faults()?, [], "counted in {}", namespace.name());
    }
    Ok(())
}
