//! What holds for all answers: keys of sequence numbers, how much is answered, and to whom nothing is.

use std::{collections::BTreeSet, io, net::IpAddr, time::Duration};

use ipnet::IpNet;
use relay_guard_common::{
    address::Address,
    respond::{cookie::CookieKeys, limits, response::Rate},
};

use super::{clock::monotonic_ns, state::State};
use crate::{
    config::{Answering, Config, ProtectedNetworks},
    datapath::{Datapath, DatapathError},
    policy::HostName,
};

/// How long a key makes new sequence numbers; for as long again it is still known. A refused dialogue takes seconds.
const KEY_LIFE: Duration = Duration::from_secs(3600);

/// Addresses that nothing is answered to: the entries of `OWN_ADDRESSES`.
const MAX_OWN_ADDRESSES: usize = 1024;

/// How many seconds' worth of answers may go to one prefix at once.
const PREFIX_BURST_S: u32 = 2;

/// The kernel's keys, and since when they are in use.
#[derive(Debug)]
pub(super) struct Keys {
    keys: CookieKeys,
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    since_ns: u64,
}

impl Keys {
    /// Those that the kernel has: connections of an earlier daemon's clients live on. Without any, new ones.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub(super) fn adopt(found: CookieKeys, now_ns: u64) -> io::Result<Self> {
        let keys = match found.current {
            [0, 0] => CookieKeys { current: random_key()?, previous: [0; 2] },
            _ => found,
        };
        Ok(Self { keys, since_ns: now_ns })
    }

    /// Whether it is time for a new key.
    const fn is_due(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.since_ns) >= KEY_LIFE.as_nanos() as u64
    }

    /// The next keys: a new one, and the one so far beside it.
    const fn turned(&self, key: [u64; 2], now_ns: u64) -> Self {
        Self { keys: self.keys.turned(key), since_ns: now_ns }
    }
}

/// Waits, early at boot, until the system has randomness: who could guess a key could forge a client's side.
fn random_key() -> io::Result<[u64; 2]> {
    let mut octets = [0; 16];
    let filled = rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())?;
    if filled < octets.len() {
        return Err(io::Error::other("too few random octets"));
    }
    let key = u128::from_ne_bytes(octets);
    Ok([key as u64, (key >> 64) as u64])
}

/// What the kernel is told.
fn entry(keys: CookieKeys, config: &Answering, protected: &ProtectedNetworks) -> limits::Answering {
    let per_second = Rate::per_second;
    let own_listed = !protected.own_addresses || !protected.connected;
    limits::Answering {
        keys,
        total: per_second(config.per_second, config.per_second),
        prefix: per_second(
            config.per_second_per_prefix,
            config.per_second_per_prefix.saturating_mul(PREFIX_BURST_S),
        ),
        tarpit: per_second(config.tarpit_per_second, config.tarpit_per_second),
        prefix_v4: config.prefix_v4.into(),
        prefix_v6: config.prefix_v6.into(),
        own_listed: u32::from(own_listed),
        reserved: 0,
    }
}

/// The name that greetings say: the configuration's, or this machine's.
pub(super) fn host_name(config: &Config) -> HostName {
    let machine = || HostName::of_machine(&rustix::system::uname().nodename().to_string_lossy());
    config.answers.name.clone().unwrap_or_else(machine)
}

/// The addresses that nothing is answered to, by this machine's addresses with their prefix lengths: these themselves, then
/// their networks' first addresses (which IPv6 gives to routers, RFC 4291 §2.6.1) and broadcast addresses, each once. Whether
/// there are more than there may be; then the last ones are left out.
pub(super) fn unanswered(addresses: &[(IpNet, u32)]) -> (Vec<Address>, bool) {
    let own = addresses.iter().map(|(net, _)| net.addr());
    let of_networks = addresses.iter().flat_map(|(net, _)| {
        // Links between two have neither (RFC 3021, RFC 6164).
        let has = net.prefix_len() + 1 < net.max_prefix_len();
        let broadcast = (has && net.addr().is_ipv4()).then(|| net.broadcast());
        has.then(|| net.network()).into_iter().chain(broadcast)
    });
    let mut seen = BTreeSet::new();
    let mut unanswered: Vec<Address> =
        own.chain(of_networks).filter(|address: &IpAddr| seen.insert(*address)).map(Address::from).collect();
    let too_many = unanswered.len() > MAX_OWN_ADDRESSES;
    unanswered.truncate(MAX_OWN_ADDRESSES);
    (unanswered, too_many)
}

impl State {
    /// Writes what holds for all answers, with the keys in use.
    pub(super) fn write_answering(&mut self) -> Result<(), DatapathError> {
        self.datapath.set_answering(&entry(self.keys.keys, &self.config.answers, &self.config.protected))
    }

    /// Turns keys over when it is time. Without randomness the ones in use stay, and it is tried again.
    pub(super) fn turn_keys_over(&mut self) -> Result<(), DatapathError> {
        let now_ns = monotonic_ns();
        if !self.keys.is_due(now_ns) {
            return Ok(());
        }
        let key = match random_key() {
            Ok(key) => key,
            Err(error) => {
                tracing::warn!("the key of sequence numbers stays the same: {error}");
                return Ok(());
            }
        };
        let turned = self.keys.turned(key, now_ns);
        self.datapath.set_answering(&entry(turned.keys, &self.config.answers, &self.config.protected))?;
        self.keys = turned;
        Ok(())
    }

    /// Writes the addresses that nothing is answered to, if they have changed.
    pub(super) fn write_own_addresses(&mut self) -> Result<(), DatapathError> {
        let (wanted, too_many) = unanswered(&self.addresses);
        if self.own_addresses.as_ref() == Some(&wanted) {
            return Ok(());
        }
        // What is written is not known until all of it is.
        self.own_addresses = None;
        self.datapath.set_own_addresses(&wanted)?;
        if too_many {
            tracing::warn!(
                "this machine has more than {MAX_OWN_ADDRESSES} addresses and networks; the others may be answered to"
            );
        }
        self.own_addresses = Some(wanted);
        Ok(())
    }
}

/// The keys that the kernel has, or new ones.
pub(super) fn adopt_keys(datapath: &Datapath) -> Result<Keys, super::run::RunError> {
    let found = datapath.answering()?.keys;
    Keys::adopt(found, monotonic_ns())
        .map_err(|error| super::run::RunError::System { what: "make a random key", error })
}

#[cfg(test)]
mod tests {
    use relay_guard_common::respond::response::Rate;

    use super::*;

    const HOUR_NS: u64 = 3_600_000_000_000;

    #[test]
    fn keys_outlive_the_daemon_and_are_made_where_there_are_none() {
        let found = CookieKeys { current: [1, 2], previous: [3, 4] };
        assert_eq!(Keys::adopt(found, 5).expect("keys").keys, found);
        let half = CookieKeys { current: [0, 2], previous: [0; 2] };
        assert_eq!(Keys::adopt(half, 5).expect("keys").keys, half);
        let [first, second] =
            [(); 2].map(|()| Keys::adopt(CookieKeys::default(), 5).expect("randomness").keys);
        assert_ne!(first.current, [0, 0]);
        assert_ne!(first.current, second.current);
        assert_eq!(first.previous, [0, 0]);
    }

    #[test]
    fn keys_are_turned_over_every_hour_and_the_last_one_is_known() {
        let keys = Keys { keys: CookieKeys { current: [1, 2], previous: [3, 4] }, since_ns: 7 };
        assert!(!keys.is_due(7) && !keys.is_due(6 + HOUR_NS) && keys.is_due(7 + HOUR_NS));
        let turned = keys.turned([5, 6], 7 + HOUR_NS);
        assert_eq!(turned.keys, CookieKeys { current: [5, 6], previous: [1, 2] });
        assert!(!turned.is_due(6 + 2 * HOUR_NS) && turned.is_due(7 + 2 * HOUR_NS));
    }

    #[test]
    fn rates_are_those_of_the_configuration() {
        let config = Answering {
            name: None,
            per_second: 10_000,
            per_second_per_prefix: 100,
            prefix_v4: 24,
            prefix_v6: 56,
            tarpit_per_second: 1_000_000,
        };
        let keys = CookieKeys { current: [1, 2], previous: [3, 4] };
        let expected = limits::Answering {
            keys,
            total: Rate { interval_us: 100, tolerance_us: 999_900 },
            prefix: Rate { interval_us: 10_000, tolerance_us: 1_990_000 },
            tarpit: Rate { interval_us: 1, tolerance_us: 999_999 },
            prefix_v4: 24,
            prefix_v6: 56,
            own_listed: 0,
            reserved: 0,
        };
        let mut protected = ProtectedNetworks {
            special_purpose: false,
            own_addresses: true,
            connected: true,
            networks: Vec::new(),
        };
        assert_eq!(entry(keys, &config, &protected), expected);
        protected.connected = false;
        assert_eq!(entry(keys, &config, &protected), limits::Answering { own_listed: 1, ..expected });
    }

    fn addresses(nets: &[&str]) -> Vec<(IpNet, u32)> {
        nets.iter().map(|net| (net.parse().expect("an address with its length"), 1)).collect()
    }

    #[test]
    fn own_addresses_and_those_of_their_networks_get_no_answer() {
        let (found, too_many) = unanswered(&addresses(&[
            "192.0.2.5/24",
            "192.0.2.6/24",
            "198.51.100.1/31",
            "203.0.113.9/32",
            "10.0.0.1/30",
            "2001:db8::5/64",
            "2001:db8:1::1/127",
            "2001:db8:2::1/128",
        ]));
        let expected = [
            "192.0.2.5",
            "192.0.2.6",
            "198.51.100.1",
            "203.0.113.9",
            "10.0.0.1",
            "2001:db8::5",
            "2001:db8:1::1",
            "2001:db8:2::1",
            "192.0.2.0",
            "192.0.2.255",
            "10.0.0.0",
            "10.0.0.3",
            "2001:db8::",
        ];
        let expected = expected.map(|text| Address::from(text.parse::<IpAddr>().expect("an address")));
        assert_eq!((found.as_slice(), too_many), (&expected[..], false));
    }

    #[test]
    fn there_is_an_end_to_own_addresses() {
        let net = |number: u32| (IpNet::from(IpAddr::from(number.to_be_bytes())), 1);
        let many: Vec<_> = (0..1024).map(net).collect();
        assert_eq!((unanswered(&many).0.len(), unanswered(&many).1), (1024, false));
        let more: Vec<_> = (0..1025).map(net).collect();
        assert_eq!((unanswered(&more).0.len(), unanswered(&more).1), (1024, true));
    }
}
