//! What a set of lists means: the rules of its class.
//!
//! In each direction and group of ports: protected networks win, then allow lists that judge there, then the strongest
//! action of the other lists that judge there. A list that does not judge there has no say.

use relay_guard_common::{
    action::Action,
    class::{Class, Lists, MAX_PORT_GROUPS, Rule},
    reason::Reason,
};

use super::{
    AnswerPlaces, ListSlot,
    ports::PortPlan,
    protected::ProtectedKind,
    rules::{PlacedList, STRONGEST_FIRST, slots},
};
use crate::config::ListAction;

const PROTECTED: Rule = Rule::new(Action::Pass, Reason::Protected);
const ALLOW_LISTED: Rule = Rule::new(Action::Pass, Reason::AllowList);

/// What every set of lists means.
#[derive(Clone, Debug)]
pub struct Meanings {
    plan: PortPlan,
    /// Allow lists.
    allowing: Lists,
    /// Lists with each action of [`STRONGEST_FIRST`].
    acting: [Lists; STRONGEST_FIRST.len()],
    /// Places of all lists, in their order: of several with the same action, the first is the one that speaks.
    order: Vec<ListSlot>,
    answers: AnswerPlaces,
}

impl Meanings {
    /// What sets of these lists mean, whose ports make this plan and whose answers are at these places.
    #[must_use]
    pub fn new(lists: &[PlacedList<'_>], plan: PortPlan, answers: AnswerPlaces) -> Self {
        let mut order: Vec<ListSlot> = lists.iter().map(|list| list.slot).collect();
        order.dedup();
        Self {
            plan,
            order,
            answers,
            allowing: slots(lists, |rule| rule.action == ListAction::Allow),
            acting: STRONGEST_FIRST.map(|action| slots(lists, |rule| rule.action.acts() == Some(action))),
        }
    }

    /// The groups of ports.
    #[must_use]
    pub const fn plan(&self) -> &PortPlan {
        &self.plan
    }

    /// The class of a set of lists.
    #[must_use]
    pub fn of(&self, set: Lists) -> Class {
        let protected = ProtectedKind::in_set(set).next().is_some();
        let mut class = Class::new(set);
        for group in 0..MAX_PORT_GROUPS {
            let judging = set & self.plan.inbound(group);
            class.inbound[group] = match protected {
                true => PROTECTED,
                false => self.rule(judging, Reason::Listed, AnswerPlaces::inbound),
            };
            // Who is protected needs no word for it where nobody says anything: most mail is for such servers.
            let judging = set & self.plan.outbound(group);
            class.outbound[group] =
                match self.rule(judging, Reason::ListedDestination, AnswerPlaces::outbound) {
                    rule if rule.is_none() || !protected => rule,
                    _ => PROTECTED,
                };
        }
        if ProtectedKind::in_set(set).any(ProtectedKind::spares) {
            class.spared = PROTECTED;
        } else if set & self.allowing != 0 {
            class.spared = ALLOW_LISTED;
        }
        if ProtectedKind::in_set(set).any(ProtectedKind::is_declared) {
            class.flags = Class::OWN;
        }
        class
    }

    /// What the lists that judge somewhere say there; `answer` is which of its answers a list gives there.
    fn rule(&self, judging: Lists, reason: Reason, answer: fn(&AnswerPlaces, ListSlot) -> u16) -> Rule {
        if judging & self.allowing != 0 {
            return ALLOW_LISTED;
        }
        let acting =
            STRONGEST_FIRST.into_iter().zip(self.acting).map(|(action, lists)| (action, lists & judging));
        let Some((action, winning)) = acting.into_iter().find(|(_, lists)| *lists != 0) else {
            return Rule::NONE;
        };
        let first = self.order.iter().find(|slot| winning & slot.bit() != 0);
        Rule::new(action, reason).with_param(first.map_or(0, |slot| answer(&self.answers, *slot)))
    }
}

/// A class that nowhere does more than both of two do: what packets may meet while ports change their groups, and for a
/// moment one class's rules are looked up by the other's groups. Whose it is, and its lists, are `after`'s.
#[must_use]
pub fn weaker(before: &Class, after: &Class) -> Class {
    let mut class = *after;
    for group in 0..MAX_PORT_GROUPS {
        class.inbound[group] = weaker_rule(before.inbound[group], after.inbound[group]);
        class.outbound[group] = weaker_rule(before.outbound[group], after.outbound[group]);
    }
    class
}

/// A class that does at no port more than the given one does at any: right whatever group a port is in.
#[must_use]
pub fn weakest(class: &Class) -> Class {
    let [inbound, outbound] =
        [class.inbound, class.outbound].map(|rules| rules.into_iter().fold(rules[0], weaker_rule));
    Class { inbound: [inbound; MAX_PORT_GROUPS], outbound: [outbound; MAX_PORT_GROUPS], ..*class }
}

fn weaker_rule(one: Rule, other: Rule) -> Rule {
    if strength(other) < strength(one) { other } else { one }
}

/// How much a rule does: nothing, then the actions of [`STRONGEST_FIRST`] from their end on. What is not known is strongest.
fn strength(rule: Rule) -> usize {
    if rule.protects() {
        return 0;
    }
    if rule.is_none() || rule.action == Action::Pass as u8 {
        return 1;
    }
    let rank = STRONGEST_FIRST.iter().rev().position(|action| *action as u8 == rule.action);
    rank.map_or(usize::MAX, |rank| rank + 2)
}

#[cfg(test)]
mod tests;
