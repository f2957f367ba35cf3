use proptest::prelude::*;
use proptest::sample::select;
use relay_guard_common::ports::PortGroups;

use super::*;
use crate::{
    config::Ports,
    policy::{Applies, ListRule, ListSlot, PortChoice},
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
    Meanings::new(&lists, PortPlan::new(&lists, &ports).expect("few groups"))
}

/// What is to happen to an address that these lists and kinds hold, looked at one by one.
fn naive(holding: &[&ListRule], protected: bool, port: u16, outbound: bool) -> Option<(Action, Reason)> {
    let judges = |rule: &&&ListRule| {
        let applies =
            if outbound { rule.applies != Applies::Inbound } else { rule.applies != Applies::Outbound };
        applies
            && (rule.ports == PortChoice::All
                || matches!(&rule.ports, PortChoice::Only(p) if p.contains(&port)))
    };
    let judging: Vec<&&ListRule> = holding.iter().filter(judges).collect();
    if protected && (!outbound || !judging.is_empty()) {
        return Some((Action::Pass, Reason::Protected));
    }
    let any = |action| judging.iter().any(|rule| rule.action == action);
    let reason = if outbound { Reason::ListedDestination } else { Reason::Listed };
    if any(ListAction::Allow) {
        Some((Action::Pass, Reason::AllowList))
    } else if any(ListAction::Drop) {
        Some((Action::Drop, reason))
    } else if any(ListAction::Observe) {
        Some((Action::Observe, reason))
    } else {
        None
    }
}

fn told(rule: Rule) -> Option<(Action, Reason)> {
    (!rule.is_none()).then(|| {
        let known = (Action::from_u8(rule.action), Reason::from_u8(rule.reason));
        (known.0.expect("an action"), known.1.expect("a reason"))
    })
}

fn rules() -> impl Strategy<Value = Vec<ListRule>> {
    // Of these choices, lists make four groups at most.
    let ports =
        select(vec![PortChoice::All, PortChoice::Only(vec![25]), PortChoice::Only(vec![465, 587, 80])]);
    let action = select(vec![ListAction::Drop, ListAction::Observe, ListAction::Allow]);
    let applies = select(vec![Applies::Inbound, Applies::Outbound, Applies::Both]);
    let rule =
        (action, applies, ports).prop_map(|(action, applies, ports)| ListRule { action, applies, ports });
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
        let holding: Vec<&ListRule> = (0..rules.len()).filter(holds).map(|number| &rules[number]).collect();
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
            Some((Action::Pass, Reason::Protected))
        } else {
            let allowed = holding.iter().any(|rule| rule.action == ListAction::Allow);
            allowed.then_some((Action::Pass, Reason::AllowList))
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
        let stops = |rule: Rule| rule.action == Action::Drop as u8;
        for group in 0..MAX_PORT_GROUPS {
            for (rules, old, new, all) in [
                (between.inbound, old.inbound, new.inbound, everywhere.inbound),
                (between.outbound, old.outbound, new.outbound, everywhere.outbound),
            ] {
                prop_assert_eq!(stops(rules[group]), stops(old[group]) && stops(new[group]));
                prop_assert!(rules[group] == old[group] || rules[group] == new[group]);
                prop_assert_eq!(stops(all[group]), old.iter().all(|rule| stops(*rule)));
                prop_assert!(old.contains(&all[group]));
            }
        }
        prop_assert_eq!((between.flags, between.spared), (new.flags, new.spared));
        prop_assert_eq!((everywhere.flags, everywhere.lists), (old.flags, old.lists));
    }
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
