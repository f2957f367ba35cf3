//! The kernel's ring and tables as they are.

use std::io;

use relay_guard_common::{address::Address, flow::Order, host::HostRecord, role::Direction};
use tokio::io::{Interest, unix::AsyncFd};

use super::{Kernel, Tables};
use crate::{
    datapath::{CaptureSource, FlowEntry, FlowTable, HostTable},
    inspect::segment::{Connection, Segment},
};

/// The kernel.
#[derive(Debug)]
pub struct LiveKernel {
    captures: AsyncFd<CaptureSource>,
    flows: FlowTable,
    hosts: HostTable,
    /// Whether the kernel took the last order.
    takes_orders: bool,
}

impl LiveKernel {
    /// The kernel by its ring and tables. Within a tokio runtime.
    ///
    /// # Errors
    /// If the ring cannot be polled.
    pub fn new(captures: CaptureSource, flows: FlowTable, hosts: HostTable) -> io::Result<Self> {
        Ok(Self { captures: captures.into_async()?, flows, hosts, takes_orders: true })
    }
}

impl Kernel for LiveKernel {
    async fn ready(&mut self) -> io::Result<()> {
        self.captures.readable().await.map(|mut guard| guard.retain_ready())
    }

    fn drain(&mut self, most: usize, take: &mut dyn FnMut(&Segment<'_>, Direction)) -> usize {
        let mut taken = 0;
        // Where less than that is there, it is waited for more; what comes at this moment is not missed.
        let _ = self.captures.try_io_mut(Interest::READABLE, |captures| {
            taken = captures.drain(most, |record| take(&record.segment(), record.direction()));
            if taken < most { Err(io::Error::from(io::ErrorKind::WouldBlock)) } else { Ok(()) }
        });
        taken
    }

    fn order(&mut self, connection: &Connection, order: Order) {
        let ordered = self.flows.order(connection, order);
        if let (Err(error), true) = (&ordered, self.takes_orders) {
            tracing::error!("{error}");
        }
        self.takes_orders = ordered.is_ok();
    }

    fn forget_flow(&mut self, connection: &Connection) {
        self.flows.forget(connection);
    }

    fn forget_host(&mut self, address: Address) {
        self.hosts.forget(address);
    }
}

impl Tables for (HostTable, FlowTable) {
    fn hosts(&self) -> io::Result<Vec<Address>> {
        self.0.addresses().map_err(io::Error::other)
    }

    fn host(&self, address: Address) -> Option<HostRecord> {
        self.0.record(address)
    }

    fn flows(&self) -> io::Result<Vec<FlowEntry>> {
        self.1.entries().map_err(io::Error::other)
    }
}
