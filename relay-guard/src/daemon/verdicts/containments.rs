//! Contained hosts, each by a step: what is done to it, and what is said then.

use std::{collections::BTreeMap, net::IpAddr};

use relay_guard_common::{action::Action, reason::Reason, verdict::Verdict};

/// What a step of containment does to connections, and the place of the response that says so. What lets connections pass
/// contains nobody.
pub type Step = (Action, u16);

/// How a host is contained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Containment {
    /// Until when, nanoseconds of `CLOCK_MONOTONIC`.
    pub until_ns: u64,
    /// By which step, from 0 in the order of the configuration.
    pub step: usize,
}

/// All contained hosts.
#[derive(Debug, Default)]
pub(super) struct Containments {
    hosts: BTreeMap<IpAddr, Containment>,
    steps: Vec<Step>,
}

impl Containments {
    pub(super) fn get(&self, address: IpAddr) -> Option<Containment> {
        self.hosts.get(&address).copied()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (IpAddr, Containment)> {
        self.hosts.iter().map(|(address, containment)| (*address, *containment))
    }

    /// Whether that is a change.
    pub(super) fn set(&mut self, address: IpAddr, containment: Option<Containment>) -> bool {
        let before = match containment {
            Some(containment) => self.hosts.insert(address, containment),
            None => self.hosts.remove(&address),
        };
        before != containment
    }

    /// Whether that is a change.
    pub(super) fn replace(&mut self, contained: &[(IpAddr, Containment)]) -> bool {
        let hosts: BTreeMap<IpAddr, Containment> = contained.iter().copied().collect();
        let changed = hosts != self.hosts;
        self.hosts = hosts;
        changed
    }

    /// Takes over what an earlier daemon wrote. Its steps stay as they are until others are set.
    pub(super) fn adopt(&mut self, address: IpAddr, verdict: &Verdict) {
        let rule = verdict.rules[0];
        let written = (Action::from_u8(rule.action).unwrap_or(Action::Drop), rule.param);
        let step = self.steps.iter().position(|step| *step == written).unwrap_or_else(|| {
            self.steps.push(written);
            self.steps.len() - 1
        });
        self.hosts.insert(address, Containment { until_ns: verdict.until, step });
    }

    /// Other steps hold from now on. Whoever was contained by one that does the same thing still is; else by the one in its
    /// place, or by the last one before that.
    pub(super) fn set_steps(&mut self, steps: &[Step]) {
        if self.steps == steps {
            return;
        }
        let before = std::mem::replace(&mut self.steps, steps.to_vec());
        for containment in self.hosts.values_mut() {
            let did = before.get(containment.step).map(|(action, _)| *action);
            let does = |step: usize| steps.get(step).map(|(action, _)| *action);
            if does(containment.step).is_some_and(|action| Some(action) == did) {
                continue;
            }
            let same = steps.iter().position(|(action, _)| Some(*action) == did);
            containment.step = same.unwrap_or(containment.step.min(steps.len().saturating_sub(1)));
        }
    }

    /// The places of responses that are named at any moment.
    pub(super) fn places(&self) -> impl Iterator<Item = u16> {
        self.steps.iter().map(|(_, place)| *place)
    }

    /// What the kernel is to be told, without the administrator's word.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = (IpAddr, Verdict)> {
        self.hosts.iter().filter_map(|(address, containment)| {
            let (action, place) = *self.steps.get(containment.step)?;
            let stops = !matches!(action, Action::Pass | Action::Observe);
            let ban = Verdict::ban(action, Reason::Contained, containment.until_ns).with_param(place);
            stops.then_some((*address, ban))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 3] = [(Action::Observe, 0), (Action::Limit, 4), (Action::Refuse, 5)];

    fn host(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 1, last])
    }

    fn contained(until_ns: u64, step: usize) -> Option<Containment> {
        Some(Containment { until_ns, step })
    }

    fn told(containments: &Containments) -> Vec<(IpAddr, u8, u16, u64)> {
        let told = |(address, verdict): (IpAddr, Verdict)| {
            (address, verdict.rules[0].action, verdict.rules[0].param, verdict.until)
        };
        containments.verdicts().map(told).collect()
    }

    #[test]
    fn each_host_is_contained_by_its_step() {
        let mut hosts = Containments::default();
        hosts.set_steps(&STEPS);
        assert!(hosts.set(host(1), contained(70, 1)) && hosts.set(host(2), contained(80, 2)));
        assert!(!hosts.set(host(2), contained(80, 2)) && !hosts.set(host(9), None));
        hosts.set(host(3), contained(90, 0));
        hosts.set(host(4), contained(90, 7));
        let [limited, refused] =
            [(host(1), Action::Limit as u8, 4, 70), (host(2), Action::Refuse as u8, 5, 80)];
        assert_eq!(told(&hosts), [limited, refused], "who is only reported is not contained");
        assert_eq!(hosts.places().collect::<Vec<_>>(), [0, 4, 5]);
        assert!(hosts.set(host(1), None) && !hosts.replace(&hosts.iter().collect::<Vec<_>>()));
        assert!(hosts.replace(&[(host(1), Containment { until_ns: 70, step: 1 })]));
        assert_eq!((told(&hosts), hosts.get(host(2))), (vec![limited], None));
    }

    #[test]
    fn who_is_contained_stays_so_when_steps_change() {
        let steps = |actions: &[Action]| -> Vec<Step> { actions.iter().copied().zip(7..).collect() };
        for (what, after, expected) in [
            ("other texts", &[Action::Observe, Action::Limit, Action::Refuse][..], &[1, 2][..]),
            ("a step between", &[Action::Limit, Action::Reset, Action::Refuse], &[0, 2]),
            ("one is gone", &[Action::Observe, Action::Refuse], &[1, 1]),
            ("others", &[Action::Observe, Action::Reset, Action::Drop, Action::Tarpit], &[1, 2]),
            ("one is left", &[Action::Drop], &[0, 0]),
            ("none", &[], &[0, 0]),
        ] {
            let mut hosts = Containments::default();
            hosts.set_steps(&STEPS);
            hosts.set(host(1), contained(70, 1));
            hosts.set(host(2), contained(80, 2));
            hosts.set_steps(&steps(after));
            let now: Vec<_> = hosts.iter().map(|(_, containment)| containment.step).collect();
            assert_eq!(now, expected, "{what}");
            assert_eq!(told(&hosts).len(), if after.is_empty() { 0 } else { 2 }, "{what}");
        }
    }

    #[test]
    fn what_an_earlier_daemon_did_goes_on() {
        let mut hosts = Containments::default();
        let written = |action, place, until| Verdict::ban(action, Reason::Contained, until).with_param(place);
        let found = [
            (host(1), written(Action::Refuse, 300, 70)),
            (host(2), written(Action::Limit, 301, 80)),
            (host(3), written(Action::Refuse, 300, 90)),
        ];
        found.iter().for_each(|(address, verdict)| hosts.adopt(*address, verdict));
        assert_eq!(hosts.verdicts().collect::<Vec<_>>(), found, "nothing is written twice");
        hosts.set_steps(&STEPS);
        let steps: Vec<_> = hosts.iter().map(|(_, containment)| containment.step).collect();
        assert_eq!(steps, [2, 1, 2]);
    }
}
