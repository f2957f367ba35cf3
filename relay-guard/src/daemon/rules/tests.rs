use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use relay_guard_common::{
    action::Action,
    class::Rule,
    ports::{GUARDED, WATCHED},
    reason::Reason,
};

use super::*;
use crate::{
    config::ListAction,
    policy::{
        Answer, Answers, Applies, ClassInterner, HostName, ListRule, ListSlot, PlacedList, PortChoice, Text,
        compile::classes_only, ports::Judged, response_places::Wanted, responses::compose, text::Words,
    },
};

const PORTS: [u16; 5] = [25, 465, 587, 2525, 2526];

/// Rules of lists, and ports that are judged.
type Configuration = (Vec<ListRule>, Ports);

/// What the kernel holds at a time.
#[derive(Clone)]
struct Memory {
    classes: BTreeMap<u32, Class>,
    ports: PortSet,
    groups: PortGroups,
    responses: BTreeMap<u16, Response>,
    /// Whether verdicts by groups were withdrawn since the last configuration.
    withdrawn: bool,
}

/// All that the kernel held, one write after the other.
struct History(Vec<Memory>);

impl History {
    fn change(&mut self, change: impl FnOnce(&mut Memory)) -> Result<(), DatapathError> {
        let mut next = self.0.last().expect("it begins with one").clone();
        change(&mut next);
        self.0.push(next);
        Ok(())
    }
}

impl RuleSink for History {
    fn withdraw(&mut self) -> Result<(), DatapathError> {
        self.change(|memory| memory.withdrawn = true)
    }

    fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError> {
        self.change(|memory| {
            memory.responses.insert(place, *response);
        })
    }

    fn set_class(&mut self, number: u32, class: Class) -> Result<(), DatapathError> {
        self.change(|memory| {
            memory.classes.insert(number, class);
        })
    }

    fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError> {
        self.change(|memory| memory.groups = *groups)
    }

    fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError> {
        self.change(|memory| memory.ports = *ports)
    }
}

impl Memory {
    const NOTHING: Self = Self {
        classes: BTreeMap::new(),
        ports: PortSet::EMPTY,
        groups: PortGroups::ONE,
        responses: BTreeMap::new(),
        withdrawn: false,
    };

    /// The group of each port at which inbound SMTP is judged.
    fn inbound_groups(&self) -> Vec<Option<usize>> {
        let judged = |port: &u16| self.ports.flags(*port) & GUARDED != 0;
        PORTS.iter().map(|port| judged(port).then(|| self.groups.inbound(*port))).collect()
    }

    /// All that a class does: each rule's action, and what it says.
    fn said(&self, class: u32) -> Vec<(u8, Option<Response>)> {
        let class = self.classes.get(&class).copied().unwrap_or_default();
        let rules = class.inbound.into_iter().chain(class.outbound);
        rules.map(|rule| (rule.action, self.responses.get(&rule.param).copied())).collect()
    }

    /// What is stopped: a class as a source or destination, at a port.
    fn stopped(&self, class: u32) -> Vec<(u16, u8)> {
        let stops = |rule: Rule| rule.action >= Action::Drop as u8;
        let class = self.classes.get(&class).copied().unwrap_or_default();
        let mut stopped = Vec::new();
        for port in PORTS {
            let flags = self.ports.flags(port);
            if flags & GUARDED != 0 && stops(class.source_rule(self.groups.inbound(port))) {
                stopped.push((port, GUARDED));
            }
            if flags & WATCHED != 0 && stops(class.destination_rule(self.groups.outbound(port))) {
                stopped.push((port, WATCHED));
            }
        }
        stopped
    }
}

fn configurations() -> impl Strategy<Value = Configuration> {
    let only = subsequence(vec![25_u16, 465, 2525], 1..3).prop_map(PortChoice::Only);
    let ports = prop_oneof![Just(PortChoice::All), only];
    use ListAction::{Allow, Drop, Limit, Observe, Refuse};
    let action = select(vec![Drop, Refuse, Refuse, Limit, Observe, Allow]);
    let applies = select(vec![Applies::Inbound, Applies::Outbound, Applies::Both]);
    let answer = (0..3_u8).prop_map(|number| {
        let text = Text::new(&format!("number {number}"), Words::default()).expect("a text");
        Answer { text, ..Answer::default() }
    });
    let rule = (action, applies, ports, answer.clone(), answer).prop_map(
        |(action, applies, ports, inbound, outbound)| {
            let answers = Answers { inbound, outbound }.into();
            ListRule { action, applies, ports, answers }
        },
    );
    let judged = || subsequence(PORTS.to_vec(), 1..5);
    let ports = (judged(), judged()).prop_map(|(guarded, watched)| Ports { guarded, watched });
    (prop::collection::vec(rule, 4), ports)
}

fn name() -> HostName {
    HostName::new("mx.example.com").expect("a name")
}

/// What a configuration comes to, with what has to be written before its rules; nothing if it has more groups of ports
/// than there are.
fn compiled(
    interner: &ClassInterner,
    kernel: &KernelRules,
    (rules, ports): &Configuration,
) -> Option<(CompiledRules, Placement)> {
    let places = (0..).map(|number| ListSlot::new(number).expect("a place"));
    let lists: Vec<_> =
        places.zip(rules).map(|(slot, rule)| PlacedList { slot, rule, v4: &[], v6: &[] }).collect();
    let wanted = Wanted::of(&lists, &[(Action::Drop, &Answer::default())], &[], &name());
    let placement = kernel.place(&wanted.responses, &BTreeSet::new()).expect("few answers");
    let answers = wanted.at(&placement.places).lists;
    let judged = Judged { ports, zones: &[] };
    Some((classes_only(interner, &lists, judged, answers).ok()?, placement))
}

proptest! {
    #[test]
    fn on_the_way_nothing_is_stopped_that_neither_end_stops(
        configurations in prop::collection::vec(configurations(), 2..5),
        adopted in any::<bool>(),
    ) {
        let mut interner = ClassInterner::new();
        for set in 1..16 {
            interner.intern(set).expect("few sets");
        }
        let mut kernel = KernelRules::new(BTreeMap::new(), PortSet::EMPTY, PortGroups::ONE);
        let mut before = Memory::NOTHING;
        // Of an earlier daemon, the classes' numbers are all that is known.
        let unknown = ClassInterner::with_reserved(1..16);
        for (count, configuration) in configurations.iter().enumerate() {
            let last = adopted && count + 1 == configurations.len();
            let interner = if last { &unknown } else { &interner };
            let Some((rules, Placement { writes, .. })) = compiled(interner, &kernel, configuration) else {
                continue;
            };
            let mut history = History(vec![before.clone()]);
            kernel.write(&rules, &writes, &configuration.1, &mut history).expect("memory takes all");
            let mut after = history.0.last().expect("it begins with one").clone();
            let moves = after.inbound_groups() != before.inbound_groups();
            prop_assert_eq!(after.withdrawn, moves, "withdrawn only where it must be");
            for memory in &history.0 {
                // No verdict is read by groups that it was not made for.
                let moved = memory.inbound_groups() != before.inbound_groups();
                prop_assert!(memory.withdrawn || !moved, "a port has another group");
                for class in 1..16 {
                    let (old, new) = (before.stopped(class), after.stopped(class));
                    for stopped in memory.stopped(class) {
                        prop_assert!(old.contains(&stopped) || new.contains(&stopped), "{} {:?}", class, stopped);
                    }
                    // Nobody is told what neither end says.
                    let (old, new) = (before.said(class), after.said(class));
                    for (action, response) in memory.said(class) {
                        let meant = |said: &(u8, Option<Response>)| said.0 == action && said.1 == response;
                        let answers = [Action::Refuse, Action::Limit].iter().any(|one| *one as u8 == action);
                        prop_assert!(!answers || old.iter().chain(&new).any(meant), "{} {}", class, action);
                    }
                }
            }
            let Ports { guarded, watched } = &configuration.1;
            prop_assert_eq!(after.ports, PortSet::new(guarded, watched));
            let groups = rules.ports.kernel_groups(&after.groups);
            prop_assert!(groups == after.groups, "ports are not in their groups");
            for (number, class) in &rules.classes {
                prop_assert_eq!(&after.classes[number], class);
                prop_assert_eq!(&kernel.classes[number], class);
            }
            after.withdrawn = false;
            before = after;
        }
    }
}

fn refusing() -> Configuration {
    let ports = Ports { guarded: vec![25], watched: vec![25] };
    (vec![ListRule::of(ListAction::Refuse)], ports)
}

#[test]
fn ports_that_come_go_or_change_groups_are_noticed() {
    let rules = |lists: &[&[u16]]| -> Vec<ListRule> {
        let only =
            |ports: &&[u16]| ListRule { ports: PortChoice::Only(ports.to_vec()), ..ListRule::default() };
        lists.iter().map(only).collect()
    };
    let ports = |guarded: &[u16]| Ports { guarded: guarded.to_vec(), watched: vec![25] };
    let (before, guarded) = (rules(&[&[25], &[25, 587]]), ports(&[25, 465, 587]));
    let interner = ClassInterner::new();
    let mut kernel = KernelRules::new(BTreeMap::new(), PortSet::EMPTY, PortGroups::ONE);
    let first = (before.clone(), guarded.clone());
    let (compiled_rules, placement) = compiled(&interner, &kernel, &first).expect("few groups");
    assert!(kernel.regroups_inbound(&compiled_rules, &guarded), "nothing was judged");
    let mut history = History(vec![Memory::NOTHING]);
    kernel.write(&compiled_rules, &placement.writes, &guarded, &mut history).expect("memory takes all");
    for (lists, guarded, expected) in [
        (before.clone(), ports(&[25, 465, 587]), false),
        // Others judge there, but the groups are the same.
        (rules(&[&[25, 587], &[25]]), ports(&[25, 465, 587]), false),
        (rules(&[&[25, 587]]), ports(&[25, 465, 587]), true),
        (before.clone(), ports(&[25, 465]), true),
        (before.clone(), ports(&[25, 465, 587, 2525]), true),
        (before, Ports { guarded: vec![25, 465, 587], watched: vec![25, 26] }, false),
    ] {
        let configuration = (lists, guarded);
        let (rules, _) = compiled(&interner, &kernel, &configuration).expect("few groups");
        assert_eq!(kernel.regroups_inbound(&rules, &configuration.1), expected, "{configuration:?}");
    }
}

#[test]
fn nothing_is_written_twice() {
    let mut interner = ClassInterner::new();
    interner.intern(1).expect("a class");
    let mut kernel = KernelRules::new(BTreeMap::new(), PortSet::EMPTY, PortGroups::ONE);
    let mut history = History(vec![Memory::NOTHING]);
    let mut write = |history: &mut History| {
        let (rules, placement) = compiled(&interner, &kernel, &refusing()).expect("few groups");
        kernel.write(&rules, &placement.writes, &refusing().1, history).expect("memory takes all");
    };
    write(&mut history);
    let writes = history.0.len();
    write(&mut history);
    assert_eq!(history.0.len(), writes);
}

#[test]
fn what_an_earlier_daemon_s_rules_and_verdicts_name_is_left_alone() {
    let rule = |place| Rule::new(Action::Refuse, Reason::Listed).with_param(place);
    let adopted = Class { outbound: [rule(2); 4], ..Class::new(1).inbound(rule(1)) };
    let classes = BTreeMap::from([(7, adopted)]);
    let kernel = KernelRules::new(classes, PortSet::EMPTY, PortGroups::ONE);
    let response = compose(Action::Refuse, &Answer::default(), &name()).expect("a refusal");
    let placement = kernel.place(&[response], &BTreeSet::from([0, 3])).expect("room");
    assert_eq!(placement.places, [4]);
}
