use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::config::{Dnsbl, ZoneConfig};
use crate::dnsbl::testing::{dnsbl, filtered, groups, plan, weighing, zone};
use crate::policy::PortChoice;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));

fn scored(plan: &Plan, address: IpAddr, listed: EntryMask, unknown: EntryMask) -> Scored {
    evaluate(plan, address, Findings { listed, unknown }, 9, 5)
}

fn reached(threshold: u8, entry: u8) -> Option<Reached> {
    Some(Reached { threshold, entry })
}

#[test]
fn weights_add_up_to_the_highest_threshold_that_they_reach() {
    let plan =
        plan(vec![weighing("a.example", 1), weighing("b.example", 2), weighing("c.example", -2)], &[1, 3]);
    for (listed, unknown, score, kind, group) in [
        (0b000, 0b000, 0, Kind::Clean, None),
        (0b001, 0b000, 1, Kind::Listed, reached(0, 0)),
        (0b010, 0b000, 2, Kind::Listed, reached(0, 1)),
        (0b011, 0b000, 3, Kind::Listed, reached(1, 1)),
        (0b111, 0b000, 1, Kind::Listed, reached(0, 1)),
        (0b110, 0b000, 0, Kind::Clean, None),
        (0b100, 0b000, -2, Kind::Clean, None),
        // Those that could not say: nothing of what speaks against a source, all of what speaks for it.
        (0b000, 0b011, 0, Kind::Unknown, None),
        (0b010, 0b001, 2, Kind::Listed, reached(0, 1)),
        (0b010, 0b100, 0, Kind::Unknown, None),
        (0b011, 0b100, 1, Kind::Listed, reached(0, 1)),
    ] {
        let found = scored(&plan, V4, listed, unknown);
        assert_eq!(
            (found.kind, found.groups[0], found.score[0]),
            (kind, group, score),
            "{listed:b} {unknown:b}"
        );
        assert_eq!(
            (found.groups, found.listed, found.unknown),
            ([group, group, group, None], listed, unknown)
        );
        assert_eq!((found.address, found.until_ns, found.asked_ns), (V4, 9, 5));
    }
}

#[test]
fn entries_weigh_at_their_ports_and_for_their_families() {
    let at = |ports: &[u16], config| ZoneConfig { ports: PortChoice::Only(ports.to_vec()), ..config };
    let pbl = at(&[25], filtered("zen.example", 5, "127.0.0.[10..11]"));
    let sbl = ZoneConfig { ipv6: true, ..filtered("zen.example", 2, "127.0.0.[2..9]") };
    let v6 = at(&[465], ZoneConfig { ipv4: false, ipv6: true, ..zone("six.example") });
    let nowhere = at(&[2526], ZoneConfig { ipv6: true, ..zone("nowhere.example") });
    let plan = plan(vec![pbl, sbl, v6, nowhere], &[1, 5]);
    assert_eq!(scored(&plan, V4, 0b1111, 0).score, [7, 2, 2, 0]);
    assert_eq!(scored(&plan, V6, 0b1111, 0).score, [2, 2, 3, 0]);
    let found = scored(&plan, V4, 0b0001, 0);
    assert_eq!(
        (found.kind, found.groups),
        (Kind::Listed, [reached(1, 0), None, None, None]),
        "port 25 alone"
    );
    assert_eq!(scored(&plan, V4, 0b1100, 0).kind, Kind::Clean);
    assert_eq!((plan.zones.len(), plan.zones[0].entries), (3, 0b0011), "asked once");
    assert_eq!((plan.asked(V4), plan.asked(V6)), (0b001, 0b011), "where it weighs anything");
}

#[test]
fn an_answer_is_for_the_entries_that_look_for_it() {
    let plan = plan(
        vec![filtered("zen.example", 1, "127.0.0.[10..11]"), zone("other.example"), zone("zen.example")],
        &[1],
    );
    for (answers, expected) in [
        (&[[127, 0, 0, 10]][..], 0b101),
        (&[[127, 0, 0, 2]], 0b100),
        (&[[127, 0, 0, 2], [127, 0, 0, 11]], 0b101),
        (&[[127, 0, 0, 1]], 0),
        (&[[127, 255, 255, 254]], 0),
        (&[[203, 0, 113, 1]], 0),
        (&[], 0),
    ] {
        let answers: Vec<Ipv4Addr> = answers.iter().copied().map(Ipv4Addr::from).collect();
        assert_eq!(matching(&plan, 0, &answers), expected, "{answers:?}");
    }
    assert_eq!(matching(&plan, 7, &[Ipv4Addr::new(127, 0, 0, 2)]), 0, "no such zone");
}

#[test]
fn nobody_is_asked_where_nothing_can_follow() {
    let at = |ports: &[u16], config| ZoneConfig { ports: PortChoice::Only(ports.to_vec()), ..config };
    let dual = |config| ZoneConfig { ipv6: true, ..config };
    let plan = plan(
        vec![
            dual(weighing("a.example", 2)),
            at(&[25], weighing("b.example", 1)),
            dual(weighing("c.example", -3)),
        ],
        &[2, 3],
    );
    for (usable, bits) in
        [(0b111, 0b0111_0111), (0b101, 0b0111_0111), (0b110, 0), (0b100, 0), (0b011, 0), (0b001, 0), (0, 0)]
    {
        assert_eq!(plan.ask_bits(usable), bits, "{usable:b}");
    }
    let strong = super::super::testing::plan(
        vec![weighing("a.example", 5), at(&[25], weighing("c.example", -3))],
        &[3],
    );
    assert_eq!(strong.ask_bits(0b01), 0b0110, "c, which cannot be asked, would clear all at port 25");
    let high = |scores| {
        super::super::testing::plan(vec![weighing("a.example", 2), at(&[25], zone("b.example"))], scores)
    };
    assert_eq!(high(&[3]).ask_bits(0b11), 0b0001, "b is needed, and weighs at port 25");
    assert_eq!((high(&[3]).ask_bits(0b01), high(&[]).ask_bits(0b11)), (0, 0));
}

/// The verdict as the words of the documentation have it, entry by entry.
fn naive(
    config: &Dnsbl,
    address: IpAddr,
    listed: u32,
    unknown: u32,
) -> ([i32; 4], [Option<Reached>; 4], Kind) {
    let (mut score, mut best) = ([0; 4], [None::<usize>; 4]);
    for (index, zone) in config.zones.iter().enumerate() {
        let family = if address.is_ipv4() { zone.ipv4 } else { zone.ipv6 };
        for (group, ports) in groups().iter().enumerate() {
            let (lists, silent) = (listed >> index & 1 == 1, unknown >> index & 1 == 1);
            if !family || !zone.ports.holds(ports[0]) {
                continue;
            }
            if lists || silent && zone.weight < 0 {
                score[group] += zone.weight;
            }
            if lists && best[group].is_none_or(|best| config.zones[best].weight < zone.weight) {
                best[group] = Some(index);
            }
        }
    }
    let mut reached = [None; 4];
    for group in 0..4 {
        for (threshold, config) in config.thresholds.iter().enumerate() {
            if score[group] >= config.score {
                let entry = best[group].expect("only listings are above 0") as u8;
                reached[group] = Some(Reached { threshold: threshold as u8, entry });
            }
        }
    }
    let kind = if reached.iter().any(Option::is_some) {
        Kind::Listed
    } else if unknown != 0 {
        Kind::Unknown
    } else {
        Kind::Clean
    };
    (score, reached, kind)
}

fn any_zone() -> impl Strategy<Value = ZoneConfig> {
    let weight = (-4_i32..6).prop_filter("never 0", |weight| *weight != 0);
    let ports = prop_oneof![
        Just(PortChoice::All),
        Just(PortChoice::Only(vec![25])),
        Just(PortChoice::Only(vec![465, 587, 2525])),
        Just(PortChoice::Only(vec![99])),
    ];
    (0..6, weight, ports, any::<(bool, bool)>()).prop_map(|(name, weight, ports, (ipv4, ipv6))| ZoneConfig {
        ports,
        ipv4,
        ipv6,
        ..weighing(&format!("zone{name}.example"), weight)
    })
}

proptest! {
    #[test]
    fn what_may_rise_is_what_some_answer_raises(
        zones in proptest::collection::vec(any_zone(), 1..6),
        scores in proptest::collection::btree_set(1_i32..12, 1..4),
        masks in any::<(u32, u32)>(),
    ) {
        let config = dnsbl(zones, &scores.into_iter().collect::<Vec<_>>());
        let plan = Plan::new(&config, &groups());
        let all = plan.entries_of(u32::MAX);
        let (listed, unknown) = (masks.0 & all, masks.1 & all & !masks.0);
        let now = scored(&plan, V4, listed, unknown);
        let thresholds = |of: &Scored| of.groups.map(|reached| reached.map(|reached| reached.threshold));
        let rises = (0..=all).filter(|answers| answers & !unknown == 0).any(|answers| {
            let then = thresholds(&scored(&plan, V4, listed | answers, 0));
            thresholds(&now).iter().zip(then).any(|(now, then)| then > *now)
        });
        prop_assert_eq!(may_rise(&plan, &now), rises);
    }

    #[test]
    fn verdicts_are_as_the_words_have_it(
        zones in proptest::collection::vec(any_zone(), 0..32),
        scores in proptest::collection::btree_set(1_i32..12, 1..4),
        masks in any::<(u32, u32)>(),
        v6 in any::<bool>(),
    ) {
        let config = dnsbl(zones, &scores.into_iter().collect::<Vec<_>>());
        let plan = Plan::new(&config, &groups());
        let all = plan.entries_of(u32::MAX);
        let (listed, unknown) = (masks.0 & all, masks.1 & all & !masks.0);
        let address = if v6 { V6 } else { V4 };
        let found = scored(&plan, address, listed, unknown);
        prop_assert_eq!((found.score, found.groups, found.kind), naive(&config, address, listed, unknown));
    }

    #[test]
    fn a_fault_never_stops_anybody(
        zones in proptest::collection::vec(any_zone(), 0..12), listed in any::<u32>(), lost in any::<u32>(),
    ) {
        let plan = plan(zones, &[1, 3]);
        let listed = listed & plan.entries_of(u32::MAX);
        let before = scored(&plan, V4, listed, 0);
        let after = scored(&plan, V4, listed & !lost, lost & plan.entries_of(u32::MAX));
        for group in 0..4 {
            prop_assert!(after.score[group] <= before.score[group]);
        }
    }
}
