//! `relay-guard hosts`.

use std::net::IpAddr;

use anyhow::Context as _;
use hyper::Method;

use super::{Arguments, Outcome, directories, output};
use crate::control::{
    api::{Host, Hosts},
    client,
};

pub(super) fn run(arguments: &Arguments, address: Option<&str>) -> anyhow::Result<Outcome> {
    let only = match address {
        Some(text) => {
            Some(text.parse::<IpAddr>().with_context(|| format!("{text:?} is no address"))?.to_canonical())
        }
        None => None,
    };
    let directories = directories::of(arguments);
    let mut hosts: Hosts = client::call(&directories.run_dir, Method::GET, "/v1/hosts", None::<&()>)?;
    if let Some(only) = only {
        hosts.hosts.retain(|host| host.address == only);
    }
    if arguments.json {
        output::json(&hosts)?;
    } else {
        print(&hosts, only);
    }
    Ok(if only.is_some() && hosts.hosts.is_empty() { Outcome::No } else { Outcome::Fine })
}

fn print(hosts: &Hosts, only: Option<IpAddr>) {
    match (hosts.hosts.is_empty(), only) {
        (true, Some(address)) => return output::line(format!("{address}: no outbound SMTP seen")),
        (true, None) => return output::line("no inside host has sent mail yet"),
        (false, _) => {}
    }
    let mut table = output::Table::new(&[
        "HOST", "KIND", "STATE", ">SCORE", ">TRIED", ">OK", ">FAILED", ">STOPPED", ">SERVERS",
    ]);
    for host in &hosts.hosts {
        table.row(vec![
            output::cell(host.address),
            output::cell(&host.kind),
            (host.state.clone(), tone(&host.state)),
            output::cell(host.score),
            output::cell(host.attempts),
            output::cell(host.established),
            output::cell(host.failed),
            output::cell(host.stopped),
            output::cell(host.distinct_destinations),
        ]);
    }
    table.print();
    output::line(format!(
        "counted per {}; score 100 is {} attempts or {} servers",
        output::duration(hosts.window_s),
        hosts.attempts_limit,
        hosts.destinations_limit
    ));
    for host in hosts.hosts.iter().filter(|host| host.contained_until.is_some()) {
        contained(host);
    }
}

fn contained(host: &Host) {
    if let Some(until) = host.contained_until {
        let address = host.address;
        output::line(format!(
            "{address} is contained, ends {}; `relay-guard remove {address}` releases it",
            output::when(until)
        ));
    }
}

fn tone(state: &str) -> Option<output::Tone> {
    match state {
        "contained" | "zombie" => Some(output::Tone::Bad),
        "busy" => Some(output::Tone::Warn),
        _ => None,
    }
}
