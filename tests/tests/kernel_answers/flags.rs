//! Every combination of flags, against the model.

use super::case::{Case, case};
use super::model::Model;
use super::run;
use super::segment::{NEVER_SENT, Segment};
use super::world::{GREETED, REFUSED, RESET, SAID, TARPITTED, with_world};

fn combinations() -> Vec<Case> {
    let mut cases = Vec::new();
    for who in [REFUSED, GREETED, RESET, TARPITTED] {
        for acknowledgement in [1, SAID, NEVER_SENT] {
            for payload in ["", "RCPT TO:<a@b>\r\n"] {
                let segment = Segment::data(acknowledgement, payload);
                cases.extend((0..=u8::MAX).map(|flags| {
                    let segment = segment.clone().flags(flags);
                    let (expect, steps) = Model::default().react(who.action(), &who.texts(), 25, &segment);
                    let what = format!("{who:?}, flags {flags:08b}, {acknowledgement}, {payload:?}");
                    case(what, who, segment, expect, steps)
                }));
            }
        }
    }
    cases
}

#[test]
fn every_combination_of_flags_goes_as_the_model_says() {
    // Each in one family: the dialogue is the same in both.
    let in_a_family = |(number, case): (usize, Case)| {
        if (number / 256 + number).is_multiple_of(2) { case.v4() } else { case.v6() }
    };
    let cases: Vec<Case> = combinations().into_iter().enumerate().map(in_a_family).collect();
    with_world(|mut world| run::all(&mut world, &cases));
}
