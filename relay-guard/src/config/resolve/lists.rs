//! Lists: what they are called, how they are read, what they do. Where they come from is in [`sources`].

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;

use super::answers::{Defaults, answers};
use super::idle::of_list;
use super::sources;
use super::values::{duration, number, unique};
use crate::config::error::Fault;
use crate::config::raw::{self, Number, Text};
use crate::config::resolved::{
    IdleKeys, ListAction, ListConfig, MAX_CONFIGURED_LISTS, MAX_MAPPED_VALUES, Ports,
};
use crate::feeds::catalogue::Feed;
use crate::lists::{Format, ParseOptions};
use crate::policy::places::{MAX_PLACES, TooManyParts};
use crate::policy::{Applies, PortChoice};

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 48;
/// How old unrefreshed content may be and still weigh something.
const MAX_AGE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10 * 366 * 24 * 3600));
/// Content that is fetched is not believed for longer than this, unless told otherwise: addresses change hands.
const FETCHED_MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// A list that shrinks or grows by more than this factor at once is taken for broken.
const MAX_CHANGE: u32 = 10;

/// The lists, and what of them does nothing.
pub(super) fn lists(
    raw: Vec<Spanned<raw::List>>,
    directory: &Path,
    ports: &Ports,
    defaults: &Defaults<'_>,
) -> Result<(Vec<ListConfig>, Vec<IdleKeys>), Fault> {
    if let Some(beyond) = raw.get(MAX_CONFIGURED_LISTS) {
        let message =
            format!("{} lists; write at most {MAX_CONFIGURED_LISTS}, or join some files", raw.len());
        return Err(Fault::new(beyond.span(), message));
    }
    let mut lists: Vec<ListConfig> = Vec::with_capacity(raw.len());
    let mut idle = Vec::new();
    let mut parts = 0;
    for raw in raw {
        let raw = raw.into_inner();
        parts += 1 + raw.actions.len();
        if parts > MAX_PLACES {
            return Err(Fault::new(raw.name.span(), TooManyParts.to_string()));
        }
        let name = name(&raw.name, "list")?;
        if lists.iter().any(|list| list.name == name) {
            let message = format!("there is already a list named {name:?}; give each its own name");
            return Err(Fault::new(raw.name.span(), message));
        }
        let list = list(name, &raw, directory, ports, defaults)?;
        idle.extend(of_list(&raw, &list));
        lists.push(list);
    }
    Ok((lists, idle))
}

fn list(
    name: String,
    raw: &raw::List,
    directory: &Path,
    ports: &Ports,
    defaults: &Defaults<'_>,
) -> Result<ListConfig, Fault> {
    let origin = sources::origin(raw, directory)?;
    let feed = origin.feed;
    let applies = match &raw.direction {
        Some(direction) => whom(direction)?,
        None => feed.map_or_else(Applies::default, |feed| feed.applies),
    };
    let action = match &raw.action {
        Some(raw) => action(raw)?,
        None => feed.map_or_else(ListAction::default, |feed| feed.action.into()),
    };
    let actions = actions(&raw.actions)?;
    let all: Vec<ListAction> = actions.iter().map(|(_, action)| *action).chain([action]).collect();
    Ok(ListConfig {
        name,
        action,
        actions,
        applies,
        answers: Arc::new(answers(raw, applies, &all, feed, defaults)?),
        ports: raw
            .ports
            .as_ref()
            .map_or(Ok(PortChoice::All), |wanted| self::ports(wanted, applies, ports))?,
        max_age: max_age(raw, origin.fetched)?,
        max_change: number(raw.max_change.as_ref(), MAX_CHANGE, 0, 1_000_000)?,
        options: options(raw, feed)?,
        source: origin.source,
        feed,
        interval: origin.interval,
        floor: origin.floor,
    })
}

fn options(raw: &raw::List, feed: Option<&Feed>) -> Result<ParseOptions, Fault> {
    let mut defaults = ParseOptions::default();
    if let Some((v4, v6)) = feed.and_then(|feed| feed.widest) {
        (defaults.widest_v4, defaults.widest_v6) = (v4, v6);
    }
    let of_feed = feed.and_then(|feed| feed.format.parse().ok());
    let format = raw.format.as_ref().map(format).transpose()?.or(of_feed).unwrap_or(defaults.format);
    let field = |raw: &Option<Text>| raw.as_ref().map(|text| text.get_ref().clone());
    let fielded = matches!(format, Format::Auto | Format::Csv | Format::Json);
    if let Some(field) = raw.address_field.as_ref().or(raw.note_field.as_ref()).filter(|_| !fielded) {
        let message = format!("format {:?} has no fields to choose; leave this out", format.name());
        return Err(Fault::new(field.span(), message));
    }
    if let (Some(format), None, Format::Csv | Format::Json) = (&raw.format, &raw.address_field, format) {
        let message = "say which field holds the address: address_field = a column's name or number, or a JSON \
                       pointer such as \"/ip\"";
        return Err(Fault::new(format.span(), message));
    }
    Ok(ParseOptions {
        format,
        address_field: field(&raw.address_field),
        note_field: field(&raw.note_field),
        allow_empty: raw.allow_empty.unwrap_or(defaults.allow_empty),
        widest_v4: number(raw.widest_v4.as_ref(), defaults.widest_v4, 0, 32)?,
        widest_v6: number(raw.widest_v6.as_ref(), defaults.widest_v6, 0, 128)?,
        host_bits: raw.host_bits.unwrap_or(defaults.host_bits),
        ..defaults
    })
}

fn format(raw: &Text) -> Result<Format, Fault> {
    raw.get_ref().parse().map_err(|_| {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
        Fault::new(raw.span(), format!("unknown format {:?}; use one of {}", raw.get_ref(), names.join(", ")))
    })
}

/// `"0"` is any age.
fn max_age(raw: &raw::List, fetched: bool) -> Result<Option<Duration>, Fault> {
    match &raw.max_age {
        Some(text) if matches!(text.get_ref().as_str(), "0" | "0s" | "never") => Ok(None),
        Some(text) => duration(Some(text), FETCHED_MAX_AGE, MAX_AGE).map(Some),
        None => Ok(fetched.then_some(FETCHED_MAX_AGE)),
    }
}

/// What something is called in output and in files of its own. `of` is what it is.
pub(super) fn name(raw: &Text, of: &str) -> Result<String, Fault> {
    let name = raw.get_ref();
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.starts_with('.') || !name.bytes().all(good) {
        let rule = format!("1 to {MAX_NAME_BYTES} of a-z, 0-9, '.', '_' and '-', and no '.' first");
        return Err(Fault::new(raw.span(), format!("{name:?} is no name for a {of}, which is {rule}")));
    }
    Ok(name.clone())
}

fn action(raw: &Text) -> Result<ListAction, Fault> {
    ListAction::ALL.into_iter().find(|action| action.name() == raw.get_ref()).ok_or_else(|| {
        let names: Vec<_> = ListAction::ALL.iter().map(|action| action.name()).collect();
        Fault::new(raw.span(), format!("unknown action {:?}; use one of {}", raw.get_ref(), names.join(", ")))
    })
}

/// What a zone's A values do, where that is not the list's action.
fn actions(raw: &BTreeMap<Text, Text>) -> Result<Vec<(Ipv4Addr, ListAction)>, Fault> {
    let mut actions = Vec::with_capacity(raw.len());
    for (value, wanted) in raw {
        let value =
            value.get_ref().parse::<Ipv4Addr>().ok().filter(Ipv4Addr::is_loopback).ok_or_else(|| {
                let message =
                    format!("{:?} is no A value of a zone; write one such as \"127.0.0.2\"", value.get_ref());
                Fault::new(value.span(), message)
            })?;
        actions.push((value, action(wanted)?));
        if actions.len() > MAX_MAPPED_VALUES {
            let message =
                format!("more than {MAX_MAPPED_VALUES} values with an action of their own; name fewer");
            return Err(Fault::new(wanted.span(), message));
        }
    }
    Ok(actions)
}

fn whom(raw: &Text) -> Result<Applies, Fault> {
    match raw.get_ref().as_str() {
        "inbound" => Ok(Applies::Inbound),
        "outbound" => Ok(Applies::Outbound),
        "both" => Ok(Applies::Both),
        other => {
            let message = format!(
                "unknown direction {other:?}; use \"inbound\" (who connects to us), \"outbound\" (where inside hosts \
                 connect to) or \"both\""
            );
            Err(Fault::new(raw.span(), message))
        }
    }
}

/// Ports of a list or zone: some of those that are judged in its direction.
pub(super) fn ports(
    raw: &Spanned<Vec<Number>>,
    applies: Applies,
    judged: &Ports,
) -> Result<PortChoice, Fault> {
    if raw.get_ref().is_empty() {
        let message = "no port is named, so this would do nothing; leave this out for all ports";
        return Err(Fault::new(raw.span(), message));
    }
    unique(raw.get_ref(), "port")?;
    let mut ports = Vec::with_capacity(raw.get_ref().len());
    for port in raw.get_ref() {
        let value = number(Some(port), 0, 1, u16::MAX)?;
        let known = (applies.to_inbound() && judged.guarded.contains(&value))
            || (applies.to_outbound() && judged.watched.contains(&value));
        if !known {
            let message =
                format!("port {value} is not judged in this direction; add it to [ports] or leave it out");
            return Err(Fault::new(port.span(), message));
        }
        ports.push(value);
    }
    ports.sort_unstable();
    Ok(PortChoice::Only(ports))
}
