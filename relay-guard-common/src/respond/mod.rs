//! Answering in a server's place: what is sent to whom, decided from one segment alone.
//!
//! There is no state for a connection. What a client acknowledges says where a reply goes ([`cookie`] proves that the number
//! began as ours), and its line says which reply it is ([`verb`]). A lost reply is repeated because the client repeats its
//! line. Texts come ready from userspace ([`response`]) and are only copied.
//!
//! In the order in which a segment meets it: [`limits`] ([`prefix`], [`bucket`]) → [`cookie`] → [`verb`] → [`response`]
//! ([`address_text`], [`checksum`]) → [`step`], [`envelope`].

pub mod address_text;
pub mod bucket;
pub mod checksum;
pub mod cookie;
pub mod envelope;
pub mod limits;
pub mod peer;
pub mod prefix;
pub mod question;
pub mod reply;
pub mod response;
mod siphash;
pub mod step;
pub mod verb;

/// The port on which SMTP begins with TLS (RFC 8314 §3.3): nobody could read a refusal there, so it is a reset.
pub const IMPLICIT_TLS_PORT: u16 = 465;
