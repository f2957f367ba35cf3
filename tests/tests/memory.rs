//! The memory that loaded programs take, map by map, as documented beside the maps.
//!
//! A file of its own: the maps are found by this process's descriptors, and no other test may open some meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use relay_guard::datapath::{Datapath, LoadOptions};
use relay_guard_common::verdict::Steering;

/// A map as `/proc/self/fdinfo` shows it (`Documentation/filesystems/proc.rst`, 3.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Map {
    kind: u64,
    key: u64,
    value: u64,
    entries: u64,
}

/// Kinds of maps (`enum bpf_map_type`).
const HASH: u64 = 1;
const ARRAY: u64 = 2;
const PER_CPU_ARRAY: u64 = 6;
const LPM_TRIE: u64 = 11;
const ARRAY_OF_MAPS: u64 = 12;
const RING: u64 = 27;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Every map of this process with the bytes that it takes. Several descriptors of one map count once.
fn maps() -> Vec<(Map, u64)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc/self/fdinfo").expect("/proc").filter_map(Result::ok) {
        let Ok(text) = fs::read_to_string(entry.path()) else { continue };
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":"))?;
            line.trim().parse::<u64>().ok()
        };
        let Some(id) = field("map_id") else { continue };
        let of = |name| field(name).unwrap_or_else(|| panic!("no {name} in {text}"));
        let map = Map {
            kind: of("map_type"),
            key: of("key_size"),
            value: of("value_size"),
            entries: of("max_entries"),
        };
        found.insert(id, (map, of("memlock")));
    }
    found.into_values().collect()
}

fn cpus() -> u64 {
    let possible = fs::read_to_string("/sys/devices/system/cpu/possible").expect("/sys");
    let last = possible.trim().rsplit(['-', ',']).next().expect("a number");
    last.parse::<u64>().expect("a number") + 1
}

/// Asserts that there are such maps, each below the ceiling. Two rings and what keeps them below a rate look the same.
fn assert_below(maps: &[(Map, u64)], name: &str, map: Map, ceiling: u64) {
    let taken: Vec<u64> = maps.iter().filter(|(known, _)| *known == map).map(|(_, bytes)| *bytes).collect();
    assert!(!taken.is_empty(), "{name}: no {map:?} in {maps:#?}");
    let most = taken.into_iter().max().unwrap_or_default();
    assert!(most <= ceiling, "{name} takes {most} bytes, documented are {ceiling}");
}

const fn map(kind: u64, key: u64, value: u64, entries: u64) -> Map {
    Map { kind, key, value, entries }
}

#[test]
fn maps_are_as_large_as_documented() {
    let options = LoadOptions::default();
    let mut datapath = Datapath::load(&options).expect("the programs load");
    // This one takes memory only for what it holds.
    let prefixes = (0..options.prefix_verdicts).map(|n| {
        let net = Ipv4Net::new_assert(Ipv4Addr::from(n << 8), 24);
        (net.into(), Steering { allow_until: 1, block_until: 1 })
    });
    datapath.set_prefixes(&prefixes.collect::<Vec<_>>()).expect("prefixes are written");
    let maps = maps();
    let per_cpu = cpus();
    // The kernel adds some hundred bytes to each.
    let page = 4 * KIB;
    for (name, map, ceiling) in [
        ("HOSTS", map(HASH, 16, 368, 16_384), 7 * MIB + page),
        ("ATTEMPTS", map(ARRAY, 4, 8, 1 << 20), 8 * MIB + page),
        ("VERDICTS", map(HASH, 16, 48, 65_536), 8 * MIB + page),
        ("PREFIXES", map(LPM_TRIE, 20, 16, 4096), 4096 * 100),
        ("CLASSES", map(ARRAY, 4, 64, 4096), 256 * KIB + page),
        ("INTERFACES", map(HASH, 4, 4, 256), 256 * 80 + page),
        ("PORTS", map(ARRAY, 4, 16_384, 1), 16 * KIB + page),
        ("PORT_GROUPS", map(ARRAY, 4, 32_768, 1), 32 * KIB + page),
        ("SETTINGS", map(ARRAY, 4, 72, 1), page),
        ("CLASS_COUNTERS", map(PER_CPU_ARRAY, 4, 16, 4096), 64 * KIB * per_cpu + 32 * KIB + page),
        ("COUNTERS", map(PER_CPU_ARRAY, 4, 16, 216), page * per_cpu + page),
        ("LOSSES", map(PER_CPU_ARRAY, 4, 8, 12), page),
        ("EVENT_BUDGET, ENVELOPE_BUDGET", map(PER_CPU_ARRAY, 4, 16, 1), page),
        ("EVENTS, ENVELOPES, ASKS", map(RING, 0, 0, 256 * KIB), 256 * KIB + 4 * page),
        ("TABLES", map(ARRAY_OF_MAPS, 4, 4, 1), page),
        ("RESPONSES", map(ARRAY, 4, 2944, 512), 1472 * KIB + page),
        ("ANSWERING", map(ARRAY, 4, 96, 1), page),
        ("OWN_ADDRESSES", map(HASH, 16, 1, 1024), 92 * KIB),
        ("STEPS", map(PER_CPU_ARRAY, 4, 80, 4096), 320 * KIB * per_cpu + 32 * KIB + page),
        ("ACTION_COUNTERS", map(PER_CPU_ARRAY, 4, 16, 63), page * per_cpu + page),
        ("CAPS", map(ARRAY, 4, 8, 16_384), 128 * KIB + page),
        ("LIMITS", map(ARRAY, 4, 8, 65_536), 512 * KIB + page),
        ("TURNS", map(ARRAY, 4, 8, 1024), 8 * KIB + page),
        ("ASKED", map(ARRAY, 4, 8, 262_144), 2 * MIB + page),
        ("ASK_KEY", map(ARRAY, 4, 16, 1), page),
        ("OPENINGS", map(ARRAY, 4, 16, 65_536), MIB + page),
        ("FLOWS", map(HASH, 40, 40, 65_536), 9 * MIB + page),
        ("CAPTURES", map(RING, 0, 0, 16 * MIB), 16 * MIB + 20 * page),
        ("HEARD", map(PER_CPU_ARRAY, 4, 1024, 1), 2 * KIB * per_cpu + page),
    ] {
        assert_below(&maps, name, map, ceiling);
    }
    let all: u64 = maps.iter().map(|(_, bytes)| bytes).sum();
    assert!(all <= 57 * MIB, "{} KiB in all", all / KIB);
}
