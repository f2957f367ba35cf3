use proptest::prelude::*;

use super::*;
use crate::{
    config::ListAction,
    policy::{Answers, Applies, ListRule, Text, text::Words},
};

/// The response number so much.
fn response(number: u32) -> Response {
    compose(Action::Refuse, &answer(number), &name()).expect("a refusal")
}

fn answer(number: u32) -> Answer {
    let text = Text::new(&format!("number {number}"), Words::default()).expect("a text");
    Answer { text, ..Answer::default() }
}

fn name() -> HostName {
    HostName::new("mx.example.com").expect("a name")
}

/// Writes what has to be written, as the kernel takes it.
fn write(known: &mut ResponsePlaces, kernel: &mut [Option<Response>], placement: &Placement) {
    for (place, response) in &placement.writes {
        known.writing(*place);
        kernel[usize::from(*place)] = Some(**response);
        known.wrote(*place, response);
    }
}

#[test]
fn content_keeps_its_place_and_place_0_is_everybodys() {
    let mut known = ResponsePlaces::default();
    let mut kernel = vec![None; MAX_RESPONSES];
    let [a, b, c] = [1, 2, 3].map(response);
    let first = known.place(&[a, b, a], &BTreeSet::new()).expect("room");
    assert_eq!(first.places, [1, 2, 1]);
    assert_eq!(first.writes.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 1, 2]);
    write(&mut known, &mut kernel, &first);
    assert_eq!(kernel[0], Some(generic()));
    let second = known.place(&[c, b], &BTreeSet::from([1, 2])).expect("room");
    assert_eq!(second.places, [3, 2]);
    assert_eq!(second.writes.len(), 1);
    write(&mut known, &mut kernel, &second);
    // It is still there.
    let third = known.place(&[a], &BTreeSet::from([2, 3])).expect("room");
    assert_eq!((third.places, third.writes), (vec![1], vec![]));
    // What everybody shares is nobody's own.
    let own = known.place(&[generic()], &BTreeSet::new()).expect("room");
    assert_eq!(own.places, [4]);
}

#[test]
fn a_write_that_failed_leaves_no_content_behind() {
    let mut known = ResponsePlaces::default();
    let mut kernel = vec![None; MAX_RESPONSES];
    let placement = known.place(&[response(1)], &BTreeSet::new()).expect("room");
    write(&mut known, &mut kernel, &placement);
    known.writing(1);
    let again = known.place(&[response(1)], &BTreeSet::from([1])).expect("room");
    assert_eq!((again.places.as_slice(), again.writes.len()), (&[2][..], 1));
}

#[test]
fn there_is_an_end_to_places() {
    let known = ResponsePlaces::default();
    let wanted: Vec<Response> = (0..MAX_RESPONSES as u32 - 1).map(response).collect();
    let all = known.place(&wanted, &BTreeSet::from([0])).expect("exactly as many");
    assert_eq!(all.places.iter().copied().collect::<BTreeSet<u16>>(), (1..MAX_RESPONSES as u16).collect());
    let error = known.place(&wanted, &BTreeSet::from([7])).expect_err("one is in use").to_string();
    assert!(error.contains("more than 511 different ways"), "{error}");
}

#[test]
fn lists_and_containment_name_their_responses() {
    let rule = |action, applies, inbound, outbound| ListRule {
        action,
        applies,
        answers: Answers { inbound: answer(inbound), outbound: answer(outbound) }.into(),
        ..ListRule::default()
    };
    let rules = [
        rule(ListAction::Refuse, Applies::Both, 1, 2),
        rule(ListAction::Drop, Applies::Both, 3, 4),
        rule(ListAction::Refuse, Applies::Inbound, 2, 5),
        rule(ListAction::Limit, Applies::Outbound, 6, 1),
        rule(ListAction::Allow, Applies::Both, 7, 8),
    ];
    let slot = |number: u8| ListSlot::new(number).expect("a place");
    let placed = |(number, rule)| PlacedList { slot: slot(number), rule, v4: &[], v6: &[] };
    let mut lists: Vec<PlacedList<'_>> = (50..).zip(&rules).map(placed).collect();
    lists.insert(1, lists[0]);
    let zombie = answer(9);
    let steps = [(Action::Observe, &zombie), (Action::Limit, &zombie), (Action::Refuse, &zombie)];
    let wanted = Wanted::of(&lists, &steps, &[], &name());
    let [slowed, limited] =
        [9, 1].map(|number| compose(Action::Limit, &answer(number), &name()).expect("a limit"));
    let expected = [slowed, response(9), response(1), response(2), response(2), limited];
    assert_eq!(wanted.responses, expected);
    let Given { lists: answers, containment, thresholds } = wanted.at(&[9, 10, 11, 12, 12, 13]);
    assert_eq!(thresholds, ThresholdRules::default());
    assert_eq!(containment, [(Action::Observe, 0), (Action::Limit, 9), (Action::Refuse, 10)]);
    let named: Vec<_> =
        (50..55).map(|number| (answers.inbound(slot(number)), answers.outbound(slot(number)))).collect();
    assert_eq!(named, [(11, 12), (0, 0), (12, 0), (0, 13), (0, 0)]);
    let silent = Wanted::of(&lists[..0], &[(Action::Drop, &zombie)], &[], &name()).at(&[]);
    assert_eq!((silent.lists, silent.containment), (AnswerPlaces::default(), vec![(Action::Drop, 0)]));
}

#[test]
fn thresholds_name_a_response_for_each_zone() {
    let threshold = |score, action, numbers: &[u32]| Threshold {
        score,
        action,
        answers: numbers.iter().map(|number| answer(*number)).collect(),
    };
    let thresholds = [
        threshold(1, Action::Observe, &[1, 2]),
        threshold(2, Action::Refuse, &[3, 4]),
        threshold(5, Action::Limit, &[3, 3]),
    ];
    let wanted = Wanted::of(&[], &[(Action::Drop, &answer(9))], &thresholds, &name());
    let limited = compose(Action::Limit, &answer(3), &name()).expect("a limit");
    assert_eq!(wanted.responses, [response(3), response(4), limited, limited]);
    let rules = wanted.at(&[20, 21, 22, 22]).thresholds;
    let named = |threshold, zone| rules.rule(threshold, zone).map(|rule| (rule.action, rule.param));
    let expected = [
        [(Action::Observe, 0), (Action::Observe, 0)],
        [(Action::Refuse, 20), (Action::Refuse, 21)],
        [(Action::Limit, 22), (Action::Limit, 22)],
    ];
    for (threshold, zones) in (0..).zip(expected) {
        for (zone, (action, place)) in (0..).zip(zones) {
            assert_eq!(named(threshold, zone), Some((action as u8, place)), "{threshold} {zone}");
        }
    }
    assert_eq!((named(3, 0), named(0, 2)), (None, None));
    assert_eq!(rules.places().collect::<BTreeSet<_>>(), BTreeSet::from([0, 20, 21, 22]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Configurations come and go, and now and then a change stops half-way: whoever names a place finds there what it
    /// meant, at every moment.
    #[test]
    fn no_place_in_use_is_rewritten(
        changes in prop::collection::vec((prop::collection::vec(0_u32..40, 0..12), any::<bool>(), 0_usize..12), 1..40),
        foreign in prop::collection::btree_set(1_u16..MAX_RESPONSES as u16, 0..40),
    ) {
        let responses: Vec<Response> = (0..40).map(response).collect();
        let mut known = ResponsePlaces::default();
        // What an earlier daemon left is named, and nobody knows what it says.
        let mut kernel: Vec<Option<Response>> = vec![None; MAX_RESPONSES];
        let mut named: Vec<(u16, Option<Response>)> = foreign.iter().map(|place| (*place, None)).collect();
        for (numbers, completed, writes) in changes {
            let wanted: Vec<Response> = numbers.iter().map(|number| responses[*number as usize]).collect();
            let in_use: BTreeSet<u16> = named.iter().map(|(place, _)| *place).collect();
            let mut placement = known.place(&wanted, &in_use).expect("room");
            prop_assert_eq!(placement.places.len(), wanted.len());
            if !completed {
                placement.writes.truncate(writes);
            }
            write(&mut known, &mut kernel, &placement);
            for (place, meant) in &named {
                prop_assert_eq!(kernel[usize::from(*place)], *meant, "place {} is in use", place);
            }
            if completed {
                named = placement.places.iter().copied().zip(wanted.iter().copied().map(Some)).collect();
                prop_assert!(named.iter().all(|(place, _)| *place != 0));
                for (place, meant) in &named {
                    prop_assert_eq!(kernel[usize::from(*place)], *meant, "place {} is not written", place);
                }
            }
        }
    }
}
