//! IPv4 with options, IPv6 with extension headers, fragments of both, and wrong values where asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpFragOffset, IpNumber, Ipv4Header, Ipv4Options, Ipv6Header};

use super::link::{ETHERTYPE_IPV4, ETHERTYPE_IPV6};

const TTL: u8 = 64;

/// An IPv6 extension header. Lengths are those of the whole header in bytes; what the header asks for is padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ext {
    /// Hop-by-hop options; `len` is a multiple of 8.
    HopByHop {
        /// Bytes.
        len: usize,
    },
    /// Routing, of an unknown type with no segments left; `len` is a multiple of 8.
    Routing {
        /// Bytes.
        len: usize,
    },
    /// Destination options; `len` is a multiple of 8.
    DestinationOptions {
        /// Bytes.
        len: usize,
    },
    /// Mobility; `len` is a multiple of 8.
    Mobility {
        /// Bytes.
        len: usize,
    },
    /// Authentication; `len` is a multiple of 4, at least 12.
    Authentication {
        /// Bytes.
        len: usize,
    },
    /// Fragment, 8 bytes.
    Fragment {
        /// Where the content begins in the whole: bytes, a multiple of 8.
        offset: u16,
        /// Whether more fragments follow.
        more: bool,
    },
    /// Encrypted content: what follows cannot be read.
    Encapsulated,
    /// No next header: what follows means nothing.
    NoNext,
    /// Any header of the usual form, with this length *field* (units of 8 bytes, the first not counted) and body.
    Raw {
        /// Its protocol number.
        number: u8,
        /// The second byte.
        length_field: u8,
        /// All from the third byte on.
        body: Vec<u8>,
    },
}

impl Ext {
    /// IANA "Protocol Numbers".
    fn number(&self) -> u8 {
        match self {
            Self::HopByHop { .. } => 0,
            Self::Routing { .. } => 43,
            Self::Fragment { .. } => 44,
            Self::Encapsulated => 50,
            Self::Authentication { .. } => 51,
            Self::NoNext => 59,
            Self::DestinationOptions { .. } => 60,
            Self::Mobility { .. } => 135,
            Self::Raw { number, .. } => *number,
        }
    }

    /// The header's bytes, `next` being the number of what follows.
    fn bytes(&self, next: u8) -> Vec<u8> {
        match self {
            Self::HopByHop { len } | Self::DestinationOptions { len } => options(next, *len),
            Self::Routing { len } | Self::Mobility { len } => {
                let mut bytes = vec![0; *len];
                // Byte 2: an unassigned routing type, or mobility type; byte 3: no segments left.
                bytes[..4].copy_from_slice(&[next, units_of_8(*len), 253, 0]);
                bytes
            }
            Self::Authentication { len } => {
                assert!(*len >= 12 && len % 4 == 0, "an authentication header of {len} bytes");
                let mut bytes = vec![0; *len];
                // RFC 4302, 2.2: words of 4 bytes, minus 2.
                let words = u8::try_from(len / 4 - 2).expect("a length below 1032");
                bytes[..2].copy_from_slice(&[next, words]);
                bytes
            }
            Self::Fragment { offset, more } => {
                assert!(offset % 8 == 0, "a fragment at byte {offset}");
                let [high, low] = (offset | u16::from(*more)).to_be_bytes();
                vec![next, 0, high, low, 0, 0, 0x12, 0x34]
            }
            // Security parameters index, sequence number (RFC 4303, 2).
            Self::Encapsulated => vec![0, 0, 1, 0, 0, 0, 0, 1],
            Self::NoNext => Vec::new(),
            Self::Raw { length_field, body, .. } => [&[next, *length_field], &body[..]].concat(),
        }
    }
}

/// An options header filled with padding (RFC 8200, 4.2): PadN options of at most 257 bytes.
fn options(next: u8, len: usize) -> Vec<u8> {
    let mut bytes = vec![next, units_of_8(len)];
    while bytes.len() < len {
        let padding = (len - bytes.len()).min(257);
        match padding.checked_sub(2) {
            Some(data) => {
                bytes.extend_from_slice(&[1, u8::try_from(data).expect("at most 255")]);
                bytes.resize(bytes.len() + data, 0);
            }
            None => bytes.push(0),
        }
    }
    bytes
}

fn units_of_8(len: usize) -> u8 {
    assert!(len >= 8 && len.is_multiple_of(8), "an extension header of {len} bytes");
    u8::try_from(len / 8 - 1).expect("a length of at most 2048")
}

/// The network header, and wrong values for its fields.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) ethertype: u16,
    pub(super) version: Option<u8>,
    pub(super) length: Option<u16>,
    pub(super) protocol: Option<u8>,
    header: Header,
}

#[derive(Debug, Clone)]
enum Header {
    None,
    V4(V4),
    V6(V6),
}

#[derive(Debug, Clone)]
pub(super) struct V4 {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) options: Vec<u8>,
    pub(super) ihl: Option<u8>,
    fragment: Option<(u16, bool)>,
}

#[derive(Debug, Clone)]
pub(super) struct V6 {
    pub(super) source: Ipv6Addr,
    pub(super) destination: Ipv6Addr,
    pub(super) extensions: Vec<Ext>,
}

impl Network {
    pub(super) fn none(ethertype: u16) -> Self {
        Self { ethertype, version: None, length: None, protocol: None, header: Header::None }
    }

    pub(super) fn ip(source: IpAddr, destination: IpAddr) -> Self {
        let (ethertype, header) = match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => (
                ETHERTYPE_IPV4,
                Header::V4(V4 { source, destination, options: Vec::new(), ihl: None, fragment: None }),
            ),
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                (ETHERTYPE_IPV6, Header::V6(V6 { source, destination, extensions: Vec::new() }))
            }
            _ => panic!("{source} and {destination} are of different families"),
        };
        Self { header, ..Self::none(ethertype) }
    }

    pub(super) fn v4_mut(&mut self) -> &mut V4 {
        match &mut self.header {
            Header::V4(v4) => v4,
            other => panic!("not IPv4: {other:?}"),
        }
    }

    pub(super) fn v6_mut(&mut self) -> &mut V6 {
        match &mut self.header {
            Header::V6(v6) => v6,
            other => panic!("not IPv6: {other:?}"),
        }
    }

    pub(super) fn addresses(&self) -> Option<(IpAddr, IpAddr)> {
        match &self.header {
            Header::None => None,
            Header::V4(v4) => Some((v4.source.into(), v4.destination.into())),
            Header::V6(v6) => Some((v6.source.into(), v6.destination.into())),
        }
    }

    pub(super) fn fragment(&mut self, offset: u16, more: bool) {
        assert!(offset.is_multiple_of(8), "a fragment at byte {offset}");
        match &mut self.header {
            Header::None => panic!("only IP has fragments"),
            Header::V4(v4) => v4.fragment = Some((offset, more)),
            Header::V6(v6) => v6.extensions.push(Ext::Fragment { offset, more }),
        }
    }

    pub(super) fn header_len(&self) -> usize {
        match &self.header {
            Header::None => 0,
            Header::V4(v4) => Ipv4Header::MIN_LEN + v4.options.len(),
            Header::V6(v6) => {
                Ipv6Header::LEN + v6.extensions.iter().map(|ext| ext.bytes(0).len()).sum::<usize>()
            }
        }
    }

    /// The packet around `segment`, which is of protocol `number`.
    pub(super) fn wrap(&self, number: u8, segment: Vec<u8>) -> Vec<u8> {
        let number = self.protocol.unwrap_or(number);
        let mut packet = match &self.header {
            Header::None => return segment,
            Header::V4(v4) => v4.header(number, segment.len(), self.length),
            Header::V6(v6) => v6.header(number, segment.len(), self.length),
        };
        if let Some(version) = self.version {
            packet[0] = version << 4 | packet[0] & 0x0f;
        }
        packet.extend_from_slice(&segment);
        packet
    }
}

impl V4 {
    fn header(&self, number: u8, content: usize, length: Option<u16>) -> Vec<u8> {
        let options =
            Ipv4Options::try_from(&self.options[..]).expect("options of whole words, at most 40 bytes");
        let (offset, more) = self.fragment.unwrap_or_default();
        let real_length = Ipv4Header::MIN_LEN + self.options.len() + content;
        let mut header = Ipv4Header {
            total_len: length
                .unwrap_or_else(|| u16::try_from(real_length).expect("content that fits into IPv4")),
            identification: 0x1234,
            dont_fragment: self.fragment.is_none(),
            more_fragments: more,
            fragment_offset: IpFragOffset::try_new(offset / 8).expect("13 bits"),
            time_to_live: TTL,
            protocol: IpNumber(number),
            source: self.source.octets(),
            destination: self.destination.octets(),
            options,
            ..Ipv4Header::default()
        };
        header.header_checksum = header.calc_header_checksum();
        let mut bytes = header.to_bytes().to_vec();
        if let Some(words) = self.ihl {
            bytes[0] = bytes[0] & 0xf0 | words & 0x0f;
        }
        bytes
    }
}

impl V6 {
    fn header(&self, number: u8, content: usize, length: Option<u16>) -> Vec<u8> {
        let numbers: Vec<u8> = self.extensions.iter().map(Ext::number).chain([number]).collect();
        let followers = &numbers[1..];
        let extensions: Vec<u8> =
            self.extensions.iter().zip(followers).flat_map(|(ext, next)| ext.bytes(*next)).collect();
        let real_length = extensions.len() + content;
        let header = Ipv6Header {
            payload_length: length
                .unwrap_or_else(|| u16::try_from(real_length).expect("content that fits into IPv6")),
            next_header: IpNumber(numbers[0]),
            hop_limit: TTL,
            source: self.source.octets(),
            destination: self.destination.octets(),
            ..Ipv6Header::default()
        };
        [&header.to_bytes()[..], &extensions].concat()
    }
}
