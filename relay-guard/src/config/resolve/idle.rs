//! Keys that are fine by themselves and do nothing, because the action is not one that they are about.

use crate::config::raw::{self, Manner};
use crate::config::resolved::{ContainmentStep, IdleKeys, ListAction, ListConfig, StepAction, Threshold};
use crate::inspect::signals::Rule;
use crate::policy::Limit;

/// Those of a list.
pub(super) fn of_list(raw: &raw::List, list: &ListConfig) -> Option<IdleKeys> {
    let mut actions = vec![list.action];
    for (_, action) in &list.actions {
        if !actions.contains(action) {
            actions.push(*action);
        }
    }
    let of = format!("list {}", list.name);
    idle(of, Manner::from(raw), raw.info_url.is_some(), &actions, list.answers.inbound.limit)
}

/// Those of a threshold.
pub(super) fn of_threshold(raw: &raw::Threshold, threshold: &Threshold) -> Option<IdleKeys> {
    let of = format!("threshold {}", threshold.score);
    idle(of, Manner::from(raw), false, &[threshold.action.into()], threshold.limit())
}

fn idle(
    of: String,
    raw: Manner<'_>,
    has_url: bool,
    actions: &[ListAction],
    limit: Limit,
) -> Option<IdleKeys> {
    let limits = actions.contains(&ListAction::Limit);
    let about_refusals = written([
        ("refuse_at", raw.refuse_at.is_some()),
        ("refuse_with", raw.refuse_with.is_some()),
        ("text", raw.text.is_some()),
        ("info_url", has_url),
    ]);
    let about_limits = written([
        ("limit_per_minute", raw.limit_per_minute.is_some()),
        ("limit_burst", raw.limit_burst.is_some()),
        ("limit_prefix_v4", raw.limit_prefix_v4.is_some()),
        ("limit_prefix_v6", raw.limit_prefix_v6.is_some()),
        ("limit_then", raw.limit_then.is_some()),
    ]);
    let mut keys = Vec::new();
    let mut meant = "action = \"refuse\"";
    if !actions.iter().any(|action| action.refuses(limit)) {
        keys.extend(about_refusals);
        if limits {
            meant = "limit_then = \"refuse\"";
        }
    }
    if !limits {
        let before = keys.len();
        keys.extend(about_limits);
        if keys.len() > before {
            meant = "action = \"limit\"";
        }
    }
    let because = because(actions, limit);
    (!keys.is_empty()).then_some(IdleKeys { of, keys, because, meant })
}

/// Those of a step of containment.
pub(super) fn of_step(raw: &raw::Step, step: &ContainmentStep) -> Option<IdleKeys> {
    let of = format!("containment {}", step.score);
    match step.action {
        StepAction::Contain(action) => {
            idle(of, Manner::from(raw), false, &[action.into()], step.answer.limit)
        }
        StepAction::Report => {
            let keys: Vec<_> = written([
                ("for", raw.lasts.is_some()),
                ("refuse_at", raw.refuse_at.is_some()),
                ("refuse_with", raw.refuse_with.is_some()),
                ("text", raw.text.is_some()),
                ("limit_per_minute", raw.limit_per_minute.is_some()),
                ("limit_burst", raw.limit_burst.is_some()),
                ("limit_then", raw.limit_then.is_some()),
            ])
            .collect();
            let because = "its action is report".to_owned();
            let meant = "action = \"refuse\" or \"limit\"";
            (!keys.is_empty()).then_some(IdleKeys { of, keys, because, meant })
        }
    }
}

/// Those of a signal.
pub(super) fn of_signal(name: &str, raw: &raw::Signal, rule: Rule) -> Option<IdleKeys> {
    let keys: Vec<_> = written([("from", raw.from.is_some()), ("at", raw.at.is_some())]).collect();
    let because = "its weight is 0".to_owned();
    let of = format!("signal {name}");
    (rule.weight == 0 && !keys.is_empty()).then_some(IdleKeys { of, keys, because, meant: "another weight" })
}

fn written<const N: usize>(keys: [(&'static str, bool); N]) -> impl Iterator<Item = &'static str> {
    keys.into_iter().filter_map(|(key, is_written)| is_written.then_some(key))
}

/// What is done instead.
fn because(actions: &[ListAction], limit: Limit) -> String {
    let name = |action: &ListAction| match action {
        ListAction::Limit => format!("limit, then {}", limit.then.name()),
        other => other.name().to_owned(),
    };
    match actions {
        [action] => format!("its action is {}", name(action)),
        several => {
            let names: Vec<_> = several.iter().map(name).collect();
            format!("its actions are {}", names.join(" and "))
        }
    }
}
