//! The client: one attempt to deliver one message, from a source address of choice.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime;
use tokio::time::timeout;

use super::lines::{LineError, read_line};
use super::outcome::{Outcome, Stage};
use crate::namespace::Namespace;

/// RFC 5321, 4.5.3.1.5: a reply line has at most 512 octets.
const REPLY_LINE_LIMIT: usize = 512;
/// How many lines a reply may have.
const REPLY_LINES: usize = 64;

/// A message and how to deliver it. The fields are there to be changed after [`Delivery::new`].
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The source address to bind to; must be local to the namespace it runs in.
    pub source: IpAddr,
    /// The server.
    pub server: SocketAddr,
    /// The name in EHLO.
    pub helo: String,
    /// The envelope sender; empty for the null sender.
    pub from: String,
    /// The envelope recipients. All must be accepted.
    pub to: Vec<String>,
    /// The message, lines ended by LF or CRLF, dots not stuffed.
    pub content: String,
    /// How long to wait for the TCP handshake. Below a second, a lost SYN is not repeated.
    pub connect_timeout: Duration,
    /// How long to wait for each reply.
    pub reply_timeout: Duration,
}

impl Delivery {
    /// A short message from `source` to `server`.
    #[must_use]
    pub fn new(source: IpAddr, server: SocketAddr) -> Self {
        Self {
            source,
            server,
            helo: "client.sender.example".to_owned(),
            from: "someone@sender.example".to_owned(),
            to: vec!["user@guarded.example".to_owned()],
            content: "From: someone@sender.example\nSubject: hello\n\nA line.\n.A line with a dot.\n"
                .to_owned(),
            connect_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_secs(10),
        }
    }

    /// The same with another connect timeout.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Delivers from within `namespace`, waiting for the end.
    #[must_use]
    pub fn attempt_in(&self, namespace: &Namespace) -> Outcome {
        namespace.run(|| match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.attempt()),
            Err(error) => Outcome::ConnectFailed(error.to_string()),
        })
    }

    /// Delivers from the namespace of the calling thread.
    pub async fn attempt(&self) -> Outcome {
        let stream = match timeout(self.connect_timeout, self.connect()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return connect_failure(&error),
            Err(_) => return Outcome::ConnectTimeout,
        };
        let mut dialogue = Dialogue { stream: BufReader::new(stream), limit: self.reply_timeout };
        match self.converse(&mut dialogue).await {
            Ok(()) => Outcome::Delivered,
            Err(outcome) => outcome,
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let socket = if self.server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_nodelay(true)?;
        socket.bind(SocketAddr::new(self.source, 0))?;
        socket.connect(self.server).await
    }

    async fn converse(&self, dialogue: &mut Dialogue) -> Result<(), Outcome> {
        dialogue.expect(Stage::Greeting, 220).await?;
        dialogue.command(Stage::Helo, &format!("EHLO {}\r\n", self.helo), 250).await?;
        dialogue.command(Stage::Mail, &format!("MAIL FROM:<{}>\r\n", self.from), 250).await?;
        for recipient in &self.to {
            dialogue.command(Stage::Rcpt, &format!("RCPT TO:<{recipient}>\r\n"), 250).await?;
        }
        dialogue.command(Stage::Data, "DATA\r\n", 354).await?;
        dialogue.command(Stage::Content, &self.stuffed(), 250).await?;
        // The message is the server's now; how it takes the farewell changes nothing.
        let _ = dialogue.command(Stage::Content, "QUIT\r\n", 221).await;
        Ok(())
    }

    /// The content as it goes over the wire (RFC 5321, 4.5.2), with the final dot.
    fn stuffed(&self) -> String {
        let mut wire = String::with_capacity(self.content.len() + 16);
        for line in self.content.lines() {
            if line.starts_with('.') {
                wire.push('.');
            }
            wire.push_str(line);
            wire.push_str("\r\n");
        }
        wire + ".\r\n"
    }
}

struct Dialogue {
    stream: BufReader<TcpStream>,
    limit: Duration,
}

impl Dialogue {
    async fn command(&mut self, stage: Stage, text: &str, expected: u16) -> Result<(), Outcome> {
        match timeout(self.limit, self.stream.write_all(text.as_bytes())).await {
            Ok(Ok(())) => self.expect(stage, expected).await,
            Ok(Err(error)) => Err(Outcome::Broken { stage, cause: error.to_string() }),
            Err(_) => Err(Outcome::ReplyTimeout(stage)),
        }
    }

    async fn expect(&mut self, stage: Stage, expected: u16) -> Result<(), Outcome> {
        match timeout(self.limit, read_reply(&mut self.stream)).await {
            Ok(Ok((code, _))) if code == expected => Ok(()),
            Ok(Ok((code, text))) if (400..600).contains(&code) => {
                Err(Outcome::Rejected { stage, code, text })
            }
            Ok(Ok((code, text))) => {
                Err(Outcome::Broken { stage, cause: format!("unexpected reply {code} {text}") })
            }
            Ok(Err(cause)) => Err(Outcome::Broken { stage, cause }),
            Err(_) => Err(Outcome::ReplyTimeout(stage)),
        }
    }
}

/// Reads a reply of one or more lines: `250-text`, and at last `250 text`; its code, and its texts with a space between.
///
/// # Errors
/// In words, when the connection ends or what comes is no reply.
pub(crate) async fn read_reply(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<(u16, String), String> {
    let (mut texts, mut line) = (Vec::new(), Vec::new());
    for _ in 0..REPLY_LINES {
        read_line(stream, REPLY_LINE_LIMIT, &mut line).await.map_err(|error: LineError| error.to_string())?;
        let text = String::from_utf8_lossy(&line).into_owned();
        let code = text.get(..3).and_then(|digits| digits.parse::<u16>().ok());
        let Some(code) = code.filter(|_| text.len() == 3 || matches!(text.as_bytes()[3], b' ' | b'-')) else {
            return Err(format!("not an SMTP reply: {text:?}"));
        };
        let last = text.as_bytes().get(3) != Some(&b'-');
        texts.push(text.get(4..).unwrap_or_default().to_owned());
        if last {
            return Ok((code, texts.join(" ")));
        }
    }
    Err(format!("a reply of more than {REPLY_LINES} lines"))
}

fn connect_failure(error: &io::Error) -> Outcome {
    match error.kind() {
        ErrorKind::ConnectionRefused => Outcome::ConnectRefused,
        ErrorKind::TimedOut => Outcome::ConnectTimeout,
        _ => Outcome::ConnectFailed(error.to_string()),
    }
}
