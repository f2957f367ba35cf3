//! Keys that are fine by themselves and do nothing, because the action is not one that they are about.

use relay_guard_common::action::Action;

use crate::config::raw::{self, Manner};
use crate::config::resolved::{IdleKeys, ListAction, ListConfig, Threshold, Zombie};
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

/// Those of zombies.
pub(super) fn of_zombie(raw: &raw::Zombie, zombie: &Zombie) -> Option<IdleKeys> {
    let keys: Vec<_> = written([
        ("limit_per_minute", raw.limit_per_minute.is_some()),
        ("limit_burst", raw.limit_burst.is_some()),
        ("limit_then", raw.limit_then.is_some()),
    ])
    .collect();
    let idle = zombie.action != Action::Limit && !keys.is_empty();
    let because = because(&[zombie.action.into()], zombie.answer.limit);
    idle.then(|| IdleKeys { of: "zombie".to_owned(), keys, because, meant: "action = \"limit\"" })
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
