//! Whether we are listed ourselves: looked up on a timer, beside the loop; what changes is news.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use relay_guard_common::role::Side;
use tokio::sync::oneshot::{self, error::TryRecvError};

use crate::{
    config::Dnsbl,
    control::api,
    daemon::{clock::Tick, interfaces::InterfaceSet, state::State},
    dnsbl::{
        listed::{Listing, Look, configured, look, own, well_known},
        resolver::Resolver,
    },
};

/// What is known of ourselves.
#[derive(Debug, Default)]
pub(super) struct OwnAddresses {
    /// When it is time to look, seconds of `CLOCK_MONOTONIC`.
    due_s: u64,
    /// Whose listings are being looked up and where, and what comes of it.
    looking: Option<(Question, oneshot::Receiver<Look>)>,
    known: api::Own,
}

/// Whose listings are looked up, and in which zones, by the names that are shown.
#[derive(Debug)]
struct Question {
    addresses: Vec<IpAddr>,
    zones: BTreeSet<String>,
}

impl OwnAddresses {
    /// It is time to look: for others, or elsewhere.
    pub(super) const fn look_soon(&mut self) {
        self.due_s = 0;
    }

    /// What is told; nothing if nobody looks.
    pub(super) fn told(&self, dnsbl: &Dnsbl) -> Option<api::Own> {
        looks(dnsbl).then(|| self.known.clone())
    }

    /// Takes what came of a look, if one is over; what is new in it.
    fn take(&mut self, now: Tick) -> Vec<News> {
        let Some((question, mut looking)) = self.looking.take() else { return Vec::new() };
        let found = match looking.try_recv() {
            Ok(look) => after(&self.known, &question.addresses, look, now.unix_s),
            Err(TryRecvError::Empty) => {
                self.looking = Some((question, looking));
                return Vec::new();
            }
            Err(TryRecvError::Closed) => return Vec::new(),
        };
        let news = news(&self.known, &found, &question);
        self.known = found;
        news
    }
}

fn looks(dnsbl: &Dnsbl) -> bool {
    dnsbl.is_used() && dnsbl.lookups.own_interval.is_some()
}

/// Something that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    Listed(String),
    Delisted(String),
}

/// What is known after a look. A zone that could not say anything this time lists whom it listed before.
fn after(known: &api::Own, addresses: &[IpAddr], look: Look, unix_s: u64) -> api::Own {
    let unknown: Vec<String> = look.unanswered.into_iter().map(|unanswered| unanswered.zone).collect();
    let stays =
        |listing: &&api::OwnListing| unknown.contains(&listing.zone) && addresses.contains(&listing.address);
    let mut listed: Vec<api::OwnListing> = known.listed.iter().filter(stays).cloned().collect();
    for Listing { address, zone, answers, text, info_url } in look.listings {
        listed.retain(|before| (before.address, &before.zone) != (address, &zone));
        listed.push(api::OwnListing { address, zone, answers, text, info_url });
    }
    listed.sort();
    api::Own { checked_at: Some(unix_s), addresses: addresses.to_vec(), listed, unknown }
}

/// Who is listed anew, and who no more, as far as it was asked.
fn news(before: &api::Own, after: &api::Own, question: &Question) -> Vec<News> {
    let places = |own: &api::Own| -> BTreeSet<(IpAddr, String)> {
        own.listed.iter().map(|listing| (listing.address, listing.zone.clone())).collect()
    };
    let (old, new) = (places(before), places(after));
    let listed =
        after.listed.iter().filter(|listing| !old.contains(&(listing.address, listing.zone.clone())));
    let listed = listed.map(|listing| {
        let said = listing.text.iter().chain(&listing.info_url).cloned().collect::<Vec<_>>().join("; ");
        let said = if said.is_empty() { said } else { format!(": {said}") };
        News::Listed(format!("our own address {} is listed on {}{said}", listing.address, listing.zone))
    });
    let asked = |(address, zone): &&(IpAddr, String)| {
        question.addresses.contains(address) && question.zones.contains(zone)
    };
    let delisted = old.difference(&new).filter(asked).map(|(address, zone)| {
        News::Delisted(format!("our own address {address} is no longer listed on {zone}"))
    });
    listed.chain(delisted).collect()
}

/// The addresses by which others know us: those that are configured, or the public ones of outside interfaces.
fn public_addresses(
    configured: &[IpAddr],
    interfaces: &InterfaceSet,
    addresses: &[(IpNet, u32)],
) -> Vec<IpAddr> {
    let outside: Vec<u32> = interfaces
        .iter()
        .filter(|(_, state)| state.side == Side::Outside)
        .filter_map(|(_, state)| Some(state.attached.as_ref()?.0.ifindex))
        .collect();
    let of_outside = addresses.iter().filter(|(_, ifindex)| outside.contains(ifindex));
    own(configured, of_outside.map(|(net, _)| net.addr()))
}

impl State {
    /// The addresses by which others know us.
    pub(in super::super) fn public_addresses(&self) -> Vec<IpAddr> {
        public_addresses(&self.config.dnsbl.lookups.own_addresses, &self.interfaces, &self.addresses)
    }

    /// Takes what came of the last look at our own addresses, and begins the next one when it is time.
    pub(in super::super) fn look_at_own_addresses(&mut self, now: Tick) {
        for news in self.lookups.own.take(now) {
            match news {
                News::Listed(text) => tracing::warn!("{text}"),
                News::Delisted(text) => tracing::info!("{text}"),
            }
        }
        let dnsbl = &self.config.dnsbl;
        let Some(interval) = dnsbl.lookups.own_interval.filter(|_| dnsbl.is_used()) else {
            self.lookups.own = OwnAddresses::default();
            return;
        };
        let own_addresses = &mut self.lookups.own;
        if own_addresses.looking.is_some() || now.monotonic_s < own_addresses.due_s {
            return;
        }
        own_addresses.due_s = now.monotonic_s.saturating_add(interval.as_secs().max(1));
        let addresses = public_addresses(&dnsbl.lookups.own_addresses, &self.interfaces, &self.addresses);
        let places: Vec<_> = configured(dnsbl).into_iter().chain(well_known(dnsbl)).collect();
        let resolver = Resolver::new(&dnsbl.lookups);
        let (answer, answered) = oneshot::channel();
        let zones = places.iter().map(|place| place.name.clone()).collect();
        own_addresses.looking = Some((Question { addresses: addresses.clone(), zones }, answered));
        tokio::spawn(async move {
            let look = look(&resolver, &addresses, &places, now.random, |_| {}).await;
            // Whoever wanted to know may have changed their mind.
            let _ = answer.send(look);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dnsbl::listed::Unanswered;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn listing(last: u8, zone: &str, text: &str) -> Listing {
        let (address, zone, text) = (address(last), zone.to_owned(), vec![text.to_owned()]);
        Listing { address, zone, answers: Vec::new(), text, info_url: None }
    }

    fn look_at(listings: &[Listing], unanswered: &[&str]) -> Look {
        let unanswered =
            unanswered.iter().map(|zone| Unanswered { zone: (*zone).to_owned(), why: String::new() });
        Look { listings: listings.to_vec(), unanswered: unanswered.collect(), zones: 3 }
    }

    fn places(own: &api::Own) -> Vec<(IpAddr, &str)> {
        own.listed.iter().map(|listing| (listing.address, listing.zone.as_str())).collect()
    }

    fn question(addresses: &[IpAddr], zones: &[&str]) -> Question {
        Question {
            addresses: addresses.to_vec(),
            zones: zones.iter().map(|zone| (*zone).to_owned()).collect(),
        }
    }

    #[test]
    fn what_changes_is_news_once() {
        let ours = [address(1), address(2)];
        let all = question(&ours, &["a", "b", "c"]);
        let found = look_at(&[listing(2, "b", "open"), listing(1, "a", "spam")], &[]);
        let first = after(&api::Own::default(), &ours, found.clone(), 7);
        assert_eq!(places(&first), [(address(1), "a"), (address(2), "b")]);
        assert_eq!((first.checked_at, first.addresses.as_slice()), (Some(7), &ours[..]));
        let listed = |text: &str| News::Listed(format!("our own address 203.0.113.{text}"));
        let expected = [listed("1 is listed on a: spam"), listed("2 is listed on b: open")];
        assert_eq!(news(&api::Own::default(), &first, &all), expected);
        let second = after(&first, &ours, found, 8);
        assert_eq!((news(&first, &second, &all), second.checked_at), (vec![], Some(8)));
        let third = after(&second, &ours, look_at(&[listing(2, "c", "x"), listing(1, "a", "other")], &[]), 9);
        let delisted = News::Delisted("our own address 203.0.113.2 is no longer listed on b".to_owned());
        assert_eq!(news(&second, &third, &all), [listed("2 is listed on c: x"), delisted]);
        // Who is ours no more, or is not asked any more, has not delisted anybody.
        let nobody = after(&third, &[], look_at(&[], &[]), 10);
        assert_eq!(news(&third, &nobody, &question(&[], &["a", "b", "c"])), []);
        assert_eq!(news(&third, &nobody, &question(&ours, &[])), []);
    }

    #[test]
    fn who_does_not_answer_has_not_delisted() {
        let found =
            look_at(&[listing(1, "a", "spam"), listing(2, "a", "spam"), listing(1, "b", "spam")], &[]);
        let first = after(&api::Own::default(), &[address(1), address(2)], found, 7);
        // One address is ours no more, and one zone says at least a part.
        let found = look_at(&[listing(1, "b", "other")], &["a", "b"]);
        let second = after(&first, &[address(1)], found, 8);
        assert_eq!(places(&second), [(address(1), "a"), (address(1), "b")]);
        assert_eq!(second.listed[1].text, ["other"]);
        assert_eq!(second.unknown, ["a", "b"]);
        assert_eq!(places(&after(&second, &[address(1)], look_at(&[], &[]), 9)), []);
    }
}
