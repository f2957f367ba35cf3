//! Conversations as packets, and packets as capture files.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, TsResolution};
use relay_guard_tests::frames::{Frame, flags};

/// A frame, and when it was seen.
pub type Seen = (Duration, Vec<u8>);

/// A TCP connection whose segments are noted.
pub struct Connection {
    client: SocketAddr,
    server: SocketAddr,
    now: Duration,
    /// The next sequence number of each.
    sent: [u32; 2],
    frames: Vec<Seen>,
}

/// The time between two segments.
const STEP: Duration = Duration::from_millis(10);

impl Connection {
    /// One that is opened at a time since the epoch.
    pub fn open(client: &str, server: &str, at: Duration) -> Self {
        let [client, server] = [client, server].map(|end| end.parse().expect(end));
        let mut connection = Self { client, server, now: at, sent: [u32::MAX - 50, 77], frames: Vec::new() };
        connection.segment(true, flags::SYN, b"");
        connection.segment(false, flags::SYN | flags::ACK, b"");
        connection.segment(true, flags::ACK, b"");
        connection
    }

    /// The server says this.
    pub fn server(&mut self, text: &str) -> &mut Self {
        self.segment(false, flags::PSH | flags::ACK, text.as_bytes());
        self
    }

    /// The client says this.
    pub fn client(&mut self, text: &str) -> &mut Self {
        self.segment(true, flags::PSH | flags::ACK, text.as_bytes());
        self
    }

    /// The client says a line, and the server answers with one.
    pub fn ask(&mut self, line: &str, reply: &str) -> &mut Self {
        self.client(&format!("{line}\r\n")).server(&format!("{reply}\r\n"))
    }

    /// Time passes.
    pub fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }

    /// The last segment was not captured.
    pub fn lose(&mut self) -> &mut Self {
        self.frames.pop();
        self
    }

    /// Both ends close it; what was seen.
    pub fn close(&mut self) -> Vec<Seen> {
        self.segment(true, flags::FIN | flags::ACK, b"");
        self.segment(false, flags::FIN | flags::ACK, b"");
        std::mem::take(&mut self.frames)
    }

    fn segment(&mut self, of_client: bool, flags: u8, payload: &[u8]) {
        let (source, destination, own, other) =
            if of_client { (self.client, self.server, 0, 1) } else { (self.server, self.client, 1, 0) };
        let acknowledged = if flags & flags::ACK == 0 { 0 } else { self.sent[other] };
        let frame = Frame::tcp(source, destination)
            .flags(flags)
            .numbers(self.sent[own], acknowledged)
            .payload(payload);
        self.frames.push((self.now, frame.build()));
        let unseen = u32::from(flags & (flags::SYN | flags::FIN) != 0);
        self.sent[own] = self.sent[own].wrapping_add(payload.len() as u32 + unseen);
        self.now += STEP;
    }
}

/// The usual message: greeting, EHLO, one sender, two recipients of whom one is refused, content.
pub fn message(client: &str, server: &str, at: Duration) -> Vec<Seen> {
    let mut connection = Connection::open(client, server, at);
    connection
        .server("220 mx.example.com ESMTP\r\n")
        .ask("EHLO client.example.net", "250-mx.example.com\r\n250-SIZE 10240000\r\n250 8BITMIME")
        .ask("MAIL FROM:<anna@example.net> SIZE=700", "250 2.1.0 Ok")
        .ask("RCPT TO:<bert@example.com>", "250 2.1.5 Ok")
        .ask("RCPT TO:<nobody@example.com>", "550 5.1.1 <nobody@example.com>: unknown")
        .ask("DATA", "354 End data with <CR><LF>.<CR><LF>")
        .client("Subject: secret\r\n\r\nnobody reads this\r\n")
        .ask(".", "250 2.0.0 Ok: queued as 4XyZ")
        .ask("QUIT", "221 2.0.0 Bye");
    connection.close()
}

/// The frames as a pcap file.
pub fn pcap(frames: &[Seen]) -> Vec<u8> {
    let header = PcapHeader {
        endianness: Endianness::Little,
        ts_resolution: TsResolution::MicroSecond,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).expect("memory takes all");
    for (time, frame) in frames {
        writer.write_packet(&PcapPacket::new(*time, frame.len() as u32, frame)).expect("memory takes all");
    }
    writer.into_writer()
}

/// The frames as a pcapng file, by turns on two interfaces.
pub fn pcapng(frames: &[Seen]) -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), Endianness::Big).expect("memory takes all");
    for name in ["eth0", "eth1"] {
        let interface = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(name.into()),
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        writer.write_pcapng_block(interface).expect("memory takes all");
    }
    for (index, (time, frame)) in frames.iter().enumerate() {
        let block = EnhancedPacketBlock {
            interface_id: index as u32 % 2,
            timestamp: *time,
            original_len: frame.len() as u32,
            data: frame.into(),
            options: Vec::new(),
        };
        writer.write_pcapng_block(block).expect("memory takes all");
    }
    writer.into_inner()
}

/// Compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}
