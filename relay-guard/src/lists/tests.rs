use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;

use super::*;

mod corpus;
mod formats;
mod properties;

const NAME: &str = "drop.txt";

fn read(text: impl AsRef<[u8]>) -> Result<ParsedList, ListError> {
    read_as(text, &ParseOptions::default())
}

fn read_as(text: impl AsRef<[u8]>, options: &ParseOptions) -> Result<ParsedList, ListError> {
    parse(&[Input { name: NAME, bytes: text.as_ref() }], options)
}

/// As plain, whatever it may look like.
fn read_plain(text: impl AsRef<[u8]>) -> Result<ParsedList, ListError> {
    read_as(text, &as_format(Format::Plain))
}

fn as_format(format: Format) -> ParseOptions {
    ParseOptions { format, ..ParseOptions::default() }
}

fn line_of(list: &ParsedList, address: &str) -> Option<u32> {
    list.origin(address.parse().unwrap()).first().map(|origin| origin.line)
}

/// The entries, `first-last@line`.
fn entries(list: &ParsedList) -> Vec<String> {
    let v4 = list.v4().map(|s| (IpAddr::V4(s.first.into()), IpAddr::V4(s.last.into()), s.line));
    let v6 = list.v6().map(|s| (IpAddr::V6(s.first.into()), IpAddr::V6(s.last.into()), s.line));
    v4.chain(v6).map(|(first, last, line)| format!("{first}-{last}@{line}")).collect()
}

#[test]
fn lines_are_read_as_documented() {
    let one = &["192.0.2.1-192.0.2.1@1"][..];
    let two = &["192.0.2.1-192.0.2.1@1", "192.0.2.9-192.0.2.9@1"][..];
    let range = &["192.0.2.1-192.0.2.9@1"][..];
    for (text, expected) in [
        ("192.0.2.1".as_bytes(), one),
        ("192.0.2.1\r\n".as_bytes(), one),
        ("\u{feff}192.0.2.1\n".as_bytes(), one),
        ("192.0.2.1\u{a0}\n".as_bytes(), one),
        ("\u{a0}\t 192.0.2.1 \t\n\n\n".as_bytes(), one),
        ("192.0.2.1#comment".as_bytes(), one),
        ("192.0.2.1 ; SBL256894".as_bytes(), one),
        ("192.0.2.1;192.0.2.9".as_bytes(), one),
        ("192.0.2.1 // why".as_bytes(), one),
        ("192.0.2.1, # why".as_bytes(), one),
        ("192.0.2.1 seen in a trap, 12:30".as_bytes(), one),
        ("192.0.2.1 2024-01-05 12:30:00".as_bytes(), one),
        ("192.0.2.1 12:30:00".as_bytes(), one),
        ("192.0.2.1 - spammer".as_bytes(), one),
        ("192.0.2.1 mail.example.net # why".as_bytes(), one),
        ("192.0.2.1 – 10 reports".as_bytes(), one),
        (&b"192.0.2.1\xa0\n"[..], one),
        (&b"192.0.2.1 caf\xe9\n"[..], one),
        ("192.0.2.1 Voilà".as_bytes(), one),
        ("192.0.2.1-192.0.2.9".as_bytes(), range),
        ("192.0.2.1 - 192.0.2.9".as_bytes(), range),
        ("192.0.2.1 -192.0.2.9".as_bytes(), range),
        ("192.0.2.1- 192.0.2.9 why".as_bytes(), range),
        ("192.0.2.1 – 192.0.2.9 # why".as_bytes(), range),
        ("192.0.2.1\tto\t::ffff:192.0.2.9".as_bytes(), range),
        ("192.0.2.1-192.0.2.1".as_bytes(), one),
        ("192.0.2.1/255.255.255.255".as_bytes(), one),
        ("192.0.2.0/255.255.255.252".as_bytes(), &["192.0.2.0-192.0.2.3@1"]),
        (
            "192.0.2.1 | 192.0.2.9 - 192.0.2.9, 192.0.2.1-192.0.2.9".as_bytes(),
            &["192.0.2.1-192.0.2.1@1", "192.0.2.1-192.0.2.9@1", "192.0.2.9-192.0.2.9@1"],
        ),
        ("255.255.255.250 - 255.255.255.255".as_bytes(), &["255.255.255.250-255.255.255.255@1"]),
        ("10.0.0.0-10.255.255.255".as_bytes(), &["10.0.0.0-10.255.255.255@1"]),
        ("2001:db8::5 - 2001:db8::9".as_bytes(), &["2001:db8::5-2001:db8::9@1"]),
        (
            "5.61.209.0\t5.61.209.254\t24".as_bytes(),
            &["5.61.209.0-5.61.209.0@1", "5.61.209.254-5.61.209.254@1"],
        ),
        ("192.0.2.1,192.0.2.9".as_bytes(), two),
        ("192.0.2.1 | 192.0.2.9 |".as_bytes(), two),
        ("192.0.2.9\t192.0.2.1 why".as_bytes(), two),
        ("192.0.2.1\u{a0}192.0.2.9".as_bytes(), two),
        ("# why\n; why\n// why\n\n192.0.2.0/30".as_bytes(), &["192.0.2.0-192.0.2.3@5"]),
        ("255.255.255.255".as_bytes(), &["255.255.255.255-255.255.255.255@1"]),
        ("2001:db8::/32 ; SBL1".as_bytes(), &["2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@1"]),
        ("::ffff:192.0.2.1".as_bytes(), one),
        ("2001:db8::1 192.0.2.1".as_bytes(), &["192.0.2.1-192.0.2.1@1", "2001:db8::1-2001:db8::1@1"]),
    ] {
        assert_eq!(entries(&read_plain(text).unwrap()), expected, "{}", text.escape_ascii());
    }
}

#[test]
fn bad_lines_refuse_the_list_and_are_named() {
    for (text, expected) in [
        ("192.0.2.1\n\n192.0.2.300\n", "drop.txt:3: \"192.0.2.300\": not an IPv4 address: it has four"),
        ("http://192.0.2.1/0/", "drop.txt:1: \"http://192.0.2.1/0/\": not an address or CIDR"),
        ("192.0.2.1 192.0.2.300", "drop.txt:1: \"192.0.2.300\": not an IPv4"),
        ("192.0.2.1 192.0.2.1:25", "drop.txt:1: \"192.0.2.1:25\": not an address"),
        ("192.0.2.1 2001:db8:::1", "drop.txt:1: \"2001:db8:::1\": not an IPv6"),
        ("192.0.2.1,6,88\nx", "drop.txt:1: \"6\": not an IPv4 address: short"),
        ("à", "drop.txt:1: \"à\": not an address"),
        ("192.0.2.1, spam", "drop.txt:1: \"spam\": not an address"),
        ("192.0.2.9 - 192.0.2.1", "drop.txt:1: \"192.0.2.1\": the range ends before it begins"),
        ("192.0.2.9-192.0.2.1", "drop.txt:1: \"192.0.2.9-192.0.2.1\": the range ends before it begins"),
        ("192.0.2.1 - 2001:db8::1", "drop.txt:1: \"2001:db8::1\": the range begins in one address family"),
        ("192.0.2.0/24 - 192.0.2.9", "drop.txt:1: \"192.0.2.9\": the ends of a range are single addresses"),
        ("192.0.2.1 - 192.0.2.300", "drop.txt:1: \"192.0.2.300\": not an IPv4 address"),
        ("192.0.2.1 - 192.0.2.0/24", "drop.txt:1: \"192.0.2.0/24\": the ends of a range are single"),
        ("10.0.0.0-11.0.0.0", "drop.txt:1: \"10.0.0.0-11.0.0.0\": wider than /8; set widest_v4"),
        ("0.0.0.0 - 255.255.255.255", "drop.txt:1: \"0.0.0.0 - 255.255.255.255\": wider than /8"),
        ("2001:: - 2001:2000::", "drop.txt:1: \"2001:: - 2001:2000::\": wider than /19; set widest_v6"),
        ("192.0.2.0/255.0.255.0", "drop.txt:1: \"192.0.2.0/255.0.255.0\": the netmask is not a run"),
        ("0.0.0.0/0.0.0.0", "drop.txt:1: \"0.0.0.0/0.0.0.0\": wider than /8"),
        ("010.0.0.1", "drop.txt:1: \"010.0.0.1\": not an IPv4 address: a leading zero is ambiguous (octal?)"),
        ("0x0a000001", "drop.txt:1: \"0x0a000001\": not an IPv4 address: write hexadecimal"),
        ("10.1", "drop.txt:1: \"10.1\": not an IPv4 address: short forms are ambiguous"),
        ("127.16-31", "drop.txt:1: \"127.16-31\": not an address"),
        ("!192.0.2.1x", "drop.txt:1: \"!192.0.2.1x\": not an address"),
        (
            "5.61.209.0\t5.61.209.255\t24\t9\nx",
            "drop.txt:1: \"5.61.209.0\\t5.61.209.255\\t24\\t9\": first and last address and prefix length of a \
            network: a DShield list; set format = \"dshield\"",
        ),
        ("10.0.0.0//24", "drop.txt:1: \"10.0.0.0//24\": the prefix length"),
        ("0.0.0.0/0", "drop.txt:1: \"0.0.0.0/0\": wider than /8; set widest_v4"),
        ("::ffff:0:0/96", "drop.txt:1: \"::ffff:0:0/96\": wider than /8; set widest_v4"),
        ("2000::/18", "drop.txt:1: \"2000::/18\": wider than /19; set widest_v6"),
        ("192.0.2.1 a\r192.0.2.2\n", "drop.txt:1: \"192.0.2.1 a\\r192.0.2.2\": a carriage return"),
        (
            "x y\nz\n",
            "drop.txt:1: \"x\": not an address or CIDR (a note or name goes behind \
            an address, a comment behind #) (and 1 more bad line)",
        ),
        ("\u{1b}[2J", "drop.txt:1: \"\\u{1b}[2J\": not an address"),
    ] {
        let message = read_plain(text).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn content_that_is_no_text_is_one_error() {
    for (bytes, what) in
        [(&b"192.0.2.1\n\0"[..], "zero byte"), (b"\x1f\x8b\x08\x00", "gzip"), (b"\xff\xfe1\0", "UTF-16")]
    {
        let error = read(bytes).unwrap_err();
        assert!(matches!(&error, ListError::Document { cause: DocumentCause::Binary { .. }, .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!((error.name(), error.bad_lines().count()), (NAME, 0));
    }
}

#[test]
fn an_empty_list_must_be_meant() {
    let meant = ParseOptions { allow_empty: true, ..ParseOptions::default() };
    for text in ["", "\n", "# EDROP\n; only comments\n", "\u{feff}"] {
        assert!(matches!(read(text), Err(ListError::Empty { .. })), "{text:?}");
        assert_eq!(read_as(text, &meant).unwrap().summary.entries, 0, "{text:?}");
    }
}

#[test]
fn kept_errors_are_capped_and_the_rest_is_counted() {
    let error = read("x\n".repeat(50)).unwrap_err();
    let lines: Vec<u32> = error.bad_lines().map(|bad| bad.line).collect();
    assert_eq!(lines, (1..=20).collect::<Vec<_>>());
    assert!(error.to_string().ends_with("(and 49 more bad lines)"), "{error}");
    assert_eq!(error.name(), NAME);
}

#[test]
fn bounds_hold() {
    let options = ParseOptions { max_line_bytes: 12, max_entries: 2, ..ParseOptions::default() };
    let read = |text: &str| read_as(text, &options).map(|list| list.summary.entries);
    assert_eq!(read("192.0.2.1\n192.0.2.1   \r\n"), Ok(2));
    assert!(
        read("# 3456789 12\n# 3456789 123\n")
            .unwrap_err()
            .to_string()
            .contains(":2: \"# 3456789 123\": longer")
    );
    // Reading stops there.
    let error = read("192.0.2.1\n192.0.2.2\n192.0.2.3\nbad\n").unwrap_err();
    assert_eq!(error, ListError::TooManyEntries { name: NAME.to_owned(), limit: 2 });

    let error = read(&"é".repeat(5000)).unwrap_err();
    let bad = error.bad_lines().next().unwrap();
    assert_eq!(bad.text, format!("{}…", "é".repeat(64)));
}

#[test]
fn width_limits_are_per_list() {
    let text = "0.0.0.0/0\n::/0\n";
    let wide = ParseOptions { widest_v4: 0, widest_v6: 0, ..ParseOptions::default() };
    let list = read_as(text, &wide).unwrap();
    assert_eq!((list.groups[0].v4[0].last, list.groups[0].v6[0].last), (u32::MAX, u128::MAX));
    assert_eq!(read(text).unwrap_err().bad_lines().count(), 2);
}

#[test]
fn host_bits_are_masked_with_a_warning_or_refused() {
    let list = read("10.0.0.1/24\n::1/64\n").unwrap();
    assert_eq!(entries(&list), ["10.0.0.0-10.0.0.255@1", "::-::ffff:ffff:ffff:ffff@2"]);
    assert_eq!((list.summary.masked_host_bits, list.warnings.len()), (2, 2));
    assert_eq!((list.warnings[0].line, list.warnings[0].text.as_str()), (1, "10.0.0.1/24"));
    assert!(list.warnings[0].message.ends_with("read as 10.0.0.0/24"));

    let strict = ParseOptions { host_bits: HostBits::Reject, ..ParseOptions::default() };
    let error = read_as(b"10.0.0.0/24\n10.0.0.1/24", &strict).unwrap_err();
    assert!(error.to_string().starts_with("drop.txt:2: \"10.0.0.1/24\": bits are set"), "{error}");
    assert_eq!(read("10.0.0.1/24\n".repeat(50)).unwrap().warnings.len(), MAX_WARNINGS_KEPT);
}

#[test]
fn the_summary_counts() {
    let list =
        read("# c\n192.0.2.1 note\n192.0.2.1 # c\n::ffff:192.0.2.1\n2001:db8::/32\n\n192.0.2.0/24").unwrap();
    let expected = Summary {
        lines: 7,
        entries: 5,
        v4: 2,
        v6: 1,
        duplicates: 2,
        mapped: 1,
        masked_host_bits: 0,
        exclusions: 0,
        comments: 2,
        notes: 1,
        skipped: std::collections::BTreeMap::new(),
    };
    assert_eq!(list.summary, expected);
    // Of equal entries the first line is kept; of nested ones the narrowest answers.
    for (address, line) in [("192.0.2.1", Some(2)), ("::ffff:192.0.2.1", Some(2)), ("192.0.2.2", Some(7))] {
        assert_eq!(line_of(&list, address), line, "{address}");
    }
    let repeated = read("192.0.2.9\n192.0.2.1\n192.0.2.5\n".repeat(100)).unwrap();
    assert_eq!(
        entries(&repeated),
        ["192.0.2.1-192.0.2.1@2", "192.0.2.5-192.0.2.5@3", "192.0.2.9-192.0.2.9@1"]
    );
    assert_eq!(line_of(&list, "2001:db8::1"), Some(5));
    assert_eq!(line_of(&list, "192.0.3.0"), None);
}

fn network() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<u32>(), 8_u8..=32).prop_map(|(a, l)| IpNet::V4(Ipv4Net::new_assert(a.into(), l).trunc()));
    let v6 =
        (any::<u128>(), 19_u8..=128).prop_map(|(a, l)| IpNet::V6(Ipv6Net::new_assert(a.into(), l).trunc()));
    prop_oneof![v4, v6]
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(
        networks in prop::collection::vec((network(), prop::sample::select(vec!["\n", "\r\n", ", ", " ", "#c\n", " why\n"])), 1..50),
    ) {
        let text: String = networks.iter().map(|(net, end)| format!("{net}{end}")).collect();
        let list = read(&text).unwrap();
        let mut expected: Vec<IpNet> = networks.iter().map(|(net, _)| *net).collect();
        expected.sort_by_key(|net| (net.network(), net.broadcast()));
        expected.dedup();
        let read: Vec<(IpAddr, IpAddr)> = list.v4().map(|s| (IpAddr::V4(s.first.into()), IpAddr::V4(s.last.into())))
            .chain(list.v6().map(|s| (IpAddr::V6(s.first.into()), IpAddr::V6(s.last.into())))).collect();
        let expected: Vec<(IpAddr, IpAddr)> = expected.iter().map(|net| (net.network(), net.broadcast())).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn a_token_is_read_exactly_when_the_standard_library_reads_it(token in "[0-9]{1,3}(\\.[0-9]{1,3}){2,4}|[0-9a-f:]{1,12}(/[0-9]{1,3})?|[0-9.]{7,9}/[0-9]{1,2}") {
        let (address, length) = token.split_once('/').unwrap_or((&token, ""));
        let address: Option<IpAddr> = address.parse().ok();
        let max = address.map_or(0, |address| IpNet::from(address).prefix_len());
        let length = if token.contains('/') { length.parse().ok() } else { Some(max) };
        let expected = address.zip(length).and_then(|(address, length)| IpNet::new(address, length).ok());
        let parsed = Prefix::parse(token.as_bytes()).ok().map(|prefix| (prefix.address(), prefix.network()));
        // A prefix length with a leading zero is the one thing that we are stricter about.
        prop_assume!(!token.contains("/0") || token.ends_with("/0"));
        prop_assert_eq!(parsed, expected.map(|net| (net.addr(), net.trunc())));
    }

    #[test]
    fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    #[test]
    fn nothing_like_a_list_makes_it_panic(text in "([0-9.:/a-f,|#; \u{a0}\r\n-]|\u{feff}|//){0,60}") {
        if let Err(error) = read(&text) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
