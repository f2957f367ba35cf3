//! One visit to a mail server: when, by whom, with which letters, and how well it behaves.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A connection, and what is said on it.
#[derive(Debug, Clone)]
pub struct Visit {
    /// When it begins, from the begin of all.
    pub at: Duration,
    /// The address that it comes from.
    pub source: IpAddr,
    /// The server.
    pub server: SocketAddr,
    /// The name in EHLO or HELO.
    pub helo: String,
    /// What is sent; none says hello and goodbye.
    pub letters: Vec<Letter>,
    /// How well it behaves.
    pub manners: Manners,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The envelope sender; empty for the null sender.
    pub from: String,
    /// The envelope recipients.
    pub to: Vec<String>,
    /// Octets of content, about.
    pub octets: usize,
}

/// How a visitor behaves; the default is as it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Manners {
    /// Speaks before the greeting.
    pub talks_first: bool,
    /// Ends its lines by LF alone.
    pub bare_lf: bool,
    /// Says HELO, not EHLO.
    pub plain_helo: bool,
    /// Says hello again before each letter, by another name.
    pub changes_helo: bool,
    /// Leaves without QUIT.
    pub leaves_silently: bool,
}

impl Visit {
    /// A visit without letters.
    #[must_use]
    pub fn new(at: Duration, source: IpAddr, server: SocketAddr, helo: &str) -> Self {
        let manners = Manners::default();
        Self { at, source, server, helo: helo.to_owned(), letters: Vec::new(), manners }
    }

    /// The same with one more letter.
    #[must_use]
    pub fn letter(mut self, from: &str, to: &[String]) -> Self {
        self.letters.push(Letter { from: from.to_owned(), to: to.to_vec(), octets: 400 });
        self
    }

    /// The same with other manners.
    #[must_use]
    pub fn manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }
}

impl Letter {
    /// The content as it goes over the wire, without the final dot.
    pub(super) fn content(&self, end: &str) -> String {
        const LINE: &str = "All work and no play makes a dull message, so here is another line of it.";
        let mut text = format!("From: {}{end}Subject: read this{end}{end}", self.from);
        while text.len() < self.octets {
            text.push_str(LINE);
            text.push_str(end);
        }
        text
    }
}
