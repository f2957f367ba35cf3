//! The thread's loop: the only place where lookups have a clock.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::{Asked, Batch, Output, Request};
use crate::daemon::monotonic_ns;
use crate::dnsbl::engine::{Command, Engine, Now, Saved, is_test};
use crate::dnsbl::plan::Plan;
use crate::dnsbl::question::Reply;
use crate::dnsbl::resolver::Resolver;

/// Replies that are taken in before anything else is done.
const REPLIES_AT_ONCE: usize = 256;

/// Outputs that may wait for the daemon's loop; with more, no asks are taken.
const OUTPUTS_WAITING: usize = 65_536;

/// How often it is looked whether the system asks other resolvers now.
const REFRESH: Duration = Duration::from_secs(10);

/// The longest sleep.
const FOREVER: Duration = Duration::from_secs(3600);

/// What the thread has.
pub(super) struct Work {
    engine: Engine,
    plan: Arc<Plan>,
    /// Which plan it is.
    number: u64,
    resolver: Resolver,
    replies: FuturesUnordered<BoxFuture<'static, Reply>>,
    outputs: Vec<Output>,
    /// As they were told.
    ask_bits: Option<u32>,
}

/// This thread's ends of the channels.
pub(super) struct Ends {
    pub(super) asks: mpsc::Receiver<Vec<Asked>>,
    pub(super) requests: mpsc::Receiver<Request>,
    pub(super) batches: mpsc::Sender<Batch>,
}

fn now() -> Now {
    Now { monotonic_ns: monotonic_ns() }
}

/// A number that others do not know; early at boot the time must do.
fn seed() -> u64 {
    let mut seed = [0; 8];
    match rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::NONBLOCK) {
        Ok(_) => u64::from_ne_bytes(seed),
        Err(_) => monotonic_ns(),
    }
}

impl Work {
    pub(super) fn new(plan: Arc<Plan>, saved: Vec<Saved>) -> Self {
        let mut engine = Engine::new(Arc::clone(&plan), now(), seed());
        engine.restore(saved, now());
        Self {
            engine,
            number: 0,
            resolver: Resolver::new(&plan.lookups),
            plan,
            replies: FuturesUnordered::new(),
            outputs: Vec::new(),
            ask_bits: None,
        }
    }

    /// Works until nobody holds the other ends any more.
    pub(super) async fn serve(mut self, mut ends: Ends) {
        let mut refresh = tokio::time::interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.until_due();
            self.settle();
            let takes_asks = self.outputs.len() < OUTPUTS_WAITING;
            tokio::select! {
                biased;
                request = ends.requests.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                _ = refresh.tick() => if self.resolver.refresh() {
                    self.engine.resolvers_changed(now());
                },
                permit = ends.batches.reserve(), if !self.outputs.is_empty() => match permit {
                    Ok(permit) => permit.send(self.batch()),
                    Err(_) => return,
                },
                Some(reply) = self.replies.next() => self.take(&reply),
                Some(asked) = ends.asks.recv(), if takes_asks => self.ask(asked),
                () = tokio::time::sleep(due) => {}
            }
        }
    }

    /// How long nothing is due, after all that is now.
    fn until_due(&mut self) -> Duration {
        let left = |engine: &Engine| {
            let due_ns = engine.next_wakeup().map(|due_ns| due_ns.saturating_sub(monotonic_ns()));
            due_ns.map_or(FOREVER, Duration::from_nanos).min(FOREVER)
        };
        if left(&self.engine).is_zero() {
            self.engine.tick(now());
        }
        left(&self.engine)
    }

    fn batch(&mut self) -> Batch {
        Batch { plan: self.number, outputs: std::mem::take(&mut self.outputs) }
    }

    fn ask(&mut self, asked: Vec<Asked>) {
        let now = now();
        for Asked { address, asked_ns } in asked {
            self.engine.ask(address, asked_ns, now);
        }
    }

    /// Takes in a reply, and those that have come meanwhile.
    fn take(&mut self, first: &Reply) {
        let now = now();
        self.engine.reply(first, now);
        for _ in 1..REPLIES_AT_ONCE {
            let Some(Some(reply)) = self.replies.next().now_or_never() else { break };
            self.engine.reply(&reply, now);
        }
    }

    /// Does what the engine wants done.
    fn settle(&mut self) {
        for command in self.engine.drain() {
            match command {
                Command::Ask(question) => {
                    let resolver = self.resolver.clone();
                    let is_test = is_test(question.id);
                    let reply = async move {
                        if is_test {
                            resolver.ask_first(question).await
                        } else {
                            resolver.ask(question).await
                        }
                    };
                    self.replies.push(reply.boxed());
                }
                Command::Verdict(scored) => self.outputs.push(Output::Verdict(scored)),
                Command::Forget(address) => self.outputs.push(Output::Forget(address)),
                Command::Event(event) => self.outputs.push(Output::Event(event)),
            }
        }
        let ask_bits = self.engine.asked_bits();
        if self.ask_bits != Some(ask_bits) {
            self.ask_bits = Some(ask_bits);
            self.outputs.push(Output::AskBits(ask_bits));
        }
    }

    // Whoever asked may have gone away meanwhile.
    fn answer(&mut self, request: Request) {
        match request {
            Request::Plan(plan) => self.follow(plan),
            Request::Forget(address, answer) => {
                let _ = answer.send(self.forget(address));
            }
            Request::View(answer) => {
                let _ = answer.send((self.engine.view(), self.resolver.addresses()));
            }
            Request::Saved(answer) => {
                let _ = answer.send(self.engine.saved(now()).collect());
            }
            Request::Verdict(address, answer) => {
                let _ = answer.send(self.engine.cached(address));
            }
        }
    }

    fn follow(&mut self, plan: Arc<Plan>) {
        let (old, new) = (&self.plan.lookups, &plan.lookups);
        if old.resolvers != new.resolvers || old.timeout != new.timeout {
            self.resolver = Resolver::new(new);
        }
        self.outputs.retain(|output| matches!(output, Output::Forget(_) | Output::Event(_)));
        self.engine.set_plan(Arc::clone(&plan), now());
        self.plan = plan;
        self.number += 1;
        self.ask_bits = None;
    }

    fn forget(&mut self, address: Option<IpAddr>) -> usize {
        let known = |engine: &Engine| engine.view().cache.entries as usize;
        let before = known(&self.engine);
        self.engine.forget(address);
        before - known(&self.engine)
    }
}
