//! Ethernet, tags, PPPoE and ARP: by hand, as the mixtures wanted here have no builder elsewhere.

use std::net::Ipv4Addr;

pub(super) const ETHERTYPE_IPV4: u16 = 0x0800;
pub(super) const ETHERTYPE_ARP: u16 = 0x0806;
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;

/// PPP's own numbers for the same (RFC 1332, RFC 5072).
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;
/// Link control: what stands for everything that is not IP.
const PPP_LCP: u16 = 0xc021;

/// Locally administered addresses of two hosts that do not exist.
const HERE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];
const THERE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];

/// What comes between the device and the network header.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) ethernet: bool,
    pub(super) destination: [u8; 6],
    pub(super) source: [u8; 6],
    /// The outermost first.
    pub(super) layers: Vec<Layer>,
}

/// One of the headers between Ethernet's addresses and the network header.
#[derive(Debug, Clone)]
pub(super) enum Layer {
    Tag { identifier: u16, control: u16 },
    Pppoe { session: u16, protocol: Option<u16> },
}

impl Default for Link {
    fn default() -> Self {
        Self { ethernet: true, destination: HERE, source: THERE, layers: Vec::new() }
    }
}

impl Layer {
    /// The ethertype that announces it.
    fn ethertype(&self) -> u16 {
        match self {
            Self::Tag { identifier, .. } => *identifier,
            Self::Pppoe { .. } => ETHERTYPE_PPPOE_SESSION,
        }
    }

    fn header_len(&self) -> usize {
        match self {
            Self::Tag { .. } => 4,
            Self::Pppoe { .. } => 8,
        }
    }

    /// `content` with this header before it, where `inner` is the content's ethertype.
    fn wrap(&self, inner: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(content.len() + self.header_len());
        match self {
            Self::Tag { control, .. } => {
                bytes.extend_from_slice(&control.to_be_bytes());
                bytes.extend_from_slice(&inner.to_be_bytes());
            }
            Self::Pppoe { session, protocol } => {
                let length = u16::try_from(content.len() + 2).expect("content that fits into PPPoE");
                let protocol = protocol.unwrap_or_else(|| ppp_protocol(inner));
                // Version 1, type 1, code 0: session data (RFC 2516, 4).
                bytes.extend_from_slice(&[0x11, 0x00]);
                for field in [*session, length, protocol] {
                    bytes.extend_from_slice(&field.to_be_bytes());
                }
            }
        }
        bytes.extend_from_slice(content);
        bytes
    }
}

impl Link {
    /// The whole frame around `packet`, which is of `ethertype`.
    pub(super) fn wrap(&self, ethertype: u16, packet: Vec<u8>) -> Vec<u8> {
        let inside_out = self.layers.iter().rev();
        let (ethertype, content) = inside_out.fold((ethertype, packet), |(inner, content), layer| {
            (layer.ethertype(), layer.wrap(inner, &content))
        });
        if !self.ethernet {
            return content;
        }
        [&self.destination[..], &self.source, &ethertype.to_be_bytes(), &content].concat()
    }

    pub(super) fn header_len(&self) -> usize {
        let ethernet = if self.ethernet { 14 } else { 0 };
        ethernet + self.layers.iter().map(Layer::header_len).sum::<usize>()
    }
}

fn ppp_protocol(ethertype: u16) -> u16 {
    match ethertype {
        ETHERTYPE_IPV4 => PPP_IPV4,
        ETHERTYPE_IPV6 => PPP_IPV6,
        _ => PPP_LCP,
    }
}

/// RFC 826, for Ethernet and IPv4.
pub(super) fn arp_request(sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    const REQUEST_HEAD: [u8; 8] = [0, 1, 0x08, 0, 6, 4, 0, 1];
    [&REQUEST_HEAD[..], &THERE, &sender.octets(), &[0; 6], &target.octets()].concat()
}
