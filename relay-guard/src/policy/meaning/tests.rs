use proptest::prelude::*;
use proptest::sample::select;
use relay_guard_common::ports::PortGroups;

use super::*;
use crate::{
    config::Ports,
    policy::{Applies, ListRule, ListSlot, PortChoice, ports::Judged},
};

const GUARDED: [u16; 4] = [25, 465, 587, 2525];
const WATCHED: [u16; 2] = [25, 587];

fn placed(rules: &[ListRule]) -> Vec<PlacedList<'_>> {
    let place =
        |(number, rule)| PlacedList { slot: ListSlot::new(number).expect("a place"), rule, v4: &[], v6: &[] };
    // Beyond the lower half of a set.
    (58..).zip(rules).map(place).collect()
}

fn meanings(rules: &[ListRule]) -> Meanings {
    let ports = Ports { guarded: GUARDED.to_vec(), watched: WATCHED.to_vec() };
    let lists = placed(rules);
    let plan = PortPlan::new(&lists, Judged { ports: &ports, zones: &[] }).expect("few groups");
    Meanings::new(&lists, plan, answers(lists.len()))
}

/// Where the answers of so many lists are: each its own, the first two the same for sources.
fn answers(lists: usize) -> AnswerPlaces {
    let mut answers = AnswerPlaces::default();
    for (number, slot) in (1_u16..).zip((58..).map_while(ListSlot::new)).take(lists) {
        answers.set(slot, number.max(2), 100 + number);
    }
    answers
}

/// A rule in words: action, reason, and where its answer is.
type Told = (Action, Reason, u16);

/// What is to happen to an address that these lists (by number) and kinds hold, looked at one by one.
fn naive(holding: &[(usize, &ListRule)], protected: bool, port: u16, outbound: bool) -> Option<Told> {
    let judges = |(_, rule): &&(usize, &ListRule)| {
        let applies =
            if outbound { rule.applies != Applies::Inbound } else { rule.applies != Applies::Outbound };
        applies
            && (rule.ports == PortChoice::All
                || matches!(&rule.ports, PortChoice::Only(p) if p.contains(&port)))
    };
    let judging: Vec<&(usize, &ListRule)> = holding.iter().filter(judges).collect();
    if protected && (!outbound || !judging.is_empty()) {
        return Some((Action::Pass, Reason::Protected, 0));
    }
    let first = |action| judging.iter().find(|(_, rule)| rule.action == action);
    let reason = if outbound { Reason::ListedDestination } else { Reason::Listed };
    if first(ListAction::Allow).is_some() {
        return Some((Action::Pass, Reason::AllowList, 0));
    }
    for (wanted, action) in [
        (ListAction::Drop, Action::Drop),
        (ListAction::Tarpit, Action::Tarpit),
        (ListAction::Reset, Action::Reset),
        (ListAction::Refuse, Action::Refuse),
        (ListAction::Limit, Action::Limit),
        (ListAction::Observe, Action::Observe),
    ] {
        if let Some((number, _)) = first(wanted) {
            let number = *number as u16 + 1;
            return Some((action, reason, if outbound { 100 + number } else { number.max(2) }));
        }
    }
    None
}

fn told(rule: Rule) -> Option<Told> {
    (!rule.is_none()).then(|| {
        let known = (Action::from_u8(rule.action), Reason::from_u8(rule.reason));
        (known.0.expect("an action"), known.1.expect("a reason"), rule.param)
    })
}

fn rules() -> impl Strategy<Value = Vec<ListRule>> {
    // Of these choices, lists make four groups at most.
    let ports =
        select(vec![PortChoice::All, PortChoice::Only(vec![25]), PortChoice::Only(vec![465, 587, 80])]);
    let action = select(ListAction::ALL.to_vec());
    let applies = select(vec![Applies::Inbound, Applies::Outbound, Applies::Both]);
    let rule = (action, applies, ports).prop_map(|(action, applies, ports)| ListRule {
        action,
        applies,
        ports,
        ..ListRule::default()
    });
    prop::collection::vec(rule, 0..12)
}

proptest! {
    #[test]
    fn a_class_says_what_its_lists_say(
        rules in rules(),
        held in any::<u16>(),
        kinds in prop::collection::vec(select(ProtectedKind::ALL.to_vec()), 0..3),
    ) {
        let meanings = meanings(&rules);
        let groups = meanings.plan().kernel_groups(&PortGroups::ONE);
        let holds = |number: &usize| held >> number & 1 == 1;
        let holding: Vec<(usize, &ListRule)> =
            (0..rules.len()).filter(holds).map(|number| (number, &rules[number])).collect();
        let of_lists = (0..rules.len()).filter(holds).fold(0, |set: Lists, number| set | 1 << (58 + number));
        let set = kinds.iter().fold(of_lists, |set, kind| set | kind.slot().bit());
        let class = meanings.of(set);
        prop_assert_eq!(class.lists(), set);
        for port in GUARDED {
            let rule = class.source_rule(groups.inbound(port));
            prop_assert_eq!(told(rule), naive(&holding, !kinds.is_empty(), port, false), "inbound {}", port);
        }
        for port in WATCHED {
            let rule = class.destination_rule(groups.outbound(port));
            prop_assert_eq!(told(rule), naive(&holding, !kinds.is_empty(), port, true), "outbound {}", port);
        }
        let own = kinds.iter().any(|kind| {
            matches!(kind, ProtectedKind::MailServer | ProtectedKind::Excepted | ProtectedKind::OwnServer)
        });
        prop_assert_eq!(class.flags & Class::OWN != 0, own);
        let spared = if own || kinds.contains(&ProtectedKind::OwnAddress) {
            Some((Action::Pass, Reason::Protected, 0))
        } else {
            let allowed = holding.iter().any(|(_, rule)| rule.action == ListAction::Allow);
            allowed.then_some((Action::Pass, Reason::AllowList, 0))
        };
        prop_assert_eq!(told(class.spared), spared);
        let outbound_lists = rules.iter().any(|rule| rule.applies != Applies::Inbound);
        if !outbound_lists {
            prop_assert!(!meanings.plan().judges_destinations());
            prop_assert_eq!(class.outbound, [Rule::NONE; MAX_PORT_GROUPS]);
        }
    }

    /// While groups change, no packet meets more than the old or the new policy has for its port.
    #[test]
    fn a_class_between_two_does_no_more_than_either(
        before in rules(),
        after in rules(),
        held in any::<u16>(),
    ) {
        let (before, after) = (meanings(&before), meanings(&after));
        let set = Lists::from(held) << 58;
        let (old, new) = (before.of(set), after.of(set));
        let between = weaker(&old, &new);
        let everywhere = weakest(&old);
        let stops = |rule: Rule| does(rule) > 0;
        for group in 0..MAX_PORT_GROUPS {
            for (rules, old, new, all) in [
                (between.inbound, old.inbound, new.inbound, everywhere.inbound),
                (between.outbound, old.outbound, new.outbound, everywhere.outbound),
            ] {
                prop_assert_eq!(does(rules[group]), does(old[group]).min(does(new[group])));
                prop_assert!(rules[group] == old[group] || rules[group] == new[group]);
                prop_assert_eq!(stops(all[group]), old.iter().all(|rule| stops(*rule)));
                prop_assert!(old.iter().all(|rule| does(all[group]) <= does(*rule)));
                prop_assert!(old.contains(&all[group]));
            }
        }
        prop_assert_eq!((between.flags, between.spared), (new.flags, new.spared));
        prop_assert_eq!((everywhere.flags, everywhere.lists), (old.flags, old.lists));
    }
}

/// How much a rule does to a connection; 0 lets it pass.
fn does(rule: Rule) -> usize {
    let weakest_first = [Action::Limit, Action::Refuse, Action::Reset, Action::Tarpit, Action::Drop];
    weakest_first.iter().position(|action| *action as u8 == rule.action).map_or(0, |place| place + 1)
}

#[test]
fn the_first_list_with_the_winning_action_speaks_wherever_its_place_is() {
    let rules = [ListAction::Observe, ListAction::Refuse, ListAction::Refuse].map(ListRule::of);
    let place = |number| ListSlot::new(number).expect("a place");
    let placed = |slot, rule| PlacedList { slot: place(slot), rule, v4: &[], v6: &[] };
    // Of the two that refuse, the one with the higher place comes first in the configuration.
    let lists = [placed(3, &rules[0]), placed(9, &rules[1]), placed(9, &rules[1]), placed(1, &rules[2])];
    let ports = Ports { guarded: vec![25], watched: vec![25] };
    let mut answers = AnswerPlaces::default();
    answers.set(place(9), 7, 0);
    answers.set(place(1), 5, 0);
    let meanings = Meanings::new(
        &lists,
        PortPlan::new(&lists, Judged { ports: &ports, zones: &[] }).expect("one group"),
        answers,
    );
    let all = meanings.of(1 << 1 | 1 << 3 | 1 << 9).source_rule(0);
    assert_eq!(told(all), Some((Action::Refuse, Reason::Listed, 7)));
    assert_eq!(told(meanings.of(1 << 1 | 1 << 3).source_rule(0)), Some((Action::Refuse, Reason::Listed, 5)));
    assert_eq!(told(meanings.of(1 << 3).source_rule(0)), Some((Action::Observe, Reason::Listed, 0)));
}

#[test]
fn a_list_that_is_not_known_says_nothing() {
    let class = meanings(&[ListRule::of(ListAction::Drop)]).of(1 << 3 | 1 << 119);
    assert_eq!(Class { lists: [0; 2], ..class }, Class::new(0));
}

#[test]
fn between_protected_and_listed_is_protected() {
    let protected = Class::new(1).inbound(PROTECTED);
    for rule in [Rule::NONE, ALLOW_LISTED, Rule::new(Action::Drop, Reason::Listed)] {
        let other = Class::new(1).inbound(rule);
        for class in [weaker(&protected, &other), weaker(&other, &protected)] {
            assert!(class.inbound.iter().all(|rule| rule.protects()), "{class:?}");
        }
    }
}
