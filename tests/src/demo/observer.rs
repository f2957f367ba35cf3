//! What the guard says of itself, asked for by its own command line while the traffic runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::guard::Guard;

/// How often the guard is asked.
const INTERVAL: Duration = Duration::from_millis(400);

/// A host that the guard has contained.
#[derive(Debug, Clone)]
pub(super) struct Contained {
    /// When the answer that said so for the first time had come: attempts begun after it must not get through.
    pub(super) since: Instant,
    /// The host's entry in that answer.
    pub(super) entry: Value,
}

/// The sum of all answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Observation {
    /// Interface to how the program is attached there.
    pub(super) attach_modes: BTreeMap<String, String>,
    /// Hosts that were contained in any answer.
    pub(super) contained: BTreeMap<IpAddr, Contained>,
    /// The newest of the refused senders that `status --refused` last showed: who, and from whom to whom.
    pub(super) refused_sender: Option<String>,
    /// The last answer of `status`.
    pub(super) status: Value,
    /// How many answers there were.
    pub(super) answers: usize,
    /// The first question that was not answered.
    pub(super) failure: Option<String>,
}

/// Asks the guard again and again, from a thread of the caller's, until told to stop.
#[derive(Debug, Default)]
pub(super) struct Observer {
    observation: Mutex<Observation>,
    stopped: AtomicBool,
}

impl Observer {
    /// Asks until [`Observer::stop`], and then once more, so that the last word is about the end.
    pub(super) fn watch(&self, guard: &Guard<'_>) {
        loop {
            let last = self.stopped.load(Ordering::Acquire);
            if let Err(error) = self.ask(guard) {
                self.lock().failure.get_or_insert_with(|| format!("{error:#}"));
            }
            if last {
                return;
            }
            let asked = Instant::now();
            while asked.elapsed() < INTERVAL && !self.stopped.load(Ordering::Acquire) {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Ends [`Observer::watch`].
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// What is known by now.
    pub(super) fn observation(&self) -> Observation {
        self.lock().clone()
    }

    fn ask(&self, guard: &Guard<'_>) -> Result<()> {
        let status = guard.json(["status", "--json"])?;
        let modes = attach_modes(&status).context("status --json: no interfaces")?;
        let hosts = guard.json(["hosts", "--json"])?;
        let contained = contained_hosts(&hosts).context("hosts --json: no hosts")?;
        let now = Instant::now();
        let refused = guard.json(["status", "--refused", "--json"])?;
        let mut observation = self.lock();
        observation.refused_sender = refused_sender(&refused).or(observation.refused_sender.take());
        observation.answers += 1;
        observation.attach_modes = modes;
        observation.status = status;
        for (address, entry) in contained {
            observation.contained.entry(address).or_insert(Contained { since: now, entry });
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Observation> {
        // A panic in between could only have left an older answer in place.
        self.observation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Interface to mode, from `status --json`.
pub(super) fn attach_modes(status: &Value) -> Option<BTreeMap<String, String>> {
    let mode = |interface: &Value| {
        let name = interface["name"].as_str()?.to_owned();
        let mode = interface["mode"].as_str().or_else(|| interface["state"].as_str())?;
        Some((name, mode.to_owned()))
    };
    status["interfaces"].as_array()?.iter().map(mode).collect()
}

/// The hosts that `hosts --json` says are contained.
fn contained_hosts(hosts: &Value) -> Option<Vec<(IpAddr, Value)>> {
    let contained = |host: &&Value| host["state"] == "contained" || !host["contained_until"].is_null();
    let with_address = |host: &Value| Some((host["address"].as_str()?.parse().ok()?, host.clone()));
    hosts["hosts"].as_array()?.iter().filter(contained).map(with_address).collect()
}

/// The first one in `status --refused --json` that has said to whom it writes.
fn refused_sender(refused: &Value) -> Option<String> {
    let told = |one: &Value| {
        let (source, from, to) =
            (one["source"].as_str()?, one["from"].as_str()?, one["recipients"][0].as_str()?);
        Some(format!("{source} from <{from}> to <{to}>"))
    };
    refused["connections"].as_array()?.iter().find_map(told)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_read() {
        let status = json!({"interfaces": [
            {"name": "out0", "side": "outside", "state": "attached", "mode": "native"},
            {"name": "ppp0", "side": "outside", "state": "missing", "mode": null},
        ]});
        let expected =
            [("out0", "native"), ("ppp0", "missing")].map(|(name, mode)| (name.into(), mode.into()));
        assert_eq!(attach_modes(&status), Some(BTreeMap::from(expected)));
        assert_eq!(attach_modes(&json!({"error": "no"})), None);

        let hosts = json!({"hosts": [
            {"address": "10.0.1.66", "state": "contained", "contained_until": "2030-01-01T00:00:00Z"},
            {"address": "10.0.1.10", "state": "quiet", "contained_until": null},
            {"address": "2001:db8:1::99", "state": "excepted"},
        ]});
        let contained = contained_hosts(&hosts).expect("a list");
        assert_eq!(
            contained.iter().map(|(address, _)| address.to_string()).collect::<Vec<_>>(),
            ["10.0.1.66"]
        );
        assert_eq!(contained_hosts(&json!([])), None);

        let refused = json!({"connections": [
            {"source": "198.19.66.9", "helo": "a.example", "from": null, "recipients": []},
            {"source": "198.19.66.8", "helo": "b.example", "from": "x@b.example", "recipients": ["y@c.example"]},
        ]});
        let shown = refused_sender(&refused);
        assert_eq!(shown.as_deref(), Some("198.19.66.8 from <x@b.example> to <y@c.example>"));
        assert_eq!(refused_sender(&json!({"connections": []})), None);
    }
}
