//! Inspection: what is looked at, how signals weigh, and what scores come to.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_guard_common::action::Action;
use toml::Spanned;

use super::answers::{self, Defaults, limit_of};
use super::idle::{of_signal, of_step};
use super::values::{duration, number};
use crate::config::error::{Fault, unknown};
use crate::config::raw::{self, Manner, Text};
use crate::config::resolved::{Budgets, ContainmentStep, IdleKeys, Inspection, MAX_STEPS, StepAction};
use crate::inspect::signals::{Rule, Signal, Unit, Weights};
use crate::policy::Limit;

/// A window must be long enough to count in and short enough to act on.
const WINDOW: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
const HALF_LIFE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(7 * 24 * 3600));
/// Containing for longer than a year is a mistake; a block by hand can be for good.
const LASTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(366 * 24 * 3600));
const HOUR: Duration = Duration::from_secs(3600);
/// Below this, not even an envelope fits.
const LEAST_BUDGET: u32 = 1 << 10;
const MOST_BUDGET: u32 = 1 << 30;
const MAX_WEIGHT: u32 = 1000;
const MAX_FIGURE: u32 = 1_000_000_000;
const MAX_SCORE: u32 = 10_000;

/// `[inspection]`, `[signals]` and `[[containment]]`.
pub(super) fn inspection(
    (raw, signals, steps): (&raw::Inspection, &BTreeMap<Text, raw::Signal>, &[Spanned<raw::Step>]),
    defaults: &Defaults<'_>,
) -> Result<Inspection, Fault> {
    let weights = weights(signals)?;
    Ok(Inspection {
        enabled: raw.enabled.unwrap_or(true),
        inbound: raw.inbound.unwrap_or(false),
        window: duration(raw.window.as_ref(), Duration::from_secs(60), WINDOW)?,
        half_life: duration(raw.half_life.as_ref(), Duration::from_secs(30 * 60), HALF_LIFE)?,
        envelopes: raw.envelopes,
        contain_mail_servers: raw.contain_mail_servers.unwrap_or(false),
        budgets: budgets(raw)?,
        steps: self::steps(steps, weights.highest_score(), defaults)?,
        weights,
    })
}

fn budgets(raw: &raw::Inspection) -> Result<Budgets, Fault> {
    let default = Budgets::default();
    let octets = |raw: Option<&raw::Number>, default| number(raw, default, LEAST_BUDGET, MOST_BUDGET);
    let client_bytes = octets(raw.client_bytes.as_ref(), default.client_bytes)?;
    let server_bytes = octets(raw.server_bytes.as_ref(), default.server_bytes)?;
    let turn_bytes = octets(raw.turn_bytes.as_ref(), default.turn_bytes.min(client_bytes))?;
    match &raw.turn_bytes {
        Some(turn) if turn_bytes > client_bytes => {
            let message =
                format!("{turn_bytes} is more than client_bytes, {client_bytes}; write that or less");
            Err(Fault::new(turn.span(), message))
        }
        _ => Ok(Budgets { client_bytes, server_bytes, turn_bytes }),
    }
}

fn weights(raw: &BTreeMap<Text, raw::Signal>) -> Result<Weights, Fault> {
    let mut weights = Weights::default();
    for (name, raw) in raw {
        let Some(signal) = Signal::named(name.get_ref()) else {
            let known = Signal::ALL.map(Signal::name);
            return Err(Fault::new(name.span(), unknown("signal", name.get_ref(), &known)));
        };
        weights.set(signal, rule(signal, name, raw)?);
    }
    Ok(weights)
}

fn rule(signal: Signal, name: &Text, raw: &raw::Signal) -> Result<Rule, Fault> {
    let default = signal.default_rule();
    let most = if signal.unit() == Unit::Percent { 100 } else { MAX_FIGURE };
    let from = number(raw.from.as_ref(), default.from, 0, most - 1)?;
    let at = number(raw.at.as_ref(), default.at, 1, most)?;
    if at <= from {
        let place = raw.at.as_ref().or(raw.from.as_ref()).map_or(name.span(), Spanned::span);
        let message = format!("at ({at}) is not above from ({from}); the whole weight counts from `at` on");
        return Err(Fault::new(place, message));
    }
    Ok(Rule { weight: number(raw.weight.as_ref(), default.weight, 0, MAX_WEIGHT)?, from, at })
}

/// The steps, lowest first. `highest` is the score that a host can come to.
fn steps(
    raw: &[Spanned<raw::Step>],
    highest: u32,
    defaults: &Defaults<'_>,
) -> Result<Vec<ContainmentStep>, Fault> {
    if let Some(beyond) = raw.get(MAX_STEPS) {
        let message = format!("{} entries of [[containment]]; write at most {MAX_STEPS}", raw.len());
        return Err(Fault::new(beyond.span(), message));
    }
    if raw.is_empty() {
        return default_steps(defaults);
    }
    let mut steps: Vec<ContainmentStep> = Vec::with_capacity(raw.len());
    for raw in raw {
        let raw = raw.get_ref();
        let step = step(raw, defaults)?;
        let fault = |message: String| Err(Fault::new(raw.score.span(), message));
        if steps.iter().any(|known| known.score == step.score) {
            return fault(format!("there is already a step at {}; a score has one action", step.score));
        }
        if step.score > highest {
            return fault(format!(
                "no host can come to a score of {}: all signals weigh {highest} together; write that or less",
                step.score
            ));
        }
        steps.push(step);
    }
    steps.sort_unstable_by_key(|step| step.score);
    Ok(steps)
}

/// What scores come to where nothing is written about it: tell, slow down, stop.
fn default_steps(defaults: &Defaults<'_>) -> Result<Vec<ContainmentStep>, Fault> {
    let limit = Limit { per_minute: 10, ..each_host(Limit::default()) };
    let said = |limit| answers::of_step(Manner::default(), limit, defaults);
    let step = |score, action, answer| ContainmentStep { score, action, lasts: HOUR, answer };
    Ok(vec![
        step(50, StepAction::Report, said(each_host(Limit::default()))?),
        step(75, StepAction::Contain(Action::Limit), said(limit)?),
        step(100, StepAction::Contain(Action::Refuse), said(each_host(Limit::default()))?),
    ])
}

fn step(raw: &raw::Step, defaults: &Defaults<'_>) -> Result<ContainmentStep, Fault> {
    let score = number(Some(&raw.score), 1, 1, MAX_SCORE)?;
    let Some(word) = &raw.action else {
        let message = format!("nothing is done at this score; write action = {}", names().join(", "));
        return Err(Fault::new(raw.score.span(), message));
    };
    let manner = Manner::from(raw);
    let limit = each_host(limit_of(manner)?);
    Ok(ContainmentStep {
        score,
        action: action(word)?,
        lasts: duration(raw.lasts.as_ref(), HOUR, LASTS)?,
        answer: answers::of_step(manner, limit, defaults)?,
    })
}

/// A limit that holds for each host by itself.
fn each_host(limit: Limit) -> Limit {
    Limit { prefix_v4: 32, prefix_v6: 128, ..limit }
}

fn names() -> Vec<String> {
    StepAction::ALL.iter().map(|action| format!("{:?}", action.name())).collect()
}

fn action(raw: &Text) -> Result<StepAction, Fault> {
    let known = StepAction::ALL.into_iter().find(|action| action.name() == raw.get_ref());
    known.ok_or_else(|| {
        let message = format!("unknown action {:?}; use one of {}", raw.get_ref(), names().join(", "));
        Fault::new(raw.span(), message)
    })
}

/// What is written and does nothing, in the order of the file for steps, of names for signals.
pub(super) fn idle(
    (signals, steps): (&BTreeMap<Text, raw::Signal>, &[Spanned<raw::Step>]),
    resolved: &Inspection,
) -> Vec<IdleKeys> {
    let of_signals = signals.iter().filter_map(|(name, raw)| {
        let rule = resolved.weights.of(Signal::named(name.get_ref())?);
        of_signal(name.get_ref(), raw, rule)
    });
    let of_steps = steps.iter().filter_map(|raw| {
        let raw = raw.get_ref();
        let step = resolved.steps.iter().find(|known| i64::from(known.score) == *raw.score.get_ref())?;
        of_step(raw, step)
    });
    of_signals.chain(of_steps).collect()
}

#[cfg(test)]
mod tests;
