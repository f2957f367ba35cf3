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
    ports::PortPlan,
    protected::ProtectedKind,
    rules::{PlacedList, STRONGEST_FIRST, acts, slots},
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
}

impl Meanings {
    /// What sets of these lists mean, whose ports make this plan.
    #[must_use]
    pub fn new(lists: &[PlacedList<'_>], plan: PortPlan) -> Self {
        Self {
            plan,
            allowing: slots(lists, |rule| rule.action == ListAction::Allow),
            acting: STRONGEST_FIRST.map(|action| slots(lists, |rule| acts(rule.action) == Some(action))),
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
            class.inbound[group] = if protected { PROTECTED } else { self.rule(judging, Reason::Listed) };
            // Who is protected needs no word for it where nobody says anything: most mail is for such servers.
            let judging = set & self.plan.outbound(group);
            class.outbound[group] = match self.rule(judging, Reason::ListedDestination) {
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

    /// What the lists that judge somewhere say there.
    fn rule(&self, judging: Lists, reason: Reason) -> Rule {
        if judging & self.allowing != 0 {
            return ALLOW_LISTED;
        }
        let strongest = STRONGEST_FIRST.into_iter().zip(self.acting).find(|(_, lists)| judging & lists != 0);
        strongest.map_or(Rule::NONE, |(action, _)| Rule::new(action, reason))
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
    let strength = |rule: Rule| match rule {
        rule if rule.protects() => 0,
        rule if rule.is_none() => 1,
        rule if rule.action == Action::Pass as u8 => 1,
        rule if rule.action == Action::Observe as u8 => 2,
        _ => 3,
    };
    if strength(other) < strength(one) { other } else { one }
}

#[cfg(test)]
mod tests;
