//! Frames, well-formed and otherwise, for tables of "this frame in, that verdict out".
//!
//! ```
//! use relay_guard_tests::frames::{Ext, Frame, flags};
//!
//! let syn = Frame::tcp("198.51.100.7:40000", "10.0.2.25:25").flags(flags::SYN).vlan(5).build();
//! assert_eq!(syn.len(), 14 + 4 + 20 + 20);
//! let hidden = Frame::tcp("[2001:db8::1]:40000", "[2001:db8:2::25]:25").ext(Ext::HopByHop { len: 16 }).build();
//! assert_eq!(hidden.len(), 14 + 40 + 16 + 20);
//! ```
//!
//! A frame is put together from the outside in: tags and PPPoE in the order of the calls, then the network header and
//! its options or extension headers, then the transport header and payload. Lengths and checksums are right until
//! something is set to be wrong. Knows nothing of what the program under test makes of them.

mod endpoint;
mod link;
mod network;
mod numbers;
mod reading;
mod transport;

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

pub use endpoint::Endpoint;
pub use network::Ext;
pub use numbers::{flags, protocol};
pub use reading::Reading;

use link::Link;
use network::Network;
use transport::Transport;

/// A frame in the making; [`Frame::build`] gives its bytes.
#[derive(Debug, Clone)]
pub struct Frame {
    link: Link,
    network: Network,
    transport: Transport,
    /// Only this part of the transport header and payload is put in.
    piece: Option<Range<usize>>,
    length: Option<usize>,
}

impl Frame {
    /// A TCP segment, by default a SYN without options or payload. Addresses are `SocketAddr`s or their text.
    ///
    /// # Panics
    /// On text that is no address, and on addresses of different families.
    pub fn tcp(source: impl Endpoint, destination: impl Endpoint) -> Self {
        let (source, destination) = (source.endpoint(), destination.endpoint());
        let transport = Transport::tcp(source.port(), destination.port());
        Self::over_ip(source.ip(), destination.ip(), transport)
    }

    /// A UDP datagram without payload.
    ///
    /// # Panics
    /// See [`Frame::tcp`].
    pub fn udp(source: impl Endpoint, destination: impl Endpoint) -> Self {
        let (source, destination) = (source.endpoint(), destination.endpoint());
        Self::over_ip(source.ip(), destination.ip(), Transport::udp(source.port(), destination.port()))
    }

    /// An echo request: ICMP or ICMPv6.
    ///
    /// # Panics
    /// On addresses of different families.
    #[must_use]
    pub fn icmp_echo(source: IpAddr, destination: IpAddr) -> Self {
        Self::over_ip(source, destination, Transport::echo(source.is_ipv4()))
    }

    /// Any other protocol over IP, with `body` as it is.
    ///
    /// # Panics
    /// On addresses of different families.
    #[must_use]
    pub fn ip(number: u8, source: IpAddr, destination: IpAddr, body: &[u8]) -> Self {
        Self::over_ip(source, destination, Transport::raw(number, body))
    }

    /// An ARP request: who has `target`, tell `sender`?
    #[must_use]
    pub fn arp(sender: Ipv4Addr, target: Ipv4Addr) -> Self {
        Self::ethernet(link::ETHERTYPE_ARP, &link::arp_request(sender, target))
    }

    /// Any other ethertype, with `body` as it is.
    #[must_use]
    pub fn ethernet(ethertype: u16, body: &[u8]) -> Self {
        Self::new(Network::none(ethertype), Transport::raw(0, body))
    }

    fn over_ip(source: IpAddr, destination: IpAddr, transport: Transport) -> Self {
        Self::new(Network::ip(source, destination), transport)
    }

    fn new(network: Network, transport: Transport) -> Self {
        Self { link: Link::default(), network, transport, piece: None, length: None }
    }

    /// Sets the TCP flags.
    #[must_use]
    pub fn flags(mut self, flags: u8) -> Self {
        self.transport.tcp_mut().flags = flags;
        self
    }

    /// Sets TCP's sequence and acknowledgement numbers.
    #[must_use]
    pub fn numbers(mut self, sequence: u32, acknowledgement: u32) -> Self {
        let tcp = self.transport.tcp_mut();
        (tcp.sequence, tcp.acknowledgement) = (sequence, acknowledgement);
        self
    }

    /// Sets TCP's window.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        self.transport.tcp_mut().window = window;
        self
    }

    /// Sets TCP's urgent pointer.
    #[must_use]
    pub fn urgent(mut self, pointer: u16) -> Self {
        self.transport.tcp_mut().urgent = pointer;
        self
    }

    /// Sets TCP options, filled up to whole words with "end of options".
    #[must_use]
    pub fn tcp_options(mut self, options: &[u8]) -> Self {
        self.transport.tcp_mut().options = options.to_vec();
        self
    }

    /// Sets TCP's data offset, in words of 4 bytes, whatever the header's real length is.
    #[must_use]
    pub fn data_offset(mut self, words: u8) -> Self {
        self.transport.tcp_mut().data_offset = Some(words);
        self
    }

    /// Sets what comes after the transport header.
    #[must_use]
    pub fn payload(mut self, payload: impl AsRef<[u8]>) -> Self {
        self.transport.set_payload(payload.as_ref());
        self
    }

    /// Sets the IPv4 options; their length must be a multiple of 4 and at most 40.
    #[must_use]
    pub fn v4_options(mut self, options: &[u8]) -> Self {
        self.network.v4_mut().options = options.to_vec();
        self
    }

    /// Sets IPv4's header length, in words of 4 bytes, whatever the header's real length is.
    #[must_use]
    pub fn ihl(mut self, words: u8) -> Self {
        self.network.v4_mut().ihl = Some(words);
        self
    }

    /// Adds an IPv6 extension header, after those added before.
    #[must_use]
    pub fn ext(mut self, header: Ext) -> Self {
        self.network.v6_mut().extensions.push(header);
        self
    }

    /// Makes it a fragment that begins at byte `offset` (a multiple of 8) of the whole: in IPv4's header, or by an
    /// IPv6 fragment header after the extension headers added before. See [`Frame::piece`] for its content.
    #[must_use]
    pub fn fragment(mut self, offset: u16, more: bool) -> Self {
        self.network.fragment(offset, more);
        self
    }

    /// Puts only this range of the transport header and payload into the frame, as a fragment would.
    #[must_use]
    pub fn piece(mut self, range: Range<usize>) -> Self {
        self.piece = Some(range);
        self
    }

    /// Sets the version field of the IP header, whatever the header is.
    #[must_use]
    pub fn ip_version(mut self, version: u8) -> Self {
        self.network.version = Some(version);
        self
    }

    /// Sets IPv4's total length or IPv6's payload length, whatever the real one is.
    #[must_use]
    pub fn ip_length(mut self, length: u16) -> Self {
        self.network.length = Some(length);
        self
    }

    /// Sets the protocol number, in IPv6 that of the last extension header, whatever really follows.
    #[must_use]
    pub fn protocol(mut self, number: u8) -> Self {
        self.network.protocol = Some(number);
        self
    }

    /// Adds an 802.1Q tag, inside those added before.
    #[must_use]
    pub fn vlan(self, id: u16) -> Self {
        self.tag(0x8100, id)
    }

    /// Adds an 802.1ad service tag, inside those added before: `.service_vlan(100).vlan(5)` is QinQ.
    #[must_use]
    pub fn service_vlan(self, id: u16) -> Self {
        self.tag(0x88a8, id)
    }

    /// Adds a tag with any tag protocol identifier, and priority bits in `control`.
    #[must_use]
    pub fn tag(mut self, identifier: u16, control: u16) -> Self {
        self.link.layers.push(link::Layer::Tag { identifier, control });
        self
    }

    /// Puts it into a PPPoE session, inside the tags added before.
    #[must_use]
    pub fn pppoe(mut self, session: u16) -> Self {
        self.link.layers.push(link::Layer::Pppoe { session, protocol: None });
        self
    }

    /// Puts it into a PPPoE session with another PPP protocol number than that of the content.
    #[must_use]
    pub fn pppoe_protocol(mut self, session: u16, protocol: u16) -> Self {
        self.link.layers.push(link::Layer::Pppoe { session, protocol: Some(protocol) });
        self
    }

    /// Sets the Ethernet addresses: destination, then source, as on the wire.
    #[must_use]
    pub fn ethernet_addresses(mut self, destination: [u8; 6], source: [u8; 6]) -> Self {
        (self.link.destination, self.link.source) = (destination, source);
        self
    }

    /// Sets the innermost ethertype, whatever follows.
    #[must_use]
    pub fn ethertype(mut self, ethertype: u16) -> Self {
        self.network.ethertype = ethertype;
        self
    }

    /// Leaves the Ethernet header away, as on `tun` and `ppp` devices.
    #[must_use]
    pub fn without_ethernet(mut self) -> Self {
        self.link.ethernet = false;
        self
    }

    /// Cuts the finished frame off after `length` bytes, or pads it with zeros (as Ethernet does up to 60).
    #[must_use]
    pub fn length(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// The frame's bytes, without the Ethernet checksum at its end.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let segment = self.transport.bytes(&self.network);
        let segment = match self.piece.clone() {
            Some(range) => segment[range].to_vec(),
            None => segment,
        };
        let packet = self.network.wrap(self.transport.number(), segment);
        let mut frame = self.link.wrap(self.network.ethertype, packet);
        if let Some(length) = self.length {
            frame.resize(length, 0);
        }
        frame
    }

    /// Where TCP, UDP or whatever it carries begins in the bytes of [`Frame::build`].
    #[must_use]
    pub fn transport_offset(&self) -> usize {
        self.link.header_len() + self.network.header_len()
    }
}
