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

/// How often the table of connections is read, in intervals.
const FLOWS_EVERY: u32 = 10;

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
        for round in (0..FLOWS_EVERY).cycle() {
            let began = Instant::now();
            match read(&tables, round == 0, &readings) {
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

/// Reads hosts, and connections if it is time for these; nothing if nobody takes them any more.
fn read(tables: &impl Tables, with_flows: bool, readings: &mpsc::Sender<Reading>) -> io::Result<Option<()>> {
    if with_flows && readings.blocking_send(Reading::Flows(tables.flows()?)).is_err() {
        return Ok(None);
    }
    let addresses = tables.hosts()?;
    for of_a_second in addresses.chunks(PER_SECOND) {
        let began = Instant::now();
        for some in of_a_second.chunks(AT_ONCE) {
            let record = |address: &Address| Some((*address, tables.host(*address)?));
            let records = some.iter().filter_map(record).collect();
            if readings.blocking_send(Reading::Hosts(records, addresses.len())).is_err() {
                return Ok(None);
            }
        }
        if of_a_second.len() == PER_SECOND {
            thread::sleep(INTERVAL.saturating_sub(began.elapsed()));
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
        assert_eq!(read(&Table(1), false, &readings).expect("read"), Some(()));
        drop(taken);
        assert_eq!(read(&Table(1), false, &readings).expect("read"), None);
        assert_eq!(read(&Table(0), true, &readings).expect("read"), None);
        assert_eq!(read(&Table(0), false, &readings).expect("read"), Some(()));
    }
}
