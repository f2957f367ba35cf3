//! The server: listening sockets in a namespace, one session per connection, everything entered in a ledger.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};

use super::ledger::{Connection, Ledger};
use super::session::Session;
use crate::namespace::Namespace;

/// The listen backlog; the kernel caps it at its own `somaxconn`.
const BACKLOG: i32 = 4096;
/// How many sessions run at once; further clients wait in the backlog.
const SESSION_LIMIT: usize = 1024;

/// What a server does; the default is a patient server that takes everything up to 1 MiB.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The name in its greeting.
    pub hostname: String,
    /// Longer messages get a 552.
    pub max_message_bytes: usize,
    /// A client silent for longer is dropped.
    pub idle_timeout: Duration,
    /// Recipients that get a 550.
    pub refused_recipients: Vec<String>,
    /// What it says instead of what it would; the first that fits.
    pub refusals: Vec<Refusal>,
    /// How long it listens for clients that talk first, before it greets. Whoever does is greeted at once.
    pub listens_first: Duration,
}

/// A reply to a command, or to a message's content.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// `MAIL`, `RCPT`, `DATA`; `.` is the end of the content.
    pub verb: &'static str,
    /// What the command must hold; empty for any.
    pub holds: String,
    /// The whole reply, one line; `{client}` is the client's address.
    pub reply: String,
}

impl Refusal {
    /// One that answers commands of this verb that hold this.
    #[must_use]
    pub fn new(verb: &'static str, holds: &str, reply: &str) -> Self {
        Self { verb, holds: holds.to_owned(), reply: reply.to_owned() }
    }
}

impl ServerOptions {
    /// What it says to `client` instead of what it would: `text` is the whole command.
    pub(crate) fn refusal(&self, verb: &str, text: &str, client: IpAddr) -> Option<String> {
        let mut fitting = self.refusals.iter().filter(|one| one.verb.eq_ignore_ascii_case(verb));
        let refusal = fitting.find(|one| text.contains(&one.holds))?;
        Some(refusal.reply.replace("{client}", &client.to_string()))
    }

    /// The default under another name. A Postfix on the other side wants none that is its own.
    #[must_use]
    pub fn named(hostname: &str) -> Self {
        Self { hostname: hostname.to_owned(), ..Self::default() }
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            hostname: "mail.guarded.example".to_owned(),
            max_message_bytes: 1 << 20,
            idle_timeout: Duration::from_secs(30),
            refused_recipients: Vec::new(),
            refusals: Vec::new(),
            listens_first: Duration::ZERO,
        }
    }
}

/// A running SMTP server; it stops, with all its sessions, on drop.
#[derive(Debug)]
pub struct SmtpServer {
    ledger: Arc<Ledger>,
    /// Dropping it is what stops the server.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SmtpServer {
    /// Starts a server in `namespace`; it listens on all of `addresses` when this returns.
    ///
    /// # Errors
    /// When an address cannot be listened on.
    pub fn start(namespace: &Namespace, addresses: &[SocketAddr], options: ServerOptions) -> Result<Self> {
        let listeners =
            namespace.run(|| addresses.iter().map(|address| listen(*address)).collect::<Result<Vec<_>>>())?;
        let ledger = Arc::new(Ledger::default());
        let (stop, stopped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::new(Shared {
            options,
            ledger: Arc::clone(&ledger),
            sessions: Arc::new(Semaphore::new(SESSION_LIMIT)),
        });
        let thread = namespace.spawn(move || {
            runtime.block_on(async {
                for listener in listeners {
                    tokio::spawn(accept(listener, Arc::clone(&shared)));
                }
                let _ = stopped.await;
            });
        });
        Ok(Self { ledger, stop: Some(stop), thread: Some(thread) })
    }

    /// Starts a server on every IPv4 and IPv6 address of `namespace`, including whole blocks of any-IP addresses.
    ///
    /// # Errors
    /// When the port cannot be listened on.
    pub fn start_everywhere(namespace: &Namespace, port: u16, options: ServerOptions) -> Result<Self> {
        let anywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        Self::start(namespace, &anywhere.map(|address| SocketAddr::new(address, port)), options)
    }

    /// What it has seen; it can be kept and read after the server's end.
    #[must_use]
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }
}

struct Shared {
    options: ServerOptions,
    ledger: Arc<Ledger>,
    sessions: Arc<Semaphore>,
}

/// Tokio cannot make an IPv6 socket that leaves IPv4 alone, so this goes by rustix.
fn listen(address: SocketAddr) -> Result<StdListener> {
    let try_listen = || -> io::Result<StdListener> {
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        sockopt::set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        rustix::net::bind(&socket, &address)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(socket.into())
    };
    try_listen().with_context(|| format!("cannot listen on {address}"))
}

async fn accept(listener: StdListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener made non-blocking above");
    loop {
        let Ok(permit) = Arc::clone(&shared.sessions).acquire_owned().await else { return };
        // accept(2) reports errors of the connection it would have returned; the next one may be fine.
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            serve(stream, peer, &shared).await;
            drop(permit);
        });
    }
}

async fn serve(mut stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let Ok(local) = stream.local_addr() else { return };
    let connection = Connection { peer, local };
    shared.ledger.enter_connection(connection);
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.split();
    let session = Session {
        reader: BufReader::new(reader),
        writer,
        connection,
        options: &shared.options,
        ledger: &shared.ledger,
    };
    // How a client leaves is the client's to report; what was accepted is in the ledger.
    let _ = session.run().await;
}
