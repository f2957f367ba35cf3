//! Hosts and protected networks: addresses and CIDRs.

use ipnet::IpNet;

use crate::config::error::Fault;
use crate::config::raw::{self, Text};
use crate::config::resolved::{Hosts, ProtectedNetworks};
use crate::lists::Prefix;

pub(super) fn hosts(raw: &raw::Hosts) -> Result<Hosts, Fault> {
    Ok(Hosts {
        own_servers: networks(&raw.own_servers)?,
        mail_servers: networks(&raw.mail_servers)?,
        excepted: networks(&raw.excepted)?,
    })
}

pub(super) fn protected(raw: &raw::Protected) -> Result<ProtectedNetworks, Fault> {
    Ok(ProtectedNetworks {
        special_purpose: raw.special_purpose.unwrap_or(true),
        own_addresses: raw.own_addresses.unwrap_or(true),
        connected: raw.connected.unwrap_or(true),
        networks: networks(&raw.networks)?,
    })
}

/// Sorted, each once. Host bits are refused: what is excepted must not be wider than it looks.
fn networks(raw: &[Text]) -> Result<Vec<IpNet>, Fault> {
    let mut networks = raw.iter().map(network).collect::<Result<Vec<_>, _>>()?;
    networks.sort_unstable();
    networks.dedup();
    Ok(networks)
}

fn network(raw: &Text) -> Result<IpNet, Fault> {
    let text = raw.get_ref();
    let prefix = Prefix::parse(text.as_bytes())
        .map_err(|cause| Fault::new(raw.span(), format!("{text:?}: {cause}; write an address or a CIDR")))?;
    if prefix.has_host_bits() {
        let (network, host) = (prefix.network(), prefix.address());
        let message =
            format!("{text:?} has host bits set; write {network} for the network or {host} for the host");
        return Err(Fault::new(raw.span(), message));
    }
    Ok(prefix.network())
}
