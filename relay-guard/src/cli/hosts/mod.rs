//! `relay-guard hosts` and `relay-guard release`.

mod advice;
mod detail;
mod events;
mod table;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv6Addr};

use anyhow::Context as _;
use hyper::Method;

use super::{Arguments, Outcome, directories, output};
use crate::{
    control::{
        api::{Host, HostDetail, HostEvents, Hosts, ReleaseRequest, Released, Signal},
        client::{self, ClientError},
    },
    inspect::HostKind,
};

/// Columns of a terminal.
const LINE: usize = 80;

pub(super) fn run(arguments: &Arguments, address: Option<&str>, events: bool) -> anyhow::Result<Outcome> {
    let only = address.map(parse).transpose()?;
    match (events, only) {
        (true, only) => list_events(arguments, only.map(|(address, _)| address)),
        (false, Some((address, kind))) => show(arguments, address, kind),
        (false, None) => list(arguments),
    }
}

/// An address, or that by which an IPv6 network is known; and as which of these it was written.
fn parse(text: &str) -> anyhow::Result<(IpAddr, HostKind)> {
    if let Some(Ok(network)) = text.strip_suffix("/64").map(str::parse::<Ipv6Addr>) {
        return Ok((Ipv6Addr::from_bits(network.to_bits() >> 64 << 64).into(), HostKind::Network));
    }
    let address: Result<IpAddr, _> = text.parse();
    let address = address.with_context(|| format!("{text:?} is no address and no IPv6 network (/64)"))?;
    Ok((address.to_canonical(), HostKind::Host))
}

/// A host as it is written in commands and output: a network with its length.
fn shown(address: IpAddr, kind: &str) -> String {
    HostKind::named(kind).map_or_else(|| address.to_string(), |kind| kind.shown(address))
}

fn list(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let hosts: Hosts = client::call(&directories.run_dir, Method::GET, "/v1/hosts", None::<&()>)?;
    if arguments.json {
        output::json(&hosts)?;
    } else {
        table::lines(&hosts).iter().for_each(output::line);
    }
    Ok(Outcome::Fine)
}

fn show(arguments: &Arguments, address: IpAddr, kind: HostKind) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let path = format!("/v1/hosts/{address}");
    match client::call::<HostDetail>(&directories.run_dir, Method::GET, &path, None::<&()>) {
        Ok(host) if arguments.json => output::json(&host).map(|()| Outcome::Fine),
        Ok(host) => {
            detail::lines(&host).iter().for_each(output::line);
            Ok(Outcome::Fine)
        }
        Err(ClientError::Unknown(_)) if arguments.json => {
            output::json(&serde_json::Value::Null).map(|()| Outcome::No)
        }
        Err(ClientError::Unknown(_)) => {
            output::line(unseen(&kind.shown(address)));
            Ok(Outcome::No)
        }
        Err(error) => Err(error.into()),
    }
}

fn unseen(host: &str) -> String {
    format!("{host}: no outbound SMTP seen")
}

fn list_events(arguments: &Arguments, only: Option<IpAddr>) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let mut events: HostEvents =
        client::call(&directories.run_dir, Method::GET, "/v1/hosts/events", None::<&()>)?;
    if let Some(only) = only {
        events.events.retain(|event| event.address == only);
    }
    if arguments.json {
        output::json(&events)?;
    } else {
        events::lines(&events).iter().for_each(output::line);
    }
    Ok(if only.is_some() && events.events.is_empty() { Outcome::No } else { Outcome::Fine })
}

pub(super) fn release(arguments: &Arguments, address: &str) -> anyhow::Result<Outcome> {
    let (address, kind) = parse(address)?;
    let directories = directories::of(arguments);
    let request = ReleaseRequest { address };
    let answer: Released =
        client::call(&directories.run_dir, Method::POST, "/v1/hosts/release", Some(&request))?;
    if arguments.json {
        output::json(&answer)?;
    } else {
        let host = kind.shown(address);
        output::line(match answer {
            Released { released: true, .. } => format!("released: {host}; what it did is forgiven"),
            Released { forgiven: true, .. } => format!("{host} was not contained; what it did is forgiven"),
            Released { .. } => unseen(&host),
        });
    }
    Ok(if answer.released { Outcome::Fine } else { Outcome::No })
}

/// What a host is, in few letters.
fn kind(name: &str) -> &str {
    match name {
        "mail-server" => "mail",
        "own-server" => "own",
        "excepted" => "except",
        "network" => "net",
        other => other,
    }
}

/// What is done to connections, as a state.
fn done(action: &str) -> &str {
    match action {
        "limit" => "limited",
        "refuse" => "refused",
        "drop" => "dropped",
        // `reset` and `tarpit` are fine.
        other => other,
    }
}

/// A host's state in a word: what is done to it says more than that it is contained.
fn state(host: &Host) -> &str {
    host.action.as_deref().map_or(&host.state, done)
}

fn tone(state: &str) -> Option<output::Tone> {
    match state {
        "quiet" => None,
        "reported" => Some(output::Tone::Warn),
        _ => Some(output::Tone::Bad),
    }
}

/// A signal with its points: `212 servers in 1m: +70`, or `…, fading: +35`.
fn signal(signal: &Signal) -> String {
    let fading = if signal.fading { ", fading" } else { "" };
    format!("{}{fading}: +{}", signal.text, signal.points)
}
