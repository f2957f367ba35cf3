//! What connections take that are looked into, and what a million hosts take, in the kernel and outside of it.

use std::collections::HashMap;
use std::fs;
use std::hint::black_box;
use std::net::IpAddr;
use std::os::fd::AsRawFd as _;

use anyhow::{Context as _, Result, ensure};
use aya::maps::loaded_maps;
use relay_guard::datapath::{Datapath, LoadOptions, check_requirements};
use relay_guard::inspect::HostKind;
use relay_guard::inspect::flows::{Flows, Limits};
use relay_guard::inspect::hosts::Engine;
use relay_guard::inspect::observation::Observation;
use relay_guard::inspect::smtp;
use relay_guard_tests::bench::Random;

use super::report::Memory;
use super::script::{Script, Told, host, rules};

/// Connections: as many as the kernel's table has room for by default.
const FLOWS: usize = 65_536;
/// Hosts.
const HOSTS: u32 = 1_000_000;
/// Sessions of each.
const SESSIONS: u32 = 3;
/// Between two sessions, nanoseconds: three in an hour, about.
const STEP_NS: u64 = 1_200_000;
/// Segments of a session that are left out, so that it is in the middle of its message.
const LEFT_OUT: usize = 5;

pub(crate) fn measure() -> Result<Memory> {
    check_requirements()?;
    let scripts = Script::all();
    let (bare_map_bytes, bare) =
        grown(|| Ok((0..HOSTS).map(|n| (address(n), 0)).collect::<HashMap<IpAddr, u64>>()))?;
    drop(black_box(bare));
    // What is there already stays while the next grows: nobody gets what another gave back.
    let (flows_resident, flows) = grown(|| Ok(follow(&scripts)))?;
    ensure!(flows.len() == FLOWS, "{} of {FLOWS} connections are followed", flows.len());
    let (hosts_resident_bytes, engine) = grown(|| track(&scripts))?;
    let sizes = engine.sizes();
    ensure!(sizes.hosts == HOSTS as usize, "{} of {HOSTS} hosts are tracked", sizes.hosts);
    let (flow_kernel_bytes, hosts_kernel_bytes) = in_kernel()?;
    Ok(Memory {
        flows: FLOWS,
        flow_bytes: flows.memory() as f64 / FLOWS as f64,
        flow_resident_bytes: flows_resident as f64 / FLOWS as f64,
        flow_limit_bytes: Flows::<smtp::Session>::MAX_FLOW_BYTES,
        flow_kernel_bytes: flow_kernel_bytes as f64 / FLOWS as f64,
        hosts: HOSTS as usize,
        hosts_bytes: sizes.bytes as u64,
        hosts_resident_bytes,
        hosts_kernel_bytes,
        bare_map_bytes,
    })
}

fn address(n: u32) -> IpAddr {
    host(n).into()
}

/// Connections in the middle of a message.
fn follow(scripts: &[Script]) -> Flows<smtp::Session> {
    let mut flows = Flows::new(Limits { bytes: usize::MAX, ..Limits::default() });
    let (mut random, mut heard) = (Random::new(25), Vec::new());
    for number in 0..FLOWS {
        let script = &scripts[number % scripts.len()];
        let mut told = Told::new(script, host(number as u32), &mut random);
        for _ in LEFT_OUT..script.len() {
            if let Some(segment) = told.next(1_000_000_000 + number as u64) {
                flows.handle(&segment, &mut heard);
            }
        }
        flows.commands();
        heard.clear();
    }
    flows
}

/// Hosts with some sessions each.
fn track(scripts: &[Script]) -> Result<Engine> {
    let mut engine = Engine::new(rules(HOSTS)?);
    let mut observed = observations(scripts);
    let count = observed.len();
    let mut now_ns = 1_000_000_000;
    for number in 0..SESSIONS * HOSTS {
        let client = host(number % HOSTS);
        for observation in &mut observed[number as usize % count] {
            match observation {
                Observation::Transaction(transaction) => transaction.flow.client = client,
                Observation::Session(session) => session.flow.client = client,
            }
            engine.observe(observation, |_| HostKind::Host, now_ns);
        }
        now_ns += STEP_NS;
        if number % 1024 == 0 {
            black_box(engine.poll(now_ns));
        }
    }
    Ok(engine)
}

/// What is seen of each session.
fn observations(scripts: &[Script]) -> Vec<Vec<Observation>> {
    let mut random = Random::new(25);
    let mut flows: Flows<smtp::Session> = Flows::new(Limits::default());
    let one = |script| {
        let mut heard = Vec::new();
        let mut told = Told::new(script, host(1), &mut random);
        while let Some(segment) = told.next(1_000_000_000) {
            flows.handle(&segment, &mut heard);
        }
        heard
    };
    scripts.iter().map(one).collect()
}

/// Bytes by which the process has grown in memory, and what made it grow.
fn grown<T>(make: impl FnOnce() -> Result<T>) -> Result<(u64, T)> {
    let before = resident()?;
    let made = make()?;
    Ok((resident()?.saturating_sub(before), made))
}

fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Bytes of the kernel's tables of connections and of hosts, with room for so many of each.
fn in_kernel() -> Result<(u64, u64)> {
    let options = LoadOptions { flows: FLOWS as u32, inside_hosts: HOSTS, ..LoadOptions::default() };
    let guard = Datapath::load(&options)?;
    let sizes = [bytes_of("FLOWS", FLOWS as u32)?, bytes_of("HOSTS", HOSTS)?];
    drop(guard);
    Ok(sizes.into())
}

/// Of the map of this name and size.
fn bytes_of(name: &str, entries: u32) -> Result<u64> {
    let mut maps = loaded_maps().filter_map(Result::ok);
    let map = maps.find(|map| map.name_as_str() == Some(name) && map.max_entries() == entries);
    let fd = map.with_context(|| format!("no map {name}"))?.fd()?;
    let info =
        fs::read_to_string(format!("/proc/self/fdinfo/{}", std::os::fd::AsFd::as_fd(&fd).as_raw_fd()))?;
    let line = info.lines().find_map(|line| line.strip_prefix("memlock:")).context("no memlock")?;
    Ok(line.trim().parse()?)
}
