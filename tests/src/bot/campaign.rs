//! Visits made through a lab.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::talker::{Answer, Talker};
use super::visit::Visit;
use crate::namespace::Namespace;
use crate::smtp::read_reply;

/// How many visits may be under way at once; beyond, the next one waits.
const UNDER_WAY: usize = 256;
/// How long a visitor waits for its connection: too short for its SYN to be repeated.
const CONNECT_LIMIT: Duration = Duration::from_millis(900);
/// And for each reply.
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// What became of a visit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// Whether there was a connection at all.
    pub connected: bool,
    /// Replies, as they came.
    pub replies: Vec<(u16, String)>,
    /// Letters that were taken.
    pub delivered: usize,
    /// How it broke, if it did.
    pub broke: Option<String>,
}

impl Heard {
    /// Whether the connection stood and came to an end other than by goodbye.
    #[must_use]
    pub fn was_cut(&self) -> bool {
        self.connected && self.broke.is_some()
    }
}

/// Visits under way, each at its time. Stopped on drop.
#[derive(Debug)]
pub struct Campaign {
    first: Arc<OnceLock<Instant>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Vec<Heard>>>,
}

impl Campaign {
    /// Begins. The visits must be in the order of their times.
    ///
    /// # Errors
    /// When no runtime can be made.
    pub fn start(namespace: &Namespace, visits: Vec<Visit>) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let first = Arc::new(OnceLock::new());
        let begun = Arc::clone(&first);
        let thread = namespace.spawn(move || runtime.block_on(make_all(visits, &begun, stopped)));
        Ok(Self { first, stop: Some(stop), thread: Some(thread) })
    }

    /// When the first connection was begun; none if that is yet to come.
    #[must_use]
    pub fn began(&self) -> Option<Instant> {
        self.first.get().copied()
    }

    /// Begins no more visits, waits for those under way, and returns what became of all.
    ///
    /// # Panics
    /// When the campaign has.
    #[must_use]
    pub fn stop(mut self) -> Vec<Heard> {
        drop(self.stop.take());
        let thread = self.thread.take().expect("only this and drop take it");
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }
}

async fn make_all(
    visits: Vec<Visit>,
    first: &OnceLock<Instant>,
    mut stopped: oneshot::Receiver<()>,
) -> Vec<Heard> {
    let begin = Instant::now();
    let (mut under_way, mut ended) = (JoinSet::new(), Vec::new());
    for visit in visits {
        tokio::select! {
            () = sleep_until((begin + visit.at).into()) => {}
            _ = &mut stopped => break,
        }
        if under_way.len() >= UNDER_WAY {
            ended.extend(under_way.join_next().await.and_then(Result::ok));
        }
        first.get_or_init(Instant::now);
        under_way.spawn(async move { visit.make().await });
    }
    ended.extend(under_way.join_all().await);
    ended
}

/// Makes visits from within `namespace`, whatever their times, one after the other, and returns what became of each.
///
/// # Panics
/// When no runtime can be made.
#[must_use]
pub fn make_in(namespace: &Namespace, visits: &[Visit]) -> Vec<Heard> {
    namespace.run(|| {
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut heard = Vec::new();
            for visit in visits {
                heard.push(visit.make().await);
            }
            heard
        })
    })
}

impl Visit {
    /// Makes it from the namespace of the calling thread.
    pub async fn make(&self) -> Heard {
        let mut heard = Heard::default();
        match timeout(CONNECT_LIMIT, self.connect()).await {
            Ok(Ok(stream)) => {
                heard.connected = true;
                heard.broke = self.converse(stream, &mut heard).await.err();
            }
            Ok(Err(error)) => heard.broke = Some(error.to_string()),
            Err(_) => heard.broke = Some("no answer".to_owned()),
        }
        heard
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = if self.server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        socket.connect(self.server).await
    }

    async fn converse(&self, stream: TcpStream, heard: &mut Heard) -> Result<(), String> {
        let mut stream = BufReader::new(stream);
        let mut talker = Talker::new(self);
        let mut next = talker.begins().map_or(Answer::Waits, Answer::Says);
        loop {
            match next {
                Answer::Says(text) => {
                    let sent = timeout(REPLY_LIMIT, stream.write_all(text.as_bytes())).await;
                    sent.map_err(|_| "it takes nothing".to_owned())?.map_err(|error| error.to_string())?;
                }
                Answer::Waits => {}
                Answer::Leaves => return Ok(()),
            }
            let reply = timeout(REPLY_LIMIT, read_reply(&mut stream)).await;
            let (code, text) = reply.map_err(|_| "no reply".to_owned())??;
            heard.replies.push((code, text));
            next = talker.hears(code);
            heard.delivered = talker.delivered();
        }
    }
}
