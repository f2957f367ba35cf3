//! Verdicts against a naive model: everything that everybody said, put together anew at each step.

use proptest::prelude::*;

use super::*;

const HOSTS: u8 = 6;

const ONLY: Containment = Containment { until_ns: 55, step: 1 };

#[derive(Clone, Copy, Debug)]
enum Step {
    Administrator(u8, Option<VerdictKind>),
    Contain(u8, Option<Containment>),
    /// The places of responses of two steps.
    ContainBy(u16, u16),
    ContainOnly(u8),
    Score(u8, u16),
    Unscore(u8),
    Begin,
    End,
    Withdraw,
    Full(bool),
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(None), Just(Some(VerdictKind::Allow)), Just(Some(VerdictKind::Block)),];
    let step = prop_oneof![
        2 => (0..HOSTS, kind).prop_map(|(host, kind)| Step::Administrator(host, kind)),
        2 => (0..HOSTS, prop::option::of(containment())).prop_map(|(host, how)| Step::Contain(host, how)),
        1 => (1..5_u16, 1..5_u16).prop_map(|(limit, refuse)| Step::ContainBy(limit, refuse)),
        1 => (0..HOSTS).prop_map(Step::ContainOnly),
        5 => (0..HOSTS, 5..9_u16).prop_map(|(host, place)| Step::Score(host, place)),
        2 => (0..HOSTS).prop_map(Step::Unscore),
        1 => Just(Step::Begin),
        1 => Just(Step::End),
        1 => Just(Step::Withdraw),
        1 => any::<bool>().prop_map(Step::Full),
        4 => Just(Step::Sync),
    ];
    prop::collection::vec(step, 1..60)
}

fn containment() -> impl Strategy<Value = Containment> {
    (1..99_u64, 0..2_usize).prop_map(|(until_ns, step)| Containment { until_ns, step })
}

/// What two steps do.
fn two(limit: u16, refuse: u16) -> [(Action, u16); 2] {
    [(Action::Limit, limit), (Action::Refuse, refuse)]
}

fn host(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

/// What everybody said last.
#[derive(Default)]
struct Model {
    administrator: BTreeMap<u8, VerdictKind>,
    contained: BTreeMap<u8, Containment>,
    steps: Vec<(Action, u16)>,
    scored: BTreeMap<u8, u16>,
    /// Who was scored before the last round began, and not again since.
    stale: BTreeSet<u8>,
}

impl Model {
    fn entry(&self, number: u8) -> Option<Verdict> {
        let steering = match self.administrator.get(&number) {
            None => Steering::default(),
            Some(VerdictKind::Allow) => Steering { allow_until: u64::MAX, block_until: 0 },
            Some(VerdictKind::Block) => Steering { allow_until: 0, block_until: u64::MAX },
        };
        let rules = match (self.contained.get(&number), self.scored.get(&number)) {
            (Some(Containment { until_ns, step }), _) => {
                let (action, place) = self.steps[*step];
                Some(Verdict::ban(action, Reason::Contained, *until_ns).with_param(place))
            }
            (None, Some(place)) => Some(listed(*place, 50)),
            (None, None) => None,
        };
        let said = self.administrator.contains_key(&number) || rules.is_some();
        said.then(|| Verdict { steering, ..rules.unwrap_or_default() })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Administrator(host, Some(kind)) => drop(self.administrator.insert(host, kind)),
            Step::Administrator(host, None) => drop(self.administrator.remove(&host)),
            Step::Contain(host, Some(how)) => drop(self.contained.insert(host, how)),
            Step::Contain(host, None) => drop(self.contained.remove(&host)),
            Step::ContainBy(limit, refuse) => self.steps = two(limit, refuse).to_vec(),
            Step::ContainOnly(host) => self.contained = BTreeMap::from([(host, ONLY)]),
            Step::Score(host, place) => {
                self.scored.insert(host, place);
                self.stale.remove(&host);
            }
            Step::Unscore(host) => {
                self.scored.remove(&host);
            }
            Step::Begin => self.stale.extend(self.scored.keys()),
            Step::End => self.scored.retain(|host, _| !self.stale.contains(host)),
            Step::Withdraw => self.scored.clear(),
            Step::Full(_) | Step::Sync => {}
        }
        self.stale.retain(|host| self.scored.contains_key(host));
    }
}

/// Takes a step as the daemon would. The kernel's refusals are for the next sync.
fn take(verdicts: &mut Verdicts, memory: &mut Memory, step: Step) {
    match step {
        Step::Administrator(number, Some(kind)) => {
            let net = IpNet::from(host(number));
            verdicts.put(entry(&net.to_string(), kind, None)).expect("room");
        }
        Step::Administrator(number, None) => drop(verdicts.remove(host(number).into()).expect("saved")),
        Step::Contain(number, how) => drop(verdicts.contain(host(number), how)),
        Step::ContainBy(limit, refuse) => verdicts.contain_by(&two(limit, refuse)),
        Step::ContainOnly(number) => drop(verdicts.contain_only(&[(host(number), ONLY)])),
        Step::Score(number, place) => drop(verdicts.score(host(number), listed(place, 50), memory)),
        Step::Unscore(number) => drop(verdicts.unscore(host(number), memory)),
        Step::Begin => verdicts.begin_scores(),
        Step::End => drop(verdicts.end_scores(memory)),
        Step::Withdraw => drop(verdicts.withdraw_scores(memory)),
        Step::Full(full) => memory.full = full,
        Step::Sync => drop(verdicts.sync(memory)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// After a sync that the kernel took, it holds what everybody said; and whatever is written names places that are known
    /// to be named.
    #[test]
    fn the_kernel_holds_what_everybody_said(steps in steps()) {
        let directory = tempfile::tempdir().expect("a directory");
        let mut verdicts = Verdicts::load(directory.path(), CAPACITY).expect("nothing saved");
        let mut memory = Memory::default();
        let mut model = Model { steps: two(3, 4).to_vec(), ..Model::default() };
        verdicts.contain_by(&two(3, 4));
        for step in steps.into_iter().chain([Step::Full(false), Step::Sync]) {
            take(&mut verdicts, &mut memory, step);
            model.take(step);
            let places = verdicts.responses();
            for (address, verdict) in &memory.hosts {
                prop_assert_eq!(verdicts.written.get(*address), Some(verdict));
                prop_assert!(verdict.rules.iter().all(|rule| places.contains(&rule.param)), "{:?}", places);
            }
            prop_assert_eq!(verdicts.written().0 as usize, memory.hosts.len());
            let synced = matches!(step, Step::Sync) && !memory.full;
            for number in (0..HOSTS).filter(|_| synced) {
                prop_assert_eq!(memory.hosts.get(&host(number)).copied(), model.entry(number), "{}", number);
            }
        }
        let expected = verdicts.written.places().collect::<BTreeSet<_>>();
        let named: BTreeSet<u16> =
            memory.hosts.values().flat_map(|verdict| verdict.rules.map(|rule| rule.param)).collect();
        prop_assert_eq!(expected, named, "no place is kept for nobody");
    }
}
