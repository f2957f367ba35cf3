//! DNSBL zones: whom to ask, what counts, how much.

use std::path::Path;
use std::time::Duration;

use toml::Spanned;

use super::answers::{Defaults, info_url};
use super::lists::{name, ports};
use super::sources::path;
use super::values::{duration, number};
use super::{lookups, thresholds};
use crate::config::error::Fault;
use crate::config::raw::{self, Text};
use crate::config::resolved::{Dnsbl, MAX_ZONES, Ports, ZoneConfig};
use crate::dnsbl::catalogue::{self, Kind, KnownZone};
use crate::dnsbl::filter::AnswerFilter;
use crate::dnsbl::zone::{KEY_PLACE, ZoneError, ZoneName};
use crate::feeds::source::secret_line;
use crate::policy::{Applies, PortChoice};

/// The most that a zone weighs, either way.
const MAX_WEIGHT: i32 = 100;
/// How short and how long an answer may be believed, and how it is by default.
const TTL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(24 * 3600));
const DEFAULT_TTL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3600));
const MAX_PER_SECOND: u32 = 1_000_000;

/// `[lookups]`, `[[dnsbl]]` and `[[thresholds]]`.
pub(super) fn dnsbl(
    (lookups, zones, thresholds): (&raw::Lookups, &[Spanned<raw::Zone>], &[Spanned<raw::Threshold>]),
    directory: &Path,
    judged: &Ports,
    defaults: &Defaults<'_>,
) -> Result<Dnsbl, Fault> {
    let lookups = lookups::lookups(lookups)?;
    if let Some(beyond) = zones.get(MAX_ZONES) {
        let message = format!("{} entries of [[dnsbl]]; write at most {MAX_ZONES}", zones.len());
        return Err(Fault::new(beyond.span(), message));
    }
    let mut resolved: Vec<ZoneConfig> = Vec::with_capacity(zones.len());
    for raw in zones {
        let raw = raw.get_ref();
        let zone = zone(raw, directory, judged)?;
        if resolved.iter().any(|known| known.name == zone.name) {
            let place = raw.name.as_ref().unwrap_or(&raw.zone);
            let message =
                format!("there is already a zone named {:?}; give each entry its own name", zone.name);
            return Err(Fault::new(place.span(), message));
        }
        resolved.push(zone);
    }
    match (zones.first(), thresholds.first()) {
        (Some(zone), None) => {
            let message = "nothing follows from what zones say: there is no threshold; write [[thresholds]] with a score \
                           and an action";
            return Err(Fault::new(zone.get_ref().zone.span(), message));
        }
        (None, Some(threshold)) => {
            let message = "no score can come to it: there is no zone; write [[dnsbl]] with a zone";
            return Err(Fault::new(threshold.get_ref().score.span(), message));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let mut dnsbl = Dnsbl { lookups, zones: resolved, thresholds: Vec::new() };
    dnsbl.thresholds = thresholds::thresholds(thresholds, &dnsbl, judged, defaults)?;
    Ok(dnsbl)
}

fn zone(raw: &raw::Zone, directory: &Path, judged: &Ports) -> Result<ZoneConfig, Fault> {
    let zone = whom(raw, directory)?;
    let known = catalogue::known(&zone);
    let name = shown_name(raw, &zone)?;
    let (ipv4, ipv6) = match &raw.families {
        Some(families) => self::families(families)?,
        None => known.map_or((true, false), |known| (known.ipv4, known.ipv6)),
    };
    Ok(ZoneConfig {
        name,
        weight: weight(raw, known)?,
        answers: answers(raw.answers.as_ref(), known)?,
        ipv4,
        ipv6,
        ports: raw
            .ports
            .as_ref()
            .map_or(Ok(PortChoice::All), |wanted| ports(wanted, Applies::Inbound, judged))?,
        ttl: ttl(raw)?,
        test_points: raw.test_points.unwrap_or_else(|| known.is_none_or(|known| known.test_points)),
        per_second: raw
            .per_second
            .as_ref()
            .map(|rate| number(Some(rate), 1, 1, MAX_PER_SECOND))
            .transpose()?,
        info_url: match &raw.info_url {
            Some(url) => Some(info_url(url)?),
            None => known.and_then(KnownZone::page),
        },
        // Who gives it a name may do so because the zone's own must not be seen. A public one has nothing to hide.
        secret: raw.key_file.is_some() || (raw.name.is_some() && !known.is_some_and(KnownZone::is_public)),
        zone,
    })
}

/// The zone's own name, with its key in it. Errors do not repeat it.
fn whom(raw: &raw::Zone, directory: &Path) -> Result<ZoneName, Fault> {
    let (template, span) = (raw.zone.get_ref().as_str(), raw.zone.span());
    let no_name = |error: &ZoneError| Fault::new(span.clone(), format!("this is no zone's name: {error}"));
    let Some(file) = &raw.key_file else {
        if template.contains(KEY_PLACE) {
            let message = format!(
                "{KEY_PLACE} stands for a key, and there is none; write key_file, a file that holds it"
            );
            return Err(Fault::new(span, message));
        }
        return ZoneName::parse(template).map_err(|error| no_name(&error));
    };
    if raw.name.is_none() {
        let message = "a zone with a key is never shown; write a name that can be";
        return Err(Fault::new(span, message));
    }
    let path = path(file, directory)?;
    let key = secret_line(&path).map_err(|error| Fault::new(file.span(), error.to_string()))?;
    ZoneName::with_key(template, &key).map_err(|error| match error {
        ZoneError::Key => {
            Fault::new(file.span(), format!("cannot use what is in {}: {error}", path.display()))
        }
        ZoneError::Keys(_) => Fault::new(span.clone(), error.to_string()),
        error => no_name(&error),
    })
}

fn shown_name(raw: &raw::Zone, zone: &ZoneName) -> Result<String, Fault> {
    match &raw.name {
        Some(name_of) => name(name_of, "zone"),
        // Without a name of its own it has no key that we know of.
        None => name(&Spanned::new(raw.zone.span(), zone.expose().to_owned()), "zone").map_err(|_| {
            Fault::new(raw.zone.span(), "this zone's name is too long to be shown; write a name for it")
        }),
    }
}

fn weight(raw: &raw::Zone, known: Option<&KnownZone>) -> Result<i32, Fault> {
    let vouches = known.is_some_and(|known| known.kind == Kind::Vouches);
    let whom_to_trust = "this zone lists senders to be trusted; write a negative weight, such as weight = -1";
    let Some(written) = &raw.weight else {
        return if vouches { Err(Fault::new(raw.zone.span(), whom_to_trust)) } else { Ok(1) };
    };
    if *written.get_ref() == 0 {
        let message = format!(
            "0 weighs nothing; write 1 to {MAX_WEIGHT}, or -1 to -{MAX_WEIGHT} for a zone of senders to be trusted"
        );
        return Err(Fault::new(written.span(), message));
    }
    let weight = number(Some(written), 1, -MAX_WEIGHT, MAX_WEIGHT)?;
    match vouches && weight > 0 {
        true => Err(Fault::new(written.span(), whom_to_trust)),
        false => Ok(weight),
    }
}

fn answers(raw: Option<&Text>, known: Option<&KnownZone>) -> Result<AnswerFilter, Fault> {
    let Some(raw) = raw else { return Ok(known.map_or_else(AnswerFilter::default, KnownZone::filter)) };
    let text = raw.get_ref();
    AnswerFilter::parse(text).map_err(|error| {
        let message = format!("{text:?} is no filter such as \"127.0.0.[2..11;14]\": {error}");
        Fault::new(raw.span(), message)
    })
}

/// Whether it is asked about IPv4, and about IPv6.
fn families(raw: &Spanned<Vec<Text>>) -> Result<(bool, bool), Fault> {
    let (mut ipv4, mut ipv6) = (false, false);
    for family in raw.get_ref() {
        let asked = match family.get_ref().as_str() {
            "ipv4" => &mut ipv4,
            "ipv6" => &mut ipv6,
            other => {
                let message = format!("unknown family {other:?}; use \"ipv4\", \"ipv6\" or both");
                return Err(Fault::new(family.span(), message));
            }
        };
        if std::mem::replace(asked, true) {
            let message = format!("a family is written twice: {:?}; leave it in one place", family.get_ref());
            return Err(Fault::new(family.span(), message));
        }
    }
    if ipv4 || ipv6 {
        return Ok((ipv4, ipv6));
    }
    Err(Fault::new(
        raw.span(),
        "no family is named, so nobody would be asked about; use \"ipv4\", \"ipv6\" or both",
    ))
}

fn ttl(raw: &raw::Zone) -> Result<(Duration, Duration), Fault> {
    let least = duration(raw.ttl_min.as_ref(), DEFAULT_TTL.0, TTL)?;
    let most = duration(raw.ttl_max.as_ref(), DEFAULT_TTL.1, TTL)?;
    // One that is left out gives way to one that is written.
    match (&raw.ttl_min, &raw.ttl_max) {
        (Some(_), Some(text)) if least > most => {
            Err(Fault::new(text.span(), "ttl_max is shorter than ttl_min; write a longer one"))
        }
        (_, None) => Ok((least, most.max(least))),
        (None, Some(_)) => Ok((least.min(most), most)),
        (Some(_), Some(_)) => Ok((least, most)),
    }
}

#[cfg(test)]
mod tests;
