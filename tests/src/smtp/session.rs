//! One session of the server: the dialogue of RFC 5321, without extensions but 8BITMIME.

use std::time::Duration;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::ledger::{Connection, Ledger, Message};
use super::lines::{LineError, read_line};
use super::server::ServerOptions;

/// RFC 5321, 4.5.3.1.4 and .6: a command line has at most 512 octets, a text line 1000; one bound for both.
const LINE_LIMIT: usize = 1000;
/// RFC 5321, 4.5.3.1.8: at least 100 recipients must be taken; this is where it ends.
const RECIPIENT_LIMIT: usize = 100;

/// The dialogue with one client.
pub(super) struct Session<'a, R, W> {
    pub(super) reader: R,
    pub(super) writer: W,
    pub(super) connection: Connection,
    pub(super) options: &'a ServerOptions,
    pub(super) ledger: &'a Ledger,
}

#[derive(Default)]
struct Transaction {
    from: Option<String>,
    to: Vec<String>,
}

enum Next {
    Reply(String),
    Data,
    Quit,
}

impl<R: AsyncBufRead + Unpin, W: AsyncWrite + Unpin> Session<'_, R, W> {
    /// Runs until the client quits, errs beyond repair, or is silent for too long.
    pub(super) async fn run(mut self) -> Result<(), LineError> {
        let hostname = self.options.hostname.clone();
        self.listen_first().await?;
        self.reply(&format!("220 {hostname} ESMTP")).await?;
        let mut helo = String::new();
        let mut transaction = Transaction::default();
        let mut line = Vec::new();
        loop {
            self.read(&mut line).await?;
            let command = String::from_utf8_lossy(&line);
            match self.answer(&command, &mut helo, &mut transaction) {
                Next::Reply(reply) => self.reply(&reply).await?,
                Next::Data => {
                    self.reply("354 go ahead, end with a dot").await?;
                    let reply = match (self.read_content().await?, self.refusal(".", "")) {
                        (Some(_), Some(refusal)) => refusal,
                        (Some(content), None) => self.accept(&helo, &mut transaction, content).to_owned(),
                        (None, _) => "552 5.3.4 message too big".to_owned(),
                    };
                    transaction = Transaction::default();
                    self.reply(&reply).await?;
                }
                Next::Quit => {
                    self.reply("221 2.0.0 bye").await?;
                    self.writer.shutdown().await?;
                    return Ok(());
                }
            }
        }
    }

    fn answer(&self, command: &str, helo: &mut String, transaction: &mut Transaction) -> Next {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        if let Some(refusal) = self.refusal(verb, command) {
            return Next::Reply(refusal);
        }
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" if rest.is_empty() => "501 5.5.4 who are you?",
            "EHLO" | "HELO" => {
                rest.clone_into(helo);
                *transaction = Transaction::default();
                return Next::Reply(self.greeting(verb));
            }
            "MAIL" if helo.is_empty() => "503 5.5.1 say EHLO first",
            "MAIL" => match path_after(rest, "FROM:") {
                Some(_) if transaction.from.is_some() => "503 5.5.1 one sender is enough",
                Some(path) => {
                    transaction.from = Some(path);
                    "250 2.1.0 ok"
                }
                None => "501 5.5.4 MAIL FROM:<address>",
            },
            "RCPT" if transaction.from.is_none() => "503 5.5.1 MAIL first",
            "RCPT" => return Next::Reply(self.recipient(rest, transaction)),
            "DATA" if transaction.to.is_empty() => "503 5.5.1 RCPT first",
            "DATA" => return Next::Data,
            "RSET" => {
                *transaction = Transaction::default();
                "250 2.0.0 ok"
            }
            "NOOP" => "250 2.0.0 ok",
            "QUIT" => return Next::Quit,
            _ => "500 5.5.2 unknown command",
        };
        Next::Reply(reply.to_owned())
    }

    fn refusal(&self, verb: &str, text: &str) -> Option<String> {
        self.options.refusal(verb, text, self.connection.peer.ip())
    }

    /// Gives the client time to err.
    async fn listen_first(&mut self) -> Result<(), LineError> {
        match timeout(self.options.listens_first, self.reader.fill_buf()).await {
            Ok(Err(error)) => Err(error.into()),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    fn greeting(&self, verb: &str) -> String {
        let hostname = &self.options.hostname;
        if verb.eq_ignore_ascii_case("EHLO") {
            format!("250-{hostname}\r\n250 8BITMIME")
        } else {
            format!("250 {hostname}")
        }
    }

    fn recipient(&self, rest: &str, transaction: &mut Transaction) -> String {
        let Some(path) = path_after(rest, "TO:").filter(|path| !path.is_empty()) else {
            return "501 5.5.4 RCPT TO:<address>".to_owned();
        };
        if transaction.to.len() >= RECIPIENT_LIMIT {
            return "452 4.5.3 too many recipients".to_owned();
        }
        if self.options.refused_recipients.contains(&path) {
            return "550 5.1.1 no such user".to_owned();
        }
        transaction.to.push(path);
        "250 2.1.5 ok".to_owned()
    }

    fn accept(&self, helo: &str, transaction: &mut Transaction, content: Vec<u8>) -> &'static str {
        let Transaction { from, to } = std::mem::take(transaction);
        self.ledger.enter_message(Message {
            connection: self.connection,
            helo: helo.to_owned(),
            from: from.unwrap_or_default(),
            to,
            content,
        });
        "250 2.0.0 taken"
    }

    /// Reads until the lone dot. `None`: bigger than allowed, though read to its end.
    async fn read_content(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let limit = self.options.max_message_bytes;
        let (mut content, mut line, mut too_big) = (Vec::new(), Vec::new(), false);
        loop {
            self.read(&mut line).await?;
            if line == b"." {
                return Ok((!too_big).then_some(content));
            }
            // RFC 5321, 4.5.2: a leading dot was added by the client.
            let text = line.strip_prefix(b".").unwrap_or(&line);
            too_big |= content.len() + text.len() + 2 > limit;
            if !too_big {
                content.extend_from_slice(text);
                content.extend_from_slice(b"\r\n");
            }
        }
    }

    async fn read(&mut self, line: &mut Vec<u8>) -> Result<(), LineError> {
        bounded(self.options.idle_timeout, read_line(&mut self.reader, LINE_LIMIT, line)).await
    }

    async fn reply(&mut self, reply: &str) -> Result<(), LineError> {
        let text = format!("{reply}\r\n");
        let write = async { Ok(self.writer.write_all(text.as_bytes()).await?) };
        bounded(self.options.idle_timeout, write).await
    }
}

async fn bounded(
    limit: Duration,
    step: impl Future<Output = Result<(), LineError>>,
) -> Result<(), LineError> {
    timeout(limit, step)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
}

/// The path in `FROM:<path> parameters`, without its angle brackets.
fn path_after(rest: &str, keyword: &str) -> Option<String> {
    let head = rest.get(..keyword.len())?;
    if !head.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let path = rest[keyword.len()..].trim_start().strip_prefix('<')?;
    Some(path.split_once('>')?.0.to_owned())
}
