//! Anything may happen, in any order: what must hold does.

use proptest::prelude::*;

use super::*;
use crate::config::Lookups;

const ZONES: [&str; 3] = ["a.example", "b.example", "allow.example"];

#[derive(Clone, Debug)]
enum Step {
    Ask(u16),
    Advance(u64),
    Behave(usize, u8),
    Latency(usize, u64),
    Forget(u16),
    Weigh(i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (0_u16..40).prop_map(Step::Ask),
        4 => (0_u64..4000).prop_map(|ms| Step::Advance(ms * MS)),
        1 => (0_u64..900).prop_map(|s| Step::Advance(s * S)),
        2 => (0..3_usize, 0_u8..9).prop_map(|(zone, manner)| Step::Behave(zone, manner)),
        2 => (0..3_usize, 0_u64..3000).prop_map(|(zone, ms)| Step::Latency(zone, ms * MS)),
        1 => (0_u16..40).prop_map(Step::Forget),
        1 => (1_i32..4).prop_map(Step::Weigh),
    ]
}

fn manner(number: u8) -> Manner {
    let answer = |answer| Ok(Records::A { addresses: vec![Ipv4Addr::from(answer)], ttl_s: 120 });
    match number {
        0 => Manner::Silent,
        1 => Manner::Always(Err(Fault::ServFail)),
        2 => Manner::Always(answer([203, 0, 113, 80])),
        3 => Manner::ToSources(answer([127, 255, 255, 254])),
        4 => Manner::ToSources(Err(Fault::Timeout)),
        _ => Manner::Answers,
    }
}

fn config(weight: i32) -> Dnsbl {
    let lookups = Lookups { in_flight: 3, queue: 4, cache_entries: 10, ..Lookups::default() };
    let zones = vec![weighing(ZONES[0], weight), zone(ZONES[1]), weighing(ZONES[2], -1)];
    Dnsbl { lookups, ..dnsbl(zones, &[1, 2]) }
}

/// Which of the zones list a source, if they say what is true.
fn truth(number: u16) -> u32 {
    u32::from(number) % 8
}

fn world() -> World {
    let mut world = World::new(&config(2));
    for number in 0..40 {
        for entry in bits(truth(number)) {
            world.list(ZONES[entry], source(number), &[code(2)]);
        }
    }
    world
}

fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Ask(number) => world.ask(source(number)),
        Step::Advance(ns) => world.advance(ns),
        Step::Behave(zone, number) => world.zone(ZONES[zone]).manner = manner(number),
        Step::Latency(zone, ns) => world.zone(ZONES[zone]).latency_ns = ns,
        Step::Forget(number) => {
            world.engine.forget(Some(source(number)));
            world.advance(0);
        }
        Step::Weigh(weight) => {
            let now = world.now();
            world.engine.set_plan(Arc::new(Plan::new(&config(weight), &groups())), now);
            world.advance(0);
        }
    }
}

/// What holds at any time.
fn check(world: &World) -> Result<(), TestCaseError> {
    let view = world.engine.view();
    prop_assert!(view.asks.in_flight <= 3 && view.asks.waiting <= 4 && view.cache.entries <= 10);
    prop_assert_eq!(view.cache.entries, world.kernel.len() as u64, "the kernel has what is kept");
    for (address, known) in &world.kernel {
        let kept = world.engine.cached(*address);
        prop_assert_eq!(kept.map(|kept| (kept.until_ns, kept.kind)), Some((known.until_ns, known.kind)));
    }
    prop_assert!(world.engine.next_wakeup().is_some_and(|next| next > world.now_ns));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn bounds_hold_nobody_is_stopped_wrongly_and_all_get_well(steps in proptest::collection::vec(step(), 1..120)) {
        let mut world = world();
        for step in &steps {
            world.verdicts.clear();
            take(&mut world, step);
            check(&world)?;
            for verdict in &world.verdicts {
                let number = (0..40).find(|number| source(*number) == verdict.address).expect("known");
                prop_assert_eq!(verdict.listed & !truth(number), 0, "what no zone says is not in it");
                let findings = Findings { listed: truth(number), unknown: 0 };
                let just = evaluate(&world.engine.plan, verdict.address, findings, 0, 0);
                let reached = |scored: &Scored| scored.groups.map(|reached| reached.map(|at| at.threshold));
                let (done, deserved) = (reached(verdict), reached(&just));
                let fair = done.iter().zip(deserved).all(|(done, deserved)| *done <= deserved);
                prop_assert!(fair, "no worse than if all zones had answered: {:?}", verdict);
            }
        }
        for zone in ZONES {
            world.zone(zone).manner = Manner::Answers;
            world.zone(zone).latency_ns = 0;
        }
        world.advance(3700 * S);
        prop_assert_eq!(world.engine.view().asks.in_flight + world.engine.view().asks.waiting, 0);
        for number in 0..40 {
            world.ask(source(number));
            let known = world.engine.cached(source(number)).expect("a verdict");
            prop_assert_eq!((known.listed, known.unknown), (truth(number), 0));
        }
    }
}
