//! Hosts that send, scripted: bots in several behaviours, and senders that look like them and are none.
//!
//! What a host does is a list of [`Visit`]s to mail servers, each with its time. [`Talker`] says what a visitor says, without
//! sockets; so the same visits can be made through the lab ([`Campaign`], [`make_in`]), or be written into a capture file with
//! as much time between them as one likes ([`Recording`]). Knows nothing of what the program under test makes of them.

mod behaviour;
mod campaign;
mod dialogue;
mod legitimate;
mod recording;
mod talker;
mod visit;

pub use behaviour::{careful, compromised, flood, low_and_slow, snowshoe};
pub use campaign::{Campaign, Heard, make_in};
pub use dialogue::{End, dialogue};
pub use legitimate::{correspondence, monitoring, newsletter};
pub use recording::Recording;
pub use talker::Talker;
pub use visit::{Letter, Manners, Visit};

use crate::smtp::{Refusal, ServerOptions};

/// Recipients whose name begins so do not exist, for a server with [`server_options`].
pub const UNKNOWN: &str = "nobody";

/// A server that takes everything but mail for [`UNKNOWN`].
#[must_use]
pub fn server_options() -> ServerOptions {
    let unknown = Refusal::new("RCPT", &format!("<{UNKNOWN}"), "550 5.1.1 no such user here");
    ServerOptions { refusals: vec![unknown], ..ServerOptions::named("mx.remote.example") }
}
