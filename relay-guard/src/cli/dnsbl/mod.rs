//! `relay-guard dnsbl`: the daemon's DNSBL zones, and what can be asked of zones without a daemon. One file per subcommand.

mod args;
mod catalogue;
mod forget;
mod table;
mod told;

pub use args::DnsblCommand;
pub(super) use told::{summary, word};

use super::{Arguments, Outcome};

pub(super) fn run(arguments: &Arguments, command: Option<&DnsblCommand>) -> anyhow::Result<Outcome> {
    match command {
        None => table::run(arguments),
        Some(DnsblCommand::Query { .. }) => missing("query"),
        Some(DnsblCommand::Test { .. }) => missing("test"),
        Some(DnsblCommand::Forget { address, .. }) => forget::run(arguments, address.as_deref()),
        Some(DnsblCommand::Catalogue { name }) => catalogue::run(arguments, name.as_deref()),
    }
}

fn missing(what: &str) -> anyhow::Result<Outcome> {
    anyhow::bail!("dnsbl: {what} is not available in this version");
}
