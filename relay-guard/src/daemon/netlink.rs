//! Interfaces and addresses as the kernel tells them (rtnetlink).

use std::{collections::BTreeSet, io};

use ipnet::IpNet;
use rtnetlink::{
    Handle, MulticastGroup, new_multicast_connection,
    packet_route::{
        address::AddressAttribute,
        link::{InfoKind, LinkAttribute, LinkInfo, LinkLayerType, LinkMessage, LinkXdp, XdpAttached},
    },
};
use tokio::sync::mpsc;

use crate::datapath::Device;

/// Interfaces as they are at a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// All of them.
    pub devices: Vec<Device>,
    /// The indices of those whose far end, as far as is known, takes nothing that XDP programs send.
    pub one_way: BTreeSet<u32>,
}

/// A connection to the kernel that also tells when interfaces or addresses change.
#[derive(Debug)]
pub struct Netlink {
    handle: Handle,
    changes: mpsc::Receiver<()>,
}

impl Netlink {
    /// Connects. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the socket cannot be opened.
    pub fn connect() -> io::Result<Self> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr];
        let (connection, handle, mut messages) = new_multicast_connection(&groups)?;
        tokio::spawn(connection);
        // Whatever the message: everything is looked at anew. One pending note is as good as many.
        let (note, changes) = mpsc::channel(1);
        tokio::spawn(async move {
            while messages.recv().await.is_ok() {
                if note
                    .try_send(())
                    .is_err_and(|error| matches!(error, mpsc::error::TrySendError::Closed(())))
                {
                    break;
                }
            }
        });
        Ok(Self { handle, changes })
    }

    /// Waits for a change. Safe to cancel.
    pub async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            // The connection is gone; the daemon's tick still looks.
            std::future::pending::<()>().await;
        }
    }

    /// All interfaces.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub async fn links(&self) -> io::Result<Links> {
        let mut answers = self.handle.link().get().execute();
        let mut messages = Vec::new();
        while let Some(message) = next(&mut answers).await? {
            messages.push(message);
        }
        Ok(Links { devices: messages.iter().filter_map(device).collect(), one_way: one_way(&messages) })
    }

    /// All addresses of this machine, each with its prefix length and the index of its interface. On a point-to-point
    /// link the prefix is the peer's; ours is a single address.
    ///
    /// # Errors
    /// If the kernel does not answer.
    pub async fn addresses(&self) -> io::Result<Vec<(IpNet, u32)>> {
        let mut answers = self.handle.address().get().execute();
        let mut addresses = Vec::new();
        while let Some(message) = next(&mut answers).await? {
            // On point-to-point links `Address` is the peer and `Local` ours.
            let local = message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Local(address) => Some(*address),
                _ => None,
            });
            let address = message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Address(address) => Some(*address),
                _ => None,
            });
            let Some(own) = local.or(address) else { continue };
            let length = message.header.prefix_len;
            let net = match address {
                Some(peer) if peer != own => Ok(IpNet::from(own)),
                _ => IpNet::new(own, length),
            };
            // The kernel knows no longer prefixes than addresses have bits.
            addresses.extend(net.ok().map(|net| (net, message.header.index)));
        }
        Ok(addresses)
    }
}

async fn next<T, S>(answers: &mut S) -> io::Result<Option<T>>
where
    S: futures_util::TryStream<Ok = T, Error = rtnetlink::Error> + Unpin,
{
    use futures_util::TryStreamExt as _;
    answers.try_next().await.map_err(io::Error::other)
}

fn device(message: &LinkMessage) -> Option<Device> {
    let name = message.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    })?;
    let ethernet = matches!(message.header.link_layer_type, LinkLayerType::Ether | LinkLayerType::Loopback);
    Some(Device { name, ifindex: message.header.index, ethernet })
}

/// The veth devices whose far end is not seen to have an XDP program in its driver: without one, what a program at this
/// end sends back is dropped silently (`veth_xdp_xmit` in drivers/net/veth.c). In other namespaces nothing is seen.
fn one_way(links: &[LinkMessage]) -> BTreeSet<u32> {
    let hears = |index| links.iter().any(|link| link.header.index == index && has_native_xdp(link));
    links
        .iter()
        .filter(|link| is_veth(link) && !near_peer(link).is_some_and(hears))
        .map(|link| link.header.index)
        .collect()
}

fn is_veth(link: &LinkMessage) -> bool {
    link.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::LinkInfo(info) => info.contains(&LinkInfo::Kind(InfoKind::Veth)),
        _ => false,
    })
}

/// The index of the other end, if it is in this namespace.
fn near_peer(link: &LinkMessage) -> Option<u32> {
    let elsewhere = |attribute: &LinkAttribute| matches!(attribute, LinkAttribute::LinkNetNsId(_));
    if link.attributes.iter().any(elsewhere) {
        return None;
    }
    link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    })
}

fn has_native_xdp(link: &LinkMessage) -> bool {
    let native = |xdp: &LinkXdp| {
        matches!(xdp, LinkXdp::Attached(XdpAttached::Driver | XdpAttached::Multiple) | LinkXdp::DrvProgId(_))
    };
    link.attributes.iter().any(|attribute| match attribute {
        LinkAttribute::Xdp(xdp) => xdp.iter().any(native),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, attributes: &[LinkAttribute]) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.index = index;
        link.attributes = attributes.to_vec();
        link
    }

    #[test]
    fn a_veth_is_one_way_unless_its_far_end_is_seen_to_have_a_program() {
        let veth = LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth)]);
        let peer = |index| [veth.clone(), LinkAttribute::Link(index)];
        let with = |index, xdp| [&peer(index)[..], &[LinkAttribute::Xdp(vec![xdp])]].concat();
        let driver = LinkXdp::Attached(XdpAttached::Driver);
        let links = [
            link(1, &[]),
            link(2, &[LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)])]),
            // A pair, with a program at the end 4.
            link(3, &peer(4)),
            link(4, &with(3, driver)),
            // A pair with a program in the stack.
            link(5, &peer(6)),
            link(6, &with(5, LinkXdp::Attached(XdpAttached::SocketBuffer))),
            // The end of another namespace has the number of a device here.
            link(7, &[&peer(4)[..], &[LinkAttribute::LinkNetNsId(0)]].concat()),
            link(8, &[veth]),
            // A VLAN on a device with a program.
            link(9, &[LinkAttribute::Link(4), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Vlan)])]),
        ];
        assert_eq!(one_way(&links), BTreeSet::from([4, 5, 6, 7, 8]));
    }
}
