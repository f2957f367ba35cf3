use proptest::{array, option, prelude::*, sample::select};

use super::*;
use crate::class::MAX_CLASSES;

#[test]
fn a_packed_decision_comes_back_whole() {
    for action in Action::ALL {
        for &reason in Reason::ALL {
            for class in [CLEAN, 1, 255, 256, MAX_CLASSES - 1] {
                for param in [0, 1, 511, u16::MAX] {
                    let decision = Decision { action, reason, class, param };
                    assert_eq!(Decision::unpack(decision.pack()), decision);
                }
            }
        }
    }
    let unknown = Decision::new(Action::Drop, Reason::Listed).pack() | 0xff;
    assert_eq!(Decision::unpack(unknown), Decision::NOTHING_KNOWN);
}

const SOURCE: Address = Address::v4([203, 0, 113, 7]);
const NOW: u64 = 1_000;
const GROUPS: usize = 4;

/// Policy about one address; the port is the number of its group.
#[derive(Clone, Debug)]
struct Said {
    verdict: Option<Verdict>,
    prefix: Option<Steering>,
    class: Option<Class>,
}

const CLASS: u32 = 7;

impl Policy for Said {
    fn now_ns(&self) -> u64 {
        NOW
    }
    fn verdict(&self, _: Address) -> Option<Verdict> {
        self.verdict
    }
    fn prefix(&self, _: Address) -> Option<Steering> {
        self.prefix
    }
    fn class_of(&self, _: Address) -> u32 {
        if self.class.is_some() { CLASS } else { CLEAN }
    }
    fn class(&self, class: u32) -> Option<&Class> {
        self.class.as_ref().filter(|_| class == CLASS)
    }
    fn inbound_group(&self, port: u16) -> usize {
        port.into()
    }
    fn outbound_group(&self, _: u16) -> usize {
        unreachable!("nothing goes out")
    }
    fn judges_destinations(&self) -> bool {
        false
    }
}

const DNSBL: [Reason; 3] = [Reason::DnsblListed, Reason::DnsblClean, Reason::DnsblUnknown];

/// All that is said of a source, the weightiest first: what comes of it is the first that is said.
fn naive_inbound(said: &Said, group: usize) -> Decision {
    let steered = |until: fn(&Steering) -> u64| {
        let all = [said.verdict.map(|verdict| verdict.steering), said.prefix];
        all.iter().flatten().any(|steering| until(steering) > NOW)
    };
    let live = said.verdict.filter(|verdict| verdict.until > NOW);
    let spoken = live.map(|verdict| known(verdict.rules[group], CLEAN)).filter(is_said);
    let listed = said.class.map(|class| known(class.inbound[group], CLASS)).filter(is_said);
    let protects = |d: &Decision| matches!(d.reason, Reason::Protected | Reason::AllowList);
    let harmless =
        |d: &Decision| DNSBL.contains(&d.reason) && matches!(d.action, Action::Pass | Action::Observe);
    let allow = Decision::new(Action::Pass, Reason::AdminAllow);
    let block = Decision::new(Action::Drop, Reason::AdminBlock);
    let order = [
        steered(|steering| steering.allow_until).then_some(allow),
        steered(|steering| steering.block_until).then_some(block),
        listed.filter(protects),
        spoken.filter(|spoken| !harmless(spoken)),
        listed.filter(|listed| listed.action != Action::Pass),
        spoken,
        listed,
    ];
    order.into_iter().flatten().next().unwrap_or(Decision::NOTHING_KNOWN)
}

fn is_said(decision: &Decision) -> bool {
    decision.reason != Reason::Clean
}

fn known(rule: Rule, class: u32) -> Decision {
    match (rule.reason, Action::from_u8(rule.action), Reason::from_u8(rule.reason)) {
        (1.., Some(action), Some(reason)) => Decision { action, reason, class, param: rule.param },
        _ => Decision::NOTHING_KNOWN,
    }
}

fn times() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(NOW), Just(NOW + 1), Just(u64::MAX)]
}

fn steering() -> impl Strategy<Value = Steering> {
    let never = || prop_oneof![3 => Just(0), 1 => times()];
    (never(), never()).prop_map(|(allow_until, block_until)| Steering { allow_until, block_until })
}

fn rule(reasons: &'static [Reason]) -> impl Strategy<Value = Rule> {
    let rule = (select(Action::ALL.to_vec()), select(reasons), 0..3_u16);
    prop_oneof![
        1 => Just(Rule::NONE),
        5 => rule.prop_map(|(action, reason, param)| Rule::new(action, reason).with_param(param)),
        // A newer daemon's.
        1 => Just(Rule { action: 99, reason: Reason::Listed as u8, param: 0 }),
        1 => Just(Rule { action: 2, reason: 99, param: 0 }),
    ]
}

fn said() -> impl Strategy<Value = Said> {
    const SPOKEN: &[Reason] =
        &[Reason::Contained, Reason::DnsblListed, Reason::DnsblClean, Reason::DnsblUnknown];
    const LISTED: &[Reason] = &[Reason::Listed, Reason::Listed, Reason::Protected, Reason::AllowList];
    let verdict = (steering(), times(), array::uniform4(rule(SPOKEN)))
        .prop_map(|(steering, until, rules)| Verdict { steering, ..Verdict::of(rules, until) });
    let class = array::uniform4(rule(LISTED)).prop_map(|inbound| Class { inbound, ..Class::new(1) });
    (option::weighted(0.8, verdict), option::weighted(0.3, steering()), option::weighted(0.7, class))
        .prop_map(|(verdict, prefix, class)| Said { verdict, prefix, class })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8192))]

    #[test]
    fn sources_are_judged_by_the_weightiest_word(said in said(), group in 0..GROUPS) {
        prop_assert_eq!(decide_inbound(&said, SOURCE, group as u16), naive_inbound(&said, group));
    }

    #[test]
    fn what_dnsbls_say_stops_no_host_of_ours(said in said()) {
        let quiet = Said {
            verdict: said.verdict.map(|verdict| {
                let is_dnsbl = DNSBL.map(|reason| reason as u8).contains(&verdict.rules[0].reason);
                if is_dnsbl { Verdict { until: 0, ..verdict } } else { verdict }
            }),
            ..said.clone()
        };
        let out = |said: &Said| decide_outbound(said, SOURCE, SOURCE, 25, Half::Both);
        prop_assert_eq!(out(&said), out(&quiet));
    }
}
