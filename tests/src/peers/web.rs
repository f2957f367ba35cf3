//! A web server that does what a test says, the broken things as well: one connection for each request, every request
//! recorded.
//!
//! What it answers is scripted by path, see [`Behaviour`]; without a script it answers 404. It can be a proxy too: its
//! script is then looked up by the whole URL, or by `HOST:PORT` for CONNECT.

mod behaviour;
mod tls;

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use behaviour::{Behaviour, Request, Response};
pub use tls::Authority;

use crate::namespace::Namespace;

/// The most bytes of a request's header.
const MAX_HEAD: usize = 64 << 10;

/// A running server; it stops, with all its connections, on drop.
#[derive(Debug)]
pub struct WebServer {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    /// Dropping it is what stops the server.
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    scripts: Mutex<HashMap<String, VecDeque<Behaviour>>>,
    requests: Mutex<Vec<Request>>,
}

impl WebServer {
    /// Starts one on a free port of 127.0.0.1; it listens when this returns.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start() -> Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::serve(listener, None, |work| Ok(thread::spawn(work)))
    }

    /// Starts one as [`WebServer::start`] does, with TLS and a certificate of `authority` for `names` (host names and
    /// addresses).
    ///
    /// # Errors
    /// When there is no free port, or for a name that cannot be in a certificate.
    pub fn start_tls(authority: &Authority, names: &[&str]) -> Result<Self> {
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        Self::serve(listener, Some(authority.acceptor(names)?), |work| Ok(thread::spawn(work)))
    }

    /// Starts one in `namespace`, with TLS if there is an authority.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn start_in(
        namespace: &Namespace,
        address: SocketAddr,
        authority: Option<&Authority>,
    ) -> Result<Self> {
        let listener = namespace.run(|| StdListener::bind(address));
        let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
        let name = address.ip().to_string();
        let acceptor = authority.map(|authority| authority.acceptor(&[&name])).transpose()?;
        Self::serve(listener, acceptor, |work| Ok(namespace.spawn(work)))
    }

    fn serve(
        listener: StdListener,
        tls: Option<TlsAcceptor>,
        spawn: impl FnOnce(Box<dyn FnOnce() + Send>) -> Result<JoinHandle<()>>,
    ) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared::default());
        let (stop, stopped) = watch::channel(());
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let server = Server { shared: Arc::clone(&shared), tls, stopped: stopped.clone() };
        let thread = spawn(Box::new(move || {
            runtime.block_on(async {
                let mut stopped = stopped;
                tokio::select! {
                    () = accept(listener, server) => {}
                    _ = stopped.changed() => {}
                }
            });
        }))?;
        Ok(Self { address, scheme, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of `path`, which starts with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// From now on, requests for `target` get `behaviour`.
    pub fn script(&self, target: &str, behaviour: impl Into<Behaviour>) {
        self.script_queue(target, [behaviour.into()]);
    }

    /// From now on, requests for `target` get these in turn, and the last again and again.
    pub fn script_queue(&self, target: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        lock(&self.shared.scripts).insert(target.to_owned(), behaviours.into_iter().collect());
    }

    /// All requests so far, in the order in which they came.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Takes all requests so far; they are not counted again.
    #[must_use]
    pub fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut lock(&self.shared.requests))
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }
}

/// A test that failed with the lock held has been reported; what is inside is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What each connection needs.
#[derive(Clone)]
struct Server {
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    stopped: watch::Receiver<()>,
}

async fn accept(listener: StdListener, server: Server) {
    let listener = TcpListener::from_std(listener).expect("a listener made non-blocking above");
    loop {
        // accept(2) reports errors of the connection it would have returned; the next one may be fine.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let server = server.clone();
        // How a client leaves is the client's to report.
        tokio::spawn(async move {
            let _ = server.connection(stream).await;
        });
    }
}

impl Server {
    async fn connection(self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        // A second descriptor, because TLS will own the first one.
        let reset = stream.as_fd().try_clone_to_owned()?;
        match &self.tls {
            None => self.answer(stream, &reset).await,
            Some(tls) => {
                let stream = tls.accept(stream).await?;
                self.answer(stream, &reset).await
            }
        }
    }

    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, socket: &OwnedFd) -> Result<()> {
        let Some(request) = read_request(&mut stream).await? else { return Ok(()) };
        let mut behaviour = self.shared.behaviour(&request.target);
        lock(&self.shared.requests).push(request.clone());
        if let Behaviour::Decide(decide) = behaviour {
            behaviour = decide(&request);
        }
        match behaviour {
            Behaviour::Answer(response) => stream.write_all(&response.to_bytes()).await?,
            Behaviour::Raw(bytes) => stream.write_all(&bytes).await?,
            Behaviour::RawThenSilence(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                self.silence(&mut stream).await;
            }
            Behaviour::RawThenReset(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                // Closing sends a RST instead of a FIN then.
                sockopt::set_socket_linger(socket, Some(Duration::ZERO))?;
                return Ok(());
            }
            Behaviour::Tunnel => return self.tunnel(stream, &request.target).await,
            Behaviour::Decide(_) => unreachable!("a decision is not another decision"),
        }
        // With TLS this also says that the end is the end.
        stream.shutdown().await?;
        Ok(())
    }

    /// Waits until the client goes or the server stops.
    async fn silence(&self, stream: &mut (impl AsyncRead + Unpin)) {
        let mut stopped = self.stopped.clone();
        let mut byte = [0];
        tokio::select! {
            _ = stream.read(&mut byte) => {}
            _ = stopped.changed() => {}
        }
    }

    async fn tunnel(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin, target: &str) -> Result<()> {
        let mut server = TcpStream::connect(target).await?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        copy_bidirectional(&mut stream, &mut server).await?;
        Ok(())
    }
}

impl Shared {
    fn behaviour(&self, target: &str) -> Behaviour {
        let mut scripts = lock(&self.scripts);
        let Some(queue) = scripts.get_mut(target) else { return Response::status(404).into() };
        if queue.len() > 1 { queue.pop_front() } else { queue.front().cloned() }
            .unwrap_or_else(|| Response::status(404).into())
    }
}

/// The request on `stream`; nothing if the client goes without one.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // One byte at a time: what follows belongs to somebody else (a tunnel).
        match stream.read_u8().await {
            Ok(byte) if head.len() < MAX_HEAD => head.push(byte),
            _ => return Ok(None),
        }
    }
    Request::parse(&String::from_utf8_lossy(&head)).map(Some)
}
