//! Interfaces and addresses as the kernel tells them (rtnetlink).

use std::io;

use ipnet::IpNet;
use rtnetlink::{
    Handle, MulticastGroup, new_multicast_connection,
    packet_route::{
        address::AddressAttribute,
        link::{LinkAttribute, LinkLayerType, LinkMessage},
    },
};
use tokio::sync::mpsc;

use crate::datapath::Device;

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
    pub async fn devices(&self) -> io::Result<Vec<Device>> {
        let mut answers = self.handle.link().get().execute();
        let mut devices = Vec::new();
        while let Some(message) = next(&mut answers).await? {
            devices.extend(device(&message));
        }
        Ok(devices)
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
