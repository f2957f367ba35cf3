//! Zones and thresholds that make no sense are refused with their place, by `check` and by `run`.

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::Lab;
use relay_guard_tests::guard::{Guard, refusal};

use super::{RESOLVER, ZONE, asking};

/// A zone and a threshold that are fine.
const GOOD: &str = "
[[dnsbl]]
zone = \"bl.example\"
weight = 2
answers = \"127.0.0.[2..11;14]\"

[[thresholds]]
score = 1
action = \"refuse\"
";

/// What is changed, and what must be said.
const CASES: &[(&str, &str, &[&str])] = &[
    ("weight = 2", "weight = 0", &["weight"]),
    ("weight = 2", "weight = 101", &["weight", "101"]),
    ("weight = 2", "wait = 2", &["unknown key `wait`", "weight"]),
    ("127.0.0.[2..11;14]", "127.0.0.[]", &["127.0.0.[]"]),
    ("127.0.0.[2..11;14]", "127.0.0.[11..2]", &["11..2"]),
    ("127.0.0.[2..11;14]", "127.0.0.[2..256]", &["256"]),
    ("127.0.0.[2..11;14]", "127.0.0.[2..11;14", &["127.0.0.[2..11;14"]),
    ("127.0.0.[2..11;14]", "127.0.0", &["127.0.0"]),
    ("127.0.0.[2..11;14]", "192.0.2.1", &["192.0.2.1", "127"]),
    ("127.0.0.[2..11;14]", "127.0.0.1", &["127.0.0.1"]),
    ("127.0.0.[2..11;14]", "127.255.255.[252..255]", &["127.255.255"]),
    ("\"bl.example\"", "\"bl..example\"", &["bl..example"]),
    ("\"bl.example\"", "\"bl example\"", &["bl example"]),
    ("\"bl.example\"", "\"\"", &["zone"]),
    ("\"bl.example\"", "\"-bl.exämple\"", &["zone"]),
    ("score = 1", "score = 0", &["score"]),
    ("score = 1", "score = 3", &["3", "2"]),
    ("action = \"refuse\"", "action = \"allow\"", &["allow"]),
    ("action = \"refuse\"\n", "", &["action"]),
    ("action = \"refuse\"", "action = \"deny\"", &["deny", "refuse"]),
    ("weight = 2", "weight = 2\nfamilies = []", &["families"]),
    ("weight = 2", "weight = 2\nfamilies = [\"ipv5\"]", &["ipv5"]),
    ("weight = 2", "weight = 2\nports = [26]", &["26"]),
    ("weight = 2", "weight = 2\nttl_min = \"2h\"\nttl_max = \"1h\"", &["ttl"]),
];

#[test]
fn impossible_zones_and_thresholds_are_refused_with_their_place() -> Result<()> {
    let lab = Lab::new()?;
    let before = asking(&lab, &[RESOLVER]).to_toml()?;
    let good = before.clone() + GOOD;
    let guard = Guard::with_config_text(&lab, &good)?;
    let checked = guard.cli(["check"])?;
    ensure!(checked.status.success(), "the good one is good: {checked:?}");
    assert!(String::from_utf8_lossy(&checked.stdout).contains(ZONE), "{checked:?}");
    let threshold = GOOD.find("[[thresholds]]").context("it is there")?;
    let cases = CASES.iter().map(|(from, to, words)| {
        assert!(GOOD.contains(from), "{from} is not in {GOOD}");
        (GOOD.replacen(from, to, 1), *words)
    });
    let halves = [
        (GOOD[..threshold].to_owned(), &["thresholds"][..]),
        (GOOD[threshold..].to_owned(), &["dnsbl"]),
        (format!("{GOOD}{}", &GOOD[threshold..]), &["score", "1"]),
        (format!("{GOOD}{}", &GOOD[..threshold]), &[ZONE]),
    ];
    for (text, words) in cases.chain(halves) {
        guard.write_config(&(before.clone() + &text))?;
        let line = refusal(&guard.cli(["run"])?)?;
        let place = line.strip_prefix(&format!("{}:", guard.config_path().display()));
        let number = place.and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
        let number = number.with_context(|| format!("no line named for {text}: {line}"))?;
        assert!(number > before.lines().count(), "line {number} is not where it is: {line}\n{text}");
        for word in words {
            assert!(line.contains(word), "no {word:?} in: {line}\n{text}");
        }
        let output = guard.cli(["check"])?;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(&line), "`check` says something else than {line}:\n{said}");
    }
    Ok(())
}
