//! Thresholds: what a score comes to.

use relay_guard_common::action::Action;
use toml::Spanned;

use super::answers::{Defaults, limit_of, of_zone};
use super::idle::of_threshold;
use super::values::number;
use crate::config::error::Fault;
use crate::config::raw::{self, Manner, Text};
use crate::config::resolved::{Dnsbl, IdleKeys, ListAction, MAX_THRESHOLDS, Ports, Threshold, ZoneConfig};
use crate::policy::{Answer, Limit};

const MAX_SCORE: i32 = 10_000;

/// The thresholds, lowest first. `dnsbl` has the zones.
pub(super) fn thresholds(
    raw: &[Spanned<raw::Threshold>],
    dnsbl: &Dnsbl,
    judged: &Ports,
    defaults: &Defaults<'_>,
) -> Result<Vec<Threshold>, Fault> {
    if let Some(beyond) = raw.get(MAX_THRESHOLDS) {
        let message = format!("{} entries of [[thresholds]]; write at most {MAX_THRESHOLDS}", raw.len());
        return Err(Fault::new(beyond.span(), message));
    }
    let mut thresholds: Vec<Threshold> = Vec::with_capacity(raw.len());
    for raw in raw {
        let raw = raw.get_ref();
        let threshold = threshold(raw, &dnsbl.zones, defaults)?;
        if thresholds.iter().any(|known| known.score == threshold.score) {
            let message =
                format!("there is already a threshold of {}; a score has one action", threshold.score);
            return Err(Fault::new(raw.score.span(), message));
        }
        let highest = highest_score(dnsbl, judged);
        if threshold.score > highest {
            let cure = match highest {
                0 => "write a zone with a positive weight".to_owned(),
                most => format!("write {most} or less"),
            };
            let message = format!(
                "no source can come to a score of {}: all that zones weigh together at a port is {highest}; {cure}",
                threshold.score
            );
            return Err(Fault::new(raw.score.span(), message));
        }
        thresholds.push(threshold);
    }
    thresholds.sort_unstable_by_key(|threshold| threshold.score);
    Ok(thresholds)
}

/// What of them does nothing, in the order of the file.
pub(super) fn idle(raw: &[Spanned<raw::Threshold>], resolved: &[Threshold]) -> Vec<IdleKeys> {
    let of = |raw: &raw::Threshold| {
        let threshold = resolved.iter().find(|known| i64::from(known.score) == *raw.score.get_ref())?;
        of_threshold(raw, threshold)
    };
    raw.iter().filter_map(|raw| of(raw.get_ref())).collect()
}

/// Whatever the family and port.
fn highest_score(dnsbl: &Dnsbl, judged: &Ports) -> i32 {
    let at = |port: &u16| dnsbl.highest_score(true, *port).max(dnsbl.highest_score(false, *port));
    judged.guarded.iter().map(at).max().unwrap_or(0)
}

fn threshold(
    raw: &raw::Threshold,
    zones: &[ZoneConfig],
    defaults: &Defaults<'_>,
) -> Result<Threshold, Fault> {
    let score = number(Some(&raw.score), 1, 1, MAX_SCORE)?;
    let Some(word) = &raw.action else {
        let message = format!("nothing is done at this score; write action = {}", names().join(", "));
        return Err(Fault::new(raw.score.span(), message));
    };
    let action = action(word)?;
    let manner = Manner::from(raw);
    let limit = limit_of(manner)?;
    let used = ListAction::from(action).refuses(limit);
    let answer = |zone: &ZoneConfig| said(zone, manner, limit, used, defaults);
    Ok(Threshold { score, action, answers: zones.iter().map(answer).collect::<Result<_, _>>()? })
}

/// In the name of a zone. One that vouches for sources is never a reason to refuse them.
fn said(
    zone: &ZoneConfig,
    manner: Manner<'_>,
    limit: Limit,
    used: bool,
    defaults: &Defaults<'_>,
) -> Result<Answer, Fault> {
    if zone.weight < 0 {
        let manner = Manner { text: None, ..manner };
        return of_zone(manner, limit, (&zone.name, None), false, defaults);
    }
    of_zone(manner, limit, (&zone.name, zone.info_url.as_ref()), used, defaults)
}

/// What can be done at a score: all but to let pass whatever lists say.
fn actions() -> impl Iterator<Item = (&'static str, Action)> {
    ListAction::ALL.into_iter().filter_map(|action| Some((action.name(), action.acts()?)))
}

fn names() -> Vec<String> {
    actions().map(|(name, _)| format!("{name:?}")).collect()
}

fn action(raw: &Text) -> Result<Action, Fault> {
    let known = actions().find(|(name, _)| name == raw.get_ref());
    known.map(|(_, action)| action).ok_or_else(|| {
        let message = format!("unknown action {:?}; use one of {}", raw.get_ref(), names().join(", "));
        Fault::new(raw.span(), message)
    })
}
