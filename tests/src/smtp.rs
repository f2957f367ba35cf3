//! A small real SMTP server and client of the lab's own, speaking a subset of RFC 5321 over real sockets.
//!
//! Small enough to be trusted in judging the program under test: what they say was delivered was delivered, and every
//! other end of a connection has a name. Both run on tokio, inside a lab's namespace.

mod client;
mod ledger;
mod lines;
mod outcome;
mod server;
mod session;
mod stream;

pub use client::Delivery;
pub(crate) use client::read_reply;
pub use ledger::{Connection, Ledger, Message};
pub use outcome::{Outcome, Stage};
pub use server::{Refusal, ServerOptions, SmtpServer};
pub use stream::{Attempt, Stream};
