//! `relay-guard dnsbl`: the daemon's DNSBL zones, and what can be asked of zones without a daemon. One file per subcommand.

mod args;
mod asking;
mod catalogue;
mod query;
mod test;

pub use args::DnsblCommand;
pub(super) use asking::address;

use super::{Arguments, Outcome};

pub(super) fn run(arguments: &Arguments, command: Option<&DnsblCommand>) -> anyhow::Result<Outcome> {
    match command {
        None => missing("the table of zones"),
        Some(DnsblCommand::Query { address, port }) => query::run(arguments, address, *port),
        Some(DnsblCommand::Test { zone }) => test::run(arguments, zone.as_deref()),
        Some(DnsblCommand::Forget { .. }) => missing("forget"),
        Some(DnsblCommand::Catalogue { name }) => catalogue::run(arguments, name.as_deref()),
    }
}

fn missing(what: &str) -> anyhow::Result<Outcome> {
    anyhow::bail!("dnsbl: {what} is not available in this version");
}
