//! Reading the kernel's tables of hosts and of connections, beside everything else: where they are full, the system calls take
//! time.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use relay_guard_common::{address::Address, host::HostRecord};
use tokio::sync::mpsc;

use crate::datapath::FlowEntry;

/// How often all records of hosts are read, where there are no more than can be.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often the table of connections is read, also while hosts are: often enough for a session that goes on to be known to, before
/// it would be ended for being idle.
const FLOWS_INTERVAL: Duration = Duration::from_secs(10);

/// Records of hosts read in a second; where there are more, reading all of them takes longer.
const PER_SECOND: usize = 65_536;

/// Records of hosts handed over at once: 92 KiB.
const AT_ONCE: usize = 256;

/// Readings that wait to be judged; the next one is made when there is room.
const READINGS: usize = 4;

/// What was read.
#[derive(Debug)]
pub(super) enum Reading {
    /// Some hosts, of so many.
    Hosts(Vec<(Address, HostRecord)>, usize),
    /// All connections.
    Flows(Vec<FlowEntry>),
}

/// Where tables are read.
pub trait Tables: Send + 'static {
    /// The hosts of which there is a record.
    ///
    /// # Errors
    /// If they cannot be read.
    fn hosts(&self) -> io::Result<Vec<Address>>;
    /// A host's record, if it is still there.
    fn host(&self, address: Address) -> Option<HostRecord>;
    /// All connections.
    ///
    /// # Errors
    /// If they cannot be read.
    fn flows(&self) -> io::Result<Vec<FlowEntry>>;
}

/// Reads tables in a thread of its own, again and again, until nobody takes it any more.
///
/// # Errors
/// When the system has no thread for it.
pub(super) fn start(tables: impl Tables) -> io::Result<mpsc::Receiver<Reading>> {
    let (readings, taken) = mpsc::channel(READINGS);
    thread::Builder::new().name("hosts".to_owned()).spawn(move || {
        let mut trouble = Trouble::default();
        let mut flows = Due { at: Instant::now(), every: FLOWS_INTERVAL };
        loop {
            let began = Instant::now();
            match read(&tables, &mut flows, &readings) {
                Ok(Some(())) => trouble.over(),
                Ok(None) => return,
                Err(error) => trouble.tell(&error),
            }
            thread::sleep(INTERVAL.saturating_sub(began.elapsed()));
            if readings.is_closed() {
                return;
            }
        }
    })?;
    Ok(taken)
}

/// When connections are read again.
struct Due {
    at: Instant,
    every: Duration,
}

impl Due {
    fn is_now(&mut self) -> bool {
        let now = Instant::now();
        let is_now = now >= self.at;
        if is_now {
            self.at = now + self.every;
        }
        is_now
    }
}

/// Reads hosts, and connections whenever it is time for these; nothing if nobody takes them any more.
fn read(tables: &impl Tables, flows: &mut Due, readings: &mpsc::Sender<Reading>) -> io::Result<Option<()>> {
    let hand_on = |reading| readings.blocking_send(reading).is_ok();
    if flows.is_now() && !hand_on(Reading::Flows(tables.flows()?)) {
        return Ok(None);
    }
    let addresses = tables.hosts()?;
    for of_a_second in addresses.chunks(PER_SECOND) {
        let began = Instant::now();
        for some in of_a_second.chunks(AT_ONCE) {
            let record = |address: &Address| Some((*address, tables.host(*address)?));
            let records = some.iter().filter_map(record).collect();
            if !hand_on(Reading::Hosts(records, addresses.len())) {
                return Ok(None);
            }
        }
        if of_a_second.len() == PER_SECOND {
            thread::sleep(INTERVAL.saturating_sub(began.elapsed()));
            if flows.is_now() && !hand_on(Reading::Flows(tables.flows()?)) {
                return Ok(None);
            }
        }
    }
    Ok(Some(()))
}

/// Whether reading failed the last time: told when it is news.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    fn tell(&mut self, error: &io::Error) {
        if !self.0 {
            tracing::error!("inside hosts are not judged by their attempts: {error}; trying again");
        }
        self.0 = true;
    }

    fn over(&mut self) {
        if self.0 {
            tracing::info!("inside hosts are judged by their attempts again");
        }
        self.0 = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many hosts, every third of which goes away while it is read.
    struct Table(u32);

    impl Tables for Table {
        fn hosts(&self) -> io::Result<Vec<Address>> {
            Ok((0..self.0).map(|number| Address::v4(number.to_be_bytes())).collect())
        }

        fn host(&self, address: Address) -> Option<HostRecord> {
            let number = address.as_v4()?;
            (number % 3 != 2).then(|| HostRecord::new(number.into()))
        }

        fn flows(&self) -> io::Result<Vec<FlowEntry>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn all_records_come_in_slices() {
        let mut readings = start(Table(1000)).expect("a thread");
        assert!(matches!(readings.blocking_recv(), Some(Reading::Flows(flows)) if flows.is_empty()));
        let mut read = Vec::new();
        while read.len() < 667 {
            let Some(Reading::Hosts(records, 1000)) = readings.blocking_recv() else {
                panic!("hosts come next")
            };
            assert!(records.len() <= AT_ONCE);
            read.extend(records.into_iter().map(|(_, record)| record.last_seen_ns));
        }
        let expected: Vec<u64> = (0..1000).filter(|number| number % 3 != 2).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn reading_ends_when_nobody_takes_it() {
        let (readings, taken) = mpsc::channel(1);
        let due = |secs| Due { at: Instant::now() + Duration::from_secs(secs), every: FLOWS_INTERVAL };
        assert_eq!(read(&Table(1), &mut due(1000), &readings).expect("read"), Some(()));
        drop(taken);
        assert_eq!(read(&Table(1), &mut due(1000), &readings).expect("read"), None);
        assert_eq!(read(&Table(0), &mut due(0), &readings).expect("read"), None);
        assert_eq!(read(&Table(0), &mut due(1000), &readings).expect("read"), Some(()));
    }

    #[test]
    fn connections_are_read_while_hosts_are() {
        const MANY: usize = PER_SECOND + 1;
        let (readings, mut taken) = mpsc::channel(MANY);
        let mut always = Due { at: Instant::now(), every: Duration::ZERO };
        assert_eq!(read(&Table(MANY as u32), &mut always, &readings).expect("read"), Some(()));
        drop(readings);
        let of_flows = std::iter::from_fn(|| taken.blocking_recv())
            .map(|reading| matches!(reading, Reading::Flows(_)))
            .collect::<Vec<_>>();
        let places: Vec<usize> = (0..of_flows.len()).filter(|place| of_flows[*place]).collect();
        assert_eq!(places, [0, 1 + PER_SECOND / AT_ONCE], "before the hosts, and after a second's");
    }
}
