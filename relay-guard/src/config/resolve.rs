//! From the configuration as written to the one to rely on: defaults, ranges, and what must hold together.

mod answers;
mod dnsbl;
mod hosts;
mod idle;
mod inspection;
mod lists;
mod lookups;
mod sources;
mod thresholds;
mod values;

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::error::Fault;
use super::raw::{self, Number, Text};
use super::resolved::{Config, Daemon, Interfaces, Limits, Ports};
use answers::Defaults;
use values::{number, unique};

/// The longest interface name, in bytes: the kernel's IFNAMSIZ less the final zero.
const MAX_INTERFACE_BYTES: usize = 15;
/// The most ports of a kind.
const MAX_PORTS: usize = 16;

/// Checks everything that `raw` says. `directory` is what relative paths in it are relative to.
pub(super) fn resolve(raw: raw::Config, directory: &Path) -> Result<Config, Fault> {
    let judged = Ports {
        guarded: ports(raw.ports.guarded, &[25, 465, 587])?,
        watched: ports(raw.ports.watched, &[25])?,
    };
    let defaults = Defaults::of(&raw.answers)?;
    let (lists, mut idle) = lists::lists(raw.lists, directory, &judged, &defaults)?;
    let dnsbl = dnsbl::dnsbl((&raw.lookups, &raw.dnsbl, &raw.thresholds), directory, &judged, &defaults)?;
    idle.extend(thresholds::idle(&raw.thresholds, &dnsbl.thresholds));
    let inspection = inspection::inspection((&raw.inspection, &raw.signals, &raw.containment), &defaults)?;
    idle.extend(inspection::idle((&raw.signals, &raw.containment), &inspection));
    Ok(Config {
        mode: raw.mode,
        interfaces: interfaces(raw.interfaces)?,
        hosts: hosts::hosts(&raw.hosts)?,
        lists,
        ports: judged,
        dnsbl,
        inspection,
        answers: answers::answering(&raw.answers)?,
        daemon: daemon(raw.daemon)?,
        limits: limits(&raw.limits)?,
        protected: hosts::protected(&raw.protected)?,
        idle,
    })
}

fn interfaces(raw: raw::Interfaces) -> Result<Interfaces, Fault> {
    if raw.outside.is_empty() && raw.inside.is_empty() {
        let message = "no interface is named; write interfaces.outside, interfaces.inside or both";
        return Err(Fault::new(0..0, message));
    }
    for name in raw.outside.iter().chain(&raw.inside) {
        interface_name(name)?;
    }
    unique(&raw.outside, "an interface")?;
    unique(&raw.inside, "an interface")?;
    if let Some(both) =
        raw.inside.iter().find(|name| raw.outside.iter().any(|o| o.get_ref() == name.get_ref()))
    {
        let message = format!("interface {:?} is on both sides; leave it on one", both.get_ref());
        return Err(Fault::new(both.span(), message));
    }
    let names = |side: Vec<Text>| side.into_iter().map(Text::into_inner).collect();
    Ok(Interfaces { outside: names(raw.outside), inside: names(raw.inside) })
}

/// The loopback device's name in every network namespace.
const LOOPBACK: &str = "lo";

/// The kernel's own rule (`dev_valid_name` in net/core/dev.c), and no control characters.
fn interface_name(name: &Text) -> Result<(), Fault> {
    let text = name.get_ref();
    let bad = |c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
    if text.is_empty()
        || text.len() > MAX_INTERFACE_BYTES
        || matches!(text.as_str(), "." | "..")
        || text.contains(bad)
    {
        let rule = "1 to 15 bytes without '/', ':' and blanks";
        return Err(Fault::new(name.span(), format!("{text:?} is no interface name, which is {rule}")));
    }
    // No mail comes or goes there, and its index is how the loaded program is asked questions.
    if text == LOOPBACK {
        let message = format!("{text:?} is the loopback device, on neither side; leave it out");
        return Err(Fault::new(name.span(), message));
    }
    Ok(())
}

fn ports(raw: Option<toml::Spanned<Vec<Number>>>, default: &[u16]) -> Result<Vec<u16>, Fault> {
    let Some(raw) = raw else { return Ok(default.to_vec()) };
    let (span, list) = (raw.span(), raw.into_inner());
    if list.is_empty() || list.len() > MAX_PORTS {
        return Err(Fault::new(span, format!("{} ports; write 1 to {MAX_PORTS}", list.len())));
    }
    unique(&list, "port")?;
    let mut ports =
        list.iter().map(|port| number(Some(port), 0, 1, u16::MAX)).collect::<Result<Vec<_>, _>>()?;
    ports.sort_unstable();
    Ok(ports)
}

fn daemon(raw: raw::Daemon) -> Result<Daemon, Fault> {
    let daemon = Daemon {
        run_dir: directory(raw.run_dir.as_ref(), "/run/relay-guard")?,
        state_dir: directory(raw.state_dir.as_ref(), "/var/lib/relay-guard")?,
        cache_dir: directory(raw.cache_dir.as_ref(), "/var/cache/relay-guard")?,
        pin_dir: directory(raw.pin_dir.as_ref(), "/sys/fs/bpf/relay-guard")?,
        on_stop: raw.on_stop,
        log_datapath: raw.log_datapath,
    };
    let span = |text: Option<Text>| text.map_or(0..0, |text| text.span());
    let same = |a: &PathBuf, b: &PathBuf, span: Range<usize>| match a == b {
        true => Err(Fault::new(span, "this directory is used for something else too; give each its own")),
        false => Ok(()),
    };
    same(&daemon.pin_dir, &daemon.run_dir, span(raw.pin_dir.clone()))?;
    same(&daemon.pin_dir, &daemon.state_dir, span(raw.pin_dir))?;
    // Files of lists that are no longer configured are removed from there.
    same(&daemon.cache_dir, &daemon.state_dir, span(raw.cache_dir.clone()))?;
    same(&daemon.cache_dir, &daemon.run_dir, span(raw.cache_dir.clone()))?;
    same(&daemon.cache_dir, &daemon.pin_dir, span(raw.cache_dir))?;
    Ok(daemon)
}

fn directory(raw: Option<&Text>, default: &str) -> Result<PathBuf, Fault> {
    let Some(raw) = raw else { return Ok(PathBuf::from(default)) };
    let path = PathBuf::from(raw.get_ref());
    if !path.is_absolute() || path.parent().is_none() || raw.get_ref().contains('\0') {
        let message =
            format!("{:?} is no directory of our own; write an absolute path below /", raw.get_ref());
        return Err(Fault::new(raw.span(), message));
    }
    Ok(path)
}

fn limits(raw: &raw::Limits) -> Result<Limits, Fault> {
    // The upper ends are what the kernel would still allocate on a large machine; they catch slips of the pen.
    const MAX_ENTRIES: u32 = 1 << 24;
    const MAX_BYTES: u64 = 1 << 36;
    Ok(Limits {
        inside_hosts: number(raw.inside_hosts.as_ref(), 16_384, 1, MAX_ENTRIES)?,
        verdicts: number(raw.verdicts.as_ref(), 65_536, 1, MAX_ENTRIES)?,
        prefix_verdicts: number(raw.prefix_verdicts.as_ref(), 4096, 1, MAX_ENTRIES)?,
        list_bytes: number(raw.list_bytes.as_ref(), 256 << 20, 1, MAX_BYTES)?,
        table_bytes: number(raw.table_bytes.as_ref(), 1 << 30, 1, MAX_BYTES)?,
        events_per_second: number(raw.events_per_second.as_ref(), 1000, 1, 1_000_000)?,
        envelopes_per_second: number(raw.envelopes_per_second.as_ref(), 300, 1, 1_000_000)?,
        flows: number(raw.flows.as_ref(), 65_536, 1, MAX_ENTRIES)?,
        capture_bytes: ring(raw.capture_bytes.as_ref())?,
        tracked_hosts: number(raw.tracked_hosts.as_ref(), 1 << 20, 1, MAX_ENTRIES)?,
    })
}

/// The size of a ring of the kernel's, which is a power of two and whole pages of any machine.
fn ring(raw: Option<&Number>) -> Result<u32, Fault> {
    const DEFAULT: u32 = 16 << 20;
    let bytes = number(raw, DEFAULT, 1 << 16, 1 << 30)?;
    match raw {
        Some(raw) if !bytes.is_power_of_two() => {
            let (below, above) = (bytes.next_power_of_two() / 2, bytes.next_power_of_two());
            let message = format!("{bytes} is no power of two; write one such as {below} or {above}");
            Err(Fault::new(raw.span(), message))
        }
        _ => Ok(bytes),
    }
}
