//! Every format against generated content: what is written is read back, and recognised as what it is; and nothing makes
//! a reader panic.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use proptest::sample::{Index, select};

use super::*;

/// A network or range, first and last address.
type Pair = (IpAddr, IpAddr);

fn pair(net: &IpNet) -> Pair {
    (net.network(), net.broadcast())
}

fn net4() -> impl Strategy<Value = IpNet> {
    (any::<u32>(), 8_u8..=32).prop_map(|(a, l)| IpNet::V4(Ipv4Net::new_assert(a.into(), l).trunc()))
}

fn range4() -> impl Strategy<Value = Pair> {
    (any::<u32>(), 0_u32..1 << 24)
        .prop_map(|(first, more)| (IpAddr::V4(first.into()), IpAddr::V4(first.saturating_add(more).into())))
}

fn range6() -> impl Strategy<Value = Pair> {
    // Clear of the IPv4-mapped block, which is IPv4.
    (1_u128 << 100.., 0_u128..1 << 109)
        .prop_map(|(first, more)| (IpAddr::V6(first.into()), IpAddr::V6(first.saturating_add(more).into())))
}

/// The networks and ranges of a list, sorted, without duplicates.
fn held(list: &ParsedList) -> Vec<Pair> {
    let v4 = list.v4().map(|s| (IpAddr::V4(s.first.into()), IpAddr::V4(s.last.into())));
    v4.chain(list.v6().map(|s| (IpAddr::V6(s.first.into()), IpAddr::V6(s.last.into())))).collect()
}

fn sorted(pairs: impl IntoIterator<Item = Pair>) -> Vec<Pair> {
    pairs.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Writes networks as a format has them.
fn written(format: Format, nets: &[IpNet]) -> String {
    let mut text = match format {
        Format::Dshield => "# c\nStart\tEnd\tNetmask\tAttacks\n".to_owned(),
        Format::Csv => "n,ip\n".to_owned(),
        Format::Rbldnsd => "$TTL 1\n".to_owned(),
        Format::DropText => "; Spamhaus DROP List\n".to_owned(),
        _ => String::new(),
    };
    for (number, net) in nets.iter().enumerate() {
        let (first, last, length) = (net.network(), net.broadcast(), net.prefix_len());
        let _ = match format {
            Format::DropText => writeln!(text, "{net} ; SBL{number}"),
            Format::DropJson => writeln!(text, "{{\"cidr\":\"{net}\",\"sblid\":\"SBL{number}\"}}"),
            Format::Dshield => writeln!(text, "{first}\t{last}\t{length}\t{number}"),
            Format::P2p => writeln!(text, "Org: {number}:{first}-{last}"),
            Format::IpReputation => writeln!(text, "{net},{},{}", number % 61, number % 127 + 1),
            Format::HostsDeny => writeln!(text, "ALL: {net}"),
            Format::Csv => writeln!(text, "\"a, {number}\",\"{net}\""),
            Format::Json => writeln!(text, "{{\"n\":{number},\"ip\":\"{net}\"}}"),
            _ => writeln!(text, "{net}"),
        };
    }
    if format == Format::DropJson {
        let _ = writeln!(text, "{{\"type\":\"metadata\",\"records\":{}}}", nets.len());
    }
    text
}

fn field_of(format: Format) -> Option<String> {
    match format {
        Format::Csv => Some("ip".to_owned()),
        Format::Json => Some("/ip".to_owned()),
        _ => None,
    }
}

const WITH_ENTRIES: [Format; 10] = [
    Format::Plain,
    Format::DropText,
    Format::DropJson,
    Format::Dshield,
    Format::P2p,
    Format::IpReputation,
    Format::HostsDeny,
    Format::Csv,
    Format::Json,
    Format::Rbldnsd,
];

proptest! {
    #[test]
    fn each_format_is_recognised_and_read_back(nets in prop::collection::vec(net4(), 1..40)) {
        for format in WITH_ENTRIES {
            let text = written(format, &nets);
            let options = ParseOptions { address_field: field_of(format), ..ParseOptions::default() };
            let list = read_as(&text, &options).unwrap();
            prop_assert_eq!(list.format, format, "{}", text);
            prop_assert_eq!(held(&list), sorted(nets.iter().map(pair)), "{}", text);
            prop_assert_eq!(list.summary.entries, nets.len());
            let named = read_as(&text, &ParseOptions { format, ..options }).unwrap();
            prop_assert_eq!(held(&named), held(&list));
        }
    }

    #[test]
    fn ranges_of_both_families_are_read_back(
        ranges in prop::collection::vec((prop_oneof![range4(), range6()], select(vec!["-", " - ", " -", "- ", " to "])), 1..40),
    ) {
        let text: String = ranges.iter().map(|((first, last), dash)| format!("{first}{dash}{last}\n")).collect();
        let wide = ParseOptions { widest_v6: 18, ..as_format(Format::Plain) };
        prop_assert_eq!(held(&read_as(&text, &wide).unwrap()), sorted(ranges.iter().map(|(range, _)| *range)));
    }

    #[test]
    fn a_netmask_is_its_prefix_length(address: u32, mask: u32, length in 8_u8..=32) {
        let net = Ipv4Net::new_assert(address.into(), length);
        let text = format!("{}/{}", net.addr(), net.netmask());
        prop_assert_eq!(held(&read(text).unwrap()), [pair(&IpNet::V4(net.trunc()))]);
        // Nearly all other words have holes.
        let text = format!("{}/{}", net.addr(), std::net::Ipv4Addr::from(mask));
        let contiguous = mask.leading_ones() + mask.trailing_zeros() >= 32;
        prop_assert_eq!(read_as(text, &ParseOptions { widest_v4: 0, ..as_format(Format::Plain) }).is_ok(), contiguous);
    }

    #[test]
    fn addresses_are_counted_once(spans in prop::collection::vec((0_u32..64, 0_u32..9, 0_u32..3), 0..20), top: bool) {
        let base = if top { u32::MAX - 80 } else { 0 };
        let span = |first: u32, size| Span { first: base + first, last: base + first + size, line: 1 };
        let mut groups: BTreeMap<u32, Vec<Span<u32>>> = BTreeMap::new();
        for (first, size, group) in &spans {
            groups.entry(*group).or_default().push(span(*first, *size));
        }
        let group = |mut v4: Vec<Span<u32>>| {
            v4.sort_by_key(|span| (span.first, span.last));
            let wide = |span: &Span<u32>| Span { first: u128::MAX - u128::from(span.last), last: u128::MAX - u128::from(span.first), line: 1 };
            let mut v6: Vec<Span<u128>> = v4.iter().map(wide).collect();
            v6.sort_by_key(|span| (span.first, span.last));
            Group { value: None, v4, v6 }
        };
        let list = ParsedList { groups: groups.into_values().map(group).collect(), ..ParsedList::default() };
        let naive: BTreeSet<u32> = spans.iter().flat_map(|(first, size, _)| *first..=first + size).collect();
        prop_assert_eq!(list.addresses(), (naive.len() as u64, naive.len() as u128));
    }

    #[test]
    fn zones_equal_their_definition(lines in prop::collection::vec(zone_line(), 1..30), trie: bool) {
        let kind = if trie { "ip4trie" } else { "ip4set" };
        let text: String = lines.iter().map(ZoneLine::written).collect();
        let options = ParseOptions { allow_empty: true, widest_v4: 0, ..ParseOptions::default() };
        let list = read_as(format!("$DATASET {kind} @\n{text}"), &options).unwrap();
        for address in 0..=u16::MAX {
            // All the addresses at the ends of the two /24s that entries are in, and some of the others.
            if address % 256 > 8 && address % 61 != 0 {
                continue;
            }
            let address = 0x0a00_0000 | u32::from(address);
            let values: BTreeSet<u32> = list.origin(IpAddr::V4(address.into())).iter().filter_map(|origin| origin.value).map(u32::from).collect();
            prop_assert_eq!(values, expected(&lines, trie, address), "{} in\n{}", std::net::Ipv4Addr::from(address), text);
        }
    }

    #[test]
    fn no_change_of_a_sample_makes_it_panic(
        file: Index, changes in prop::collection::vec((any::<Index>(), any::<u8>(), 0_u8..4), 1..6), format in select(Format::ALL.to_vec()),
        field in select(vec![None, Some("1"), Some("ip"), Some("/ip"), Some("/items/*/net/ips")]), line in 0_u32..20,
    ) {
        let mut files: Vec<_> = fs::read_dir(corpus::directory()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        let mut bytes = fs::read(file.get(&files)).unwrap();
        for (at, byte, change) in changes {
            let at = at.index(bytes.len() + 1);
            match change {
                0 if at < bytes.len() => bytes[at] = byte,
                1 if at < bytes.len() => drop(bytes.remove(at)),
                2 => bytes.insert(at, byte),
                _ => bytes.truncate(at),
            }
        }
        let options = ParseOptions { address_field: field.map(str::to_owned), note_field: field.map(str::to_owned), ..as_format(format) };
        let input = Input { name: "list", bytes: &bytes };
        match parse(&[input], &options) {
            Ok(list) => {
                let lines = u32::try_from(list.summary.lines).unwrap();
                prop_assert!(list.v4().all(|span| span.first <= span.last && (1..=lines).contains(&span.line)));
                prop_assert!(list.v6().all(|span| span.first <= span.last && (1..=lines).contains(&span.line)));
                if let Some(span) = list.v4().next() {
                    let entry = describe(&[input], &options, span.line, Some(IpAddr::V4(span.first.into())));
                    prop_assert_eq!(entry.map(|entry| entry.line), Some(span.line));
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n'), "{}", error),
        }
        let _ = describe(&[input, input], &options, line, None);
    }
}

/// An entry of a zone: a prefix, an exclusion or not, with a value.
#[derive(Clone, Debug)]
struct ZoneLine {
    net: Ipv4Net,
    excluded: bool,
    value: u8,
}

impl ZoneLine {
    fn written(&self) -> String {
        if self.excluded { format!("!{}\n", self.net) } else { format!("{} :{}:\n", self.net, self.value) }
    }

    /// For an ip4set: the size in bits of the blocks that it is kept in.
    fn block(&self) -> u8 {
        match self.net.prefix_len() {
            25..=32 => 0,
            17..=24 => 8,
            9..=16 => 16,
            _ => 24,
        }
    }
}

fn zone_line() -> impl Strategy<Value = ZoneLine> {
    (0_u32..4, 0_u32..8, 7_u8..=32, any::<bool>(), 2_u8..5).prop_map(|(c, d, length, excluded, value)| {
        let net = Ipv4Net::new_assert((0x0a00_0000 | c << 8 | d).into(), length).trunc();
        ZoneLine { net, excluded, value }
    })
}

/// What the definition says of an address: rbldnsd_ip4set and rbldnsd_ip4trie in words.
fn expected(lines: &[ZoneLine], trie: bool, address: u32) -> BTreeSet<u32> {
    let holding = lines.iter().filter(|line| line.net.contains(&std::net::Ipv4Addr::from(address)));
    let decide: Vec<&ZoneLine> = if trie {
        // The longest prefix; of equal ones the first. `max_by_key` takes the last.
        holding.rev().max_by_key(|line| line.net.prefix_len()).into_iter().collect()
    } else {
        let holding: Vec<_> = holding.collect();
        let finest = holding.iter().map(|line| line.block()).min();
        holding.into_iter().filter(|line| Some(line.block()) == finest).collect()
    };
    if decide.iter().any(|line| line.excluded) {
        return BTreeSet::new();
    }
    decide.iter().map(|line| 0x7f00_0000 | u32::from(line.value)).collect()
}
