//! What the guard is set to while it is measured.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Result;
use ipnet::{IpNet, Ipv4Net};
use relay_guard::datapath::Datapath;
use relay_guard::table::{ClassRange, Plan};
use relay_guard_common::action::Action;
use relay_guard_common::class::{Class, Rule};
use relay_guard_common::ports::PortSet;
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::response::Rate;
use relay_guard_common::role::Side;
use relay_guard_common::settings::Settings;
use relay_guard_common::verdict::{FOREVER, Steering, Verdict};

use relay_guard_tests::bench::Random;

/// The class of listed addresses.
pub(crate) const LISTED: u32 = 1;

/// Entries that the administrator and the guard itself have made, beside the lists.
const VERDICTS: u32 = 1_000;
const PREFIXES: u32 = 100;

/// No limit: what is measured is meant to be large.
const TABLE_LIMIT: u64 = u64::MAX;

/// The settings of a gateway that enforces, with one interface, on the outside.
pub(crate) fn set(guard: &mut Datapath, ifindex: u32) -> Result<()> {
    guard.set_ports(&PortSet::new(&[25, 465, 587], &[25]))?;
    guard.set_class(LISTED, Class::new(1).inbound(Rule::new(Action::Drop, Reason::Listed)))?;
    guard.set_interfaces(&[(ifindex, Side::Outside)])?;
    publish(guard, &[], &[])?;
    set_counts(guard, 0, 0)
}

/// Makes these the lists.
pub(crate) fn publish(guard: &mut Datapath, v4: &[ClassRange<u32>], v6: &[ClassRange<u128>]) -> Result<()> {
    guard.publish(&Plan::new(v4, v6)?, TABLE_LIMIT)?;
    Ok(())
}

/// Adds verdicts, on addresses and prefixes that no traffic here comes from: what is measured is looking in vain.
pub(crate) fn steer(guard: &mut Datapath) -> Result<()> {
    let mut random = Random::new(10);
    for _ in 0..VERDICTS {
        let address = IpAddr::V4(ten(&mut random));
        guard.put_verdict(address, Verdict::ban(Action::Drop, Reason::Contained, FOREVER))?;
    }
    let block = Steering { allow_until: 0, block_until: FOREVER };
    let mut prefixes = Vec::new();
    for _ in 0..PREFIXES {
        prefixes.push((IpNet::V4(Ipv4Net::new(ten(&mut random), 24)?.trunc()), block));
    }
    guard.set_prefixes(&prefixes)?;
    set_counts(guard, VERDICTS, PREFIXES)
}

/// An address in 10.0.0.0/8.
fn ten(random: &mut Random) -> Ipv4Addr {
    Ipv4Addr::from_bits(10 << 24 | random.next() as u32 >> 8)
}

/// Makes DNSBLs' verdicts: nothing is known against these sources.
pub(crate) fn clear(guard: &mut Datapath, sources: &[Ipv4Addr]) -> Result<()> {
    for &source in sources {
        guard.put_verdict(source.into(), Verdict::ban(Action::Pass, Reason::DnsblClean, FOREVER))?;
    }
    set_counts(guard, sources.len() as u32, 0)
}

/// Asks about everybody who is unknown, one in an hour: what is measured is what a flood costs.
pub(crate) fn ask(guard: &mut Datapath) -> Result<()> {
    let asks = Rate { interval_us: 3_600_000_000, tolerance_us: 0 };
    Ok(guard.set_settings(Settings { ask: 0xff | Settings::HOLD, asks, ..settings(0, 0) })?)
}

/// Tells the programs how many verdicts there are: at 0 they do not look.
pub(crate) fn set_counts(guard: &mut Datapath, verdicts: u32, prefixes: u32) -> Result<()> {
    Ok(guard.set_settings(settings(verdicts, prefixes))?)
}

fn settings(verdicts: u32, prefixes: u32) -> Settings {
    let window_ns = 60_000_000_000;
    Settings { enforce: 1, verdicts, prefixes, window_ns, heartbeat_ns: FOREVER, ..Settings::default() }
}
