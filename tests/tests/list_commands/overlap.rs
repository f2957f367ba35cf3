//! `list overlap`.

use anyhow::Result;
use relay_guard::policy::MAX_LISTS;
use relay_guard_tests::guard::refusal;
use relay_guard_tests::offline::Offline;

use super::{assert_fits, configure, json, printed};

fn lists(offline: &Offline) -> Result<()> {
    offline.write("a", "10.0.0.0/24\n2001:db8::/32\n")?;
    offline.write("b", "10.0.0.0/26\n10.0.1.0/26\n")?;
    offline.write("c", "192.0.2.1\n2001:db8::/33\n")
}

/// The words of each line.
fn words(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn shares_are_given_in_both_directions_and_families() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    let text = printed(&offline.list(["overlap", "a", "b", "c"])?, 0)?;
    assert_fits(&text);
    let words = words(&text);
    for row in [
        &["1", "a", "256", "192", "2^96", "2^95"][..],
        &["2", "b", "128", "64", "0", "0"],
        &["3", "c", "1", "1", "2^95", "0"],
        // IPv4: a quarter of a is in b, half of b is in a.
        &["1", "=", "25", "."],
        &["2", "50", "=", "."],
        &["3", ".", ".", "="],
        // IPv6, where b has nothing: half of a is in c, all of c is in a.
        &["1", "3"],
        &["1", "=", "50"],
        &["3", "100", "="],
        // The largest overlaps.
        &["1", "2", "64", "25.0", "50.0", "-", "-", "-"],
        &["1", "3", "-", "-", "-", "2^95", "50.0", "100.0"],
    ] {
        assert!(words.iter().any(|words| words == row), "{row:?} is not in\n{text}");
    }
    Ok(())
}

#[test]
fn json_has_every_pair_that_shares_something() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    let report = json(&offline.list(["overlap", "c", "b", "a", "--json"])?, 0)?;
    assert_eq!(
        report["lists"][2],
        serde_json::json!({
            "name": "a",
            "ipv4_addresses": 256,
            "ipv6_addresses": "79228162514264337593543950336",
            "ipv4_only_here": 192,
            "ipv6_only_here": "39614081257132168796771975168",
        })
    );
    assert_eq!(
        report["pairs"],
        serde_json::json!([
            {
                "a": "b", "b": "a", "ipv6": null,
                "ipv4": { "addresses": 64, "percent_of_a": 50.0, "percent_of_b": 25.0 },
            },
            {
                "a": "c", "b": "a", "ipv4": null,
                "ipv6": {
                    "addresses": "39614081257132168796771975168", "percent_of_a": 100.0, "percent_of_b": 50.0,
                },
            },
        ])
    );
    Ok(())
}

#[test]
fn lists_without_anything_in_common_say_so() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("a", "10.0.0.0/24\n")?;
    offline.write("b", "10.0.1.0/24\n")?;
    let text = printed(&offline.list(["overlap", "a", "b"])?, 0)?;
    assert!(text.ends_with("\nno two lists share an address\n") && !text.contains("IPv6:"), "{text}");
    assert_eq!(json(&offline.list(["overlap", "a", "b", "--json"])?, 0)?["pairs"], serde_json::json!([]));
    Ok(())
}

#[test]
fn as_many_lists_as_there_may_be_fit_a_terminal_and_more_are_refused() -> Result<()> {
    let offline = Offline::new()?;
    let names: Vec<String> =
        (0..=MAX_LISTS).map(|number| format!("a-list-with-a-long-name-{number:0>30}")).collect();
    for (number, name) in (0..).zip(&names) {
        // Nested, so that all overlap; large, so that figures are wide.
        let (v4, v6) = (8 + number % 20, 32 + number % 64);
        offline.write(name, format!("{}.0.0.0/8\n10.0.0.0/{v4}\n2001:db8::/{v6}\n", 11 + number))?;
    }
    let arguments = |count| std::iter::once("overlap").chain(names.iter().take(count).map(String::as_str));
    let text = printed(&offline.list(arguments(MAX_LISTS))?, 0)?;
    assert_fits(&text);
    assert!(text.lines().any(|line| line.trim().starts_with("55 ") && line.contains(" 64")), "{text}");
    let pairs = MAX_LISTS * (MAX_LISTS - 1) / 2;
    assert!(text.contains(&format!("  and {} more; --json gives all\n", pairs - 10)), "{text}");
    let line = refusal(&offline.list(arguments(MAX_LISTS + 1))?)?;
    assert!(line.contains(&format!("{} lists: at most {MAX_LISTS} ", MAX_LISTS + 1)), "{line}");
    Ok(())
}

#[test]
fn without_files_the_lists_of_the_configuration_are_compared() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    configure(&offline, &[("first", "a"), ("second", "b")])?;
    let report = json(&offline.list(["overlap", "--config", "guard.toml", "--json"])?, 0)?;
    assert_eq!(report["pairs"][0]["a"], "first");
    assert_eq!(report["pairs"][0]["ipv4"]["addresses"], 64);
    configure(&offline, &[])?;
    let line = refusal(&offline.list(["overlap", "--config", "guard.toml"])?)?;
    assert!(line.contains("no lists") && line.contains("guard.toml"), "{line}");
    let line = refusal(&offline.list(["overlap", "--config", "missing.toml"])?)?;
    assert!(line.contains("cannot read missing.toml") && line.contains("name list files"), "{line}");
    Ok(())
}
