use relay_guard_common::{action::Action, class::Rule, ports::PortGroups, reason::Reason};

use super::*;
use crate::{
    config::{ListAction, Ports},
    lists::{self, ParseOptions, ParsedList},
    policy::{Applies, ListRule, PortChoice},
};

fn parsed(text: &str) -> ParsedList {
    let input = lists::Input { name: "test", bytes: text.as_bytes() };
    lists::parse(&[input], &ParseOptions::default()).expect(text)
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a CIDR")).collect()
}

fn ports() -> Ports {
    Ports { guarded: vec![25, 587], watched: vec![25] }
}

const fn judged(ports: &Ports) -> Judged<'_> {
    Judged { ports, zones: &[] }
}

/// Lists and what is in force of them.
struct World {
    contents: Vec<ParsedList>,
    rules: Vec<ListRule>,
}

impl World {
    fn new(lists: &[(ListRule, &str)]) -> Self {
        let (rules, contents) = lists.iter().map(|(rule, text)| (rule.clone(), parsed(text))).unzip();
        Self { contents, rules }
    }

    fn placed(&self) -> Vec<PlacedList<'_>> {
        let places = (0..).map(|number| ListSlot::new(number).expect("a place"));
        places
            .zip(&self.rules)
            .zip(&self.contents)
            .map(|((slot, rule), content)| PlacedList {
                slot,
                rule,
                v4: &content.groups[0].v4,
                v6: &content.groups[0].v6,
            })
            .collect()
    }

    fn compile(&self, protected: &Protected, interner: &mut ClassInterner) -> Compiled {
        compile(&self.placed(), protected, judged(&ports()), interner).expect("few classes")
    }
}

/// What is said of a source of inbound SMTP, and of a destination of outbound SMTP.
fn said(compiled: &Compiled, address: &str, port: u16) -> [Option<(Action, Reason)>; 2] {
    let address: IpAddr = address.parse().expect(address);
    let number = match address {
        IpAddr::V4(v4) => {
            compiled.v4.iter().find(|r| (r.first..=r.last).contains(&v4.to_bits())).map(|r| r.class)
        }
        IpAddr::V6(v6) => {
            compiled.v6.iter().find(|r| (r.first..=r.last).contains(&v6.to_bits())).map(|r| r.class)
        }
    };
    let Some(class) = compiled.rules.classes.iter().find(|(class, _)| Some(*class) == number) else {
        return [None; 2];
    };
    let groups = compiled.rules.ports.kernel_groups(&PortGroups::ONE);
    let destination = class.1.destination_rule(groups.outbound(port));
    let destination = if ports().watched.contains(&port) { destination } else { Rule::NONE };
    [class.1.source_rule(groups.inbound(port)), destination].map(|rule| {
        (!rule.is_none())
            .then(|| Some((Action::from_u8(rule.action)?, Reason::from_u8(rule.reason)?)))
            .flatten()
    })
}

const DROPPED: Option<(Action, Reason)> = Some((Action::Drop, Reason::Listed));
const PROTECTED: Option<(Action, Reason)> = Some((Action::Pass, Reason::Protected));
const ALLOWED: Option<(Action, Reason)> = Some((Action::Pass, Reason::AllowList));

#[test]
fn the_strongest_wins_and_allow_entries_make_exact_holes() {
    let world = World::new(&[
        (ListRule::of(ListAction::Drop), "192.0.2.0/24\n2001:db8::/32"),
        (ListRule::of(ListAction::Observe), "192.0.2.0/25\n198.51.100.1"),
        (ListRule::of(ListAction::Allow), "192.0.2.7\n2001:db8:7::/48"),
    ]);
    let protected = Protected {
        own_servers: nets(&["192.0.2.25/32"]),
        excepted: nets(&["192.0.2.7/32"]),
        networks: nets(&["2001:db8:ff::/48"]),
        ..Protected::default()
    };
    let compiled = world.compile(&protected, &mut ClassInterner::new());
    for (address, expected) in [
        ("192.0.2.1", DROPPED),
        ("192.0.2.200", DROPPED),
        ("198.51.100.1", Some((Action::Observe, Reason::Listed))),
        ("192.0.2.25", PROTECTED),
        ("192.0.2.7", PROTECTED),
        ("192.0.3.0", None),
        ("2001:db8:6:ffff:ffff:ffff:ffff:ffff", DROPPED),
        ("2001:db8:7::", ALLOWED),
        ("2001:db8:7:ffff:ffff:ffff:ffff:ffff", ALLOWED),
        ("2001:db8:8::", DROPPED),
        ("2001:db8:ff::1", PROTECTED),
        ("2001:db9::", None),
    ] {
        assert_eq!(said(&compiled, address, 587), [expected, None], "{address}");
    }
    let compiled = world.compile(&Protected::default(), &mut ClassInterner::new());
    for (address, expected) in [("192.0.2.6", DROPPED), ("192.0.2.7", ALLOWED), ("192.0.2.8", DROPPED)] {
        assert_eq!(said(&compiled, address, 25), [expected, None], "{address}");
    }
}

#[test]
fn special_purpose_blocks_are_protected_only_if_asked_for() {
    let world =
        World::new(&[(ListRule::of(ListAction::Drop), "8.0.0.0/8\n10.0.0.0/8\nfc00::/19\n192.168.1.1")]);
    for (special_purpose, expected) in [(true, PROTECTED), (false, DROPPED)] {
        let protected = Protected { special_purpose, ..Protected::default() };
        let compiled = world.compile(&protected, &mut ClassInterner::new());
        for address in ["10.1.2.3", "fc00::1", "192.168.1.1"] {
            assert_eq!(said(&compiled, address, 25), [expected, None], "{address}");
        }
        assert_eq!(said(&compiled, "8.8.8.8", 25), [DROPPED, None]);
    }
}

#[test]
fn rules_alone_change_only_what_classes_mean() {
    let mut world = World::new(&[
        (ListRule::of(ListAction::Drop), "192.0.2.0/24"),
        (ListRule::of(ListAction::Observe), "192.0.2.7"),
    ]);
    let protected = Protected { own_servers: nets(&["192.0.2.25/32"]), ..Protected::default() };
    let mut interner = ClassInterner::new();
    let mut compiled = world.compile(&protected, &mut interner);
    interner.retire();
    world.rules[1] = ListRule {
        action: ListAction::Allow,
        applies: Applies::Both,
        ports: PortChoice::Only(vec![25]),
        ..ListRule::default()
    };
    compiled.rules = classes_only(&interner, &world.placed(), judged(&ports()), AnswerPlaces::default())
        .expect("few groups");
    let anew = world.compile(&protected, &mut interner);
    assert_eq!(compiled.rules, anew.rules);
    assert_eq!((&compiled.v4, &compiled.v6), (&anew.v4, &anew.v6));
    assert_eq!(said(&compiled, "192.0.2.7", 25), [ALLOWED, ALLOWED]);
    assert_eq!(said(&compiled, "192.0.2.7", 587), [DROPPED, None]);
    assert_eq!(said(&compiled, "192.0.2.25", 25), [PROTECTED, None]);
}

#[test]
fn more_groups_of_ports_than_rules_are_an_error() {
    let only = |port| ListRule { ports: PortChoice::Only(vec![port]), ..ListRule::default() };
    let world = World::new(&[
        (only(1), "192.0.2.1"),
        (only(2), "192.0.2.2"),
        (only(3), "192.0.2.3"),
        (only(4), "192.0.2.4"),
    ]);
    let ports = Ports { guarded: vec![1, 2, 3, 4, 5], watched: vec![25] };
    let mut interner = ClassInterner::new();
    let error = compile(&world.placed(), &Protected::default(), judged(&ports), &mut interner)
        .expect_err("five groups");
    assert!(error.to_string().contains("more than 4 different groups"), "{error}");
}

#[test]
fn all_places_can_be_in_use() {
    let texts: Vec<String> = (0..120).map(|n| format!("192.0.{n}.0/24\n198.51.100.7")).collect();
    let lists: Vec<(ListRule, &str)> =
        texts.iter().map(|text| (ListRule::of(ListAction::Drop), text.as_str())).collect();
    let world = World::new(&lists);
    let mut interner = ClassInterner::new();
    let compiled = world.compile(&Protected { special_purpose: true, ..Protected::default() }, &mut interner);
    let all = ((1 << 120) - 1) | crate::policy::ProtectedKind::SpecialPurpose.slot().bit();
    assert!(interner.class_of(all).is_some(), "198.51.100.7 is on all lists, and special");
    assert_eq!(said(&compiled, "192.0.119.1", 25), [DROPPED, None]);
}
