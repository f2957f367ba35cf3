//! Small samples of each format and each trap, which the fuzzer starts from too: what must become of them.

use std::fs;
use std::path::PathBuf;

use super::*;

/// What is read, or the beginning of the message.
enum Outcome {
    /// The format, and the entries `first-last@line`, with `=value` for a zone.
    List(Format, &'static [&'static str]),
    Refused(&'static str),
}
use Outcome::{List, Refused};

/// Name, fields of address and note, outcome when the format is recognised.
type Sample = (&'static str, Option<&'static str>, Option<&'static str>, Outcome);

const fn auto(name: &'static str, outcome: Outcome) -> Sample {
    (name, None, None, outcome)
}

fn samples() -> Vec<Sample> {
    [plain(), mixed(), no_lists(), spamhaus(), tables(), fields(), zones()].into_iter().flatten().collect()
}

fn mixed() -> Vec<Sample> {
    let separators = &[
        "192.0.2.0-192.0.2.255@5",
        "192.0.2.1-192.0.2.1@4",
        "192.0.2.9-192.0.2.9@7",
        "198.51.100.7-198.51.100.7@5",
        "203.0.113.0-203.0.113.255@5",
        "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@6",
    ];
    let ranges = &[
        "192.0.2.0-192.0.2.255@1",
        "192.0.2.5-192.0.2.9@2",
        "198.51.100.0-198.51.100.255@3",
        "255.255.255.254-255.255.255.255@5",
        "2001:db8::1-2001:db8::9@4",
    ];
    let masked = &["10.1.0.0-10.1.255.255@1", "2001:db8::-2001:db8:0:ffff:ffff:ffff:ffff:ffff@4"];
    let rows = &["1.1.1.0-1.1.1.255@1", "192.0.2.1-192.0.2.1@3"];
    let nested = &["192.0.2.0-192.0.2.255@1", "203.0.113.7-203.0.113.7@2"];
    let zone =
        &["192.0.2.1-192.0.2.1@8=127.0.0.2", "2001:db8:0:1::-2001:db8:0:1:ffff:ffff:ffff:ffff@7=127.0.0.2"];
    vec![
        auto("plain-every-separator", List(Format::Plain, separators)),
        auto("plain-ranges-and-netmasks", List(Format::Plain, ranges)),
        auto("plain-host-bits-and-duplicates", List(Format::Plain, masked)),
        auto("plain-empty-lines-first", List(Format::Plain, &["192.0.2.1-192.0.2.1@3"])),
        auto("url-that-is-no-network", Refused("NAME:1: \"http://example.org/0/\": not an address")),
        auto("ip-reputation-rows-of-one-address", List(Format::IpReputation, rows)),
        ("json-lines-with-nesting", Some("/cidr"), Some("/note"), List(Format::Json, nested)),
        auto("rbldnsd-special-lines", List(Format::Rbldnsd, zone)),
    ]
}

fn plain() -> Vec<Sample> {
    let entries = &[
        "1.2.3.0-1.2.3.255@6",
        "1.2.4.0-1.2.4.255@7",
        "1.2.5.0-1.2.5.9@8",
        "10.0.0.0-10.0.0.255@3",
        "192.0.2.1-192.0.2.1@2",
        "198.51.100.1-198.51.100.1@5",
        "198.51.100.2-198.51.100.2@5",
        "198.51.100.3-198.51.100.3@5",
        "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@4",
    ];
    let two = &["192.0.2.1-192.0.2.1@1", "192.0.2.2-192.0.2.2@2"];
    let mapped = &["192.0.2.1-192.0.2.1@1", "198.51.100.0-198.51.100.255@2"];
    vec![
        auto("plain-mix", List(Format::Plain, entries)),
        auto("plain-bom-crlf-nbsp", List(Format::Plain, two)),
        auto("plain-mapped-is-ipv4", List(Format::Plain, mapped)),
        auto("plain-range-to-the-last-address", List(Format::Plain, &["255.255.255.0-255.255.255.255@1"])),
        auto("plain-range-reversed", Refused("NAME:2: \"192.0.2.9-192.0.2.1\": the range ends before it")),
        auto("plain-range-mixed-families", Refused("NAME:1: \"192.0.2.1-2001:db8::1\": the range begins in")),
        auto("plain-range-too-wide", Refused("NAME:1: \"0.0.0.0-255.255.255.255\": wider than /8; set")),
        auto("plain-netmask-with-holes", Refused("NAME:1: \"1.2.3.0/255.0.255.0\": the netmask is not")),
        auto("plain-host-bits", List(Format::Plain, &["10.0.0.0-10.0.0.255@1"])),
        auto("plain-octal", Refused("NAME:1: \"010.1.2.3\": not an IPv4 address: a leading zero")),
        auto("plain-hexadecimal", Refused("NAME:1: \"0x0a000001\": not an IPv4 address: write hexadecimal")),
        auto("plain-short-form", Refused("NAME:1: \"10.1\": not an IPv4 address: short forms")),
        auto("plain-url-with-slash-zero", Refused("NAME:1: \"http://192.0.2.1/0/\": not an address")),
        auto("plain-everything", Refused("NAME:1: \"0.0.0.0/0\": wider than /8; set widest_v4")),
        auto("plain-name", Refused("NAME:1: \"example.net\": not an address or CIDR")),
        auto("plain-latin1-note", List(Format::Plain, &["192.0.2.1-192.0.2.1@1"])),
        auto("empty", Refused("NAME: no entry in it; set allow_empty")),
    ]
}

fn no_lists() -> Vec<Sample> {
    vec![
        auto("no-list-web-page", Refused("NAME: a web page (HTML), not a list")),
        auto("no-list-gzip", Refused("NAME: not a text file (it is compressed with gzip)")),
        auto("no-list-zero-byte", Refused("NAME: not a text file (it holds a zero byte)")),
        auto("no-list-utf16", Refused("NAME: not a text file (it is UTF-16 text)")),
        auto(
            "spamd-conf",
            Refused(
                "NAME: describes sources, and is no list itself; configure a list for each of them: \
                nixspam (http www.example.net/nixspam.gz)",
            ),
        ),
    ]
}

fn spamhaus() -> Vec<Sample> {
    let text = &["1.10.16.0-1.10.31.255@3", "1.19.0.0-1.19.255.255@4"];
    let json = &["1.10.16.0-1.10.31.255@1", "2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff@2"];
    vec![
        auto("drop-text", List(Format::DropText, text)),
        auto("drop-text-edrop-comments-only", Refused("NAME: no entry in it; set allow_empty = true")),
        auto("drop-json", List(Format::DropJson, json)),
        auto(
            "drop-json-truncated",
            Refused("NAME: truncated: the last line is not the metadata line; fetch"),
        ),
        auto("drop-json-cut-in-a-line", Refused("NAME: truncated: the last line is not the metadata line")),
        auto(
            "drop-json-wrong-count",
            Refused("NAME: truncated: the metadata line speaks of 2 records, and there are 1"),
        ),
        auto("drop-json-behind-metadata", Refused("NAME:2: \"{\\\"cidr\\\":\\\"1.10.16.0/20\\\",\\\"sbl")),
        auto("drop-json-bad-address", Refused("NAME:1: \"{\\\"cidr\\\":\\\"1.10.16.0/33\\\",\\\"sblid")),
    ]
}

fn tables() -> Vec<Sample> {
    let dshield = &["5.61.209.0-5.61.209.255@5", "45.95.146.0-45.95.147.255@6"];
    let p2p = &["0.0.0.0-0.255.255.255@3", "4.53.2.12-4.53.2.15@2", "5.0.0.0-5.0.0.9@4"];
    let hosts = &[
        "10.0.0.0-10.255.255.255@3",
        "192.0.2.1-192.0.2.1@3",
        "192.168.0.0-192.168.255.255@2",
        "203.0.113.1-203.0.113.1@6",
        "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@4",
    ];
    vec![
        auto("dshield", List(Format::Dshield, dshield)),
        auto("dshield-wrong-end", Refused("NAME:1: \"5.61.209.0\\t5.61.209.255\\t24\\t1\": first and last")),
        auto("p2p", List(Format::P2p, p2p)),
        auto("p2p-reversed", Refused("NAME:1: \"Org:4.53.2.15-4.53.2.12\": not an address")),
        auto("ip-reputation", List(Format::IpReputation, &["1.1.1.0-1.1.1.255@2", "1.1.2.1-1.1.2.1@4"])),
        auto("ip-reputation-score-too-high", Refused("NAME:1: \"6\": not an IPv4 address: short")),
        auto("hosts-deny", List(Format::HostsDeny, hosts)),
        auto("hosts-deny-except", Refused("NAME:1: \"EXCEPT\": EXCEPT is not read")),
        auto("hosts-deny-all", Refused("NAME:1: \"ALL:\": not an address")),
        auto("hosts-deny-short-form", Refused("NAME:1: \"ALL:\": not an address")),
        auto("hosts-deny-allow", Refused("NAME:1: \"ALL: 192.0.2.1 : ALLOW\": the option \"allow\" turns")),
        auto("hosts-deny-continued", Refused("NAME:1: \"ALL:\": not an address")),
        auto(
            "hosts-deny-other-services-only",
            Refused("NAME: no entry in it (left out: for other services than mail: 2); set allow_empty"),
        ),
    ]
}

fn fields() -> Vec<Sample> {
    let ip = Some("/ip");
    let lines = &["192.0.2.1-192.0.2.1@1", "192.0.2.2-192.0.2.2@3"];
    let two = &["192.0.2.1-192.0.2.1@1", "192.0.2.2-192.0.2.2@2"];
    let nested = &["192.0.2.1-192.0.2.1@1", "192.0.2.2-192.0.2.2@1"];
    let csv = &["192.0.2.0-192.0.2.255@3", "192.0.2.1-192.0.2.1@2", "198.51.100.1-198.51.100.9@5"];
    let array = &["192.0.2.1-192.0.2.1@2", "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@3"];
    vec![
        ("csv", Some("IP address"), Some("note"), List(Format::Csv, csv)),
        ("csv", Some("2"), Some("3"), List(Format::Csv, csv)),
        ("csv", Some("addr"), None, Refused("NAME: no field \"addr\" in it; the first row is \"id,\\\"ip")),
        ("csv", Some("2"), Some("why"), Refused("NAME: no field \"why\" in it; there are 3 columns")),
        ("csv-commented-header", Some("dst_ip"), None, List(Format::Csv, &["192.0.2.1-192.0.2.1@2"])),
        ("csv-without-header", Some("1"), Some("2"), List(Format::Csv, two)),
        ("csv-open-quote", Some("ip"), None, Refused("NAME:2: \"192.0.2.1,\\\"open\": not a row of CSV")),
        ("csv-short-row", Some("ip"), None, Refused("NAME:3: \"2\": no column 2 in this row")),
        auto("json-array", List(Format::Json, array)),
        ("json-objects", ip, Some("/why"), List(Format::Json, two)),
        auto(
            "json-objects",
            Refused(
                "NAME:1: \"{\\\"ip\\\":\\\"192.0.2.1\\\",\\\"why\\\":\\\"a\\\\u0041\\\"}\": not a string",
            ),
        ),
        ("json-objects", Some("/addr"), None, Refused("NAME: no field \"/addr\" in it; none of 3 values")),
        (
            "json-objects",
            Some("ip"),
            None,
            Refused("NAME: address_field or note_field \"ip\" is no JSON pointer"),
        ),
        ("json-nested", Some("/items/*/net/ips"), Some("/why"), List(Format::Json, nested)),
        ("json-nested", Some("/items/*/net/ips/*"), None, List(Format::Json, nested)),
        ("json-objects", Some("/*/ip"), Some("/why"), List(Format::Json, two)),
        ("json-objects", Some("/1/ip"), None, List(Format::Json, &["192.0.2.2-192.0.2.2@2"])),
        ("json-nested", Some("/items/0/net/ips/1"), None, List(Format::Json, &["192.0.2.2-192.0.2.2@1"])),
        ("json-lines", ip, None, List(Format::Json, lines)),
        ("json-number", ip, None, Refused("NAME:1: \"3232235777\": not a string; an address is one")),
        ("json-broken", ip, None, Refused("NAME: not JSON: EOF while parsing a value at line 1")),
    ]
}

fn zones() -> Vec<Sample> {
    let zone = &[
        "10.1.0.0-10.1.0.255@11=127.0.0.2",
        "10.2.0.1-10.2.0.255@12=127.0.0.2",
        "10.16.0.0-10.16.0.0@10=127.0.0.2",
        "10.16.0.2-10.31.255.255@10=127.0.0.2",
        "192.0.2.1-192.0.2.1@6=127.0.0.2",
        "192.0.2.5-192.0.2.5@7=127.0.0.5",
        "192.0.2.6-192.0.2.6@8=127.0.0.6",
        "192.0.2.7-192.0.2.7@9=127.0.0.7",
    ];
    let combined = &[
        "10.0.0.0-10.0.0.8@4=127.0.0.2",
        "10.0.0.10-10.0.0.255@4=127.0.0.2",
        "2001:db8:0:1::-2001:db8:0:1::4@13=127.0.0.2",
        "2001:db8:0:1::6-2001:db8:0:1:ffff:ffff:ffff:ffff@13=127.0.0.2",
        "10.0.0.128-10.0.255.255@8=127.0.0.3",
        "10.0.0.0-10.0.0.127@9=127.0.0.4",
    ];
    vec![
        auto("rbldnsd", List(Format::Rbldnsd, zone)),
        auto("rbldnsd-combined", List(Format::Rbldnsd, combined)),
        auto(
            "rbldnsd-nested-combined",
            Refused("NAME:3: \"$DATASET combined @\": data sets cannot be nested"),
        ),
        auto("rbldnsd-before-dataset", Refused("NAME:1: \"10.0.0.1\": in a file with $DATASET lines, no")),
        auto("rbldnsd-maxrange", List(Format::Rbldnsd, &["10.1.0.0-10.1.0.255@4=127.0.0.2"])),
        auto("rbldnsd-expires", List(Format::Rbldnsd, &["10.0.0.1-10.0.0.1@2=127.0.0.2"])),
        auto("rbldnsd-whole-of-ipv4", Refused("NAME:2: \"0/1\": wider than /8; set widest_v4")),
        auto("rbldnsd-bad-value", Refused("NAME:2: \"10.0.0.1 :0:x\": not a value: behind an entry")),
        auto("rbldnsd-bad-address", Refused("NAME:3: \"10.0.0.256\": not an address, prefix or range as")),
        auto("rbldnsd-names-only", Refused("NAME: no entry in it (left out: names: 2); set allow_empty")),
    ]
}

pub(super) fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/corpus/lists"))
}

fn entries_with_values(list: &ParsedList) -> Vec<String> {
    let mut all = Vec::new();
    for group in &list.groups {
        let alone = ParsedList { groups: vec![group.clone()], ..list.clone() };
        let value = group.value.map_or(String::new(), |value| format!("={value}"));
        all.extend(entries(&alone).into_iter().map(|entry| entry + &value));
    }
    all
}

#[test]
fn each_sample_has_its_outcome() {
    for (name, address, note, outcome) in samples() {
        let bytes = fs::read(directory().join(name)).expect(name);
        let options = ParseOptions {
            address_field: address.map(str::to_owned),
            note_field: note.map(str::to_owned),
            ..ParseOptions::default()
        };
        let read = parse(&[Input { name: "NAME", bytes: &bytes }], &options);
        match (read, outcome) {
            (Ok(list), List(format, expected)) => {
                assert_eq!(list.format, format, "{name} with {address:?}");
                assert_eq!(entries_with_values(&list), expected, "{name} with {address:?}");
            }
            (Err(error), Refused(expected)) => {
                let message = error.to_string();
                assert!(message.starts_with(expected), "{name} with {address:?}: {message}");
                assert!(!message.contains('\n'), "{name}: {message}");
            }
            (read, _) => panic!("{name} with {address:?}: {read:?}"),
        }
    }
}

#[test]
fn each_sample_is_named_in_the_table() {
    let samples = samples();
    for file in fs::read_dir(directory()).expect("the samples") {
        let name = file.expect("a file").file_name().into_string().expect("a name");
        assert!(samples.iter().any(|sample| sample.0 == name), "{name} has no outcome");
    }
}

#[test]
fn no_sample_makes_any_format_panic() {
    for file in fs::read_dir(directory()).expect("the samples") {
        let bytes = fs::read(file.expect("a file").path()).expect("a sample");
        for format in Format::ALL {
            for field in [None, Some("1"), Some("/ip"), Some("/*"), Some("")] {
                let options = ParseOptions { address_field: field.map(str::to_owned), ..as_format(format) };
                let inputs = [Input { name: "a", bytes: &bytes }, Input { name: "b", bytes: &bytes }];
                if let Err(error) = parse(&inputs, &options) {
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
                let _ = describe(&inputs, &options, 7, None);
            }
        }
    }
}
