//! What the kernel holds of the lists' rules, and how it gets from one configuration's to the next one's.

use std::collections::{BTreeMap, BTreeSet};

use relay_guard_common::{
    class::Class,
    ports::{PortGroups, PortSet},
    respond::response::Response,
};

use crate::{
    config::Ports,
    datapath::{Datapath, DatapathError},
    policy::{
        compile::CompiledRules,
        meaning::{weaker, weakest},
        response_places::{Placement, ResponsePlaces, TooManyResponses},
    },
};

/// Where rules take effect.
pub trait RuleSink {
    /// Writes what rules that name a place answer.
    ///
    /// # Errors
    /// If it is refused.
    fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError>;
    /// Writes what a class means.
    ///
    /// # Errors
    /// If it is refused.
    fn set_class(&mut self, number: u32, class: Class) -> Result<(), DatapathError>;
    /// Writes which group of each class's rules holds at which port.
    ///
    /// # Errors
    /// If it is refused.
    fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError>;
    /// Writes which ports are judged.
    ///
    /// # Errors
    /// If it is refused.
    fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError>;
}

impl RuleSink for Datapath {
    fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError> {
        Self::set_response(self, place, response)
    }

    fn set_class(&mut self, number: u32, class: Class) -> Result<(), DatapathError> {
        Self::set_class(self, number, class)
    }

    fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError> {
        Self::set_port_groups(self, groups)
    }

    fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError> {
        Self::set_ports(self, ports)
    }
}

/// The rules that the kernel holds.
#[derive(Debug)]
pub struct KernelRules {
    /// Classes with a meaning.
    pub classes: BTreeMap<u32, Class>,
    ports: Box<PortSet>,
    groups: Box<PortGroups>,
    responses: ResponsePlaces,
}

impl KernelRules {
    /// What was found there.
    #[must_use]
    pub fn new(classes: BTreeMap<u32, Class>, ports: PortSet, groups: PortGroups) -> Self {
        let responses = ResponsePlaces::default();
        Self { classes, ports: Box::new(ports), groups: Box::new(groups), responses }
    }

    /// Places for responses, such that no rule that the kernel holds says something else on the way; `named` are places
    /// that others than rules name.
    ///
    /// # Errors
    /// [`TooManyResponses`].
    pub fn place(&self, wanted: &[Response], named: &BTreeSet<u16>) -> Result<Placement, TooManyResponses> {
        let rules = self.classes.values().flat_map(|class| class.inbound.into_iter().chain(class.outbound));
        let in_use = rules.map(|rule| rule.param).chain(named.iter().copied()).collect();
        self.responses.place(wanted, &in_use)
    }

    /// Makes these the rules. Responses come before the rules that name them.
    ///
    /// Where ports change, a class is for a moment read by the groups of the other configuration. So that no packet is
    /// stopped that neither of them stops, classes first get the weaker of their old and new rules, then ports their
    /// groups, then classes their new rules. A port is judged only once it has its group.
    ///
    /// # Errors
    /// If the sink refuses a write; what was written is remembered.
    pub fn write(
        &mut self,
        rules: &CompiledRules,
        responses: &[(u16, Box<Response>)],
        ports: &Ports,
        sink: &mut impl RuleSink,
    ) -> Result<(), DatapathError> {
        for (place, response) in responses {
            self.responses.writing(*place);
            sink.set_response(*place, response)?;
            self.responses.wrote(*place, response);
        }
        let groups = rules.ports.kernel_groups(&self.groups);
        let judged = PortSet::new(&ports.guarded, &ports.watched);
        if groups != *self.groups || judged != *self.ports {
            self.write_classes(&self.between(rules), sink)?;
            sink.set_port_groups(&groups)?;
            *self.groups = groups;
            sink.set_ports(&judged)?;
            *self.ports = judged;
        }
        self.write_classes(&rules.classes, sink)
    }

    /// Writes the classes that differ from what the kernel has.
    fn write_classes(
        &mut self,
        classes: &[(u32, Class)],
        sink: &mut impl RuleSink,
    ) -> Result<(), DatapathError> {
        for (number, class) in classes {
            if self.classes.get(number) != Some(class) {
                sink.set_class(*number, *class)?;
                self.classes.insert(*number, *class);
            }
        }
        Ok(())
    }

    /// Classes that stop no more than both those in force and those of `rules` do. What the sets of an earlier daemon's
    /// classes were is not known: they stop what they stop at every port.
    fn between(&self, rules: &CompiledRules) -> Vec<(u32, Class)> {
        let after: BTreeMap<u32, &Class> =
            rules.classes.iter().map(|(number, class)| (*number, class)).collect();
        let between = |(number, before): (&u32, &Class)| {
            let class = after.get(number).map_or_else(|| weakest(before), |after| weaker(before, after));
            (*number, class)
        };
        self.classes.iter().map(between).collect()
    }
}

#[cfg(test)]
mod tests {
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
            Answer, Answers, Applies, ClassInterner, HostName, ListRule, ListSlot, PlacedList, PortChoice,
            Text, compile::classes_only, response_places::Wanted, responses::compose, text::Words,
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
        };

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
        let wanted = Wanted::of(&lists, (Action::Drop, &Answer::default()), &name());
        let placement = kernel.place(&wanted.responses, &BTreeSet::new()).expect("few answers");
        let (answers, _) = wanted.at(&placement.places);
        Some((classes_only(interner, &lists, ports, answers).ok()?, placement))
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
                let after = history.0.last().expect("it begins with one").clone();
                for memory in &history.0 {
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
                before = after;
            }
        }
    }

    fn refusing() -> Configuration {
        let ports = Ports { guarded: vec![25], watched: vec![25] };
        (vec![ListRule::of(ListAction::Refuse)], ports)
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
}
