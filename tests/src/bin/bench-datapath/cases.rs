//! What is measured, with which goal.

use anyhow::{Result, ensure};
use relay_guard::table::ClassRange;
use relay_guard_tests::bench::Random;
use relay_guard_tests::bench::lists::{Sources, list_v4, list_v6};
use relay_guard_tests::frames::flags;

use super::policy::{self, LISTED};
use super::report::{Measured, Peer, Report};
use super::rig::{Code, Rig, Subject};
use super::traffic::{self, Family, Headers, Source, source};

/// Nanoseconds per packet that traffic which is not SMTP may cost over a bare program that passes it.
const OTHER_GOAL: u64 = 20;
/// Nanoseconds that an IPv4 packet of a listed source may cost over a bare program that drops it.
const LISTED_GOAL: u64 = 150;

/// Entries of the largest list, for which the goal is set.
const MANY: usize = 1_000_000;

/// Sources of which DNSBLs know nothing.
const KNOWN: usize = 50_000;

/// Flags of a segment in mid-connection.
const DATA: u8 = flags::ACK | flags::PSH;

/// One kind of packet.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    /// Entries of the list.
    entries: Option<usize>,
    /// What becomes of it.
    code: Code,
    goal_ns: Option<u64>,
}

/// All measurements, in order.
pub(crate) struct Bench<'a> {
    rig: Rig,
    /// Only cases whose name contains this.
    only: &'a str,
    report: Report,
}

impl<'a> Bench<'a> {
    /// Measurements of the cases whose name contains `only`.
    pub(crate) fn new(rig: Rig, only: &'a str) -> Self {
        Self { rig, only, report: Report::default() }
    }

    /// Measures.
    pub(crate) fn run(mut self) -> Result<Report> {
        self.other_traffic()?;
        for count in [10_000, 100_000, MANY] {
            self.listed_v4(count)?;
        }
        self.listed_v6(100_000)?;
        ensure!(!self.report.is_empty(), "no case is called {:?}", self.only);
        Ok(self.report.concluded())
    }

    fn other_traffic(&mut self) -> Result<()> {
        type Make = fn(&mut Random) -> Headers;
        const KINDS: [(&str, Make); 6] = [
            ("TCP to other ports, IPv4", |random| traffic::tcp(Family::V4, random)),
            ("TCP to other ports, IPv6", |random| traffic::tcp(Family::V6, random)),
            ("UDP, IPv4", |random| traffic::udp(Family::V4, random)),
            ("UDP, IPv6", |random| traffic::udp(Family::V6, random)),
            ("ARP", traffic::arp),
            ("a mix of all these", traffic::mix),
        ];
        for (name, make) in KINDS {
            let case = Case { name, entries: None, code: Code::Pass, goal_ns: Some(OTHER_GOAL) };
            self.measure(case, make, |random| [random.next(), random.next()])?;
        }
        Ok(())
    }

    fn listed_v4(&mut self, count: usize) -> Result<()> {
        let list = &list_v4(count, LISTED)[..];
        policy::publish(&mut self.rig.guard, list, &[])?;
        let goal_ns = Some(LISTED_GOAL);
        let case = |name, code, goal_ns| Case { name, entries: Some(count), code, goal_ns };
        let data = |random: &mut Random| traffic::smtp(Family::V4, DATA, random);
        let syn = |random: &mut Random| traffic::smtp(Family::V4, flags::SYN, random);
        let listed = |random: &mut Random| source(list.listed(random));
        let clean = |random: &mut Random| source(list.clean(random));
        self.measure(case("listed, IPv4", Code::Drop, goal_ns), data, listed)?;
        if count == MANY {
            self.measure(case("listed, IPv4, only SYNs", Code::Drop, goal_ns), syn, listed)?;
            self.measure(case("clean to port 25, IPv4", Code::Pass, None), data, clean)?;
            policy::steer(&mut self.rig.guard)?;
            self.measure(case("listed, 1000 verdicts, 100 prefixes", Code::Drop, None), data, listed)?;
            self.measure(case("clean, 1000 verdicts, 100 prefixes", Code::Pass, None), data, clean)?;
            policy::set_counts(&mut self.rig.guard, 0, 0)?;
            self.unknown(list)?;
        }
        self.peers(list)
    }

    /// Sources of which DNSBLs say something, or are to.
    fn unknown(&mut self, list: &[ClassRange<u32>]) -> Result<()> {
        let case = |name| Case { name, entries: Some(list.len()), code: Code::Pass, goal_ns: None };
        let data = |random: &mut Random| traffic::smtp(Family::V4, DATA, random);
        let syn = |random: &mut Random| traffic::smtp(Family::V4, flags::SYN, random);
        let clean = |random: &mut Random| source(list.clean(random));
        policy::ask(&mut self.rig.guard)?;
        self.measure(case("unknown, over the rate of DNSBL questions"), syn, clean)?;
        let mut random = Random::new(27);
        let known: Vec<_> = (0..KNOWN).map(|_| list.clean(&mut random)).collect();
        policy::clear(&mut self.rig.guard, &known)?;
        let known = |random: &mut Random| source(known[random.below(KNOWN)]);
        self.measure(case("clean for DNSBLs, 50,000 verdicts"), data, known)?;
        policy::set_counts(&mut self.rig.guard, 0, 0)
    }

    fn listed_v6(&mut self, count: usize) -> Result<()> {
        let list = &list_v6(count, LISTED)[..];
        policy::publish(&mut self.rig.guard, &[], list)?;
        let case = |name, code| Case { name, entries: Some(list.len()), code, goal_ns: None };
        let data = |random: &mut Random| traffic::smtp(Family::V6, DATA, random);
        let listed = |random: &mut Random| source(list.listed(random));
        let clean = |random: &mut Random| source(list.clean(random));
        self.measure(case("listed, IPv6 /32 … /128", Code::Drop), data, listed)?;
        self.measure(case("clean to port 25, IPv6", Code::Pass), data, clean)
    }

    /// The guard against the bare program with the same result.
    fn measure(
        &mut self,
        case: Case,
        headers: impl Fn(&mut Random) -> Headers,
        source: impl Fn(&mut Random) -> Source,
    ) -> Result<()> {
        if !case.name.contains(self.only) {
            return Ok(());
        }
        eprintln!("measuring: {}", case.name);
        let bare = match case.code {
            Code::Pass => Subject::Pass,
            Code::Drop => Subject::Drop,
        };
        self.prepare(headers, source)?;
        let [bare, guard] = self.rig.time([(bare, case.code), (Subject::Guard, case.code)])?;
        self.report.cases.push(Measured::new(case.name, case.entries, &bare, &guard, case.goal_ns));
        Ok(())
    }

    /// The kernel's maps with the same list. They do less: they parse, count and decide nothing.
    fn peers(&mut self, list: &[ClassRange<u32>]) -> Result<()> {
        if !"peers".contains(self.only) {
            return Ok(());
        }
        eprintln!("measuring: the kernel's maps, {} entries", list.len());
        self.rig.fill_peers(list)?;
        let data = |random: &mut Random| traffic::smtp(Family::V4, DATA, random);
        self.prepare(data, |random| source(list.listed(random)))?;
        let subjects = [Subject::Drop, Subject::Guard, Subject::Trie, Subject::Hash];
        let [bare, guard, trie, hash] = self.rig.time(subjects.map(|subject| (subject, Code::Drop)))?;
        for (name, times) in [("LPM trie", trie), ("hash map", hash)] {
            self.report.peers.push(Peer::new(name, list.len(), &bare, &guard, &times));
        }
        Ok(())
    }

    fn prepare(
        &mut self,
        headers: impl Fn(&mut Random) -> Headers,
        source: impl Fn(&mut Random) -> Source,
    ) -> Result<()> {
        let (mut one, mut other) = (Random::new(25), Random::new(26));
        self.rig.prepare(|| headers(&mut one), || source(&mut other))
    }
}
