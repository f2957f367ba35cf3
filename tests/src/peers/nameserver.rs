//! A nameserver that does what a test says, the broken things as well, over UDP and TCP, and remembers every question.
//!
//! It has zones as DNSBLs have them; about all other names it refuses to speak. How a zone behaves can be changed while it
//! runs ([`Behaviour`]), and the whole server can be away for a while.

mod answer;
mod behaviour;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, UdpSocket as StdSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::runtime;
use tokio::sync::watch;

pub use behaviour::{Asked, Behaviour, Content};

use crate::namespace::Namespace;
use crate::wait;
use answer::Answer;

/// Longer questions are cut off.
const MAX_QUESTION: usize = 4096;

/// A nameserver; it stops on drop.
#[derive(Debug)]
pub struct Nameserver {
    address: SocketAddr,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    /// Dropping it is what stops the server.
    stop: watch::Sender<()>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    zones: Mutex<BTreeMap<String, Zone>>,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Debug)]
struct Zone {
    content: Content,
    behaviour: Behaviour,
    /// How many questions were asked of it since it got its behaviour.
    turn: usize,
}

impl Nameserver {
    /// Starts one in `namespace`, at this address (not port 0); it listens when this returns.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn start(namespace: &Namespace, address: SocketAddr) -> Result<Self> {
        let server = Self { address, shared: Arc::default(), running: Mutex::default() };
        server.listen(namespace)?;
        Ok(server)
    }

    /// Gives it a zone that it has not, or another content to one that it has. It is honest about it from now on.
    pub fn serve(&self, zone: &str, content: Content) {
        let zone_of = Zone { content, behaviour: Behaviour::Honest, turn: 0 };
        lock(&self.shared.zones).insert(zone.to_owned(), zone_of);
    }

    /// How it behaves about a zone from now on.
    ///
    /// # Panics
    /// When it has no such zone.
    pub fn behave(&self, zone: &str, behaviour: Behaviour) {
        let mut zones = lock(&self.shared.zones);
        let zone = zones.get_mut(zone).expect("a zone that it has");
        (zone.behaviour, zone.turn) = (behaviour, 0);
    }

    /// Goes away: nothing listens at its address any more.
    pub fn leave(&self) {
        if let Some(Running { stop, thread }) = lock(&self.running).take() {
            drop(stop);
            // A panic in it has been printed; a second one here would abort.
            let _ = thread.join();
        }
    }

    /// Comes back with all its zones; `namespace` is where it was.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn listen(&self, namespace: &Namespace) -> Result<()> {
        self.leave();
        let sockets = namespace.run(|| -> std::io::Result<_> {
            let (udp, tcp) = (StdSocket::bind(self.address)?, StdListener::bind(self.address)?);
            udp.set_nonblocking(true)?;
            tcp.set_nonblocking(true)?;
            Ok((udp, tcp))
        });
        let (udp, tcp) = sockets.with_context(|| format!("cannot listen on {}", self.address))?;
        let (stop, stopped) = watch::channel(());
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&self.shared);
        let thread = namespace.spawn(move || {
            runtime.block_on(async {
                let mut stopped = stopped;
                tokio::select! {
                    () = datagrams(udp, Arc::clone(&shared)) => {}
                    () = connections(tcp, shared) => {}
                    _ = stopped.changed() => {}
                }
            });
        });
        *lock(&self.running) = Some(Running { stop, thread });
        Ok(())
    }

    /// All questions so far, in the order in which they came.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.shared.asked).clone()
    }

    /// Questions so far about an address in a zone, of any kind.
    #[must_use]
    pub fn asked_about(&self, zone: &str, address: IpAddr) -> Vec<Asked> {
        let about = |asked: &Asked| asked.zone.as_deref() == Some(zone) && asked.address == Some(address);
        self.asked().into_iter().filter(about).collect()
    }

    /// Waits until it has been asked about an address in a zone.
    ///
    /// # Errors
    /// When it has not after `within`.
    pub fn wait_until_asked(&self, zone: &str, address: IpAddr, within: Duration) -> Result<()> {
        let asked = || Ok((!self.asked_about(zone, address).is_empty()).then_some(()));
        wait::until(&format!("a question about {address} in {zone}"), within, asked)
    }
}

impl Drop for Nameserver {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A test that failed with the lock held has been reported; what is inside is still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn datagrams(socket: StdSocket, shared: Arc<Shared>) {
    let socket = Arc::new(UdpSocket::from_std(socket).expect("a socket made non-blocking above"));
    let mut buffer = [0; MAX_QUESTION];
    loop {
        // An error is one of an earlier answer, to somebody who has gone.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else { continue };
        match shared.answer(&buffer[..length], false) {
            Answer { bytes: Some(bytes), after: Duration::ZERO } => {
                let _ = socket.send_to(&bytes, peer).await;
            }
            Answer { bytes: Some(bytes), after } => {
                let socket = Arc::clone(&socket);
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = socket.send_to(&bytes, peer).await;
                });
            }
            Answer { bytes: None, .. } => {}
        }
    }
}

async fn connections(listener: StdListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener made non-blocking above");
    loop {
        // accept(2) reports errors of the connection it would have returned; the next one may be fine.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        // How a client leaves is the client's to report.
        tokio::spawn(async move {
            let _ = connection(stream, &shared).await;
        });
    }
}

/// Questions and answers with their lengths in front (RFC 1035 §4.2.2), until the client goes.
async fn connection(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    loop {
        let mut question = vec![0; stream.read_u16().await?.into()];
        stream.read_exact(&mut question).await?;
        let Answer { bytes, after } = shared.answer(&question, true);
        let Some(bytes) = bytes else { continue };
        tokio::time::sleep(after).await;
        let length = u16::try_from(bytes.len()).map_err(std::io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await?;
    }
}
