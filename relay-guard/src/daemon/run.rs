//! The loop, and stopping. How everything is brought up is [`start`](super::start)'s.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::{
    clock::Tick,
    lists::{LoadListError, Waiting},
    lock::{self, Lock, LockError},
    netlink::Netlink,
    policy::PublishError,
    start::{listen, load_lists, start},
    state::State,
    work::{Done, Work},
};
use crate::{
    config::{self, ConfigError, OnStop},
    control::{self, api, server::Request},
    datapath::{AskSource, DatapathError, EnvelopeSource, EventSource, Pins, check_requirements},
    feeds::{
        cache::CacheError,
        source::{Fetcher, Proxies, ProxyFault},
    },
};

/// The daemon's pulse: lists, hosts, expiries, heartbeat.
const TICK: Duration = Duration::from_secs(1);
/// Events, lines of envelopes, or questions, taken at once, so that a flood of them leaves room for everything else.
const EVENTS_AT_ONCE: usize = 256;

/// Why the daemon could not run.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "each is the error of the step that it names")]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{}", list_errors(.0))]
    Lists(Vec<LoadListError>),
    #[error("daemon.cache_dir: {0}")]
    Cache(CacheError),
    #[error(transparent)]
    Proxies(#[from] ProxyFault),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Datapath(#[from] DatapathError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error("{0}")]
    Attach(String),
    #[error("{0}")]
    Verdicts(String),
    #[error("{}", crate::dnsbl::service::Gone)]
    Lookups,
    #[error("{}", crate::inspect::service::Gone)]
    Inspection,
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
}

// Not as its source: the message holds it already.
impl From<CacheError> for RunError {
    fn from(cause: CacheError) -> Self {
        Self::Cache(cause)
    }
}

fn list_errors(errors: &[LoadListError]) -> String {
    let rest = match errors.len() {
        0 | 1 => String::new(),
        more => format!(" (and {} more; `relay-guard check` shows all)", more - 1),
    };
    errors.first().map_or_else(String::new, |first| format!("{first}{rest}"))
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// A signal: the configuration says what becomes of the filter.
    Stop,
    /// The administrator asked to take the filter off.
    Detach,
}

/// Runs the daemon until it is told to stop.
///
/// # Errors
/// If it cannot start, or loses the kernel.
pub async fn run(config_path: &Path) -> Result<(), RunError> {
    let config = config::load(config_path)?;
    check_requirements()?;
    let _lock = Lock::take(&config.daemon.run_dir)?;
    lock::make_private(&config.daemon.state_dir)
        .map_err(|error| RunError::Io { path: config.daemon.state_dir.clone(), error })?;
    let work = Work::new(Fetcher::new(Proxies::from_environment()?));
    let lists = load_lists(&config, work.fetcher()).await?;
    let netlink = Netlink::connect().map_err(|error| RunError::System { what: "open netlink", error })?;
    // Signals first: from here on, stopping is orderly.
    let signals = Signals::new().map_err(|error| RunError::System { what: "watch signals", error })?;
    // The last thing that can fail without a trace in the kernel. Questions wait until there is an answer.
    let requests = listen(&config)?;
    let mut state = start(config, config_path, lists, &netlink).await?;
    let events = state.datapath.take_events()?;
    let envelopes = state.datapath.take_envelopes()?;
    let asks = state.datapath.take_asks()?;
    if state.config.daemon.log_datapath {
        state.datapath.forward_log()?;
    }
    tracing::info!(
        mode = state.config.mode.name(),
        start = state.start_word(),
        lists = state.config.lists.len(),
        table_bytes = state.published.table.bytes,
        "ready"
    );
    let mut running =
        Running { state, work, waiting: Vec::new(), netlink, events, envelopes, asks, requests, signals };
    let end = running.serve().await;
    running.stop(end?).await
}

struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

struct Running {
    state: State,
    work: Work,
    /// Administrators who wait for lists to be refreshed.
    waiting: Vec<Waiting>,
    netlink: Netlink,
    events: EventSource,
    envelopes: EnvelopeSource,
    asks: AskSource,
    requests: mpsc::Receiver<Request>,
    signals: Signals,
}

impl Running {
    async fn serve(&mut self) -> Result<End, RunError> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                _ = tick.tick() => {
                    self.state.tick();
                    self.look_at_interfaces().await;
                    self.work.take_in(self.state.lists.due(Tick::now()));
                }
                done = self.work.next() => self.take(done),
                () = self.netlink.changed() => self.look_at_interfaces().await,
                events = self.events.next(EVENTS_AT_ONCE) => match events {
                    Ok(events) => {
                        events.iter().for_each(|event| self.state.note(event));
                        // Nothing that is to be compiled comes of them, and there may be many.
                        continue;
                    }
                    Err(error) => return Err(RunError::System { what: "read events", error }),
                },
                lines = self.envelopes.next(EVENTS_AT_ONCE) => match lines {
                    Ok(lines) => {
                        lines.iter().for_each(|line| self.state.note_envelope(line));
                        continue;
                    }
                    Err(error) => return Err(RunError::System { what: "read envelopes", error }),
                },
                asks = self.asks.next(EVENTS_AT_ONCE) => match asks {
                    Ok(asks) => {
                        self.state.take_asks(&asks);
                        continue;
                    }
                    Err(error) => return Err(RunError::System { what: "read questions", error }),
                },
                outputs = self.state.lookups.next() => match outputs {
                    Some(outputs) => {
                        self.state.take_outputs(outputs);
                        continue;
                    }
                    // The filter stays, and judges by what is known.
                    None => return Err(RunError::Lookups),
                },
                outputs = self.state.inspection.next() => match outputs {
                    Some(outputs) => {
                        self.state.take_inspected(outputs);
                        continue;
                    }
                    None => return Err(RunError::Inspection),
                },
                Some(request) = self.requests.recv() => if self.answer(request).await {
                    return Ok(End::Detach);
                },
                Some(()) = self.signals.hangup.recv() => {
                    // A failure is logged there; the old configuration stays.
                    let _ = self.reload().await;
                }
                Some(()) = self.signals.terminate.recv() => return Ok(End::Stop),
                Some(()) = self.signals.interrupt.recv() => return Ok(End::Stop),
            }
            self.follow();
        }
    }

    /// Takes what was done beside the loop.
    fn take(&mut self, done: Done) {
        let now = Tick::now();
        match done {
            Done::TakenIn(number, result) => {
                let changed = self.state.lists.done(number, result, now);
                // A list that is gone meanwhile is no longer waited for either.
                let told = changed.and_then(|changed| self.state.lists.told(number, changed));
                self.waiting.iter_mut().for_each(|waiting| waiting.done(number, told.as_ref()));
            }
            Done::Compiled(prepared) => self.state.install(*prepared, now),
        }
    }

    /// Has compiled what has changed, and answers those who waited for it.
    fn follow(&mut self) {
        if !self.work.is_compiling()
            && let Some(draft) = self.state.draft(Tick::now())
        {
            self.work.compile(draft);
        }
        if self.work.is_compiling() {
            return;
        }
        let (over, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(Waiting::is_over);
        self.waiting = waiting;
        let over: Vec<Waiting> = over;
        over.into_iter().for_each(|waiting| waiting.finish(self.state.unpublished.as_deref()));
    }

    async fn look_at_interfaces(&mut self) {
        match (self.netlink.links().await, self.netlink.addresses().await) {
            (Ok(links), Ok(addresses)) => {
                self.state.take_addresses(addresses);
                if let Err(error) = self.state.reconcile(&links) {
                    tracing::error!("{error}");
                }
            }
            (Err(error), _) | (_, Err(error)) => tracing::warn!("cannot list interfaces: {error}"),
        }
    }

    async fn reload(&mut self) -> Result<String, String> {
        if self.work.is_compiling() {
            // What is being compiled is of the old configuration.
            self.work.forget_compiling();
            self.state.published.forget_draft();
        }
        let result = self.state.reload(self.work.fetcher(), Tick::now()).await;
        match &result {
            Ok(done) => {
                tracing::info!("{done}");
                let kept: Vec<u64> = self.state.lists.busy().collect();
                self.work.end_others(&kept);
                self.waiting.iter_mut().for_each(|waiting| waiting.forget_others(&kept));
                self.look_at_interfaces().await;
            }
            Err(error) => tracing::error!("reload failed, nothing has changed: {error}"),
        }
        result
    }

    /// Answers a request. Whether it was the last one. A client that does not wait for its answer is no error.
    async fn answer(&mut self, request: Request) -> bool {
        let state = &mut self.state;
        match request {
            Request::Status(answer) => state.tell_status(answer),
            Request::Refused(answer) => {
                drop(answer.send(state.refused_senders().map_err(|error| error.to_string())));
            }
            Request::Hosts(answer) => state.tell_hosts(answer),
            Request::Host(address, answer) => state.tell_host(address, answer),
            Request::HostEvents(answer) => drop(answer.send(Ok(state.host_events()))),
            Request::Release(address, answer) => state.release_host(address, answer),
            Request::Lists(answer) => {
                drop(answer.send(state.list_table().map_err(|error| error.to_string())));
            }
            Request::RefreshLists(request, answer) => {
                if let Some((tasks, waiting)) = state.lists.refresh(&request, answer, Tick::now()) {
                    self.work.take_in(tasks);
                    self.waiting.push(waiting);
                }
            }
            Request::Explain { address, port, answer } => drop(answer.send(state.explain(address, port))),
            Request::Verdicts(answer) => drop(answer.send(Ok(state.verdict_list()))),
            Request::Put(request, answer) => drop(answer.send(state.put_verdict(request))),
            Request::Remove(net, answer) => drop(answer.send(state.remove_verdict(net))),
            Request::Dnsbl(answer) => state.tell_dnsbl(answer),
            Request::ForgetDnsbl(request, answer) => state.forget_dnsbl(request.address, answer),
            Request::Reload(answer) => {
                let result = self.reload().await.map(|done| api::Done { done });
                drop(answer.send(result));
            }
            Request::Detach(answer) => {
                drop(answer.send(Ok(api::Done { done: "detaching; the daemon ends".to_owned() })));
                // The answer has to leave before the process does.
                tokio::time::sleep(Duration::from_millis(50)).await;
                return true;
            }
        }
        false
    }

    async fn stop(mut self, end: End) -> Result<(), RunError> {
        self.state.save_lookups_at_end().await;
        self.state.save_inspection_at_end().await;
        if let Err(error) = self.state.datapath.tell_nobody() {
            tracing::error!("{error}");
        }
        let config = &self.state.config;
        let _ = fs::remove_file(config.daemon.run_dir.join(control::SOCKET));
        if end == End::Stop && config.daemon.on_stop == OnStop::Keep {
            tracing::info!("stopped; the filter stays and keeps judging, `relay-guard detach` takes it off");
            return Ok(());
        }
        match Pins::at(&config.daemon.pin_dir).detach_all() {
            Ok(hooks) => tracing::info!("detached {} hooks", hooks.len()),
            Err(failures) => failures.iter().for_each(|failure| tracing::error!("{failure}")),
        }
        Ok(())
    }
}
