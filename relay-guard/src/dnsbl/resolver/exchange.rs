//! One question to one server: a packet there and one back, over TCP if the one back says that it is not all.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::net::NetError;
use hickory_resolver::net::tcp::TcpClientStream;
use hickory_resolver::net::udp::UdpClientStream;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle as _, DnsRequestSender as _, FirstAnswer as _};
use hickory_resolver::proto::op::{DnsRequest, DnsResponse};
use tokio::sync::{Mutex, Semaphore};

use super::sockets::Sockets;

/// Questions that one server may have been sent within [`BURST_TIME`] without having answered them. A packet takes some
/// 768 bytes of its socket's buffer, of 208 KiB where nobody has set it: beyond 277 that it has not read yet they are lost.
const BURST: usize = 128;

/// After which a question no longer counts for [`BURST`]: what takes that long is being worked on.
const BURST_TIME: Duration = Duration::from_millis(10);

/// Questions that are out on one TCP connection at once; with more, another one takes its place.
const TCP_QUESTIONS: usize = 256;

/// A server, with its connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    provider: Sockets,
    burst: Semaphore,
    tcp: Mutex<Connection>,
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

impl Server {
    /// The server at an address; nothing is sent yet.
    pub fn new(address: SocketAddr) -> Self {
        let burst = Semaphore::new(BURST);
        Self { address, provider: Sockets::default(), burst, tcp: Mutex::default() }
    }

    /// Where it is.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its answer to a question; truncated only if it is so over TCP too.
    ///
    /// # Errors
    /// Without one, or with one that cannot be read.
    pub async fn ask(&self, request: DnsRequest, timeout: Duration) -> Result<DnsResponse, NetError> {
        let response = self.over_udp(request.clone(), timeout).await?;
        if !response.truncation {
            return Ok(response);
        }
        self.over_tcp(request, timeout).await
    }

    /// A socket of its own for each question: another port and another number each time, which whoever wants to forge an
    /// answer has to guess both.
    async fn over_udp(&self, request: DnsRequest, timeout: Duration) -> Result<DnsResponse, NetError> {
        let mut stream = UdpClientStream::builder(self.address, self.provider.clone())
            .with_timeout(Some(timeout))
            .with_max_retries(1)
            .build();
        // It is closed only at the end of this process.
        let permit = self.burst.acquire().await.ok();
        let mut answer = stream.send_message(request).first_answer();
        if let Ok(answer) = tokio::time::timeout(BURST_TIME, &mut answer).await {
            return answer;
        }
        drop(permit);
        answer.await
    }

    /// Servers close connections that are idle, so the first failure of a kept one is no news.
    async fn over_tcp(&self, request: DnsRequest, timeout: Duration) -> Result<DnsResponse, NetError> {
        let (exchange, number, kept) = self.connection(timeout).await?;
        let result = exchange.send(request.clone()).first_answer().await;
        if result.is_ok() {
            return result;
        }
        self.forget(number).await;
        if !kept {
            return result;
        }
        let (exchange, number, _) = self.connection(timeout).await?;
        let result = exchange.send(request).first_answer().await;
        if result.is_err() {
            self.forget(number).await;
        }
        result
    }

    async fn connection(&self, timeout: Duration) -> Result<(DnsExchange<Sockets>, u64, bool), NetError> {
        let mut tcp = self.tcp.lock().await;
        if let Some(exchange) = &tcp.exchange {
            return Ok((exchange.clone(), tcp.number, true));
        }
        let provider = self.provider.clone();
        let exchange =
            TcpClientStream::exchange(self.address, None, timeout, Some(TCP_QUESTIONS), provider).await?;
        tcp.number += 1;
        tcp.exchange = Some(exchange.clone());
        Ok((exchange, tcp.number, false))
    }

    async fn forget(&self, number: u64) {
        let mut tcp = self.tcp.lock().await;
        if tcp.number == number {
            tcp.exchange = None;
        }
    }
}
