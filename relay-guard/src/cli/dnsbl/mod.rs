//! `relay-guard dnsbl`: the daemon's DNSBL zones, and what can be asked of zones without a daemon. One file per subcommand.

mod args;
mod asking;
mod catalogue;
mod forget;
mod query;
mod table;
mod test;
mod told;

pub use args::DnsblCommand;
pub(super) use asking::address;
pub(super) use told::{summary, word};

use super::{Arguments, Outcome};

pub(super) fn run(arguments: &Arguments, command: Option<&DnsblCommand>) -> anyhow::Result<Outcome> {
    match command {
        None => table::run(arguments),
        Some(DnsblCommand::Query { address, port }) => query::run(arguments, address, *port),
        Some(DnsblCommand::Test { zone }) => test::run(arguments, zone.as_deref()),
        Some(DnsblCommand::Forget { address, .. }) => forget::run(arguments, address.as_deref()),
        Some(DnsblCommand::Catalogue { name }) => catalogue::run(arguments, name.as_deref()),
    }
}
