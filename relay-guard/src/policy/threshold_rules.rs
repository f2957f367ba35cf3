//! What follows from scores of DNSBLs: the rule of each threshold, in the name of each zone.

use relay_guard_common::{
    action::Action,
    class::{MAX_PORT_GROUPS, Rule},
    reason::Reason,
};

/// A threshold that is reached, and the zone in whose name something is said; both count from 0 in the order of the
/// configuration.
pub type Reached = (u8, u8);

/// What is done at each threshold, and what is said in the name of each zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThresholdRules(Vec<Vec<Rule>>);

impl ThresholdRules {
    /// Thresholds that do something, each with the places of its responses, one for each zone.
    #[must_use]
    pub fn new(thresholds: Vec<(Action, Vec<u16>)>) -> Self {
        let rules = |(action, places): (Action, Vec<u16>)| {
            let rule = Rule::new(action, Reason::DnsblListed);
            places.into_iter().map(|place| rule.with_param(place)).collect()
        };
        Self(thresholds.into_iter().map(rules).collect())
    }

    /// The rule of a threshold in the name of a zone, if there are both.
    #[must_use]
    pub fn rule(&self, threshold: u8, zone: u8) -> Option<Rule> {
        self.0.get(usize::from(threshold))?.get(usize::from(zone)).copied()
    }

    /// The rules of a source: that of the threshold that is reached at each group of ports, and where none is, that it
    /// passes: because zones had nothing against it, or because some could not say.
    ///
    /// A threshold or zone that there is not stops nobody.
    #[must_use]
    pub fn rules(
        &self,
        reached: [Option<Reached>; MAX_PORT_GROUPS],
        could_say: bool,
    ) -> [Rule; MAX_PORT_GROUPS] {
        let reason = if could_say { Reason::DnsblClean } else { Reason::DnsblUnknown };
        let passes = Rule::new(Action::Pass, reason);
        reached
            .map(|reached| reached.and_then(|(threshold, zone)| self.rule(threshold, zone)).unwrap_or(passes))
    }

    /// The places of responses that rules name.
    pub fn places(&self) -> impl Iterator<Item = u16> {
        self.0.iter().flatten().map(|rule| rule.param)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_nothing_is_reached_sources_pass() {
        let rules = ThresholdRules::new(vec![(Action::Observe, vec![0, 0]), (Action::Refuse, vec![7, 8])]);
        let refused = Rule::new(Action::Refuse, Reason::DnsblListed);
        let observed = Rule::new(Action::Observe, Reason::DnsblListed);
        let [clean, unknown] =
            [Reason::DnsblClean, Reason::DnsblUnknown].map(|reason| Rule::new(Action::Pass, reason));
        for (reached, could_say, expected) in [
            ([None; 4], true, [clean; 4]),
            ([None; 4], false, [unknown; 4]),
            (
                [Some((1, 1)), None, Some((0, 0)), Some((1, 0))],
                true,
                [refused.with_param(8), clean, observed, refused.with_param(7)],
            ),
            ([Some((1, 0)), None, None, None], false, [refused.with_param(7), unknown, unknown, unknown]),
            ([Some((2, 0)), Some((0, 2)), Some((1, 255)), None], true, [clean; 4]),
        ] {
            assert_eq!(rules.rules(reached, could_say), expected, "{reached:?}");
        }
        assert_eq!(ThresholdRules::default().rules([Some((0, 0)); 4], true), [clean; 4]);
    }
}
