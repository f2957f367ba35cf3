use ipnet::Ipv6Net;
use proptest::prelude::*;

use super::VerdictKind::{Allow, Block};
use super::*;

const ROOM: Capacity = Capacity { hosts: 100, prefixes: 100 };

fn net(text: &str) -> IpNet {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).unwrap()
}

fn entry(at: &str, kind: VerdictKind, until: Option<u64>) -> Entry {
    Entry { net: net(at), kind, until, reason: "by hand".to_owned(), added: 1 }
}

fn store(entries: &[(&str, VerdictKind, Option<u64>)]) -> VerdictStore {
    let mut store = VerdictStore::new(ROOM);
    for (at, kind, until) in entries {
        store.put(entry(at, *kind, *until)).unwrap();
    }
    store
}

#[test]
fn there_is_one_entry_for_the_same_addresses() {
    let mut store = VerdictStore::new(ROOM);
    for (at, stored, known) in [
        ("10.0.0.0/8", "10.0.0.0/8", false),
        ("10.1.2.3/8", "10.0.0.0/8", true),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8", true),
        ("192.0.2.1", "192.0.2.1/32", false),
        ("::ffff:192.0.2.1", "192.0.2.1/32", true),
        ("::ffff:0:0/95", "::fffe:0:0/95", false),
        ("2001:db8::1/32", "2001:db8::/32", false),
    ] {
        let replaced = store.put(entry(at, Block, None)).unwrap();
        assert_eq!(replaced.is_some(), known, "{at}");
        assert_eq!(store.get(net(at)).unwrap().net, net(stored), "{at}");
    }
    assert_eq!(store.put(entry("192.0.2.1", Allow, None)).unwrap().unwrap().kind, Block);
    let sorted: Vec<String> = store.iter().map(|entry| entry.net.to_string()).collect();
    assert_eq!(sorted, ["10.0.0.0/8", "192.0.2.1/32", "::fffe:0:0/95", "2001:db8::/32"]);
    assert_eq!(store.remove(net("::ffff:192.0.2.1")).unwrap().kind, Allow);
    assert_eq!((store.remove(net("192.0.2.1")), store.len(), store.is_empty()), (None, 3, false));
}

#[test]
fn entries_end_at_their_time() {
    let mut store =
        store(&[("192.0.2.1", Block, Some(10)), ("192.0.2.0/24", Block, Some(11)), ("::1", Allow, None)]);
    assert_eq!((store.next_expiry(), store.expire(9)), (Some(10), vec![]));
    assert_eq!(store.expire(10), [entry("192.0.2.1", Block, Some(10))]);
    assert_eq!(store.expire(u64::MAX).len(), 1);
    assert_eq!((store.len(), store.next_expiry()), (1, None));
}

#[test]
fn limits_hold_for_each_kind_and_are_named() {
    let mut store = VerdictStore::new(Capacity { hosts: 1, prefixes: 1 });
    store.put(entry("192.0.2.1", Block, None)).unwrap();
    store.put(entry("192.0.2.0/24", Block, None)).unwrap();
    store.put(entry("192.0.2.1", Allow, None)).unwrap();
    for (at, key) in [("192.0.2.2", "limits.verdicts"), ("2001:db8::/32", "limits.prefix_verdicts")] {
        assert_eq!(store.put(entry(at, Block, None)), Err(StoreError::Full { limit: 1, key }), "{at}");
    }
    store.remove(net("192.0.2.1")).unwrap();
    store.put(entry("192.0.2.2", Block, None)).unwrap();

    for reason in ["two\nlines".to_owned(), "x".repeat(MAX_REASON_BYTES + 1)] {
        let bad = Entry { reason, ..entry("192.0.2.2", Block, None) };
        assert_eq!(store.put(bad), Err(StoreError::Reason { net: net("192.0.2.2") }));
    }
}

#[test]
fn a_prefix_says_what_the_wider_ones_say() {
    let store = store(&[
        ("10.0.0.0/8", Allow, Some(50)),
        ("10.1.0.0/16", Block, None),
        ("10.1.1.1", Block, Some(9)),
        ("10.2.0.0/16", Allow, Some(20)),
        ("11.0.0.1", Allow, None),
    ]);
    const EVER: u64 = u64::MAX;
    let prefixes: Vec<(String, u64, u64)> = store
        .effective_prefixes()
        .into_iter()
        .map(|(net, effective)| (net.to_string(), effective.allow_until, effective.block_until))
        .collect();
    let expected = [("10.0.0.0/8", 50, 0), ("10.1.0.0/16", 50, EVER), ("10.2.0.0/16", 50, 0)];
    assert_eq!(prefixes, expected.map(|(net, allow, block)| (net.to_owned(), allow, block)));
    let hosts = store.effective_hosts();
    assert_eq!(hosts[0], ("10.1.1.1".parse().unwrap(), Effective { allow_until: 50, block_until: EVER }));
    assert_eq!(hosts[1], ("11.0.0.1".parse().unwrap(), Effective { allow_until: EVER, block_until: 0 }));
    assert_eq!(store.effective(net("10.1.9.9")), Effective { allow_until: 50, block_until: EVER });
    assert_eq!(store.effective(net("0.0.0.0/0")), Effective::default());
    assert_eq!([49, 50].map(|now| store.effective(net("10.1.0.1")).at(now)), [Some(Allow), Some(Block)]);
    let covering: Vec<u8> =
        store.covering("::ffff:10.1.1.1".parse().unwrap()).map(|e| e.net.prefix_len()).collect();
    assert_eq!(covering, [8, 16, 32]);
}

#[test]
fn what_is_saved_is_loaded() {
    let store = store(&[("192.0.2.1", Block, Some(10)), ("2001:db8::/32", Allow, None)]);
    let json = store.to_json().unwrap();
    assert_eq!(VerdictStore::from_json(json.as_bytes(), ROOM), Ok(store));

    let small = Capacity { hosts: 0, prefixes: 1 };
    assert!(matches!(VerdictStore::from_json(json.as_bytes(), small), Err(StoreError::Full { .. })));
}

#[test]
fn a_bad_state_is_one_line() {
    for (json, words) in [
        ("", "damaged"),
        ("{\"version\": 1, \"verdicts\": [", "damaged"),
        ("{\"version\": 2, \"anything\": 1}", "format version 2, this program reads 1"),
        ("{\"verdicts\": []}", "damaged (missing field `version`"),
        ("{\"version\": 1, \"verdicts\": [{\"net\": \"x\", \"kind\": \"allow\", \"added\": 1}]}", "damaged"),
        ("{\"version\": 1, \"verdicts\": [{\"net\": \"::/0\", \"kind\": \"ban\", \"added\": 1}]}", "`ban`"),
        ("{\"version\": 1, \"verdicts\": [], \"more\": 1}", "damaged (unknown field `more`"),
    ] {
        let message = VerdictStore::from_json(json.as_bytes(), ROOM).unwrap_err().to_string();
        assert!(message.contains(words) && !message.contains('\n'), "{message}");
        assert!(message.ends_with("move the file aside"), "{message}");
    }
}

/// Few bits vary, so that prefixes nest and addresses fall into them; both families, and mapped ones.
fn address() -> impl Strategy<Value = IpAddr> {
    (0_u8..3, 0_u32..16, 0_u32..4).prop_map(|(family, high, low)| {
        let v4 = std::net::Ipv4Addr::from(high << 28 | low);
        match family {
            0 => IpAddr::V4(v4),
            1 => IpAddr::V6(v4.to_ipv6_mapped()),
            _ => IpAddr::V6((u128::from(high) << 124 | u128::from(low)).into()),
        }
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let length = prop::sample::select(vec![0_u8, 1, 2, 3, 4, 30, 31, 32]);
    (address(), length, any::<bool>(), prop::option::of(0_u64..6)).prop_map(
        |(address, length, allow, until)| {
            let length = match address {
                IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() || length >= 30 => 96 + length,
                IpAddr::V4(_) | IpAddr::V6(_) => length,
            };
            let kind = if allow { Allow } else { Block };
            Entry { net: IpNet::new(address, length).unwrap(), kind, until, reason: String::new(), added: 0 }
        },
    )
}

/// The answer as the kernel finds it: the address itself, or else its longest prefix.
fn looked_up(store: &VerdictStore, address: IpAddr, now: u64) -> Option<VerdictKind> {
    let host = store.effective_hosts().into_iter().find(|(host, _)| *host == address);
    let prefixes = store.effective_prefixes();
    let longest =
        || prefixes.iter().filter(|(net, _)| net.contains(&address)).max_by_key(|(net, _)| net.prefix_len());
    host.map(|(_, effective)| effective).or_else(|| longest().map(|(_, effective)| *effective))?.at(now)
}

/// The answer by precedence, entry by entry, the last one for the same addresses.
fn naive(entries: &[Entry], address: IpAddr, now: u64) -> Option<VerdictKind> {
    let mut last: BTreeMap<IpNet, &Entry> = BTreeMap::new();
    for entry in entries {
        last.insert(normal(entry.net), entry);
    }
    let holds = |kind| {
        let live = |(net, entry): (&IpNet, &&Entry)| {
            net.contains(&address) && entry.kind == kind && !entry.is_over(now)
        };
        last.iter().any(live)
    };
    if holds(Allow) {
        Some(Allow)
    } else if holds(Block) {
        Some(Block)
    } else {
        None
    }
}

proptest! {
    #[test]
    fn the_longest_prefix_tells_all(
        entries in prop::collection::vec(any_entry(), 0..20),
        addresses in prop::collection::vec(address(), 1..20),
        now in 0_u64..6,
    ) {
        let mut store = VerdictStore::new(ROOM);
        for entry in &entries {
            store.put(entry.clone()).unwrap();
        }
        for address in addresses.into_iter().map(|address| address.to_canonical()) {
            let expected = naive(&entries, address, now);
            prop_assert_eq!(looked_up(&store, address, now), expected, "{}", address);
            prop_assert_eq!(store.effective(address.into()).at(now), expected, "{}", address);
        }
        for (net, effective) in store.effective_prefixes() {
            prop_assert_eq!(store.effective(net), effective);
        }
        let saved = store.to_json().unwrap();
        prop_assert_eq!(VerdictStore::from_json(saved.as_bytes(), ROOM).unwrap(), store.clone());
        let over = store.expire(now);
        prop_assert!(over.iter().all(|entry| entry.is_over(now)) && store.iter().all(|entry| !entry.is_over(now)));
        prop_assert_eq!(store.len(), store.iter().count());
    }

    #[test]
    fn a_normal_net_stays_as_it_is(address in any::<u128>(), length in 0_u8..=128) {
        let once = normal(IpNet::V6(Ipv6Net::new_assert(address.into(), length)));
        prop_assert_eq!(normal(once), once);
    }
}
