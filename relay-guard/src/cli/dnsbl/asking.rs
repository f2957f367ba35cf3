//! What commands need that ask zones themselves.

use std::net::IpAddr;

use anyhow::ensure;
use tokio::runtime::{Builder, Runtime};

use super::super::{Arguments, net};
use crate::config::{self, Config};
use crate::dnsbl::resolver::Resolver;

/// The configuration, with zones in it, and whom to ask.
pub(super) struct Asking {
    pub(super) config: Config,
    pub(super) resolver: Resolver,
    pub(super) runtime: Runtime,
}

/// Reads the configuration, in which there must be zones.
pub(super) fn prepare(arguments: &Arguments) -> anyhow::Result<Asking> {
    let config = config::load(&arguments.config)?;
    ensure!(
        !config.dnsbl.zones.is_empty(),
        "{}: no [[dnsbl]] is configured; `relay-guard dnsbl catalogue` shows zones to choose from",
        arguments.config.display()
    );
    let resolver = Resolver::new(&config.dnsbl.lookups);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    Ok(Asking { config, resolver, runtime })
}

/// One address, as strictly as everywhere.
pub(in super::super) fn address(text: &str) -> anyhow::Result<IpAddr> {
    let net = net::parse(text)?;
    ensure!(
        net.prefix_len() == net.max_prefix_len(),
        "{text:?} is a network; zones are asked about one address"
    );
    Ok(net.addr())
}
