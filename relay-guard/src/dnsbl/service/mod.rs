//! Lookups at work: the engine and the resolver in a thread of their own, so that neither waits for the daemon's loop.
//!
//! ```text
//! loop → Handle::ask → engine → resolver → engine → Batch → loop
//! ```
//!
//! Both ways go through bounded channels, many at a time. Asks for which there is no room are counted, and their sources
//! pass; outputs for which there is none wait, and as long as they do no asks are taken. The thread ends when its handle is
//! dropped. Knows nothing of rules and maps.

#[cfg(test)]
mod tests;
mod work;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::engine::{Event, Saved, View};
use super::plan::Plan;
use super::score::Scored;
use work::{Ends, Work};

/// Batches of asks, and of outputs, that wait for the other side.
const BATCHES: usize = 64;

/// The most asks of one batch; what is given at once beyond that makes several.
pub const ASKS_AT_ONCE: usize = 256;

/// Requests of the administrator that wait.
const REQUESTS: usize = 16;

/// A source that the kernel wants to know about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The source.
    pub address: IpAddr,
    /// Since when, nanoseconds of `CLOCK_MONOTONIC`.
    pub asked_ns: u64,
}

/// What lookups have come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The verdict on a source now.
    Verdict(Scored),
    /// There is none on this source any more.
    Forget(IpAddr),
    /// Something for the log, which holds no zone's own name.
    Event(Event),
    /// From now on the bits of [`Settings::ask`](relay_guard_common::settings::Settings::ask), but that for holding.
    AskBits(u32),
}

/// Outputs, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// By which plan: 0 is the first one, and each [`Handle::set_plan`] counts one up. Verdicts and ask bits by a plan from
    /// before are to be thrown away: they number its thresholds and entries, and all are given again.
    pub plan: u64,
    /// What.
    pub outputs: Vec<Output>,
}

/// How lookups are going.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What the engine says.
    #[serde(flatten)]
    pub view: View,
    /// Asks that were lost because the thread had no room for them.
    pub asks_lost: u64,
    /// Who is asked.
    pub resolvers: Vec<SocketAddr>,
}

/// What the thread is told.
#[derive(Debug)]
enum Request {
    Plan(Arc<Plan>),
    Forget(Option<IpAddr>, oneshot::Sender<usize>),
    View(oneshot::Sender<(View, Vec<SocketAddr>)>),
    Saved(oneshot::Sender<Vec<Saved>>),
    Verdict(IpAddr, oneshot::Sender<Option<Scored>>),
}

/// The thread is gone: it has panicked, which its log line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the thread that looks sources up has ended; restart relay-guard and report what its log says before"
)]
pub struct Gone;

/// Why the thread was not told of another plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTold {
    /// Too much waits for it already.
    #[error("the thread that looks sources up is busy")]
    Busy,
    /// It is gone.
    #[error(transparent)]
    Gone(Gone),
}

/// The thread, as others see it.
#[derive(Debug)]
pub struct Handle {
    asks: mpsc::Sender<Vec<Asked>>,
    requests: mpsc::Sender<Request>,
    lost: AtomicU64,
    plan: AtomicU64,
}

/// Starts the thread. What was `saved` by a plan with the same zones and answers is given again.
///
/// # Errors
/// When the system has no thread or timer for it.
pub fn start(plan: Arc<Plan>, saved: Vec<Saved>) -> io::Result<(Handle, mpsc::Receiver<Batch>)> {
    let (asks, asks_in) = mpsc::channel(BATCHES);
    let (requests, requests_in) = mpsc::channel(REQUESTS);
    let (batches, batches_out) = mpsc::channel(BATCHES);
    let ends = Ends { asks: asks_in, requests: requests_in, batches };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("dnsbl".to_owned()).spawn(move || {
        runtime.block_on(async move { Work::new(plan, saved).serve(ends).await });
    })?;
    Ok((Handle { asks, requests, lost: AtomicU64::new(0), plan: AtomicU64::new(0) }, batches_out))
}

impl Handle {
    /// Asks about sources, without waiting. Those for which there is no room are lost, and counted.
    pub fn ask(&self, asked: Vec<Asked>) {
        if asked.len() <= ASKS_AT_ONCE {
            self.give(asked);
        } else {
            asked.chunks(ASKS_AT_ONCE).for_each(|some| self.give(some.to_vec()));
        }
    }

    fn give(&self, asked: Vec<Asked>) {
        let count = asked.len() as u64;
        if count != 0 && self.asks.try_send(asked).is_err() {
            self.lost.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Another plan holds from now on. All verdicts are given again, and the ask bits, in batches of its number, which is
    /// returned. Does not wait.
    ///
    /// # Errors
    /// [`NotTold`]; the plan before holds.
    pub fn set_plan(&self, plan: Arc<Plan>) -> Result<u64, NotTold> {
        use mpsc::error::TrySendError;
        self.requests.try_send(Request::Plan(plan)).map_err(|error| match error {
            TrySendError::Full(_) => NotTold::Busy,
            TrySendError::Closed(_) => NotTold::Gone(Gone),
        })?;
        Ok(self.plan.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Forgets what zones said of a source, or of all, so that they are asked again; of how many something was known.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn forget(&self, address: Option<IpAddr>) -> Result<usize, Gone> {
        self.request(|answer| Request::Forget(address, answer)).await
    }

    /// How lookups are going.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn report(&self) -> Result<Report, Gone> {
        let (view, resolvers) = self.request(Request::View).await?;
        Ok(Report { view, asks_lost: self.lost.load(Ordering::Relaxed), resolvers })
    }

    /// What is to be given to [`start`] the next time.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn saved(&self) -> Result<Vec<Saved>, Gone> {
        self.request(Request::Saved).await
    }

    /// The verdict on a source as it is kept, expired or not.
    ///
    /// # Errors
    /// [`Gone`].
    pub async fn verdict(&self, address: IpAddr) -> Result<Option<Scored>, Gone> {
        self.request(|answer| Request::Verdict(address, answer)).await
    }

    async fn request<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Result<T, Gone> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| Gone)?;
        answered.await.map_err(|_| Gone)
    }
}
