//! The engine with zones that are played, and a clock that jumps from event to event.

mod allow_zones;
mod false_listings;
mod faults;
mod model;
mod plans;
mod sources;

use std::collections::{HashMap, HashSet};
use std::net::Ipv4Addr;

use super::*;
use crate::config::{Dnsbl, ZoneConfig};
use crate::dnsbl::health::Standing;
use crate::dnsbl::question::{Fault, Records};
use crate::dnsbl::score::{Kind, Scored};
use crate::dnsbl::testing::{dnsbl, groups, weighing, zone};
use crate::dnsbl::zone::ZoneName;

pub(super) const MS: u64 = 1_000_000;

pub(super) const S: u64 = 1000 * MS;

/// When the tests begin.
pub(super) const START_NS: u64 = 1000 * S;

/// How a zone behaves.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// As it should.
    Answers,
    /// It never answers, nor does the resolver.
    Silent,
    /// Every question gets this.
    Always(Result<Records, Fault>),
    /// As it should to tests, and this to questions about sources.
    ToSources(Result<Records, Fault>),
}

/// A zone.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) manner: Manner,
    pub(super) latency_ns: u64,
    pub(super) ttl_s: u32,
    /// Names that are listed, in full.
    listed: HashMap<String, Vec<Ipv4Addr>>,
}

/// Everything around the engine.
pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) now_ns: u64,
    pub(super) zones: HashMap<&'static str, Played>,
    /// Replies that are under way.
    coming: Vec<(u64, Reply)>,
    /// All names that were asked for about sources.
    pub(super) asked: Vec<String>,
    pub(super) verdicts: Vec<Scored>,
    pub(super) forgotten: Vec<IpAddr>,
    pub(super) events: Vec<String>,
    /// The verdicts that a kernel has.
    pub(super) kernel: HashMap<IpAddr, Scored>,
}

pub(super) fn code(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

/// So many questions in a row suspend a zone.
pub(super) const FAULTS_IN_A_ROW: u16 = crate::dnsbl::health::FAULTS_IN_A_ROW as u16;

/// An answer of one address.
pub(super) fn a(answer: Ipv4Addr) -> Result<Records, Fault> {
    Ok(Records::A { addresses: vec![answer], ttl_s: 600 })
}

pub(super) fn source(number: u16) -> IpAddr {
    let [high, low] = number.to_be_bytes();
    IpAddr::V4(Ipv4Addr::new(198, 51, high, low))
}

impl World {
    /// A world with a plan whose zones behave, and have passed their tests.
    pub(super) fn new(config: &Dnsbl) -> Self {
        let mut world = Self::untested(config);
        world.advance(0);
        assert_eq!(world.engine.good.count_ones() as usize, world.engine.plan.zones.len());
        world.events.clear();
        world
    }

    /// The same before the first test.
    pub(super) fn untested(config: &Dnsbl) -> Self {
        let plan = Plan::new(config, &groups());
        let now = Now { monotonic_ns: START_NS };
        let mut world = Self {
            engine: Engine::new(Arc::new(plan), now, 42),
            now_ns: START_NS,
            zones: HashMap::new(),
            coming: Vec::new(),
            asked: Vec::new(),
            verdicts: Vec::new(),
            forgotten: Vec::new(),
            events: Vec::new(),
            kernel: HashMap::new(),
        };
        config.zones.iter().for_each(|zone| world.play(zone));
        world
    }

    /// A world of zones of weight 1, where 1 is refused.
    pub(super) fn simple(zones: &[&str]) -> Self {
        Self::new(&dnsbl(zones.iter().map(|name| zone(name)).collect(), &[1]))
    }

    pub(super) fn play(&mut self, config: &ZoneConfig) {
        let name: &'static str = config.zone.expose().to_owned().leak();
        let played = Played { manner: Manner::Answers, latency_ns: 0, ttl_s: 600, listed: HashMap::new() };
        self.zones.entry(name).or_insert(played);
        self.list(name, "127.0.0.2".parse().expect("an address"), &[code(2)]);
    }

    pub(super) fn zone(&mut self, name: &str) -> &mut Played {
        self.zones.get_mut(name).expect("a zone")
    }

    /// A zone lists an address.
    pub(super) fn list(&mut self, zone: &str, address: IpAddr, answers: &[Ipv4Addr]) {
        let name = ZoneName::parse(zone).expect("a zone").question(address);
        self.zone(zone).listed.insert(name, answers.to_vec());
    }

    pub(super) const fn now(&self) -> Now {
        Now { monotonic_ns: self.now_ns }
    }

    /// The kernel asks, and what can be answered at once is.
    pub(super) fn ask(&mut self, address: IpAddr) {
        self.engine.ask(address, self.now_ns, self.now());
        self.advance(0);
    }

    /// The verdict on a source that is asked about now, in words.
    pub(super) fn verdict(&mut self, address: IpAddr) -> String {
        self.verdicts.clear();
        self.ask(address);
        self.last(address)
    }

    /// The last verdict on a source.
    pub(super) fn last(&self, address: IpAddr) -> String {
        let of_source = self.verdicts.iter().rev().find(|scored| scored.address == address);
        let Some(scored) = of_source else { return "none".to_owned() };
        let kind = format!("{:?}", scored.kind).to_lowercase();
        format!("{kind} {} for {} s", scored.score[0], scored.until_ns.saturating_sub(self.now_ns) / S)
    }

    /// Lets time pass.
    pub(super) fn advance(&mut self, ns: u64) {
        let end = self.now_ns + ns;
        loop {
            self.perform();
            let reply = self.coming.iter().map(|(at, _)| *at).min();
            let wakeup = self.engine.next_wakeup();
            let next = reply.into_iter().chain(wakeup).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now_ns = self.now_ns.max(next);
            let now = self.now();
            match self.coming.iter().position(|(at, _)| *at <= now.monotonic_ns) {
                Some(index) => self.engine.reply(&self.coming.remove(index).1, now),
                None => self.engine.tick(now),
            }
        }
        self.now_ns = end;
    }

    fn perform(&mut self) {
        for command in self.engine.drain().collect::<Vec<_>>() {
            match command {
                Command::Ask(question) => self.answer(&question),
                Command::Verdict(scored) => {
                    self.kernel.insert(scored.address, scored);
                    self.verdicts.push(scored);
                }
                Command::Forget(address) => {
                    self.kernel.remove(&address);
                    self.forgotten.push(address);
                }
                Command::Event(event) => self.events.push(event.to_string()),
            }
        }
    }

    fn answer(&mut self, question: &Question) {
        assert_eq!(question.kind, RecordKind::A);
        let labels_in = |zone: &str| question.name.strip_suffix('.')?.strip_suffix(zone)?.strip_suffix('.');
        let (name, zone) = self.zones.iter().find(|(zone, _)| labels_in(zone).is_some()).expect("a zone");
        let labels = labels_in(name).expect("its own");
        let tested = matches!(Id::from(question.id), Id::Test { .. });
        let v6_test_point = labels.starts_with("2.0.0.0.0.0.f.7.f.f.f.f.0.");
        let random = labels.bytes().all(|byte| byte.is_ascii_lowercase());
        assert_eq!(tested, v6_test_point || random || labels.ends_with(".0.0.127"), "{labels}");
        if !tested {
            self.asked.push(question.name.clone());
        }
        let regular = match zone.listed.get(&question.name) {
            Some(addresses) => Ok(Records::A { addresses: addresses.clone(), ttl_s: zone.ttl_s }),
            None => Ok(Records::None { ttl_s: zone.ttl_s }),
        };
        let result = match &zone.manner {
            Manner::Silent => return,
            Manner::Always(result) => result.clone(),
            Manner::ToSources(result) if !tested => result.clone(),
            Manner::ToSources(_) | Manner::Answers => regular,
        };
        let took = Duration::from_nanos(zone.latency_ns);
        self.coming.push((self.now_ns + zone.latency_ns, Reply { id: question.id, result, took }));
    }

    /// Whether a zone is believed, in a word.
    pub(super) fn standing(&self, zone: usize) -> &'static str {
        match self.engine.view().zones[zone].standing {
            Standing::Testing => "testing",
            Standing::Good { .. } => "good",
            Standing::Suspended { .. } => "suspended",
        }
    }
}

#[test]
fn random_names_are_others_each_time() {
    let mut world = World::simple(&["a.example"]);
    let labels: HashSet<String> = (0..100).map(|_| world.engine.random_label()).collect();
    assert_eq!(labels.len(), 100);
    let fits = |label: &String| {
        label.len() == probing::LABEL_LEN + 1
            && label.ends_with('.')
            && label.bytes().take(probing::LABEL_LEN).all(|letter| letter.is_ascii_lowercase())
    };
    assert!(labels.iter().all(fits));
}
