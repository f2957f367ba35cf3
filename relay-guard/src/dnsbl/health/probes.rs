//! The tests of a zone: what is asked, and what the answers say of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Why;
use crate::dnsbl::question::Fault;

/// A question of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Probe {
    /// A name that nobody can have listed.
    Random = 0,
    /// 127.0.0.1, which must not be listed.
    Loopback = 1,
    /// 127.0.0.2, which must be.
    TestPoint = 2,
    /// The IPv6 form of 127.0.0.2 (RFC 5782 §5), which many zones lack.
    TestPointV6 = 3,
}

impl Probe {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Random, Self::Loopback, Self::TestPoint, Self::TestPointV6];

    /// The address that is asked about; none: a random name is.
    #[must_use]
    pub const fn address(self) -> Option<IpAddr> {
        match self {
            Self::Random => None,
            Self::Loopback => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Self::TestPoint => Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))),
            Self::TestPointV6 => Some(IpAddr::V6(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0x7f00, 2))),
        }
    }

    /// The probes of a zone that has test points or none, and is asked about IPv4 sources, IPv6 sources, or both.
    #[must_use]
    pub fn of_zone(test_points: bool, [v4, v6]: [bool; 2]) -> Vec<Self> {
        let asked = |probe: &Self| match probe {
            Self::Random => true,
            Self::Loopback => v4,
            Self::TestPoint => v4 && test_points,
            Self::TestPointV6 => v6 && test_points,
        };
        Self::ALL.into_iter().filter(asked).collect()
    }
}

/// What probes found: whether the zone lists what was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    of: [Option<Result<bool, Fault>>; 4],
}

impl Findings {
    /// Takes in what a probe found.
    pub fn add(&mut self, probe: Probe, found: Result<bool, Fault>) {
        self.of[probe as usize] = Some(found);
    }

    /// Why the zone cannot be believed, if so. That it lists what it must not is the most important thing to know. Whatever
    /// the IPv6 test point answers is no reason.
    #[must_use]
    pub fn why(&self) -> Option<Why> {
        let says = |probe: Probe, listed| self.of[probe as usize] == Some(Ok(listed));
        if says(Probe::Random, true) {
            return Some(Why::ListsEverything);
        }
        if says(Probe::Loopback, true) {
            return Some(Why::ListsLoopback);
        }
        let required = [Probe::Random, Probe::Loopback, Probe::TestPoint];
        let fault = required.into_iter().find_map(|probe| self.of[probe as usize].as_ref()?.as_ref().err());
        match fault {
            Some(fault) => Some(Why::TestUnanswered(fault.clone())),
            None => says(Probe::TestPoint, false).then_some(Why::ListsNothing),
        }
    }

    /// What else is worth to be known.
    #[must_use]
    pub fn note(&self) -> Option<&'static str> {
        let lacks = self.of[Probe::TestPointV6 as usize] == Some(Ok(false));
        lacks.then_some("it has no test point for IPv6, so whether it lists IPv6 sources is not known")
    }
}

/// A test that has begun.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) number: u32,
    pub(super) deadline_ns: u64,
    /// A bit for each probe that is not answered.
    waiting: u8,
    findings: Findings,
}

impl Round {
    pub(super) fn new(number: u32, probes: &[Probe], deadline_ns: u64) -> Self {
        let waiting = probes.iter().fold(0, |mask, probe| mask | 1 << *probe as u8);
        Self { number, deadline_ns, waiting, findings: Findings::default() }
    }

    /// Takes in what a probe found; whether it was the last one.
    pub(super) fn found(&mut self, probe: Probe, found: Result<bool, Fault>) -> bool {
        let bit = 1 << probe as u8;
        if self.waiting & bit == 0 {
            return false;
        }
        self.waiting &= !bit;
        self.findings.add(probe, found);
        self.waiting == 0
    }

    /// Nobody answered the rest.
    pub(super) fn give_up(&mut self) {
        for probe in Probe::ALL {
            self.found(probe, Err(Fault::Timeout));
        }
    }

    pub(super) fn findings(self) -> Findings {
        self.findings
    }
}
