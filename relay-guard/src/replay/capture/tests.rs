use std::io::{self, Cursor};

use proptest::prelude::*;

use super::{testing::*, *};

const SECOND: u64 = 1_000_000_000;

/// A packet that holds what it borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    time_ns: Option<u64>,
    link: Result<Link, u16>,
    length: u32,
    data: Vec<u8>,
}

fn kept(time_ns: u64, length: u32, data: &[u8]) -> Kept {
    Kept { time_ns: Some(time_ns), link: Ok(Link::Ethernet), length, data: data.to_vec() }
}

/// All packets of a file, and the error that it ends with.
fn read(source: impl Read) -> (Vec<Kept>, Option<CaptureError>) {
    let mut packets = Vec::new();
    let mut capture = match Capture::open(source) {
        Ok(capture) => capture,
        Err(error) => return (packets, Some(error)),
    };
    loop {
        match capture.next_packet() {
            Ok(Some(Packet { time_ns, link, length, data })) => {
                packets.push(Kept { time_ns, link, length, data: data.to_vec() });
            }
            Ok(None) => return (packets, None),
            Err(error) => {
                assert!(matches!(capture.next_packet(), Ok(None)), "nothing comes after an error");
                return (packets, Some(error));
            }
        }
    }
}

fn read_whole(bytes: &[u8]) -> Vec<Kept> {
    let (packets, error) = read(bytes);
    assert!(error.is_none(), "{error:?}");
    packets
}

fn words(bytes: &[u8]) -> (usize, String) {
    let (packets, error) = read(bytes);
    (packets.len(), error.expect("an error").to_string())
}

#[test]
fn pcap_of_either_order_and_unit() {
    for order in Order::BOTH {
        for (magic, fraction) in [(MICRO, 5000), (NANO, 5_000_000)] {
            let file = [
                pcap_header(order, magic, 1),
                pcap_packet(order, (7, fraction), 60, &[1; 60]),
                // Cut to the snap length, longer than it was, empty, with a carry.
                pcap_packet(order, (8, 0), 1514, &[2; 96]),
                pcap_packet(order, (9, 0), 3, &[3; 5]),
                pcap_packet(order, (10, 0), 0, &[]),
                pcap_packet(order, (11, fraction * 300), 1, &[4]),
            ]
            .concat();
            let expected = [
                kept(7 * SECOND + 5_000_000, 60, &[1; 60]),
                kept(8 * SECOND, 1514, &[2; 96]),
                kept(9 * SECOND, 5, &[3; 5]),
                kept(10 * SECOND, 0, &[]),
                kept(12 * SECOND + SECOND / 2, 1, &[4]),
            ];
            assert_eq!(read_whole(&file), expected, "{order:?} {magic:x}");
            assert_eq!(read_whole(&gzip(&file)), expected);
        }
    }
}

#[test]
fn pcapng_with_several_interfaces_sections_and_kinds_of_packets() {
    let mut file = Vec::new();
    let mut expected = Vec::new();
    for order in Order::BOTH {
        let linked = |link, kept: Kept| Kept { link, ..kept };
        file.extend(section(order));
        file.extend(interface(order, 1, 0, &[]));
        file.extend(interface(order, 101, 4, &[(9, &[9])]));
        file.extend(block(order, 0x0bad, &[1; 999]));
        file.extend(interface(order, 147, 0, &[(9, &[3]), (0, &[])]));
        file.extend(enhanced(order, 0, 7_000_001, 60, &[1; 57]));
        file.extend(enhanced(order, 1, 8 * SECOND + 1, 60, &[2; 60]));
        file.extend(enhanced(order, 2, 9001, 6, &[3; 6]));
        file.extend(obsolete(order, 1, 10 * SECOND, 4, &[4; 3]));
        file.extend(simple(order, 5, &[5; 5]));
        // Options behind a packet.
        let numbers = [0_u32, 0, 11, 1, 1].map(|number| match order {
            Order::Big => number.to_be_bytes(),
            Order::Little => number.to_le_bytes(),
        });
        file.extend(block(order, 6, &[numbers.as_flattened(), &[6, 0, 0, 0, 0, 0, 0, 0]].concat()));
        expected.extend([
            kept(7 * SECOND + 1000, 60, &[1; 57]),
            linked(Ok(Link::Raw), kept(8 * SECOND + 1, 60, &[2; 60])),
            linked(Err(147), kept(9 * SECOND + 1_000_000, 6, &[3; 6])),
            linked(Ok(Link::Raw), kept(10 * SECOND, 4, &[4; 3])),
            Kept { time_ns: None, ..kept(0, 5, &[5; 5]) },
            kept(11_000, 1, &[6]),
        ]);
    }
    assert_eq!(read_whole(&file), expected);
    assert_eq!(read_whole(&gzip(&file)), expected);
}

#[test]
fn a_simple_packet_ends_with_the_snap_length() {
    for (snaplen, length, data, expected) in
        [(4, 60, 8, 4), (0, 60, 8, 8), (100, 5, 8, 5), (100, 60, 8, 8), (0, 0, 0, 0)]
    {
        let order = Order::Little;
        let file = [section(order), interface(order, 1, snaplen, &[]), simple(order, length, &vec![7; data])]
            .concat();
        let packets = read_whole(&file);
        assert_eq!((packets[0].data.len(), packets[0].length), (expected, length.max(expected as u32)));
    }
}

#[test]
fn what_another_program_writes_is_read() {
    use pcap_file::{
        DataLink, Endianness, TsResolution,
        pcap::{PcapHeader, PcapPacket, PcapWriter},
        pcapng::{
            PcapNgWriter,
            blocks::{
                enhanced_packet::EnhancedPacketBlock,
                interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption},
            },
        },
    };
    use std::time::Duration;

    let packets: Vec<(Duration, Vec<u8>)> = (0..200)
        .map(|n| (Duration::new(1_700_000_000 + n, n as u32 * 1000), vec![n as u8; n as usize * 9]))
        .collect();
    let expected: Vec<Kept> = packets
        .iter()
        .map(|(time, data)| kept(time.as_nanos() as u64, data.len() as u32 + 9, data))
        .collect();
    for endianness in [Endianness::Big, Endianness::Little] {
        for ts_resolution in [TsResolution::MicroSecond, TsResolution::NanoSecond] {
            let header = PcapHeader { endianness, ts_resolution, ..PcapHeader::default() };
            let mut writer = PcapWriter::with_header(Vec::new(), header).expect("written");
            for (time, data) in &packets {
                let packet = PcapPacket::new(*time, data.len() as u32 + 9, data);
                writer.write_packet(&packet).expect("written");
            }
            assert_eq!(read_whole(&writer.into_writer()), expected, "{header:?}");
        }
        let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).expect("written");
        let interface = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName("eth0".into()),
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        writer.write_pcapng_block(interface).expect("written");
        for (time, data) in &packets {
            let block = EnhancedPacketBlock {
                interface_id: 0,
                timestamp: *time,
                original_len: data.len() as u32 + 9,
                data: data.into(),
                options: Vec::new(),
            };
            writer.write_pcapng_block(block).expect("written");
        }
        assert_eq!(read_whole(&writer.into_inner()), expected, "{endianness:?}");
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_gives_what_is_whole() {
    let order = Order::Big;
    let pcap = [
        pcap_header(order, MICRO, 1),
        pcap_packet(order, (1, 0), 20, &[1; 20]),
        pcap_packet(order, (2, 0), 4, &[2; 3]),
    ];
    let order = Order::Little;
    let pcapng = [
        [section(order), block(order, 5, &[0; 40]), interface(order, 1, 0, &[])].concat(),
        enhanced(order, 0, 1, 20, &[1; 20]),
        enhanced(order, 0, 2, 4, &[2; 3]),
    ];
    for parts in [pcap, pcapng] {
        let whole = parts.concat();
        let ends = [parts[0].len(), parts[0].len() + parts[1].len(), whole.len()];
        for cut in 1..whole.len() {
            let (packets, error) = read(&whole[..cut]);
            let expected = ends.iter().filter(|end| cut >= **end).count().saturating_sub(1);
            assert_eq!(packets.len(), expected, "cut at {cut}");
            match error {
                // Between blocks it is as good as whole.
                None => assert!(ends.contains(&cut) || [28, 80].contains(&cut), "cut at {cut}"),
                Some(CaptureError::Unknown) => assert!(cut < 4, "cut at {cut}"),
                Some(CaptureError::CutOff { offset, .. }) => assert_eq!(offset, cut as u64),
                Some(error) => panic!("cut at {cut}: {error}"),
            }
        }
        let packed = gzip(&whole);
        for cut in 3..packed.len() {
            let (packets, error) = read(&packed[..cut]);
            assert!(packets.len() <= 2);
            let error = error.expect("an error");
            assert!(matches!(error, CaptureError::GzipCutOff { .. }), "cut at {cut}: {error}");
        }
    }
}

#[test]
fn lengths_that_cannot_be_are_damage_and_allocate_nothing() {
    let order = Order::Little;
    let header = pcap_header(order, MICRO, 1);
    let good = pcap_packet(order, (1, 0), 2, &[1; 2]);
    let absurd = [[0; 8], [0xff; 8]].concat();
    let bytes = [&header[..], &good, &absurd, &[7; 99]].concat();
    assert_eq!(
        words(&bytes),
        (
            1,
            "damaged at byte 42: a packet or block of 4294967295 bytes, where 1048576 is the most".to_owned()
        )
    );
    let largest = pcap_packet(order, (1, 0), 0, &vec![1; MAX_RECORD as usize - 16]);
    assert_eq!(read_whole(&[&header[..], &largest, &good].concat()).len(), 2);

    let start = [section(order), interface(order, 1, 0, &[])].concat();
    let good = enhanced(order, 0, 1, 2, &[1; 2]);
    let with = |end: &[u8]| words(&[&start[..], &good, end].concat());
    let at = start.len() + good.len();
    let sized = |kind: u32, length: u32| [kind.to_le_bytes(), length.to_le_bytes(), [0; 4], [0; 4]].concat();
    let damaged = |fault: &str| (1, format!("damaged at byte {at}: {fault}"));
    assert_eq!(with(&sized(6, 0)), damaged("a block of 0 bytes"));
    assert_eq!(with(&sized(6, 31)), damaged("a block of 31 bytes"));
    assert_eq!(with(&sized(6, 28)), damaged("a block of 28 bytes"));
    assert_eq!(with(&sized(1, 16)), damaged("a block of 16 bytes"));
    assert_eq!(with(&sized(5, 8)), damaged("a block of 8 bytes"));
    assert_eq!(with(&sized(5, 13)), damaged("a block of 13 bytes"));
    let too_long = "a packet or block of 4294967292 bytes, where 1048576 is the most";
    assert_eq!(with(&sized(6, 0xffff_fffc)), damaged(too_long));
    // Of what is not read any length may be; this one is not there.
    assert_eq!(with(&sized(5, 0xffff_fffc)), (1, format!("cut off at byte {}, within a block", at + 16)));
    let mut other_end = enhanced(order, 0, 1, 2, &[1; 2]);
    let last = other_end.len() - 4;
    other_end[last] = 40;
    assert_eq!(with(&other_end), damaged("a block says 36 bytes at its beginning and 40 at its end"));
    let mut other_end = block(order, 5, &[0; 4]);
    other_end[12] = 20;
    assert_eq!(with(&other_end), damaged("a block says 16 bytes at its beginning and 20 at its end"));
    let mut outside = enhanced(order, 0, 1, 2, &[1; 2]);
    outside[20] = 5;
    assert_eq!(with(&outside), damaged("a packet of 5 bytes in a block with room for 4"));
    let stranger = enhanced(order, 1, 1, 2, &[1; 2]);
    assert_eq!(with(&stranger), damaged("a packet of interface 1, which is not described"));
    let no_order = block(order, 0x0a0d_0d0a, &[0; 16]);
    assert_eq!(with(&no_order), damaged("a section without a byte-order mark"));
    let many = interface(order, 1, 0, &[]).repeat(MAX_INTERFACES);
    assert!(with(&many).1.ends_with("more than 4096 interfaces"));
    // A new section forgets the interfaces of the one before.
    let fresh = [section(order), enhanced(order, 0, 1, 2, &[1; 2])].concat();
    assert!(with(&fresh).1.ends_with("a packet of interface 0, which is not described"));
}

#[test]
fn what_is_no_capture_says_so() {
    let order = Order::Big;
    let mut version = pcap_header(order, NANO, 1);
    version[5] = 3;
    let mut section_version = section(order);
    section_version[13] = 2;
    for (bytes, expected) in [
        (&b""[..], "it is empty"),
        (&gzip(b""), "it is empty"),
        (b"abc", "it is no capture: neither pcap nor pcapng"),
        (b"220 mail.example.net ESMTP\r\n", "it is no capture"),
        (b"\x0a", "it is no capture"),
        (&gzip(b"text"), "it is no capture"),
        (&gzip(&gzip(&pcap_header(order, MICRO, 1))), "it is no capture"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "it is compressed with zstd; unpack it first, such as `zstd -dc FILE"),
        (b"\xfd7zXZ\0", "it is compressed with xz"),
        (
            b"\x1f\x8b\x08\x00\x00",
            "cut off behind byte 0 of what it holds: the end of its gzip data is missing",
        ),
        (b"\x1f\x8b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "its gzip data"),
        (&version, "pcap of version 3.4 is not known; only version 2 is"),
        (&section_version, "pcapng of version 2.0 is not known; only version 1 is"),
        (&pcap_header(order, MICRO, 105), "link type 105 is not read; these are: Ethernet (1), "),
    ] {
        let (packets, error) = words(bytes);
        assert!(packets == 0 && error.contains(expected), "{error}, not {expected}");
    }
    // Checksums behind packets are told in the upper half.
    assert_eq!(read_whole(&pcap_header(order, MICRO, 0x2400_0001)), []);
}

#[test]
fn interfaces_of_unknown_links_are_an_error_if_there_are_no_others() {
    let order = Order::Little;
    let start = [section(order), interface(order, 105, 0, &[]), enhanced(order, 0, 1, 2, &[1; 2])].concat();
    let (packets, error) = read(&start[..]);
    assert_eq!(packets.len(), 1);
    assert!(matches!(error, Some(CaptureError::LinkType(105))), "{error:?}");
    let both = [start, interface(order, 1, 0, &[]), enhanced(order, 1, 1, 2, &[1; 2])].concat();
    assert_eq!(read_whole(&both).len(), 2);
}

#[test]
fn damaged_gzip_gives_what_comes_before() {
    let order = Order::Little;
    let packets: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| pcap_packet(order, (n, n.wrapping_mul(77_777) % 999_999), 60, &n.to_le_bytes()))
        .collect();
    let mut packed = gzip(&[pcap_header(order, MICRO, 1), packets].concat());
    let middle = packed.len() / 2;
    packed[middle..middle + 64].fill(0xff);
    let (packets, error) = read(&packed[..]);
    assert!(packets.len() > 1000, "{}", packets.len());
    assert!(packets.iter().zip(0_u32..).take(1000).all(|(packet, n)| packet.data == n.to_le_bytes()));
    assert!(error.is_some());
    let behind = [gzip(&pcap_header(order, MICRO, 1)), b"no gzip at all".to_vec()].concat();
    assert!(words(&behind).1.contains("its gzip data are no good"));
}

#[test]
fn a_bomb_is_only_read() {
    // 64 MiB of interfaces and packets; what is kept of them is bounded.
    let order = Order::Little;
    let empty = pcap_packet(order, (0, 0), 0, &[]).repeat(1 << 16);
    let members = [gzip(&pcap_header(order, MICRO, 1)), gzip(&empty).repeat(64)].concat();
    assert!(members.len() < 1 << 20, "{}", members.len());
    let mut capture = Capture::open(&members[..]).expect("it is a capture");
    let mut packets = 0_u64;
    while capture.next_packet().expect("no error").is_some() {
        packets += 1;
    }
    assert_eq!(packets, 64 << 16);
}

#[test]
fn a_medium_that_fails_is_an_error_of_its_own() {
    struct Fails(Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(io::Error::other("no medium")),
                count => Ok(count),
            }
        }
    }
    let order = Order::Little;
    let file = [pcap_header(order, MICRO, 1), pcap_packet(order, (1, 0), 2, &[1; 2])].concat();
    let (packets, error) = read(Fails(Cursor::new(file)));
    assert_eq!(packets.len(), 1);
    assert!(matches!(error, Some(CaptureError::Unreadable(_))), "{error:?}");
}

proptest! {
    #[test]
    fn any_change_of_a_file_is_read_without_panic(
        is_ng in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let order = Order::Little;
        let mut file = if is_ng {
            [section(order), interface(order, 1, 0, &[(9, &[9])]), enhanced(order, 0, 7, 60, &[1; 60]),
             simple(order, 9, &[2; 9]), block(order, 4, &[0; 16])].concat()
        } else {
            [pcap_header(order, NANO, 1), pcap_packet(order, (1, 0), 60, &[1; 60]),
             pcap_packet(order, (2, 0), 61, &[2; 60])].concat()
        };
        for (place, value) in changes {
            let place = place.index(file.len());
            file[place] = value;
        }
        file.truncate(cut.index(file.len() + 1));
        let (packets, _) = read(&file[..]);
        for packet in packets {
            prop_assert!(packet.data.len() <= packet.length as usize);
            prop_assert!(packet.time_ns.is_none_or(|time| time <= MAX_TIME_NS));
        }
    }
}
