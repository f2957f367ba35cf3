//! `relay-guard listed`: whether our own addresses are listed.

use std::net::IpAddr;

use anyhow::{Context as _, ensure};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::Serialize;

use super::args::ZoneSelection;
use super::dnsbl::address;
use super::progress::Progress;
use super::{Arguments, ListedArguments, Outcome, output};
use crate::config::{self, Config, Dnsbl};
use crate::daemon::Netlink;
use crate::dnsbl::listed::{self, Listing, Look, Place};
use crate::dnsbl::resolver::Resolver;

#[derive(Serialize)]
struct Report {
    addresses: Vec<IpAddr>,
    #[serde(flatten)]
    look: Look,
}

pub(super) fn run(arguments: &Arguments, request: &ListedArguments) -> anyhow::Result<Outcome> {
    let given: Vec<IpAddr> = request.addresses.iter().map(|text| address(text)).collect::<Result<_, _>>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (dnsbl, addresses) = match (config::load(&arguments.config), given.is_empty()) {
        (Ok(config), true) => {
            let own = runtime.block_on(own(&config))?;
            (config.dnsbl, own)
        }
        (Ok(config), false) => (config.dnsbl, given),
        // Whoever asks about an address need not have a gateway.
        (Err(error), false) if request.zones != ZoneSelection::Configured => {
            if request.zones == ZoneSelection::All {
                note(&format!("only well-known zones are asked: {error}"));
            }
            (Dnsbl::default(), given)
        }
        (Err(error), _) => return Err(error.into()),
    };
    let places = places(&dnsbl, request.zones);
    ensure!(!places.is_empty(), "no [[dnsbl]] is configured; --zones known asks well-known ones");
    let resolver = Resolver::new(&dnsbl.lookups);
    let look = runtime.block_on(look(&resolver, &addresses, &places));
    let said = look.zones.saturating_sub(look.unanswered.len());
    if let (0, Some(first)) = (said, look.unanswered.first()) {
        anyhow::bail!("no zone could say anything; {}: {}", first.zone, first.why);
    }
    let report = Report { addresses, look };
    if arguments.json {
        output::json(&report)?;
    } else {
        lines(&report).iter().for_each(output::line);
    }
    Ok(if report.look.listings.is_empty() { Outcome::Fine } else { Outcome::No })
}

fn note(text: &str) {
    Progress::waiting("").note(text);
}

fn places(dnsbl: &Dnsbl, zones: ZoneSelection) -> Vec<Place> {
    let configured = (zones != ZoneSelection::Known).then(|| listed::configured(dnsbl));
    let known = (zones != ZoneSelection::Configured).then(|| {
        // Without the configured ones there is nobody to ask twice.
        if zones == ZoneSelection::Known {
            listed::well_known(&Dnsbl::default())
        } else {
            listed::well_known(dnsbl)
        }
    });
    configured.into_iter().chain(known).flatten().collect()
}

/// Our public addresses: those that are configured, and those of outside interfaces.
async fn own(config: &Config) -> anyhow::Result<Vec<IpAddr>> {
    let netlink = Netlink::connect().context("open netlink")?;
    let devices = netlink.links().await.context("read interfaces")?.devices;
    let addresses = netlink.addresses().await.context("read addresses")?;
    let is_outside = |index: u32| {
        let device = devices.iter().find(|device| device.ifindex == index);
        device.is_some_and(|device| config.interfaces.outside.contains(&device.name))
    };
    let outside = addresses.iter().filter(|(_, index)| is_outside(*index)).map(|(net, _)| net.addr());
    let own = listed::own(&config.dnsbl.lookups.own_addresses, outside);
    ensure!(
        !own.is_empty(),
        "outside interfaces have no public address; name yours, here or in lookups.own_addresses"
    );
    Ok(own)
}

async fn look(resolver: &Resolver, addresses: &[IpAddr], places: &[Place]) -> Look {
    let mut random = [0; 8];
    // Without randomness the name that is tried is always the same, and still nobody's.
    let _ = getrandom(&mut random, GetRandomFlags::NONBLOCK);
    let progress = Progress::waiting(&format!("asking {} zones", places.len()));
    let mut left = places.len();
    listed::look(resolver, addresses, places, u64::from_ne_bytes(random), |_| {
        left = left.saturating_sub(1);
        progress.waiting_for(&format!("asking {left} zones"));
    })
    .await
}

fn lines(Report { addresses, look }: &Report) -> Vec<String> {
    let mut lines: Vec<String> = look.listings.iter().flat_map(listing).collect();
    for unanswered in &look.unanswered {
        let text = format!("  {} could not say: {}", unanswered.zone, unanswered.why);
        lines.push(output::tint(&text, output::Tone::Dim));
    }
    let of = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let said = look.zones.saturating_sub(look.unanswered.len());
    let about = match addresses.as_slice() {
        [one] => one.to_string(),
        all => of(all.len(), "address").replace("addresss", "addresses"),
    };
    lines.push(match look.listings.len() {
        0 => format!("{about}: not listed on {}", of(said, "zone")),
        some => format!("{about}: {} on {}", of(some, "listing"), of(said, "zone")),
    });
    lines
}

/// One listing: who, where, why, and where to read about it.
fn listing(listing: &Listing) -> Vec<String> {
    let answers: Vec<_> = listing.answers.iter().map(ToString::to_string).collect();
    let told = format!("{} is listed on {} ({})", listing.address, listing.zone, answers.join(" "));
    let mut lines = vec![output::tint(&told, output::Tone::Bad)];
    lines.extend(listing.text.iter().map(|text| format!("  {text}")));
    // Many zones say it in their words already.
    let page = listing.info_url.as_ref().filter(|page| !listing.text.iter().any(|text| text.contains(*page)));
    lines.extend(page.map(|page| format!("  {page}")));
    lines
}

#[cfg(test)]
mod tests;
