//! How an attempt to deliver ended.

use std::fmt;

/// Where in the dialogue something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Waiting for the server's greeting.
    Greeting,
    /// EHLO.
    Helo,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, before the content.
    Data,
    /// After the content.
    Content,
}

impl fmt::Display for Stage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Greeting => "greeting",
            Self::Helo => "EHLO",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Content => "content",
        })
    }
}

/// The end of one attempt to deliver one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has taken the message.
    Delivered,
    /// No answer to the SYN within the connect timeout.
    ConnectTimeout,
    /// The SYN was answered with RST.
    ConnectRefused,
    /// The connection could not be tried or was refused by a router: no route, unreachable, no such source address.
    ConnectFailed(String),
    /// The server said no.
    Rejected {
        /// To what.
        stage: Stage,
        /// Its reply code, 4xx or 5xx.
        code: u16,
        /// Its words, the code left out, lines joined by a space.
        text: String,
    },
    /// The connection stood, but the server did not answer in time.
    ReplyTimeout(Stage),
    /// The connection stood, and then was reset, closed, or spoke no SMTP.
    Broken {
        /// When.
        stage: Stage,
        /// What happened, for a message.
        cause: String,
    },
}

impl Outcome {
    /// Whether the server has taken the message.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered)
    }

    /// Whether the TCP handshake was completed, whatever came then.
    #[must_use]
    pub fn has_connected(&self) -> bool {
        match self {
            Self::Delivered | Self::Rejected { .. } | Self::ReplyTimeout(_) | Self::Broken { .. } => true,
            Self::ConnectTimeout | Self::ConnectRefused | Self::ConnectFailed(_) => false,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => out.write_str("delivered"),
            Self::ConnectTimeout => out.write_str("no answer to the SYN"),
            Self::ConnectRefused => out.write_str("connection refused"),
            Self::ConnectFailed(cause) => write!(out, "no connection: {cause}"),
            Self::Rejected { stage, code, text } => write!(out, "rejected at {stage}: {code} {text}"),
            Self::ReplyTimeout(stage) => write!(out, "no reply at {stage}"),
            Self::Broken { stage, cause } => write!(out, "broken at {stage}: {cause}"),
        }
    }
}
