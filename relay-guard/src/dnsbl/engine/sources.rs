//! The sources that are asked about, and those that wait for it.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use crate::dnsbl::order::Order;
use crate::dnsbl::plan::{EntryMask, ZoneMask};
use crate::dnsbl::score::Findings;

use super::ids::MAX_PLACES;

/// A source that zones are asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) address: IpAddr,
    /// When the kernel asked.
    pub(super) asked_ns: u64,
    /// When the zones were.
    pub(super) began_ns: u64,
    /// Its own number.
    pub(super) number: u32,
    /// The zones that were asked.
    pub(super) asked: ZoneMask,
    /// Those that did not answer yet.
    pub(super) waiting: ZoneMask,
    pub(super) findings: Findings,
    /// The end of the shortest TTL of all answers.
    pub(super) until_ns: u64,
    /// Whether a verdict was given before all zones have answered.
    pub(super) judged: bool,
}

impl Source {
    /// A zone, or several, could not say: what they may have said before does not count either.
    pub(super) fn lose(&mut self, zones: ZoneMask, entries: EntryMask) {
        self.waiting &= !zones;
        self.findings.listed &= !entries;
        self.findings.unknown |= entries;
    }
}

/// A source that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) address: IpAddr,
    pub(super) asked_ns: u64,
}

/// What was made of a new source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It can be asked about now.
    Now,
    /// It waits.
    Queued,
    /// It is being asked about, or waits already.
    Known,
    /// Too many wait.
    Overflow,
}

/// All of them, each address once.
#[derive(Clone, Debug, Default)]
pub(super) struct Sources {
    /// Where each address is; none: it waits.
    known: HashMap<IpAddr, Option<u32>>,
    asked: Order<Source>,
    queue: VecDeque<Waiting>,
    /// The first source that has not waited for all its zones for longer than is patient.
    fresh: Option<u32>,
    numbers: u32,
}

impl Sources {
    pub(super) const fn in_flight(&self) -> usize {
        self.asked.len()
    }

    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What is to be made of a source. It is remembered if it is [`Admission::Queued`].
    pub(super) fn admit(&mut self, source: Waiting, in_flight: u32, queue: u32) -> Admission {
        if self.known.contains_key(&source.address) {
            return Admission::Known;
        }
        if self.has_room(in_flight) {
            return Admission::Now;
        }
        if self.queue.len() >= queue as usize {
            return Admission::Overflow;
        }
        self.queue.push_back(source);
        self.known.insert(source.address, None);
        Admission::Queued
    }

    fn has_room(&self, in_flight: u32) -> bool {
        self.asked.len() < in_flight.clamp(1, MAX_PLACES) as usize
    }

    /// The source that has waited longest, if there is room for it.
    pub(super) fn next(&mut self, in_flight: u32) -> Option<Waiting> {
        let next = self.has_room(in_flight).then(|| self.queue.pop_front()).flatten()?;
        self.known.remove(&next.address);
        Some(next)
    }

    /// The number for the next source.
    pub(super) fn number(&mut self) -> u32 {
        self.numbers = self.numbers.wrapping_add(1);
        self.numbers
    }

    /// Zones are asked about this one now; its place.
    pub(super) fn begin(&mut self, source: Source) -> u32 {
        let place = self.asked.push(source);
        self.known.insert(source.address, Some(place));
        self.fresh = self.fresh.or(Some(place));
        place
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Source> {
        self.asked.get_mut(place)
    }

    pub(super) fn get(&self, place: u32) -> Option<&Source> {
        self.asked.get(place)
    }

    /// It is over with this one.
    pub(super) fn end(&mut self, place: u32) -> Option<Source> {
        if self.fresh == Some(place) {
            self.fresh = self.asked.after(place);
        }
        let source = self.asked.remove(place)?;
        self.known.remove(&source.address);
        Some(source)
    }

    /// The one that is asked about for the longest time.
    pub(super) fn oldest(&self) -> Option<(u32, &Source)> {
        let place = self.asked.first()?;
        Some((place, self.asked.get(place)?))
    }

    /// The oldest one that is [fresh](Self::pass_fresh).
    pub(super) fn fresh(&self) -> Option<(u32, &Source)> {
        let place = self.fresh?;
        Some((place, self.asked.get(place)?))
    }

    /// The oldest fresh one is so no more.
    pub(super) fn pass_fresh(&mut self) {
        self.fresh = self.fresh.and_then(|place| self.asked.after(place));
    }

    /// The places of all that are asked about, the oldest first.
    pub(super) fn places(&self) -> Vec<u32> {
        self.asked.places().collect()
    }

    /// All wait again, those that were asked about before all others.
    pub(super) fn start_over(&mut self) {
        let begun =
            self.asked.iter().map(|source| Waiting { address: source.address, asked_ns: source.asked_ns });
        let queue = begun.chain(self.queue.iter().copied()).collect();
        self.queue = queue;
        self.known = self.queue.iter().map(|source| (source.address, None)).collect();
        self.asked = Order::default();
        self.fresh = None;
    }
}
