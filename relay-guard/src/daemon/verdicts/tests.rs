use relay_guard_common::{
    action::Action,
    class::{MAX_PORT_GROUPS, Rule},
};

use super::*;
use crate::policy::VerdictKind;

mod model;

/// A sink that remembers.
#[derive(Default)]
struct Memory {
    hosts: BTreeMap<IpAddr, Verdict>,
    prefixes: Vec<(IpNet, Steering)>,
    writes: usize,
    full: bool,
}

impl VerdictSink for Memory {
    fn put(&mut self, address: IpAddr, verdict: Verdict) -> Result<(), DatapathError> {
        if self.full {
            return Err(DatapathError::Map { what: "write a verdict", error: "full".to_owned() });
        }
        self.writes += 1;
        self.hosts.insert(address, verdict);
        Ok(())
    }

    fn remove(&mut self, address: IpAddr) {
        self.hosts.remove(&address);
    }

    fn set_prefixes(&mut self, prefixes: &[(IpNet, Steering)]) -> Result<(), DatapathError> {
        self.prefixes = prefixes.to_vec();
        Ok(())
    }
}

const CAPACITY: Capacity = Capacity { hosts: 10, prefixes: 10 };

/// Contains a host until 77, by the first step.
fn contain(verdicts: &mut Verdicts, address: IpAddr) {
    assert!(verdicts.contain(address, Some(Containment { until_ns: 77, step: 0 })));
}

/// The verdicts of an empty directory, with one step that drops.
fn nothing_saved(directory: &tempfile::TempDir) -> Verdicts {
    let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
    verdicts.contain_by(&[(Action::Drop, 0)]);
    verdicts
}

fn entry(net: &str, kind: VerdictKind, until: Option<u64>) -> Entry {
    Entry { net: net.parse().expect("a CIDR"), kind, until, reason: String::new(), added: 1 }
}

#[test]
fn writes_only_what_changed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    verdicts.put(entry("192.0.2.1/32", VerdictKind::Block, None)).expect("room");
    verdicts.put(entry("10.0.0.0/8", VerdictKind::Allow, None)).expect("room");
    verdicts.sync(&mut memory).expect("memory takes all");
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!((memory.writes, memory.hosts.len(), memory.prefixes.len()), (1, 1, 1));
    let host: IpAddr = "192.0.2.1".parse().expect("an address");
    assert_eq!(memory.hosts[&host].steering.block_until, u64::MAX);
    contain(&mut verdicts, host);
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!((memory.hosts[&host].until, memory.hosts[&host].steering.block_until), (77, u64::MAX));
    verdicts.contain(host, None);
    verdicts.remove("192.0.2.1/32".parse().expect("a CIDR")).expect("saved");
    verdicts.sync(&mut memory).expect("memory takes all");
    assert!(memory.hosts.is_empty());
}

#[test]
fn contained_hosts_are_answered_and_blocks_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    let [zombie, blocked] =
        ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().expect("an address"));
    contain(&mut verdicts, zombie);
    verdicts.put(entry("192.0.2.2/32", VerdictKind::Block, None)).expect("room");
    verdicts.contain_by(&[(Action::Refuse, 9)]);
    verdicts.sync(&mut memory).expect("memory takes all");
    let expected = Verdict::ban(Action::Refuse, Reason::Contained, 77).with_param(9);
    assert_eq!(memory.hosts[&zombie], expected);
    assert_eq!(memory.hosts[&blocked].rules, Verdict::default().rules);
    // The place is named until it is written that it is not.
    verdicts.contain_by(&[(Action::Tarpit, 0)]);
    assert_eq!(verdicts.responses(), BTreeSet::from([0, 9]));
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&zombie], Verdict::ban(Action::Tarpit, Reason::Contained, 77));
    assert_eq!(verdicts.responses(), BTreeSet::from([0]));
    verdicts.contain_by(&[(Action::Tarpit, 0), (Action::Refuse, 5)]);
    assert!(verdicts.responses().contains(&5), "it may be written at any moment");
}

#[test]
fn what_the_kernel_refused_is_written_later() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory { full: true, ..Memory::default() };
    contain(&mut verdicts, "192.0.2.1".parse().expect("an address"));
    assert!(verdicts.sync(&mut memory).is_err());
    assert_eq!(verdicts.written(), (0, 0));
    memory.full = false;
    verdicts.sync(&mut memory).expect("there is room");
    assert_eq!((memory.hosts.len(), verdicts.written()), (1, (1, 0)));
}

#[test]
fn entries_outlive_the_daemon_and_damage_is_set_aside() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
    verdicts.put(entry("192.0.2.1/32", VerdictKind::Block, Some(5_000_000_000))).expect("room");
    let again = Verdicts::load(directory.path(), CAPACITY).expect("saved");
    assert_eq!(again.store().len(), 1);
    fs::write(directory.path().join("verdicts.json"), "{nonsense").expect("written");
    let damaged = Verdicts::load(directory.path(), CAPACITY).expect("set aside");
    assert!(damaged.store().is_empty());
    assert!(directory.path().join("verdicts.json.damaged").exists());
}

fn listed(place: u16, until: u64) -> Verdict {
    let rule = Rule::new(Action::Refuse, Reason::DnsblListed).with_param(place);
    Verdict { listed: 5, unknown: 2, ..Verdict::of([rule; MAX_PORT_GROUPS], until) }
}

#[test]
fn what_dnsbls_say_stands_beside_the_administrators_word_and_behind_a_containment() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    let host: IpAddr = "192.0.2.1".parse().expect("an address");
    verdicts.score(host, listed(3, 50), &mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&host], listed(3, 50), "written at once");
    verdicts.put(entry("192.0.2.1/32", VerdictKind::Allow, None)).expect("room");
    verdicts.sync(&mut memory).expect("memory takes all");
    let allowed = Steering { allow_until: u64::MAX, block_until: 0 };
    assert_eq!(memory.hosts[&host], Verdict { steering: allowed, ..listed(3, 50) });
    contain(&mut verdicts, host);
    verdicts.sync(&mut memory).expect("memory takes all");
    let contained = Verdict { steering: allowed, ..Verdict::ban(Action::Drop, Reason::Contained, 77) };
    assert_eq!(memory.hosts[&host], contained);
    verdicts.score(host, listed(4, 60), &mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&host], contained, "it wins");
    verdicts.contain(host, None);
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&host], Verdict { steering: allowed, ..listed(4, 60) });
    verdicts.unscore(host, &mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&host], Verdict { steering: allowed, ..Verdict::default() });
    verdicts.remove("192.0.2.1/32".parse().expect("a CIDR")).expect("saved");
    verdicts.sync(&mut memory).expect("memory takes all");
    assert!(memory.hosts.is_empty());
}

#[test]
fn syncing_does_not_look_at_what_dnsbls_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    for number in 0..1000_u32 {
        verdicts.score(std::net::Ipv4Addr::from(number).into(), listed(1, 50), &mut memory).expect("room");
    }
    let writes = memory.writes;
    verdicts.put(entry("198.51.100.1/32", VerdictKind::Block, None)).expect("room");
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!(memory.writes, writes + 1);
    // What the kernel no longer has is not noticed: nobody looked.
    memory.hosts.clear();
    verdicts.sync(&mut memory).expect("memory takes all");
    assert!(memory.hosts.is_empty());
}

#[test]
fn what_is_not_said_again_is_removed_when_all_is_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    let [one, two] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse::<IpAddr>().expect("an address"));
    verdicts.score(one, listed(3, 50), &mut memory).expect("memory takes all");
    verdicts.score(two, listed(4, 50), &mut memory).expect("memory takes all");
    verdicts.begin_scores();
    verdicts.score(two, listed(5, 50), &mut memory).expect("memory takes all");
    assert_eq!(memory.hosts.len(), 2, "no gap on the way");
    assert_eq!(verdicts.responses(), BTreeSet::from([0, 3, 5]), "and no place that is named is free");
    verdicts.end_scores(&mut memory).expect("memory takes all");
    assert_eq!(memory.hosts, BTreeMap::from([(two, listed(5, 50))]));
    assert_eq!((verdicts.scored(one), verdicts.scores().len()), (None, 1));
    verdicts.withdraw_scores(&mut memory).expect("memory takes all");
    assert!(memory.hosts.is_empty() && verdicts.written() == (0, 0));
}

#[test]
fn what_a_containment_hides_keeps_its_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = nothing_saved(&directory);
    let mut memory = Memory::default();
    let host: IpAddr = "192.0.2.1".parse().expect("an address");
    verdicts.score(host, listed(3, 50), &mut memory).expect("memory takes all");
    contain(&mut verdicts, host);
    verdicts.sync(&mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&host].until, 77);
    assert!(verdicts.responses().contains(&3), "it is written when the containment ends");
}

#[test]
fn an_earlier_daemons_entries_are_told_apart() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
    let [zombie, over, source, blocked] =
        ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(|text| text.parse().expect("an address"));
    let steering = Steering { allow_until: 0, block_until: u64::MAX };
    let found = [
        (zombie, Verdict::ban(Action::Drop, Reason::Contained, 77)),
        (over, Verdict::ban(Action::Drop, Reason::Contained, 40)),
        (source, Verdict { steering, ..listed(3, 50) }),
        (blocked, Verdict { steering, ..Verdict::default() }),
    ];
    let adopted = verdicts.sort(found.into_iter(), 40);
    assert_eq!(adopted.contained, [zombie]);
    assert_eq!(adopted.scored, [(source, listed(3, 50))], "without the administrator's word");
    let mut memory = Memory::default();
    verdicts.score(source, listed(3, 50), &mut memory).expect("memory takes all");
    verdicts.put(entry("192.0.2.3/32", VerdictKind::Allow, None)).expect("room");
    verdicts.sort(std::iter::empty(), 40);
    verdicts.unscore(source, &mut memory).expect("memory takes all");
    assert_eq!(memory.hosts[&source].steering.allow_until, u64::MAX, "before anything is synced");
    // Maps of another layout are replaced: what is found in them is to be written into the new ones.
    let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("saved");
    verdicts.sort([(zombie, Verdict::ban(Action::Drop, Reason::Contained, 77))].into_iter(), 40);
    let mut replaced = Memory::default();
    verdicts.sync(&mut replaced).expect("memory takes all");
    assert_eq!(replaced.hosts.keys().collect::<Vec<_>>(), [&zombie, &source]);
}
