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
    ("weight = 2", "weight = 0", &["0 weighs nothing"]),
    ("weight = 2", "weight = 101", &["101 is out of range"]),
    ("weight = 2", "wait = 2", &["unknown key `wait`", "weight"]),
    ("127.0.0.[2..11;14]", "127.0.0.[]", &["\"127.0.0.[]\"", "nothing is in the brackets"]),
    ("127.0.0.[2..11;14]", "127.0.0.[11..2]", &["11..2 is empty"]),
    ("127.0.0.[2..11;14]", "127.0.0.[2..256]", &["256 is no octet"]),
    ("127.0.0.[2..11;14]", "127.0.0.[2..11;14", &["127.0.0.[2..11;14"]),
    ("127.0.0.[2..11;14]", "127.0.0", &["127.0.0"]),
    ("127.0.0.[2..11;14]", "192.0.2.1", &["192.0.2.1", "127"]),
    ("127.0.0.[2..11;14]", "127.0.0.1", &["matches no listing"]),
    ("127.0.0.[2..11;14]", "127.255.255.[252;254;255]", &["matches no listing"]),
    ("\"bl.example\"", "\"bl..example\"", &["no zone's name", "character 4"]),
    ("\"bl.example\"", "\"bl example\"", &["no zone's name", "character 3"]),
    ("\"bl.example\"", "\"\"", &["no zone's name"]),
    ("\"bl.example\"", "\"-bl.exämple\"", &["no zone's name", "'ä'"]),
    ("score = 1", "score = 0", &["0 is out of range", "10000"]),
    ("score = 1", "score = 3", &["no source can come to a score of 3", "write 2 or less"]),
    ("action = \"refuse\"", "action = \"allow\"", &["allow"]),
    ("action = \"refuse\"\n", "", &["nothing is done", "action"]),
    ("action = \"refuse\"", "action = \"deny\"", &["deny", "refuse"]),
    ("weight = 2", "weight = 2\nfamilies = []", &["no family is named"]),
    ("weight = 2", "weight = 2\nfamilies = [\"ipv5\"]", &["ipv5"]),
    ("weight = 2", "weight = 2\nports = [26]", &["port 26 is not judged"]),
    ("weight = 2", "weight = 2\nttl_min = \"2h\"\nttl_max = \"1h\"", &["ttl_max", "ttl_min"]),
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
        (GOOD[..threshold].to_owned(), &["there is no threshold", "[[thresholds]]"][..]),
        (GOOD[threshold..].to_owned(), &["there is no zone", "[[dnsbl]]"]),
        (format!("{GOOD}{}", &GOOD[threshold..]), &["already a threshold of 1"]),
        (format!("{GOOD}{}", &GOOD[..threshold]), &["already a zone named", ZONE]),
    ];
    for (text, words) in cases.chain(halves) {
        guard.write_config(&(before.clone() + &text))?;
        let line = refusal(&guard.cli(["run"])?)?;
        let place = line.strip_prefix(&format!("{}:", guard.config_path().display()));
        let number = place.and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
        let number = number.with_context(|| format!("no line named for {text}: {line}"))?;
        assert!(number > before.lines().count(), "line {number} is not where it is: {line}\n{text}");
        if text.lines().count() == GOOD.lines().count() {
            let changed = text.lines().zip(GOOD.lines()).position(|(new, old)| new != old);
            assert_eq!(
                changed.map(|index| before.lines().count() + index + 1),
                Some(number),
                "{line}\n{text}"
            );
        }
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
