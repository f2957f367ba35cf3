//! How lookups are made: resolvers, times, bounds.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::values::{duration, number};
use crate::config::error::Fault;
use crate::config::raw::{self, Text};
use crate::config::resolved::Lookups;

/// The port of DNS (RFC 1035 §4.2).
const DNS_PORT: u16 = 53;
/// More than that are never asked in the time that there is.
const MAX_RESOLVERS: usize = 8;
/// Our own addresses, each of which is asked about in every zone.
const MAX_OWN_ADDRESSES: usize = 64;
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));
const TEST_INTERVAL: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(24 * 3600));
const OWN_INTERVAL: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(31 * 24 * 3600));
/// More a second than one machine asks.
const MAX_PER_SECOND: u32 = 1_000_000;
/// Questions under way: each has a socket or a place in one.
const MAX_IN_FLIGHT: u32 = 1 << 16;
const MAX_QUEUE: u32 = 1 << 20;
/// All of them are written anew at once when ports change groups, while nothing else is done: some seconds for a million.
const MAX_CACHE_ENTRIES: u32 = 1 << 20;

pub(super) fn lookups(raw: &raw::Lookups) -> Result<Lookups, Fault> {
    let default = Lookups::default();
    Ok(Lookups {
        hold: raw.hold.unwrap_or(default.hold),
        resolvers: several(&raw.resolvers, MAX_RESOLVERS, resolver)?,
        timeout: duration(raw.timeout.as_ref(), default.timeout, TIMEOUT)?,
        per_second: number(raw.per_second.as_ref(), default.per_second, 1, MAX_PER_SECOND)?,
        in_flight: number(raw.in_flight.as_ref(), default.in_flight, 1, MAX_IN_FLIGHT)?,
        queue: number(raw.queue.as_ref(), default.queue, 1, MAX_QUEUE)?,
        cache_entries: number(raw.cache_entries.as_ref(), default.cache_entries, 1, MAX_CACHE_ENTRIES)?,
        retry: duration(raw.retry.as_ref(), default.retry, RETRY)?,
        test_interval: duration(raw.test_interval.as_ref(), default.test_interval, TEST_INTERVAL)?,
        own_addresses: several(&raw.own_addresses, MAX_OWN_ADDRESSES, address)?,
        own_interval: own_interval(raw.own_interval.as_ref(), default.own_interval)?,
    })
}

/// Each value, read; no more than so many, and none twice.
fn several<T: PartialEq>(
    raw: &[Text],
    most: usize,
    read: impl Fn(&Text) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    if let Some(beyond) = raw.get(most) {
        return Err(Fault::new(beyond.span(), format!("{} addresses; write at most {most}", raw.len())));
    }
    let mut values = Vec::with_capacity(raw.len());
    for text in raw {
        let value = read(text)?;
        if values.contains(&value) {
            let message = format!("an address is written twice: {:?}; leave it in one place", text.get_ref());
            return Err(Fault::new(text.span(), message));
        }
        values.push(value);
    }
    Ok(values)
}

/// An address, with a port or without.
fn resolver(raw: &Text) -> Result<SocketAddr, Fault> {
    let text = raw.get_ref();
    let bare = || text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT)).ok();
    let read = text.parse::<SocketAddr>().ok().or_else(bare);
    let fit = |to: &SocketAddr| to.port() != 0 && !to.ip().is_unspecified() && !to.ip().is_multicast();
    read.filter(fit).ok_or_else(|| {
        let forms = "\"192.0.2.53\", \"192.0.2.53:5353\", \"2001:db8::53\" or \"[2001:db8::53]:5353\"";
        Fault::new(raw.span(), format!("{text:?} is no resolver's address; write one such as {forms}"))
    })
}

/// One of ours; mapped IPv4 is IPv4.
fn address(raw: &Text) -> Result<IpAddr, Fault> {
    let text = raw.get_ref();
    let read = text.parse::<IpAddr>().map(|address| address.to_canonical()).ok();
    let fit = |a: &IpAddr| !a.is_unspecified() && !a.is_loopback() && !a.is_multicast();
    read.filter(fit).ok_or_else(|| {
        let message = format!("{text:?} is no address of ours; write a public one such as \"203.0.113.5\"");
        Fault::new(raw.span(), message)
    })
}

/// `"off"` is never.
fn own_interval(raw: Option<&Text>, default: Option<Duration>) -> Result<Option<Duration>, Fault> {
    match raw {
        None => Ok(default),
        Some(text) if text.get_ref() == "off" => Ok(None),
        Some(text) => duration(Some(text), Duration::ZERO, OWN_INTERVAL).map(Some),
    }
}
