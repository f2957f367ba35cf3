//! How long it is from a SYN to its verdict, seen from outside of the daemon: the kernel's map is looked at again and again.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use aya::maps::{HashMap, Map, MapData};
use relay_guard_common::address::Address;
use relay_guard_common::verdict::Verdict;
use relay_guard_tests::namespace::BPFFS;

use super::PATIENCE;
use crate::report::Latency;
use crate::stage::Stage;

/// Between two looks.
const INTERVAL: Duration = Duration::from_micros(200);

type Verdicts = HashMap<MapData, Address, Verdict>;

/// Sources that are waited for.
pub(super) struct Watch {
    sent: Sender<(Ipv4Addr, Instant)>,
    thread: JoinHandle<Result<Vec<Duration>>>,
}

impl Watch {
    pub(super) fn start(stage: &Stage) -> Result<Self> {
        let verdicts = stage.lab.gateway.run(|| open(&Path::new(BPFFS).join("relay-guard")))?;
        let (sent, arrivals) = mpsc::channel();
        let thread = thread::spawn(move || watch(&verdicts, &arrivals));
        Ok(Self { sent, thread })
    }

    /// A SYN of this source is sent now.
    pub(super) fn sent(&self, source: Ipv4Addr) -> Result<()> {
        self.sent.send((source, Instant::now())).context("nobody watches any more")
    }

    /// What all of them have taken.
    pub(super) fn finish(self, offered: u32) -> Result<Latency> {
        drop(self.sent);
        let times = self.thread.join().expect("watching does not panic")?;
        ensure!(!times.is_empty(), "nothing was waited for");
        Ok(Latency::of(offered, times))
    }
}

/// Waits for all of them.
fn watch(verdicts: &Verdicts, arrivals: &Receiver<(Ipv4Addr, Instant)>) -> Result<Vec<Duration>> {
    let (mut waiting, mut times) = (Vec::new(), Vec::new());
    let mut more = true;
    while more || !waiting.is_empty() {
        while more {
            match arrivals.try_recv() {
                Ok(arrival) => waiting.push(arrival),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => more = false,
            }
        }
        waiting.retain(|(source, sent)| {
            let there = verdicts.get(&Address::v4(source.octets()), 0).is_ok();
            if there {
                times.push(sent.elapsed());
            }
            !there
        });
        if let Some((source, _)) = waiting.iter().find(|(_, sent)| sent.elapsed() > PATIENCE) {
            bail!("there is no verdict on {source}, nor on {} others", waiting.len() - 1);
        }
        thread::sleep(INTERVAL);
    }
    Ok(times)
}

/// The daemon's map, wherever it is pinned below `pins`.
fn open(pins: &Path) -> Result<Verdicts> {
    let mut folders = vec![pins.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("{}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name == "VERDICTS") {
                return Ok(Map::HashMap(MapData::from_pin(&path)?).try_into()?);
            }
        }
    }
    bail!("no map VERDICTS is pinned below {}", pins.display())
}
