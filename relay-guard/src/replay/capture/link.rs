//! What packets of a capture begin with: from the link type to the IP header.
//!
//! Numbers are those of <https://www.tcpdump.org/linktypes.html>.

/// Ethernet's header without its type.
const ETHERNET: usize = 12;
/// How many VLAN tags are followed, as the datapath does.
const MAX_TAGS: usize = 4;
/// Ethernet types of VLAN tags (802.1Q, 802.1ad, and what came before it).
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// PPPoE's session stage (RFC 2516).
const PPPOE: u16 = 0x8864;
const PPP_IPV4: u16 = 0x0021;
const PPP_IPV6: u16 = 0x0057;

/// What packets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// An Ethernet header (1).
    Ethernet,
    /// An IP header (101, 12, 14, 228, 229).
    Raw,
    /// The header of Linux' `any` device (113).
    Cooked,
    /// Its second form (276).
    Cooked2,
    /// BSD's loopback (0, 108): a word with the address family, in either byte order.
    Loopback,
}

/// Why there is no IP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoNetwork {
    /// It is another protocol's.
    Other,
    /// The packet ends before.
    Short,
}

impl Link {
    /// The names of those that are read.
    pub(super) const NAMES: &str =
        "Ethernet (1), raw IP (101, 228, 229), Linux cooked (113, 276), loopback (0, 108)";

    /// The link type of this number, if it is read.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Ethernet),
            12 | 14 | 101 | 228 | 229 => Some(Self::Raw),
            113 => Some(Self::Cooked),
            276 => Some(Self::Cooked2),
            0 | 108 => Some(Self::Loopback),
            _ => None,
        }
    }

    /// Where the IP header of a packet begins.
    pub(crate) fn network(self, packet: &[u8]) -> Result<usize, NoNetwork> {
        match self {
            Self::Ethernet => typed(packet, ETHERNET),
            Self::Raw => versioned(packet, 0),
            Self::Cooked => typed(packet, 14),
            // The protocol comes first, and the rest of the header behind it.
            Self::Cooked2 => match ether_type(packet, 0)? {
                IPV4 | IPV6 => versioned(packet, 20),
                tag if TAGS.contains(&tag) => typed(packet, 20 + 2),
                PPPOE => pppoe(packet, 20),
                _ => Err(NoNetwork::Other),
            },
            // The address family has other numbers on other systems; the version says the same.
            Self::Loopback => versioned(packet, 4),
        }
    }
}

/// Follows the Ethernet type at `offset` through tags.
fn typed(packet: &[u8], mut offset: usize) -> Result<usize, NoNetwork> {
    for _ in 0..=MAX_TAGS {
        match ether_type(packet, offset)? {
            IPV4 | IPV6 => return versioned(packet, offset + 2),
            PPPOE => return pppoe(packet, offset + 2),
            tag if TAGS.contains(&tag) => offset += 4,
            _ => return Err(NoNetwork::Other),
        }
    }
    Err(NoNetwork::Other)
}

/// PPPoE's header of six octets, then PPP's protocol of two.
fn pppoe(packet: &[u8], offset: usize) -> Result<usize, NoNetwork> {
    match ether_type(packet, offset + 6)? {
        PPP_IPV4 | PPP_IPV6 => versioned(packet, offset + 8),
        _ => Err(NoNetwork::Other),
    }
}

/// `offset`, if a header of IPv4 or IPv6 begins there.
fn versioned(packet: &[u8], offset: usize) -> Result<usize, NoNetwork> {
    match packet.get(offset).map(|first| first >> 4) {
        Some(4 | 6) => Ok(offset),
        Some(_) => Err(NoNetwork::Other),
        None => Err(NoNetwork::Short),
    }
}

fn ether_type(packet: &[u8], offset: usize) -> Result<u16, NoNetwork> {
    let octets = packet.get(offset..).and_then(<[u8]>::first_chunk);
    octets.map(|octets| u16::from_be_bytes(*octets)).ok_or(NoNetwork::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of octets that are no type, with these octets at its end.
    fn header(len: usize, end: &[u8]) -> Vec<u8> {
        let mut header = vec![0xee; len - end.len()];
        header.extend_from_slice(end);
        header
    }

    #[test]
    fn every_link_type_leads_to_the_ip_header() {
        let v4 = &[0x08, 0x00][..];
        let v6 = &[0x86, 0xdd][..];
        let vlan = [0x81, 0x00, 0, 7, 0x08, 0x00];
        let qinq = [0x88, 0xa8, 0, 7, 0x81, 0x00, 0, 8, 0x86, 0xdd];
        let four = [0x91, 0x00, 0, 7].repeat(4);
        let session = [0x88, 0x64, 0x11, 0, 0, 7, 0, 99, 0x00, 0x21];
        let tagged_session = [&[0x81, 0x00, 0, 7][..], &session[..8], &[0x00, 0x57]].concat();
        let sll2 = |protocol: [u8; 2]| [&protocol[..], &[0xee; 18]].concat();
        for (number, header, version) in [
            (1, header(14, v4), 4),
            (1, header(14, v6), 6),
            (1, header(18, &vlan), 4),
            (1, header(22, &qinq), 6),
            (1, header(30, &[&four[..], v4].concat()), 4),
            (1, header(22, &session), 4),
            (1, header(26, &tagged_session), 6),
            (12, Vec::new(), 4),
            (14, Vec::new(), 6),
            (101, Vec::new(), 4),
            (228, Vec::new(), 4),
            (229, Vec::new(), 6),
            (113, header(16, v4), 4),
            (113, header(16, v6), 6),
            (113, header(20, &vlan), 4),
            (276, sll2([0x08, 0x00]), 4),
            (276, sll2([0x86, 0xdd]), 6),
            (276, [&sll2([0x81, 0x00])[..], &[0, 7, 0x08, 0x00]].concat(), 4),
            (0, vec![2, 0, 0, 0], 4),
            (0, vec![0, 0, 0, 30], 6),
            (108, vec![0, 0, 0, 2], 4),
        ] {
            let link = Link::from_number(number).expect("it is read");
            let packet = [&header[..], &[version << 4 | 5, 0xee]].concat();
            assert_eq!(link.network(&packet), Ok(header.len()), "{number} {packet:02x?}");
            for cut in 0..=header.len() {
                let network = link.network(&packet[..cut]);
                assert_eq!(network, Err(NoNetwork::Short), "{number} cut to {cut}: {packet:02x?}");
            }
        }
    }

    #[test]
    fn other_protocols_are_no_ip() {
        for (number, packet) in [
            (1, header(60, &[])),
            (1, [&header(12, &[])[..], &[0x08, 0x06], &[0x45; 46]].concat()),
            // Behind five tags.
            (1, [&header(12, &[])[..], &[0x81, 0x00, 0, 7].repeat(5), &[0x08, 0x00, 0x45]].concat()),
            // PPP's own protocols.
            (1, [&header(12, &[])[..], &[0x88, 0x64, 0x11, 0, 0, 7, 0, 9, 0xc0, 0x21, 0x45]].concat()),
            (101, vec![0x55; 40]),
            (0, vec![2, 0, 0, 0, 0x55]),
            (276, [0x55; 40].to_vec()),
        ] {
            let link = Link::from_number(number).expect("it is read");
            assert_eq!(link.network(&packet), Err(NoNetwork::Other), "{number} {packet:02x?}");
        }
        assert_eq!(Link::from_number(105), None, "802.11");
    }
}
