//! What the server does with a request, and what a request was.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, Result};

/// A request, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET`, or `CONNECT` at a proxy.
    pub method: String,
    /// The path and query; the whole URL or `HOST:PORT` at a proxy.
    pub target: String,
    /// Names, in lower case, and values of the header.
    pub header: Vec<(String, String)>,
}

impl Request {
    /// The value of the header `name`, which is given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn parse(head: &str) -> Result<Self> {
        let mut lines = head.lines();
        let mut words = lines.next().unwrap_or_default().split(' ');
        let mut word = || words.next().map(str::to_owned).context("a request line without three words");
        let (method, target) = (word()?, word()?);
        let header = lines.filter_map(|line| line.split_once(':'));
        let header = header.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()));
        Ok(Self { method, target, header: header.collect() })
    }
}

/// What to do with a request.
#[derive(Clone)]
pub enum Behaviour {
    /// Answer as HTTP wants it.
    Answer(Response),
    /// Send these bytes and close; empty to close without an answer.
    Raw(Vec<u8>),
    /// Send these bytes, then nothing more until the client goes.
    RawThenSilence(Vec<u8>),
    /// Send these bytes, then reset the connection.
    RawThenReset(Vec<u8>),
    /// Connect to the target and pass on what comes (CONNECT).
    Tunnel,
    /// Do what this says of the request; it must not decide for another decision.
    Decide(Arc<dyn Fn(&Request) -> Behaviour + Send + Sync>),
}

impl Behaviour {
    /// Do what `decide` says of the request.
    pub fn decide(decide: impl Fn(&Request) -> Self + Send + Sync + 'static) -> Self {
        Self::Decide(Arc::new(decide))
    }

    /// A document that has an entity tag: 304 for whoever has it already.
    #[must_use]
    pub fn tagged(etag: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::validated("etag", "if-none-match", etag, body.into())
    }

    /// A document that has a date: 304 for whoever has it of that date.
    #[must_use]
    pub fn dated(date: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::validated("last-modified", "if-modified-since", date, body.into())
    }

    fn validated(says: &'static str, asks: &'static str, validator: &str, body: Vec<u8>) -> Self {
        let validator = validator.to_owned();
        Self::decide(move |request| {
            let known = request.header(asks) == Some(&validator);
            let response = if known { Response::status(304) } else { Response::ok(body.clone()) };
            response.with(says, &validator).into()
        })
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer",
            Self::Raw(_) => "Raw",
            Self::RawThenSilence(_) => "RawThenSilence",
            Self::RawThenReset(_) => "RawThenReset",
            Self::Tunnel => "Tunnel",
            Self::Decide(_) => "Decide",
        })
    }
}

impl From<Response> for Behaviour {
    fn from(response: Response) -> Self {
        Self::Answer(response)
    }
}

/// A proper answer: its length is said and right.
#[derive(Clone, Debug)]
pub struct Response {
    status: u16,
    header: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    /// 200 with a body.
    #[must_use]
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::status(200) }
    }

    /// Any status, without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status, header: Vec::new(), body: Vec::new() }
    }

    /// A redirect.
    #[must_use]
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).with("location", location)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.header.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// As it goes over the wire; for tests that break it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Status\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.header {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 304 {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        [head.into_bytes(), self.body.clone()].concat()
    }
}
