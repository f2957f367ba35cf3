//! Zones, read as lists, hold what rbldnsd itself answers: for generated zones, which addresses are listed, with which A
//! values, and with which text.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result};
use hickory_proto::rr::RecordType;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use relay_guard::lists::{self, Format, Input, ParseOptions, ParsedList};
use relay_guard_tests::dns::Client;
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::peers::{Rbldnsd, Zone};

/// Zones of each kind, and the random addresses asked of each besides the ends of its entries.
const ZONES_OF_A_KIND: usize = 12;
const RANDOM_PROBES: usize = 60;

/// A line, and the ends of the entry on it.
#[derive(Clone, Debug)]
struct Line {
    text: String,
    ends: Vec<IpAddr>,
}

/// Addresses close together, so that entries are nested and touch.
fn v4() -> impl Strategy<Value = u32> {
    let octet = || prop::sample::select(vec![0_u8, 1, 2, 127, 128, 254, 255]);
    (prop::sample::select(vec![10_u8, 11]), octet(), octet(), octet())
        .prop_map(|(a, b, c, d)| u32::from_be_bytes([a, b, c, d]))
}

fn v6() -> impl Strategy<Value = u128> {
    let group = || prop::sample::select(vec![0_u16, 1, 0x7fff, 0x8000, 0xffff]);
    prop::collection::vec(group(), 6)
        .prop_map(|g| u128::from(Ipv6Addr::new(0x2001, 0xdb8, g[0] & 1, g[1] & 1, g[2], g[3], g[4], g[5])))
}

/// What stands behind an entry.
fn value() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![
        "",
        " :3",
        " :4:",
        " :5:five $",
        " :127.0.1.6:six $1$$ $2",
        " seven $",
        " =own $ $1",
        " # none",
        " ; none",
        " :4:=own $",
        " :127.1.9: nine $=",
    ]);
    text.prop_map(str::to_owned)
}

fn special() -> impl Strategy<Value = String> {
    let lines = vec![
        ":2:default $",
        ":8",
        ":127.0.0.3:",
        "#$TTL 100",
        ";$1 one",
        ":$1 other",
        "$2 two $",
        "$= base $= for $ $1",
        "# comment",
        "",
    ];
    prop::sample::select(lines).prop_map(str::to_owned)
}

fn prefix4() -> impl Strategy<Value = (String, u32, u32)> {
    (v4(), 6_u8..=32, 0_usize..4).prop_map(|(address, length, short)| {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let [a, b, c, _] = address.to_be_bytes();
        match short {
            0 => (format!("{a}.{b}"), address & 0xffff_0000, address | 0xffff),
            1 => (format!("{a}.{b}.{c}"), address & 0xffff_ff00, address | 0xff),
            2 if length == 32 => (Ipv4Addr::from(address).to_string(), address, address),
            _ => (format!("{}/{length}", Ipv4Addr::from(address)), address & mask, address | !mask),
        }
    })
}

fn range4() -> impl Strategy<Value = (String, u32, u32)> {
    let octets = |address: u32| address.to_be_bytes();
    (v4(), v4(), 0_usize..5).prop_map(move |(one, other, form)| {
        let (first, last) = (one.min(other), one.max(other));
        let ([a, b, c, d], [e, f, g, h]) = (octets(first), octets(last));
        match form {
            0 => (format!("{a}.{b}.{c}-{e}.{f}.{g}"), first & !0xff, last | 0xff),
            1 if d <= h => (format!("{a}.{b}.{c}.{d}-{h}"), first, (first & !0xff) | u32::from(h)),
            2 if b <= f => {
                let last = u32::from_be_bytes([a, f, 255, 255]);
                (format!("{a}.{b}-{f}"), first & 0xffff_0000, last)
            }
            3 => (format!("{a}-{e}"), first & 0xff00_0000, last | 0x00ff_ffff),
            _ => (format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(last)), first, last),
        }
    })
}

fn prefix6() -> impl Strategy<Value = (String, u128, u128)> {
    (v6(), 30_u8..=128, any::<bool>()).prop_map(|(address, length, short)| {
        let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
        let groups = Ipv6Addr::from(address).segments();
        if short {
            let text = format!("{:x}:{:x}:{:x}", groups[0], groups[1], groups[2]);
            return (text, address >> 80 << 80, address | u128::MAX >> 48);
        }
        let text = match length {
            128 => Ipv6Addr::from(address).to_string(),
            _ => format!("{}/{length}", Ipv6Addr::from(address)),
        };
        (text, address & mask, address | !mask)
    })
}

/// An entry with its value, or an exclusion.
fn entry<A: Into<IpAddr> + std::fmt::Debug + 'static, N: Into<A> + std::fmt::Debug>(
    network: impl Strategy<Value = (String, N, N)>,
) -> impl Strategy<Value = Line> {
    (network, value(), 0_u8..4).prop_map(|((text, first, last), value, excluded)| Line {
        text: if excluded == 0 { format!("! {text}") } else { text + &value },
        ends: vec![first.into().into(), last.into().into()],
    })
}

fn with_specials(entries: BoxedStrategy<Line>) -> impl Strategy<Value = Vec<Line>> {
    let special = special().prop_map(|text| Line { text, ends: Vec::new() });
    prop::collection::vec(prop_oneof![4 => entries, 1 => special], 1..25)
}

/// The lines of a data set of a kind.
fn dataset(kind: &str) -> BoxedStrategy<Vec<Line>> {
    let set6 = |(address, excluded): (u128, bool)| {
        let g = Ipv6Addr::from(address).segments();
        let text = if excluded {
            format!("!{}", Ipv6Addr::from(address))
        } else {
            format!("{:x}:{:x}:{:x}:{:x}", g[0], g[1], g[2], g[3])
        };
        let (first, last) = (address >> 64 << 64, address | u128::from(u64::MAX));
        Line { text, ends: [first, address, last].map(|end| Ipv6Addr::from(end).into()).to_vec() }
    };
    let single = |address: u32| Line {
        text: Ipv4Addr::from(address).to_string(),
        ends: vec![Ipv4Addr::from(address).into()],
    };
    match kind {
        "ip4set" => with_specials(entry::<Ipv4Addr, _>(prop_oneof![prefix4(), range4()]).boxed()).boxed(),
        "ip4trie" => with_specials(entry::<Ipv4Addr, _>(prefix4()).boxed()).boxed(),
        "ip4tset" => with_specials(v4().prop_map(single).boxed()).boxed(),
        "ip6trie" => with_specials(entry::<Ipv6Addr, _>(prefix6()).boxed()).boxed(),
        _ => with_specials((v6(), any::<bool>()).prop_map(set6).boxed()).boxed(),
    }
}

/// A zone, and where to ask.
struct Case {
    zone: Zone,
    probes: BTreeSet<IpAddr>,
}

/// Files of an `ip4set` without `$DATASET`, as they are found in the field.
fn undeclared(name: String, runner: &mut TestRunner) -> Case {
    let files: Vec<Vec<Line>> = (0..2).map(|_| sample(&dataset("ip4set"), runner)).collect();
    case(
        Zone { name, kind: "ip4set".to_owned(), files: files.iter().map(|lines| text(lines)).collect() },
        files,
    )
}

/// A combined file with sections of these kinds.
fn combined(name: String, kinds: &[&str], runner: &mut TestRunner) -> Case {
    let mut file = "$1 common $\n".to_owned();
    let mut all = Vec::new();
    for kind in kinds {
        let lines = sample(&dataset(kind), runner);
        let _ = write!(file, "$DATASET {kind}:{kind} sub @ # section\n{}", text(&lines));
        all.push(lines);
    }
    case(Zone { name, kind: "combined".to_owned(), files: vec![file] }, all)
}

fn case(zone: Zone, lines: Vec<Vec<Line>>) -> Case {
    let ends = lines.into_iter().flatten().flat_map(|line| line.ends);
    Case { zone, probes: ends.flat_map(|end| [Some(end), before(end), after(end)]).flatten().collect() }
}

fn before(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).checked_sub(1)?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).checked_sub(1)?).into(),
    })
}

fn after(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => Ipv4Addr::from(u32::from(v4).checked_add(1)?).into(),
        IpAddr::V6(v6) => Ipv6Addr::from(u128::from(v6).checked_add(1)?).into(),
    })
}

fn text(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &line.text + "\n")
}

fn sample<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    strategy.new_tree(runner).expect("a strategy that refuses nothing").current()
}

fn cases(runner: &mut TestRunner) -> Vec<Case> {
    let kinds = ["ip4set", "ip4trie", "ip4tset", "ip6tset", "ip6trie"];
    let mut cases = Vec::new();
    for number in 0..ZONES_OF_A_KIND {
        cases.push(undeclared(format!("files{number}.test"), runner));
        for kind in kinds {
            cases.push(combined(format!("{kind}{number}.test"), &[kind], runner));
        }
        let two = [kinds[number % 5], kinds[(number + 1) % 5], kinds[(number + 3) % 5]];
        cases.push(combined(format!("combined{number}.test"), &two, runner));
    }
    for case in &mut cases {
        for _ in 0..RANDOM_PROBES {
            case.probes.insert(Ipv4Addr::from(sample(&v4(), runner)).into());
            case.probes.insert(Ipv6Addr::from(sample(&v6(), runner)).into());
        }
    }
    cases
}

fn parse(inputs: &[Input<'_>], options: &ParseOptions) -> Result<ParsedList> {
    let list = lists::parse(inputs, options)?;
    Ok(list)
}

/// Compares a zone at all its probes. Returns how many were listed.
fn compare(case: &Case, client: &mut Client) -> Result<usize> {
    let names: Vec<String> = (0..case.zone.files.len()).map(|number| number.to_string()).collect();
    let inputs: Vec<Input<'_>> = names
        .iter()
        .zip(&case.zone.files)
        .map(|(name, text)| Input { name, bytes: text.as_bytes() })
        .collect();
    let options = ParseOptions {
        format: Format::Rbldnsd,
        widest_v4: 0,
        widest_v6: 0,
        allow_empty: true,
        ..ParseOptions::default()
    };
    let list = parse(&inputs, &options)?;
    let mut listed = 0;
    for address in &case.probes {
        let answer = client.listed(*address, &case.zone.name, RecordType::A)?;
        let origins = list.origin(*address);
        let values: BTreeSet<Ipv4Addr> = origins.iter().filter_map(|origin| origin.value).collect();
        assert_eq!(values, answer.addresses, "{address} in\n{}", case.zone.files.join("---\n"));
        if origins.is_empty() {
            continue;
        }
        listed += 1;
        let answer = client.listed(*address, &case.zone.name, RecordType::TXT)?;
        let texts: BTreeSet<String> = origins
            .iter()
            .filter_map(|origin| lists::describe(&inputs, &options, origin.global_line, Some(*address))?.note)
            .collect();
        // Entries with the same value are answered with all their texts; a list names one of them.
        let shown = || format!("{address}: {texts:?} in\n{}", case.zone.files.join("---\n"));
        assert!(texts.is_subset(&answer.texts), "not of {:?}: {}", answer.texts, shown());
        if case.zone.name.starts_with("ip4trie") || case.zone.name.starts_with("ip6") {
            assert_eq!(texts, answer.texts, "{}", shown());
        }
    }
    Ok(listed)
}

#[test]
fn zones_answer_as_rbldnsd_does() -> Result<()> {
    let namespace = Namespace::new("rbldnsd")?;
    namespace.ip("link set lo up")?;
    let readable = Permissions::from_mode(0o755);
    let directory = tempfile::Builder::new().permissions(readable).tempdir()?;
    let mut runner = TestRunner::deterministic();
    let cases = cases(&mut runner);
    let zones: Vec<Zone> = cases.iter().map(|case| case.zone.clone()).collect();
    let server = Rbldnsd::start(&namespace, directory.path(), &zones)?;
    let mut client = Client::new(&namespace, Rbldnsd::address())?;
    let (mut probes, mut listed) = (0, 0);
    for case in &cases {
        let context = || format!("{}; rbldnsd wrote:\n{}", case.zone.name, server.log_text());
        listed += compare(case, &mut client).with_context(context)?;
        probes += case.probes.len();
    }
    assert!(listed > probes / 10 && listed < probes * 9 / 10, "{listed} of {probes} were listed");
    Ok(())
}
