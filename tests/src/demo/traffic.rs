//! Running the flows: one thread per place, one task per attempt.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::flow::{Attempt, Flow, Place};
use crate::lab::Lab;

/// How many attempts of one flow run at once; further ones are left out.
const ATTEMPTS_AT_ONCE: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Sending,
    /// No new attempts; those under way run to their end.
    Finishing,
    /// Everything stops where it is.
    Stopped,
}

/// Traffic that runs. It stops at once on drop.
#[derive(Debug)]
pub(super) struct Traffic {
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
    /// When it began; the times of flows are counted from here.
    pub(super) begin: Instant,
}

impl Traffic {
    /// Starts all flows.
    ///
    /// # Errors
    /// When a runtime cannot be built.
    pub(super) fn start(lab: &Lab, flows: &[Arc<Flow>]) -> Result<Self> {
        let (phase, watched) = watch::channel(Phase::Sending);
        let mut traffic = Self { phase, threads: Vec::new(), begin: Instant::now() };
        for (place, namespace) in
            [(Place::Internet, &lab.internet), (Place::Inside, &lab.inside), (Place::Mail, &lab.mail)]
        {
            let here: Vec<_> = flows.iter().filter(|flow| flow.place == place).map(Arc::clone).collect();
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            let (begin, phase) = (traffic.begin, watched.clone());
            traffic.threads.push(namespace.spawn(move || {
                runtime.block_on(async {
                    let running: JoinSet<()> =
                        here.into_iter().map(|flow| send(flow, begin, phase.clone())).collect();
                    running.join_all().await;
                });
            }));
        }
        Ok(traffic)
    }

    /// Starts nothing new; what is under way goes on to its end, which connect and reply timeouts see to.
    pub(super) fn stop_sending(&self) {
        self.phase.send_replace(Phase::Finishing);
    }

    /// Whether all attempts have ended, after [`Traffic::stop_sending`].
    pub(super) fn has_ended(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Waits for the end of all attempts.
    ///
    /// # Errors
    /// When a sender panicked.
    pub(super) fn join(mut self) -> Result<()> {
        self.stop_sending();
        for thread in std::mem::take(&mut self.threads) {
            thread.join().map_err(|_| anyhow!("a sender of the demo panicked"))?;
        }
        Ok(())
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Stopped);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

async fn send(flow: Arc<Flow>, begin: Instant, mut phase: watch::Receiver<Phase>) {
    let mut attempts = JoinSet::new();
    let mut ticks = interval_at((begin + flow.wakes).into(), flow.pace.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut n = 0;
    while *phase.borrow() == Phase::Sending {
        tokio::select! {
            _ = ticks.tick() => {
                if attempts.len() < ATTEMPTS_AT_ONCE {
                    attempts.spawn(attempt(Arc::clone(&flow), n));
                    n += 1;
                }
            }
            Some(_) = attempts.join_next() => {}
            _ = phase.changed() => {}
        }
    }
    // Dropping the set stops the attempts.
    tokio::select! {
        () = async { while attempts.join_next().await.is_some() {} } => {}
        _ = phase.wait_for(|phase| *phase == Phase::Stopped) => {}
    }
}

async fn attempt(flow: Arc<Flow>, n: u32) {
    flow.tally.start();
    let started = Instant::now();
    let delivery = flow.delivery(n);
    let outcome = delivery.attempt().await;
    flow.tally.end(Attempt { source: delivery.source, started, outcome });
}
