//! Deliveries that go on in the background while a test does something else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::client::Delivery;
use super::outcome::Outcome;
use crate::namespace::Namespace;
use crate::wait;

/// How many attempts may be under way at once; beyond, the stream waits.
const UNDER_WAY: usize = 512;

/// One attempt of a stream that has ended.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which of the stream's deliveries.
    pub delivery: usize,
    /// When it began.
    pub started: Instant,
    /// How it ended.
    pub outcome: Outcome,
}

/// A steady stream of attempts, each begun whether or not the one before it has ended. Stopped on drop.
#[derive(Debug)]
pub struct Stream {
    begun: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Vec<Attempt>>>,
}

impl Stream {
    /// Begins one of `deliveries` after the other, over and over, one every `pace`.
    ///
    /// # Errors
    /// When no runtime can be made.
    pub fn start(namespace: &Namespace, deliveries: Vec<Delivery>, pace: Duration) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let begun = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let counter = Arc::clone(&begun);
        let thread = namespace.spawn(move || runtime.block_on(flow(deliveries, pace, counter, stopped)));
        Ok(Self { begun, stop: Some(stop), thread: Some(thread) })
    }

    /// Waits until this many more attempts have begun.
    ///
    /// # Errors
    /// When they have not after `within`.
    pub fn wait_for(&self, more: usize, within: Duration) -> Result<()> {
        let goal = self.begun.load(Ordering::Relaxed) + more;
        let reached = || Ok((self.begun.load(Ordering::Relaxed) >= goal).then_some(()));
        wait::until("attempts of a stream", within, reached)
    }

    /// Begins no more, waits for those under way, and returns all.
    ///
    /// # Panics
    /// When the stream has.
    #[must_use]
    pub fn finish(mut self) -> Vec<Attempt> {
        drop(self.stop.take());
        let thread = self.thread.take().expect("only this and drop take it");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }
}

async fn flow(
    deliveries: Vec<Delivery>,
    pace: Duration,
    begun: Arc<AtomicUsize>,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Attempt> {
    let mut under_way = JoinSet::new();
    let mut ended = Vec::new();
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (number, delivery) in deliveries.into_iter().enumerate().cycle() {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = &mut stopped => break,
        }
        if under_way.len() >= UNDER_WAY {
            ended.extend(under_way.join_next().await.and_then(Result::ok));
        }
        begun.fetch_add(1, Ordering::Relaxed);
        under_way.spawn(async move {
            let started = Instant::now();
            let outcome = delivery.attempt().await;
            Attempt { delivery: number, started, outcome }
        });
    }
    ended.extend(under_way.join_all().await);
    ended
}
