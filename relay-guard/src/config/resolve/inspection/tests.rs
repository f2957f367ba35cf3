use std::path::Path;

use relay_guard_common::respond::response::Stage;

use super::*;
use crate::config::{self, Config, ConfigError, Envelopes};

const EXAMPLE: &str = include_str!("../../../../relay-guard.example.toml");

fn with(text: &str) -> Result<Config, ConfigError> {
    config::parse(&format!("interfaces.inside = [\"eth0\"]\n{text}"), Path::new("/guard.toml"))
}

fn inspection(text: &str) -> Inspection {
    with(text).expect(text).inspection
}

#[test]
fn defaults_tell_then_slow_down_then_stop() {
    let found = inspection("");
    assert!(found.enabled && !found.inbound && !found.contain_mail_servers);
    assert_eq!((found.window, found.half_life), (Duration::from_secs(60), Duration::from_secs(1800)));
    assert_eq!((found.envelopes, found.weights), (Envelopes::Plain, Weights::default()));
    let steps: Vec<_> = found.steps.iter().map(|step| (step.score, step.action.name(), step.lasts)).collect();
    assert_eq!(steps, [(50, "report", HOUR), (75, "limit", HOUR), (100, "refuse", HOUR)]);
    let expected = Limit { per_minute: 10, burst: 10, prefix_v4: 32, prefix_v6: 128, then: Action::Refuse };
    assert_eq!(found.steps[1].answer.limit, expected);
    assert!(found.steps[2].answer.text.with("10.0.0.1").contains("may not send mail directly"));
}

#[test]
fn the_example_shows_every_signal() {
    for signal in Signal::ALL {
        let name = signal.name();
        let shown = [format!("\n{name} = {{ weight = "), format!("\n[signals.{name}]")];
        assert!(shown.iter().any(|line| EXAMPLE.contains(line)), "{name} is not in the example");
    }
}

#[test]
fn signals_take_what_is_written_and_keep_the_rest() {
    let weights = inspection(
        "[signals]\nattempts.weight = 0\nnull-senders = { from = 99 }\n[signals.same-shape]\nat = 11",
    )
    .weights;
    assert_eq!(weights.of(Signal::Attempts), Rule { weight: 0, ..Signal::Attempts.default_rule() });
    assert_eq!(weights.of(Signal::NullSenders), Rule { from: 99, ..Signal::NullSenders.default_rule() });
    assert_eq!(weights.of(Signal::SameShape).at, 11);
    assert_eq!(weights.of(Signal::HeloChanges), Signal::HeloChanges.default_rule());
}

#[test]
fn written_steps_take_the_place_of_all_of_the_defaults() {
    let steps = inspection(
        "[[containment]]\nscore = 90\naction = \"limit\"\nfor = \"2h\"\nlimit_per_minute = 5\nlimit_burst = 2\nlimit_then = \"reset\"\n\
         [[containment]]\nscore = 10\naction = \"report\"\n\
         [[containment]]\nscore = 95\naction = \"refuse\"\nrefuse_with = \"temporary\"\nrefuse_at = \"greeting\"\ntext = \"{address}: no\"",
    )
    .steps;
    let actions: Vec<_> = steps.iter().map(|step| (step.score, step.action)).collect();
    let contain = StepAction::Contain;
    assert_eq!(
        actions,
        [(10, StepAction::Report), (90, contain(Action::Limit)), (95, contain(Action::Refuse))]
    );
    let limit = Limit { per_minute: 5, burst: 2, prefix_v4: 32, prefix_v6: 128, then: Action::Reset };
    assert_eq!((steps[1].answer.limit, steps[1].lasts), (limit, 2 * HOUR));
    let answer = &steps[2].answer;
    assert_eq!((answer.stage, answer.temporary), (Stage::Greeting, true));
    assert_eq!(answer.text.with("10.0.0.1"), "10.0.0.1: no");
    assert_eq!(steps.iter().map(ContainmentStep::refuses).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn an_empty_list_of_steps_is_as_none() {
    assert_eq!(inspection("containment = []").steps, inspection("").steps);
}

#[test]
fn actions_have_the_words_of_the_kernel() {
    for action in StepAction::ALL {
        let step = format!("[[containment]]\nscore = 1\naction = \"{}\"", action.name());
        assert_eq!(inspection(&step).steps[0].action, action);
    }
}

#[test]
fn faults_are_one_line_with_place_and_cure() {
    let many = "[[containment]]\nscore = 1\n".repeat(MAX_STEPS + 1);
    for (text, expected) in [
        (
            "[zombie]\nattempts = 1",
            "2:2: there is no key `zombie` any more; write [inspection], [signals.NAME]",
        ),
        (
            "zombie.enabled = false",
            "2:1: there is no key `zombie` any more; write [inspection], [signals.NAME]",
        ),
        ("inspection.window = \"1s\"", "2:21: \"1s\" is out of range; write 5s to 1h"),
        ("inspection.window = \"2h\"", "2:21: \"2h\" is out of range; write 5s to 1h"),
        ("inspection.window = \"soon\"", "2:21: \"soon\" is no duration; write one such as"),
        ("inspection.half_life = \"0s\"", "2:24: \"0s\" is out of range; write 1s to 7days"),
        ("inspection.envelopes = \"mask\"", "2:24: unknown word `mask`; did you mean `masked`?"),
        ("inspection.client_bytes = 0", "2:27: 0 is out of range; write a number from 1024 to"),
        (
            "inspection = { client_bytes = 4096, turn_bytes = 5000 }",
            "2:50: 5000 is more than client_bytes, 4096",
        ),
        ("[signals]\nattemps = {}", "3:1: unknown signal `attemps`; did you mean `attempts`?"),
        ("[signals.nothing]", "2:10: unknown signal `nothing`; known here: attempts, destinations, "),
        ("signals.attempts.wieght = 1", "2:18: unknown key `wieght`; did you mean `weight`?"),
        ("signals.attempts.weight = -1", "2:27: -1 is out of range; write a number from 0 to 1000"),
        ("signals.attempts = { from = 5, at = 5 }", "2:37: at (5) is not above from (5)"),
        ("signals.attempts.from = 1000", "2:25: at (240) is not above from (1000)"),
        ("signals.null-senders.at = 101", "2:27: 101 is out of range; write a number from 1 to 100"),
        ("signals.null-senders.from = 100", "2:29: 100 is out of range; write a number from 0 to 99"),
        ("[[containment]]\naction = \"drop\"", "2:1: the key `score` is missing here; add it"),
        ("[[containment]]\nscore = 0\naction = \"drop\"", "3:9: 0 is out of range; write a number from 1"),
        (
            "[[containment]]\nscore = 1",
            "3:9: nothing is done at this score; write action = \"report\", \"limit\", \"refuse\", \"reset\", \"tarpit\", \"drop\"",
        ),
        (
            "[[containment]]\nscore = 1\naction = \"observe\"",
            "4:10: unknown action \"observe\"; use one of \"report\"",
        ),
        (
            "[[containment]]\nscore = 1\naction = \"drop\"\nfor = \"0s\"",
            "5:7: \"0s\" is out of range; write 1s to 1year",
        ),
        (
            "[[containment]]\nscore = 1\naction = \"drop\"\n[[containment]]\nscore = 1\naction = \"report\"",
            "6:9: there is already a step at 1; a score has one action",
        ),
        (
            "[[containment]]\nscore = 9999\naction = \"drop\"",
            "3:9: no host can come to a score of 9999: all signals",
        ),
        (&many, "18:1: 9 entries of [[containment]]; write at most 8"),
        ("limits.capture_bytes = 1", "2:24: 1 is out of range; write a number from 65536"),
        ("limits.capture_bytes = 70000", "2:24: 70000 is no power of two; write one such as 65536 or 131072"),
        ("limits.flows = 0", "2:16: 0 is out of range; write a number from 1 to"),
        ("limits.tracked_hosts = 99999999999", "2:24: 99999999999 is out of range"),
    ] {
        let message = with(text).unwrap_err().to_string();
        assert!(message.starts_with(&format!("/guard.toml:{expected}")), "{text}\n{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn a_small_budget_makes_turns_small_too() {
    assert_eq!(inspection("inspection.client_bytes = 4096").budgets.turn_bytes, 4096);
}
