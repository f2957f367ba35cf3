//! One question to one server: a packet there and one back, over TCP if the one back says that it is not all.

use std::net::SocketAddr;
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle as _, DnsRequestSender as _, FirstAnswer as _};
use hickory_resolver::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Query, ResponseCode};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::sockets::Sockets;

/// Questions that one server may have been sent within [`BURST_TIME`] without having answered them. A packet takes some
/// 768 bytes of its socket's buffer, of 208 KiB where nobody has set it: beyond 277 that it has not read yet they are lost.
const BURST: usize = 128;

/// After which a question no longer counts for [`BURST`]: what takes that long is being worked on.
const BURST_TIME: Duration = Duration::from_millis(10);

/// Questions that are out on one TCP connection at once; with more, another one takes its place.
const TCP_QUESTIONS: usize = 256;

/// Which part of the time that is left a new connection may take, and the answer on one that is kept. A connection that a
/// router in between has forgotten says nothing at all; another one may then still answer.
const TCP_PART: u32 = 4;

/// How long a server that refuses EDNS is asked without it; then it may be another program.
const PLAIN_TIME: Duration = Duration::from_secs(600);

/// A server, with its connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    provider: Sockets,
    burst: Semaphore,
    tcp: Lock<Connection>,
    /// One connects, and the others take what it has made.
    connecting: Mutex<()>,
    /// Until when it is asked without EDNS.
    plain: Lock<Option<Instant>>,
}

/// A TCP connection for truncated answers, kept for the next one.
#[derive(Default)]
struct Connection {
    exchange: Option<DnsExchange<Sockets>>,
    /// By which a connection that has failed is told from the one that came after it.
    number: u64,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("number", &self.number).finish_non_exhaustive()
    }
}

/// A question that is out on a connection. If it ends without an answer, and be it because nobody waits for one any more,
/// the connection is not used for others.
struct Out<'a> {
    server: &'a Server,
    exchange: DnsExchange<Sockets>,
    number: u64,
    /// Whether the connection was there before.
    kept: bool,
    answered: bool,
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        let mut tcp = self.server.tcp();
        if !self.answered && tcp.number == self.number {
            tcp.exchange = None;
        }
    }
}

impl Server {
    /// The server at an address; nothing is sent yet.
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            provider: Sockets::default(),
            burst: Semaphore::new(BURST),
            tcp: Lock::default(),
            connecting: Mutex::default(),
            plain: Lock::default(),
        }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its answer to a question; truncated only if it is so over TCP too.
    ///
    /// # Errors
    /// Without one until the deadline, or with one that cannot be read. [`NetError::Busy`] if it was not asked.
    pub async fn ask(&self, query: &Query, deadline: Instant) -> Result<DnsResponse, NetError> {
        timeout_at(deadline, self.negotiate(query, deadline)).await.unwrap_or(Err(NetError::Timeout))
    }

    /// Asks with EDNS, and a server that does not know it once more without (RFC 6891 §7).
    async fn negotiate(&self, query: &Query, deadline: Instant) -> Result<DnsResponse, NetError> {
        let is_plain = self.plain().is_some_and(|until| Instant::now() < until);
        let response = self.exchange(request(query, !is_plain), deadline).await?;
        if is_plain || !refuses_form(&response) {
            return Ok(response);
        }
        let response = self.exchange(request(query, false), deadline).await?;
        if !refuses_form(&response) {
            *self.plain() = Some(Instant::now() + PLAIN_TIME);
        }
        Ok(response)
    }

    fn plain(&self) -> MutexGuard<'_, Option<Instant>> {
        self.plain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn exchange(&self, request: DnsRequest, deadline: Instant) -> Result<DnsResponse, NetError> {
        let response = self.over_udp(request.clone(), deadline).await?;
        if !response.truncation {
            return Ok(response);
        }
        self.over_tcp(request, deadline).await
    }

    /// A socket of its own for each question: another port and another number each time, which whoever wants to forge an
    /// answer has to guess both.
    async fn over_udp(&self, request: DnsRequest, deadline: Instant) -> Result<DnsResponse, NetError> {
        let mut stream = UdpClientStream::builder(self.address, self.provider.clone())
            .with_timeout(Some(left(deadline)))
            .with_max_retries(1)
            .build();
        let permit = timeout_at(half(deadline), self.burst.acquire()).await.map_err(|_| NetError::Busy)?;
        let mut answer = stream.send_message(request).first_answer();
        if let Ok(answer) = tokio::time::timeout(BURST_TIME, &mut answer).await {
            return answer;
        }
        drop(permit);
        answer.await
    }

    /// Servers close connections that are idle, so the first failure of a kept one is no news.
    async fn over_tcp(&self, request: DnsRequest, deadline: Instant) -> Result<DnsResponse, NetError> {
        let out = self.connection(deadline).await?;
        let kept = out.kept;
        let until = if kept { part(deadline) } else { deadline };
        let result = out.send(request.clone(), until).await;
        if result.is_ok() || !kept {
            return result;
        }
        self.connection(deadline).await?.send(request, deadline).await
    }

    async fn connection(&self, deadline: Instant) -> Result<Out<'_>, NetError> {
        if let Some(out) = self.kept() {
            return Ok(out);
        }
        let _one = self.connecting.lock().await;
        // Another one may have been made meanwhile.
        if let Some(out) = self.kept() {
            return Ok(out);
        }
        let provider = self.provider.clone();
        let made =
            TcpClientStream::exchange(self.address, None, left(deadline), Some(TCP_QUESTIONS), provider);
        let exchange = timeout_at(part(deadline), made).await.unwrap_or(Err(NetError::Timeout))?;
        let mut tcp = self.tcp();
        tcp.number += 1;
        tcp.exchange = Some(exchange.clone());
        Ok(Out { server: self, exchange, number: tcp.number, kept: false, answered: false })
    }

    fn kept(&self) -> Option<Out<'_>> {
        let tcp = self.tcp();
        let exchange = tcp.exchange.clone()?;
        Some(Out { server: self, exchange, number: tcp.number, kept: true, answered: false })
    }

    fn tcp(&self) -> MutexGuard<'_, Connection> {
        self.tcp.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out<'_> {
    async fn send(mut self, request: DnsRequest, until: Instant) -> Result<DnsResponse, NetError> {
        let answer = self.exchange.send(request).first_answer();
        let result = timeout_at(until, answer).await.unwrap_or(Err(NetError::Timeout));
        self.answered = result.is_ok();
        result
    }
}

/// What servers say that do not know EDNS, and others of questions that they do not understand.
fn refuses_form(response: &DnsResponse) -> bool {
    matches!(response.response_code, ResponseCode::FormErr | ResponseCode::NotImp)
}

fn request(query: &Query, edns: bool) -> DnsRequest {
    let mut options = DnsRequestOptions::default();
    options.use_edns = edns;
    DnsRequest::from_query(query.clone(), options)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Until when half of the time is over that is left.
fn half(deadline: Instant) -> Instant {
    Instant::now() + left(deadline) / 2
}

/// Until when a part of the time is over that is left.
fn part(deadline: Instant) -> Instant {
    Instant::now() + left(deadline) / TCP_PART
}

#[cfg(test)]
mod tests;
