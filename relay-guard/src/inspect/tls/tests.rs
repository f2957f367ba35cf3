//! ClientHellos, and fingerprints as FoxIO publishes them.

use proptest::prelude::*;

use super::*;

/// FoxIO's example (`technical_details/JA4.md`).
pub(crate) const CHROME: &str = "t13d1516h2_8daaf6152771_e5627efa2ab1";

/// Its ciphers, extensions and signature algorithms, in the order in which Chrome sent them, with GREASE.
const CIPHERS: &[u16] = &[
    0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
    0x009d, 0x002f, 0x0035,
];
const EXTENSIONS: &[u16] = &[
    0xfafa, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
    0xff01, 0x000b, 0x000a, 0x0a0a, 0x0015,
];
const ALGORITHMS: &[u16] = &[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];

/// What a ClientHello is made of.
#[derive(Clone)]
struct Made {
    version: u16,
    ciphers: Vec<u16>,
    extensions: Vec<u16>,
    versions: Vec<u16>,
    algorithms: Vec<u16>,
    alpn: Vec<Vec<u8>>,
    name: &'static str,
}

fn chrome() -> Made {
    Made {
        version: 0x0303,
        ciphers: CIPHERS.to_vec(),
        extensions: EXTENSIONS.to_vec(),
        versions: vec![0x7a7a, 0x0304, 0x0303],
        algorithms: ALGORITHMS.to_vec(),
        alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        name: "mx.example.net",
    }
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// With its length before it, in two octets.
fn long(body: &[u8]) -> Vec<u8> {
    [&u16::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

/// With its length before it, in one octet.
fn short(body: &[u8]) -> Vec<u8> {
    [&[u8::try_from(body.len()).unwrap()][..], body].concat()
}

/// The message with its header.
fn message(made: &Made) -> Vec<u8> {
    let mut extensions = Vec::new();
    for kind in &made.extensions {
        let body = match kind {
            0 => long(&[&[0][..], &long(made.name.as_bytes())].concat()),
            13 => long(&numbers(&made.algorithms)),
            16 => long(&made.alpn.iter().flat_map(|name| short(name)).collect::<Vec<_>>()),
            43 => short(&numbers(&made.versions)),
            0x33 => vec![7; 1216],
            _ => Vec::new(),
        };
        extensions.extend(kind.to_be_bytes());
        extensions.extend(long(&body));
    }
    let body = [
        &made.version.to_be_bytes()[..],
        &[9; 32],
        &short(&[5; 32]),
        &long(&numbers(&made.ciphers)),
        &short(&[0]),
        &long(&extensions),
    ]
    .concat();
    [&[1, 0][..], &long(&body)].concat()
}

/// The message in records of at most so many octets.
fn records(message: &[u8], most: usize) -> Vec<u8> {
    message.chunks(most).flat_map(|part| [&[22, 3, 1][..], &long(part)].concat()).collect()
}

/// What Chrome sends, in one record.
pub(crate) fn chrome_hello() -> Vec<u8> {
    records(&message(&chrome()), MAX_RECORD)
}

/// Reads octets in pieces of at most so many.
fn read(octets: &[u8], most: usize) -> Option<Result<ClientHello, Broken>> {
    let mut reader = HelloReader::default();
    let (head, rest) = octets.split_at(3);
    assert!(head.iter().all(|octet| reader.sniff(*octet)) && reader.is_tls());
    rest.chunks(most).find_map(|piece| {
        assert!(reader.memory() <= 2 * MAX_HELLO + MAX_RECORD);
        reader.read(piece)
    })
}

fn ja4(made: &Made) -> String {
    read(&records(&message(made), MAX_RECORD), usize::MAX).unwrap().unwrap().ja4.into()
}

#[test]
fn the_published_example_has_its_fingerprint() {
    let hello = read(&chrome_hello(), usize::MAX).unwrap().unwrap();
    assert_eq!(&*hello.ja4, CHROME);
    assert_eq!(hello.server_name.as_deref(), Some("mx.example.net"));
    assert_eq!(hello.alpn, [Box::from("h2"), Box::from("http/1.1")]);
}

/// What is published of other clients, or follows from the specification's words.
#[test]
fn other_clients_have_theirs() {
    let without = |kinds: &[u16]| {
        let mut made = chrome();
        made.extensions.retain(|kind| !kinds.contains(kind));
        made
    };
    let with_alpn = |name: &[u8]| Made { alpn: vec![name.to_vec()], ..chrome() };
    let later = |own: &[u16]| {
        let mut made = without(&[0x4469, 0x0015]);
        made.extensions.extend(own);
        made
    };
    let cases = [
        // FoxIO's capture `tls-handshake.pcapng`, streams 5 and 6.
        (with_alpn(b"http/1.1"), "t13d1516h1_8daaf6152771_e5627efa2ab1"),
        // Later versions of Chrome.
        (later(&[0x4469, 0xfe0d]), "t13d1516h2_8daaf6152771_02713d6af862"),
        (later(&[0x44cd, 0xfe0d]), "t13d1516h2_8daaf6152771_d8a2da3f94cd"),
        // Without signature algorithms there is no underscore.
        (Made { algorithms: Vec::new(), ..chrome() }, "t13d1516h2_8daaf6152771_6d807ffa2a79"),
        (Made { algorithms: [&[0x2a2a], ALGORITHMS].concat(), ..chrome() }, CHROME),
        (without(&[0]), "t13i1515h2_8daaf6152771_e5627efa2ab1"),
        (without(&[16]), "t13d151500_8daaf6152771_e5627efa2ab1"),
        (Made { ciphers: vec![0x0a0a], ..chrome() }, "t13d0016h2_000000000000_e5627efa2ab1"),
        (Made { extensions: vec![0, 16], ..chrome() }, "t12d1502h2_8daaf6152771_000000000000"),
        (
            Made { extensions: Vec::new(), version: 0x0301, ..chrome() },
            "t10i150000_8daaf6152771_000000000000",
        ),
        (Made { versions: vec![0x0a0a], ..chrome() }, "t00d1516h2_8daaf6152771_e5627efa2ab1"),
        (Made { versions: vec![0x0302, 0x0303, 0xfafa], ..chrome() }, "t12d1516h2_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"x"), "t13d1516xx_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b""), "t13d151600_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"\xab"), "t13d1516ab_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"\xab\xcd"), "t13d1516ad_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"\x30\xab"), "t13d15163b_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"\x30\x31\xab\xcd"), "t13d15163d_8daaf6152771_e5627efa2ab1"),
        (with_alpn(b"\x30\xab\xcd\x31"), "t13d151601_8daaf6152771_e5627efa2ab1"),
    ];
    for (made, expected) in cases {
        assert_eq!(ja4(&made), expected);
    }
    let many = Made { ciphers: (0x0100..0x0200).collect(), ..chrome() };
    assert!(ja4(&many).starts_with("t13d9916h2_"));
}

#[test]
fn a_hello_in_records_and_pieces_is_the_same() {
    let message = message(&chrome());
    let whole = read(&records(&message, MAX_RECORD), usize::MAX);
    for (record, piece) in [(1, 1), (100, 7), (600, 1400), (1, 1400), (MAX_RECORD, 1)] {
        assert_eq!(read(&records(&message, record), piece), whole, "records of {record}, pieces of {piece}");
    }
}

#[test]
fn what_is_no_client_hello_is_broken() {
    let hello = message(&chrome());
    let mut other_type = hello.clone();
    other_type[0] = 2;
    let mut too_long = hello.clone();
    too_long[1] = 1;
    let mut cut = hello.clone();
    cut[3] -= 1;
    for message in [other_type, too_long, cut, vec![1, 0, 0, 2, 3, 3], vec![1, 0, 0, 0]] {
        assert_eq!(read(&records(&message, 500), usize::MAX), Some(Err(Broken)), "{message:?}");
    }
    for header in [&[22, 3, 1, 0, 0][..], &[22, 3, 1, 0xff, 0xff]] {
        assert_eq!(read(header, usize::MAX), Some(Err(Broken)));
    }
    let two = [&records(&hello[..50], 50)[..], &[23, 3, 3, 0, 1, 0]].concat();
    assert_eq!(read(&two, usize::MAX), Some(Err(Broken)));
}

#[test]
fn half_a_hello_is_waited_for() {
    let hello = chrome_hello();
    assert_eq!(read(&hello[..hello.len() - 1], 100), None);
}

#[test]
fn names_are_kept_within_bounds() {
    let name: &'static str = Box::leak("n".repeat(400).into_boxed_str());
    let made = Made { name, alpn: vec![b"smtp".to_vec(); 20], ..chrome() };
    let hello = read(&records(&message(&made), MAX_RECORD), 1000).unwrap().unwrap();
    assert_eq!((hello.server_name.map(|name| name.len()), hello.alpn.len()), (Some(MAX_NAME), MAX_ALPN));
}

proptest! {
    #[test]
    fn any_octets_are_read_or_broken(octets in prop::collection::vec(any::<u8>(), 0..600), piece in 1_usize..64) {
        let octets = [&[22, 3, 1][..], &octets].concat();
        prop_assert_eq!(read(&octets, piece), read(&octets, usize::MAX));
    }

    /// Shape alone goes into the fingerprint, not the order of it, nor GREASE.
    #[test]
    fn order_and_grease_make_no_difference(
        ciphers in Just(CIPHERS.to_vec()).prop_shuffle(),
        extensions in Just(EXTENSIONS.to_vec()).prop_shuffle(),
        grease in 0_u16..16,
    ) {
        let mut made = Made { ciphers, extensions, ..chrome() };
        made.ciphers.push(grease << 12 | 0x0a00 | grease << 4 | 0x0a);
        prop_assert_eq!(ja4(&made), CHROME);
    }

    #[test]
    fn any_damage_is_read_or_broken(place in any::<prop::sample::Index>(), octet in any::<u8>()) {
        let mut hello = message(&chrome());
        let place = place.index(hello.len());
        hello[place] = octet;
        let octets = records(&hello, MAX_RECORD);
        prop_assert_eq!(read(&octets, 11), read(&octets, usize::MAX));
    }
}
