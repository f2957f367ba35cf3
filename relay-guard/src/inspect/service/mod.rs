//! Inspection at work: in a thread of its own, so that neither it nor the daemon's loop waits for the other.
//!
//! ```text
//! CAPTURES → segments ┐             ┌→ orders → FLOWS
//! HOSTS, FLOWS ───────┴→ Inspection ┴→ Batch → loop → VERDICTS
//! ```
//!
//! The thread has the reader of the kernel's ring, userspace's half of the kernel's tables, and all that inspection remembers.
//! A second thread reads tables (`tables`). Both ways between the thread and the loop go through bounded channels. While the
//! loop is behind, nothing is taken in: segments wait in the ring, and what finds no room there is counted. Both threads end
//! when the handle is dropped. Knows nothing of rules and verdicts.

mod live;
mod tables;
#[cfg(test)]
mod tests;
mod work;

use std::{
    future::Future,
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use relay_guard_common::{address::Address, flow::Order, role::Direction};
use tokio::sync::{mpsc, oneshot};

use super::{
    Kinds,
    hosts::{Command, HostDetail, HostView, Rules, Saved},
    segment::{Connection, Segment},
};
pub use live::LiveKernel;
pub use tables::Tables;
use work::{Ends, Work};

/// Batches of outputs that wait for the loop.
const BATCHES: usize = 64;

/// Requests that wait.
const REQUESTS: usize = 16;

/// The kernel, as the thread has it.
pub trait Kernel: Send + 'static {
    /// Waits until there are segments. Safe to cancel.
    ///
    /// # Errors
    /// If that cannot be known any more.
    fn ready(&mut self) -> impl Future<Output = io::Result<()>>;
    /// Takes at most so many segments that are there; how many there were.
    fn drain(&mut self, most: usize, take: &mut dyn FnMut(&Segment<'_>, Direction)) -> usize;
    /// Says what is wanted of a connection. What is not there any more needs no order, and the next one between the same ends gets
    /// none.
    fn order(&mut self, connection: &Connection, order: Order);
    /// Forgets a connection, and not the next one between the same ends.
    fn forget_flow(&mut self, connection: &Connection);
    /// Forgets what was counted of a host.
    fn forget_host(&mut self, address: Address);
}

/// A host that is contained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contained {
    /// The host.
    pub address: IpAddr,
    /// By which step, from 0 in the order of the configuration.
    pub step: u8,
    /// Until when, nanoseconds of `CLOCK_MONOTONIC`.
    pub until_ns: u64,
}

/// What inspection has come to.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A host's state has changed, or something is to be done about it. What is to be done about connections, or about what the
    /// kernel counted, is done already.
    Command(Command),
    /// These hosts are contained, and no others: said when it is judged by other rules, the first ones included.
    Contained(Vec<Contained>),
}

/// Outputs, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// By which rules: 0 are the first ones, and each [`Handle::set_rules`] counts one up. Containments by rules from before are
    /// to be thrown away: they number other steps, and all are said again.
    pub rules: u64,
    /// What.
    pub outputs: Vec<Output>,
}

/// How inspection is going.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Sessions that are followed now.
    pub sessions: u64,
    /// Segments that came, or parts of long ones.
    pub segments: u64,
    /// Sessions that were seen to their end, and transactions, outbound.
    pub outbound: Seen,
    /// The same, inbound.
    pub inbound: Seen,
    /// Connections in the kernel's table when it was last read.
    pub flows: u64,
    /// Hosts that something is known of.
    pub hosts: u64,
    /// Those of them that are reported, and those that are contained.
    pub standing: (u64, u64),
    /// Octets that all of it takes.
    pub memory: u64,
    /// What found no room, by name.
    pub losses: Vec<(&'static str, u64)>,
}

/// What was seen to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Sessions.
    pub sessions: u64,
    /// Transactions.
    pub transactions: u64,
}

/// What the thread knows, and what it has wanted done by then.
#[derive(Clone, Debug, PartialEq)]
pub struct AsOf<T> {
    /// What it knows.
    pub known: T,
    /// As many batches, the first ones, are to be carried out before this is true of the kernel as well.
    pub batches: u64,
}

/// What the thread is told.
enum Request {
    Rules(Box<Rules>),
    Kinds(Arc<Kinds>),
    Release(IpAddr, oneshot::Sender<bool>),
    Hosts(usize, oneshot::Sender<AsOf<(u64, Vec<HostView>)>>),
    Host(IpAddr, oneshot::Sender<AsOf<Option<HostDetail>>>),
    Report(oneshot::Sender<Report>),
    Saved(oneshot::Sender<Saved>),
}

/// The thread is gone: it has panicked or lost the kernel's ring, which its log line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the thread that inspects sessions has ended; restart relay-guard and report what its log says before"
)]
pub struct Gone;

/// Why the thread was not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// Too much waits for it already.
    #[error("the thread that inspects sessions is busy")]
    Busy,
    /// It is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// The thread, as others see it.
#[derive(Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
    rules: AtomicU64,
}

/// What the thread begins with.
#[derive(Debug)]
pub struct Beginning {
    /// By what it judges.
    pub rules: Rules,
    /// Who is who.
    pub kinds: Arc<Kinds>,
    /// How many sessions are followed at once.
    pub sessions: usize,
    /// What an earlier daemon knew.
    pub saved: Saved,
    /// Whom it left contained in the kernel.
    pub contained: Vec<Contained>,
}

/// Starts the thread.
///
/// # Errors
/// When the system has no thread or timer for it.
pub fn start(
    kernel: impl FnOnce() -> io::Result<LiveKernel> + Send + 'static,
    tables: impl Tables,
    beginning: Beginning,
) -> io::Result<(Handle, mpsc::Receiver<Batch>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kernel = {
        let _within = runtime.enter();
        kernel()?
    };
    begin(runtime, kernel, tables::start(tables)?, beginning)
}

fn begin(
    runtime: tokio::runtime::Runtime,
    kernel: impl Kernel,
    readings: mpsc::Receiver<tables::Reading>,
    beginning: Beginning,
) -> io::Result<(Handle, mpsc::Receiver<Batch>)> {
    let (requests, requests_in) = mpsc::channel(REQUESTS);
    let (batches, batches_out) = mpsc::channel(BATCHES);
    let ends = Ends { requests: requests_in, readings, batches };
    std::thread::Builder::new().name("inspect".to_owned()).spawn(move || {
        runtime.block_on(async move { Work::new(kernel, beginning).serve(ends).await });
    })?;
    Ok((Handle { requests, rules: AtomicU64::new(0) }, batches_out))
}

impl Handle {
    /// Other rules hold from now on. Who is contained is said again, in batches of the number that is returned. Does not wait.
    ///
    /// # Errors
    /// [`NotTold`]; the rules before hold.
    pub fn set_rules(&self, rules: Rules) -> Result<u64, NotTold> {
        self.tell(Request::Rules(Box::new(rules)))?;
        Ok(self.rules.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Hosts are these from now on. Does not wait.
    ///
    /// # Errors
    /// [`NotTold`]; they are what they were.
    pub fn set_kinds(&self, kinds: Arc<Kinds>) -> Result<(), NotTold> {
        self.tell(Request::Kinds(kinds))
    }

    fn tell(&self, request: Request) -> Result<(), NotTold> {
        use mpsc::error::TrySendError;
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => NotTold::Busy,
            TrySendError::Closed(_) => NotTold::Gone(Gone),
        })
    }

    /// Ends a host's containment by the administrator's word, and forgets what it did. Whether anything was known of it.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn release(&self, address: IpAddr) -> Result<bool, Gone> {
        self.request(|answer| Request::Release(address, answer)).await
    }

    /// How many hosts are known, and so many of them, the highest score first.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn hosts(&self, most: usize) -> Result<AsOf<(u64, Vec<HostView>)>, Gone> {
        self.request(|answer| Request::Hosts(most, answer)).await
    }

    /// All that is known of a host, if anything is.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn host(&self, address: IpAddr) -> Result<AsOf<Option<HostDetail>>, Gone> {
        self.request(|answer| Request::Host(address, answer)).await
    }

    /// How inspection is going.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn report(&self) -> Result<Report, Gone> {
        self.request(Request::Report).await
    }

    /// What the next daemon's thread is to begin with.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn saved(&self) -> Result<Saved, Gone> {
        self.request(Request::Saved).await
    }

    async fn request<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}
