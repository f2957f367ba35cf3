//! Sockets: each try has one of its own, with a random port. How many there may be, and what they tell.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hickory_resolver::net::runtime::{
    DnsUdpSocket, RuntimeProvider, TokioHandle, TokioRuntimeProvider, TokioTime,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// The most sockets at once; each takes some 4 KiB with its buffers. Questions beyond that wait.
pub const MAX_SOCKETS: usize = 8192;

/// Files that all else in this process may have open.
const RESERVED: u64 = 512;

/// How many sockets the process may have, after it has asked for as many as it wants. Many systems allow 1024 open files
/// at first and far more to those that ask.
pub fn limit() -> usize {
    let wanted = MAX_SOCKETS as u64 + RESERVED;
    let now = getrlimit(Resource::Nofile);
    let current = now.current.unwrap_or(u64::MAX);
    let possible = now.maximum.unwrap_or(u64::MAX).min(wanted);
    let raised = current < possible
        && setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: now.maximum }).is_ok();
    let files = if raised { possible } else { current };
    // At least two, which is one question; at least half of what there is, if that is little.
    let sockets = files.saturating_sub(RESERVED).max(files / 2).max(2);
    usize::try_from(sockets).map_or(MAX_SOCKETS, |sockets| sockets.min(MAX_SOCKETS))
}

/// Sockets as hickory makes them, but for UDP connected: only the server's own packets come in, and one that is not there
/// is known at once, by its machine's word, and not after the timeout.
#[derive(Clone, Default)]
pub struct Sockets(TokioRuntimeProvider);

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sockets")
    }
}

type Made<T> = Pin<Box<dyn Send + Future<Output = io::Result<T>>>>;

impl RuntimeProvider for Sockets {
    type Handle = TokioHandle;
    type Timer = TokioTime;
    type Udp = Connected;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        wait: Option<Duration>,
    ) -> Made<Self::Tcp> {
        self.0.connect_tcp(server, local, wait)
    }

    fn bind_udp(&self, local: SocketAddr, server: SocketAddr) -> Made<Self::Udp> {
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            socket.connect(server).await?;
            Ok(Connected(socket))
        })
    }
}

/// A connected UDP socket.
pub struct Connected(UdpSocket);

impl Connected {
    /// The next packet, or what the network says of the last one that was sent. Tokio wakes for that only if it is asked to.
    async fn next(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let ready = self.0.ready(Interest::READABLE | Interest::ERROR).await?;
            if ready.is_error() {
                unless_blocked(self.0.try_io(Interest::ERROR, || self.error()))?;
            }
            if let Some(packet) = unless_blocked(self.0.try_recv_from(buffer))? {
                return Ok(packet);
            }
        }
    }

    fn error(&self) -> io::Result<()> {
        self.0.take_error()?.map_or(Err(io::ErrorKind::WouldBlock.into()), Err)
    }
}

fn unless_blocked<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        result => result.map(Some),
    }
}

impl DnsUdpSocket for Connected {
    type Time = TokioTime;

    fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        DnsUdpSocket::poll_recv_from(&self.0, cx, buffer)
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        DnsUdpSocket::poll_send_to(&self.0, cx, bytes, server)
    }

    // What an async function in a trait comes to with hickory's means.
    fn recv_from<'a, 'b, 'c>(
        &'a self,
        buffer: &'b mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        Box::pin(self.next(buffer))
    }
}
