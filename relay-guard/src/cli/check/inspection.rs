//! What `check` says of inspection and containment.

use relay_guard_common::respond::IMPLICIT_TLS_PORT;
use serde::Serialize;

use super::super::output;
use crate::config::{Config, ContainmentStep, Mode, StepAction};

#[derive(Serialize)]
pub(super) struct StepReport {
    score: u32,
    action: &'static str,
    for_s: Option<u64>,
}

pub(super) fn steps(config: &Config) -> Vec<StepReport> {
    if !config.inspection.enabled {
        return Vec::new();
    }
    let report = |step: &ContainmentStep| StepReport {
        score: step.score,
        action: step.action.name(),
        for_s: contains(step).then_some(step.lasts.as_secs()),
    };
    config.inspection.steps.iter().map(report).collect()
}

fn contains(step: &ContainmentStep) -> bool {
    step.action != StepAction::Report
}

/// How strong an action is, among those of steps.
fn strength(step: &ContainmentStep) -> usize {
    StepAction::ALL.iter().position(|action| *action == step.action).unwrap_or(0)
}

/// Steps that do not do what their place says.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let inspection = &config.inspection;
    if !inspection.enabled {
        return Vec::new();
    }
    let pairs = inspection.steps.iter().zip(inspection.steps.iter().skip(1));
    pairs.filter_map(|(lower, higher)| wrong_order(lower, higher)).collect()
}

/// Whether who does worse fares better.
fn wrong_order(lower: &ContainmentStep, higher: &ContainmentStep) -> Option<String> {
    let (name, before) = (higher.action.name(), lower.action.name());
    if contains(lower) && !contains(higher) {
        return Some(format!(
            "containment {}: it only reports, but who comes there is contained by {before} at {} already; take it out, or write \
             another action",
            higher.score, lower.score
        ));
    }
    if strength(higher) < strength(lower) {
        return Some(format!(
            "containment {}: {name} is weaker than {before} at {}; let worse hosts fare worse",
            higher.score, lower.score
        ));
    }
    (contains(lower) && higher.lasts < lower.lasts).then(|| {
        format!(
            "containment {}: it ends after {}, sooner than that at {}",
            higher.score,
            output::duration(higher.lasts.as_secs()),
            lower.score
        )
    })
}

/// What is as it should be, and perhaps not as it is expected.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let inspection = &config.inspection;
    let contains = inspection.steps.iter().any(contains);
    let off = "inspection is off: inside hosts are counted, not judged".to_owned();
    let observing = "mode is observe: hosts are judged, and none is contained".to_owned();
    let outside = "no inside interface: only this machine's own mail is inspected".to_owned();
    let tls = format!(
        "port {IMPLICIT_TLS_PORT} begins with TLS: of sessions there, only how many they are is seen"
    );
    let none = "no step of [[containment]] does more than report".to_owned();
    if !inspection.enabled {
        return vec![off];
    }
    [
        (config.mode == Mode::Observe && contains, observing),
        (!contains, none),
        (config.interfaces.inside.is_empty(), outside),
        (config.ports.watched.contains(&IMPLICIT_TLS_PORT), tls),
    ]
    .into_iter()
    .filter_map(|(holds, note)| holds.then_some(note))
    .collect()
}

pub(super) fn print(steps: &[StepReport]) {
    let told: Vec<String> =
        steps.iter().map(|step| format!("{} from a score of {} on", step.action, step.score)).collect();
    if !told.is_empty() {
        output::line(format!("  inside hosts: {}", told.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn read(text: &str) -> Config {
        let text = format!("interfaces.inside = [\"eth0\"]\n{text}");
        config::parse(&text, Path::new("/guard.toml")).expect(&text)
    }

    fn step(score: u32, action: &str, lasts: &str) -> String {
        let lasts = if lasts.is_empty() { String::new() } else { format!("for = \"{lasts}\"\n") };
        format!("[[containment]]\nscore = {score}\naction = \"{action}\"\n{lasts}")
    }

    #[test]
    fn the_defaults_are_in_order() {
        let config = read("mode = \"enforce\"\n");
        assert_eq!(warnings(&config), Vec::<String>::new());
        assert_eq!(notes(&config), Vec::<String>::new());
        let json = serde_json::to_string(&steps(&config)).expect("JSON");
        assert!(json.starts_with("[{\"score\":50,\"action\":\"report\",\"for_s\":null}"), "{json}");
        assert!(json.ends_with("{\"score\":100,\"action\":\"refuse\",\"for_s\":3600}]"), "{json}");
    }

    #[test]
    fn steps_by_which_worse_hosts_fare_better_are_told() {
        for (steps, expected) in [
            (
                [step(50, "refuse", ""), step(70, "limit", "")],
                Some("containment 70: limit is weaker than refuse at 50; let worse hosts fare worse"),
            ),
            ([step(50, "limit", ""), step(70, "report", "")], Some("containment 70: it only reports, but")),
            (
                [step(50, "limit", "2h"), step(70, "drop", "1h")],
                Some("containment 70: it ends after 1h, sooner"),
            ),
            ([step(50, "limit", "1h"), step(70, "drop", "1h")], None),
            ([step(50, "report", ""), step(70, "drop", "1s")], None),
            ([step(70, "drop", "1h"), step(50, "limit", "1m")], None),
        ] {
            let found = warnings(&read(&steps.concat()));
            assert_eq!(found.len(), usize::from(expected.is_some()), "{steps:?} {found:?}");
            assert!(expected.is_none_or(|expected| found[0].starts_with(expected)), "{found:?}");
            let off = format!("inspection.enabled = false\n{}", steps.concat());
            assert_eq!(warnings(&read(&off)), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_not_looked_at_is_noted() {
        for (text, expected) in [
            ("inspection.enabled = false", "inspection is off"),
            ("mode = \"observe\"", "mode is observe: hosts are judged"),
            (
                "mode = \"enforce\"\n[[containment]]\nscore = 1\naction = \"report\"",
                "no step of [[containment]]",
            ),
            ("mode = \"enforce\"\nports.watched = [25, 465]", "port 465 begins with TLS"),
        ] {
            let notes = notes(&read(text));
            assert!(matches!(&notes[..], [note] if note.starts_with(expected)), "{text}: {notes:?}");
        }
        let outside =
            config::parse("mode = \"enforce\"\ninterfaces.outside = [\"eth0\"]", Path::new("/x.toml"));
        assert!(notes(&outside.expect("good"))[0].starts_with("no inside interface"));
    }
}
