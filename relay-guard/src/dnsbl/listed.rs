//! Whether we are listed ourselves: our own addresses at the zones that are asked about others, and at well-known ones.
//!
//! Knows nothing of who looks: the daemon does on a timer, and `relay-guard listed` when it is called.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::stream;
use relay_guard_common::ask::may_be_listed;
use serde::Serialize;

use super::catalogue::{self, KnownZone};
use super::filter::AnswerFilter;
use super::health::{Findings, Probe};
use super::meaning::{self, Meaning};
use super::question::{Fault, Question, RecordKind, Records};
use super::resolver::Resolver;
use super::zone::ZoneName;
use crate::config::{Dnsbl, ZoneConfig};
use crate::policy::Text;

/// Zones that are asked at once.
const ZONES_AT_ONCE: usize = 16;

/// The most addresses that are looked at; of more, the lowest.
pub const MAX_ADDRESSES: usize = 64;

/// Letters of the name that nobody has listed.
const LABEL_LEN: usize = 20;

/// A zone that may list us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The name that is shown.
    pub name: String,
    /// Whom to ask.
    zone: ZoneName,
    ipv4: bool,
    ipv6: bool,
    test_points: bool,
    /// What counts as a listing; any of them.
    answers: Vec<AnswerFilter>,
    info_url: Option<Text>,
}

/// One of our addresses on one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// The address.
    pub address: IpAddr,
    /// The zone, by the name that is shown.
    pub zone: String,
    /// What it answered.
    pub answers: Vec<Ipv4Addr>,
    /// Why, in its own words; printable ASCII.
    pub text: Vec<String>,
    /// Where to read about it and have it removed.
    pub info_url: Option<String>,
}

/// A zone of which nothing could be learnt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unanswered {
    /// The zone, by the name that is shown.
    pub zone: String,
    /// Why.
    pub why: String,
}

/// What a look has found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Look {
    /// Who is listed, by address, then by zone.
    pub listings: Vec<Listing>,
    /// Zones that could not say, by name.
    pub unanswered: Vec<Unanswered>,
    /// Zones that were asked.
    pub zones: usize,
}

/// The zones that are asked about others and say nothing good of those whom they list, each once.
#[must_use]
pub fn configured(dnsbl: &Dnsbl) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for zone in dnsbl.zones.iter().filter(|zone| zone.weight > 0) {
        match places.iter_mut().find(|place| place.zone == zone.zone) {
            Some(place) => place.join(zone),
            None => places.push(zone.into()),
        }
    }
    places
}

/// Well-known zones that anybody may ask, without those that are configured.
#[must_use]
pub fn well_known(dnsbl: &Dnsbl) -> Vec<Place> {
    let places = catalogue::public_blocklists().filter(|known| !known.registration);
    let configured = |zone: &ZoneName| dnsbl.zones.iter().any(|known| known.zone == *zone);
    places.filter_map(of_catalogue).filter(|place| !configured(&place.zone)).collect()
}

impl From<&ZoneConfig> for Place {
    fn from(config: &ZoneConfig) -> Self {
        let &ZoneConfig { ref name, ref zone, ipv4, ipv6, test_points, ref answers, ref info_url, .. } =
            config;
        let (name, zone, info_url) = (name.clone(), zone.clone(), info_url.clone());
        Self { name, zone, ipv4, ipv6, test_points, answers: vec![answers.clone()], info_url }
    }
}

fn of_catalogue(known: &KnownZone) -> Option<Place> {
    let &KnownZone { zone: name, ipv4, ipv6, test_points, .. } = known;
    let (name, zone) = (name.to_owned(), known.name()?);
    Some(Place { name, zone, ipv4, ipv6, test_points, answers: vec![known.filter()], info_url: known.page() })
}

impl Place {
    /// Another entry about the same zone.
    fn join(&mut self, config: &ZoneConfig) {
        self.name = format!("{}, {}", self.name, config.name);
        self.ipv4 |= config.ipv4;
        self.ipv6 |= config.ipv6;
        self.test_points &= config.test_points;
        self.answers.push(config.answers.clone());
        self.info_url = self.info_url.take().or_else(|| config.info_url.clone());
    }

    fn asks_about(&self, address: IpAddr) -> bool {
        if address.is_ipv4() { self.ipv4 } else { self.ipv6 }
    }

    fn counts(&self, answers: &[Ipv4Addr]) -> bool {
        let counts = |answer: &Ipv4Addr| {
            meaning::is_listing(*answer) && self.answers.iter().any(|filter| filter.matches(*answer))
        };
        answers.iter().any(counts)
    }
}

/// Our own addresses as the internet sees them, of those that are configured and those of interfaces; sorted, each once,
/// [`MAX_ADDRESSES`] at most.
#[must_use]
pub fn own(configured: &[IpAddr], of_interfaces: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let all = configured.iter().copied().chain(of_interfaces);
    let public: BTreeSet<IpAddr> =
        all.map(|address| address.to_canonical()).filter(|one| may_be_listed((*one).into())).collect();
    public.into_iter().take(MAX_ADDRESSES).collect()
}

/// Looks for addresses at places, some of these at once. Zones that list a name which nobody can have listed, or not their
/// own test point, say nothing.
/// `random` is what that name is made of: any number that others do not know. `done` is called after each place.
pub async fn look(
    resolver: &Resolver,
    addresses: &[IpAddr],
    places: &[Place],
    random: u64,
    mut done: impl FnMut(&Place),
) -> Look {
    let label = label(random);
    let concerned = |place: &&Place| addresses.iter().any(|address| place.asks_about(*address));
    let label = &label;
    // Boxed and put down: borrowed futures that a closure makes are not `Send` to the compiler.
    let asked: Vec<_> = places
        .iter()
        .filter(concerned)
        .map(|place| async move { (place, look_at(resolver, addresses, place, label).await) }.boxed())
        .collect();
    let mut looks = stream::iter(asked).buffer_unordered(ZONES_AT_ONCE);
    let mut look = Look::default();
    while let Some((place, found)) = looks.next().await {
        done(place);
        look.zones += 1;
        let (listings, fault) = found;
        look.listings.extend(listings);
        look.unanswered.extend(fault.map(|why| Unanswered { zone: place.name.clone(), why }));
    }
    look.listings.sort_by(|one, other| (one.address, &one.zone).cmp(&(other.address, &other.zone)));
    look.unanswered.sort_by(|one, other| one.zone.cmp(&other.zone));
    look
}

/// What one place says, and why it does not say more.
async fn look_at(
    resolver: &Resolver,
    addresses: &[IpAddr],
    place: &Place,
    label: &str,
) -> (Vec<Listing>, Option<String>) {
    if let Some(why) = test(resolver, place, label).await {
        return (Vec::new(), Some(why));
    }
    let (mut listings, mut why) = (Vec::new(), None);
    for &address in addresses.iter().filter(|address| place.asks_about(**address)) {
        match ask(resolver, place, place.zone.question(address)).await {
            Ok(answers) if place.counts(&answers) => {
                listings.push(listing(resolver, address, answers, place).await);
            }
            Ok(_) => {}
            Err(fault) => why = Some(fault.to_string()),
        }
    }
    (listings, why)
}

/// Why a place cannot be believed. A resolver that knows no zone says of everybody that he is not listed.
async fn test(resolver: &Resolver, place: &Place, label: &str) -> Option<String> {
    let mut findings = Findings::default();
    let random = ask(resolver, place, format!("{label}.{}.", place.zone.expose())).await;
    findings.add(Probe::Random, random.map(|answers| !answers.is_empty()));
    if let Some(address) = Probe::TestPoint.address().filter(|_| place.test_points && place.ipv4) {
        let listed = ask(resolver, place, place.zone.question(address)).await;
        findings.add(Probe::TestPoint, listed.map(|answers| !answers.is_empty()));
    }
    findings.why().map(|why| why.to_string())
}

/// The listings of a name; none: it is not listed.
async fn ask(resolver: &Resolver, place: &Place, name: String) -> Result<Vec<Ipv4Addr>, Fault> {
    let reply = resolver.ask(Question { id: 0, name, kind: RecordKind::A }).await;
    let quota = catalogue::known(&place.zone).map_or(&[][..], |known| known.quota);
    match meaning::of(&reply.result, quota) {
        Meaning::Listed { answers, .. } => Ok(answers.to_vec()),
        Meaning::NotListed { .. } => Ok(Vec::new()),
        Meaning::Fault(fault) => Err(fault),
    }
}

async fn listing(resolver: &Resolver, address: IpAddr, answers: Vec<Ipv4Addr>, place: &Place) -> Listing {
    let text = texts(resolver, place.zone.question(address)).await;
    let info_url = place.info_url.as_ref().map(|page| page.with(&address.to_string()));
    Listing { address, zone: place.name.clone(), answers, text, info_url }
}

/// Why a name is listed; nothing if the zone does not say it.
pub async fn texts(resolver: &Resolver, name: String) -> Vec<String> {
    match resolver.ask(Question { id: 0, name, kind: RecordKind::Txt }).await.result {
        Ok(Records::Txt(texts)) => texts,
        Ok(_) | Err(_) => Vec::new(),
    }
}

/// A name of letters that nobody can have listed.
#[must_use]
pub fn label(random: u64) -> String {
    let letter = |place: usize| {
        // Steps of an odd number reach all numbers, and the upper bits are the better ones.
        let mixed = random.wrapping_add(place as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
        char::from(b'a' + (mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) as u8 % 26)
    };
    (0..LABEL_LEN).map(letter).collect()
}

#[cfg(test)]
mod tests;
