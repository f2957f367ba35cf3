//! The control socket: HTTP with JSON over a unix socket, so that `curl --unix-socket` works too.
//!
//! | request | answer |
//! |---|---|
//! | `GET /v1/status` | [`api::Status`] |
//! | `GET /v1/refused` | [`api::RefusedSenders`] |
//! | `GET /v1/hosts` | [`api::Hosts`] |
//! | `GET /v1/lists` | [`api::Lists`] |
//! | `POST /v1/lists/refresh` ([`api::RefreshRequest`]) | [`api::Refreshed`] |
//! | `GET /v1/explain?address=A&port=P` | [`api::Explanation`] |
//! | `GET /v1/verdicts` | [`api::VerdictList`] |
//! | `POST /v1/verdicts` ([`api::VerdictRequest`]) | [`api::VerdictAnswer`] |
//! | `DELETE /v1/verdicts?net=N` | [`api::RemoveAnswer`] |
//! | `GET /v1/dnsbl` | [`api::Dnsbl`] |
//! | `POST /v1/dnsbl/forget` ([`api::ForgetRequest`]) | [`api::Forgotten`] |
//! | `POST /v1/reload` | [`api::Done`] |
//! | `POST /v1/detach` | [`api::Done`], then the daemon ends |
//!
//! What is refused is answered with status 4xx or 5xx and [`api::Failure`].

pub mod api;
pub mod client;
pub mod server;

/// Name of the socket in the run directory.
pub const SOCKET: &str = "control.sock";
