use proptest::prelude::*;

use super::*;
use crate::{
    lists::{self, Format, Input, ParseOptions},
    sets::RangeSet,
};

fn sample() -> AddressSet {
    let v4: RangeSet<u32> = [(0x0a00_0000, 0x0a00_00ff), (0xc000_0201, 0xc000_0203), (u32::MAX, u32::MAX)]
        .map(|(first, last)| Range { first, last })
        .into_iter()
        .collect();
    let net = 0x2001_0db8_u128 << 96;
    let v6 = [(net, net | u128::MAX >> 32), (u128::MAX, u128::MAX)];
    AddressSet { v4, v6: v6.map(|(first, last)| Range { first, last }).into_iter().collect() }
}

fn text(set: &AddressSet, format: TextFormat, about: &About) -> String {
    let mut out = Vec::new();
    write(set, format, about, &mut out).expect("memory takes all");
    String::from_utf8(out).expect("text")
}

#[test]
fn cidrs_and_ranges_are_one_per_line() {
    let (set, about) = (sample(), About::default());
    let v6 = "2001:db8::/32\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n";
    let v4 = "10.0.0.0/24\n192.0.2.1\n192.0.2.2/31\n255.255.255.255\n";
    assert_eq!(text(&set, TextFormat::Cidr, &about), format!("{v4}{v6}"));
    let v4 = "10.0.0.0-10.0.0.255\n192.0.2.1-192.0.2.3\n255.255.255.255-255.255.255.255\n";
    let last = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let v6 = format!("2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\n{last}-{last}\n");
    assert_eq!(text(&set, TextFormat::Range, &about), format!("{v4}{v6}"));
    for format in [TextFormat::Cidr, TextFormat::Range] {
        assert_eq!(text(&AddressSet::default(), format, &about), "");
    }
}

#[test]
fn a_netset_says_what_it_is_and_no_name_escapes_the_comment() {
    let about = About { remarks: vec!["from a\n192.0.2.66".to_owned()], ..About::default() };
    let netset = text(&sample(), TextFormat::Netset, &about);
    let (comments, entries): (Vec<_>, Vec<_>) = netset.lines().partition(|line| line.starts_with('#'));
    assert_eq!(
        comments[0],
        "# 6 entries: 260 IPv4 and 79228162514264337593543950337 IPv6 addresses, minimal and sorted"
    );
    assert_eq!(comments[1], "# from a?192.0.2.66");
    assert_eq!(entries.join("\n") + "\n", text(&sample(), TextFormat::Cidr, &about));
}

#[test]
fn json_is_an_object_with_both_families() {
    let json = |set: &AddressSet| -> serde_json::Value {
        serde_json::from_str(&text(set, TextFormat::Json, &About::default())).expect("JSON")
    };
    let value = json(&sample());
    assert_eq!(value["entries"], 6);
    assert_eq!(value["ipv4_addresses"], 260);
    assert_eq!(value["ipv6_addresses"], "79228162514264337593543950337");
    assert_eq!(value["ipv4"][1], "192.0.2.1");
    assert_eq!(value["ipv6"].as_array().map(Vec::len), Some(2));
    let empty = json(&AddressSet::default());
    assert_eq!(empty["ipv4"].as_array().map(Vec::len), Some(0));
    assert_eq!(empty["entries"], 0);
}

#[test]
fn a_zone_has_a_data_set_for_each_family_that_there_is() {
    let about = About { txt: "listed, see $".to_owned(), ..About::default() };
    let zone = text(&sample(), TextFormat::Rbldnsd, &about);
    let lines: Vec<_> = zone.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(lines[..3], ["$DATASET ip4trie:ipv4 @", ":127.0.0.2:listed, see $", "10.0.0.0/24"]);
    assert_eq!(lines[6..9], ["$DATASET ip6trie:ipv6 @", ":127.0.0.2:listed, see $", "2001:db8::/32"]);
    let data_sets = |set: &AddressSet| text(set, TextFormat::Rbldnsd, &about).matches("$DATASET").count();
    assert_eq!(data_sets(&AddressSet { v6: RangeSet::default(), ..sample() }), 1);
    assert_eq!(data_sets(&AddressSet { v4: RangeSet::default(), ..sample() }), 1);
    assert_eq!(data_sets(&AddressSet::default()), 1);
}

/// Fails once it has taken so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn large_sets_come_in_blocks_and_failures_are_told() {
    let v4: RangeSet<u32> = (0..50_000).map(|n| Range { first: 4 * n, last: 4 * n }).collect();
    let set = AddressSet { v4, ..AddressSet::default() };
    let whole = text(&set, TextFormat::Cidr, &About::default());
    assert_eq!(whole.lines().count(), 50_000);
    assert!(whole.ends_with("\n0.3.13.60\n"), "{}", &whole[whole.len() - 40..]);
    for format in TextFormat::ALL {
        for room in [0, 100_000] {
            let error = write(&set, format, &About::default(), &mut Full(room)).expect_err("it is full");
            assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{format}, {room}");
        }
    }
}

#[test]
fn formats_have_names() {
    for format in TextFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
    let error = "cidrs".parse::<TextFormat>().expect_err("no such format").to_string();
    assert_eq!(error, "unknown output format \"cidrs\"; known are cidr, range, rbldnsd, netset, json");
}

/// What the readers of lists make of a text.
fn read(text: &str, format: Format) -> AddressSet {
    let options =
        ParseOptions { format, allow_empty: true, widest_v4: 0, widest_v6: 0, ..ParseOptions::default() };
    let list = lists::parse(&[Input { name: "text", bytes: text.as_bytes() }], &options);
    AddressSet::from(list.unwrap_or_else(|error| panic!("{error} in\n{text}")))
}

/// Runs of addresses near each other and at both ends, as offsets from the start of a part of the family.
fn runs() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((0_u32..4096, 0_u32..300), 0..20)
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same_set(v4 in runs(), v6 in runs(), top: bool, shift in 0_u32..100) {
        let (base4, base6) = if top { (u32::MAX - 5000, u128::MAX - (5000 << shift)) } else { (0, 0x2001_0db8 << 96) };
        let v4 = v4.iter().map(|(at, more)| Range { first: base4 + at, last: base4 + at + more });
        let v6 = v6.iter().map(|(at, more)| {
            let [first, last] = [*at, at + more].map(|offset| base6 + (u128::from(offset) << shift));
            Range { first, last }
        });
        let set = AddressSet { v4: v4.collect(), v6: v6.collect() };
        for (written, format) in [
            (TextFormat::Cidr, Format::Plain),
            (TextFormat::Range, Format::Plain),
            (TextFormat::Netset, Format::Plain),
            (TextFormat::Rbldnsd, Format::Rbldnsd),
        ] {
            let text = text(&set, written, &About::default());
            prop_assert_eq!(&read(&text, format), &set, "{}:\n{}", written, text);
            prop_assert_eq!(&read(&text, Format::Auto), &set, "{}, recognised:\n{}", written, text);
        }
    }
}
