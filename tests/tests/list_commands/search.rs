//! `list search`.

use anyhow::Result;
use relay_guard_tests::guard::refusal;
use relay_guard_tests::offline::Offline;

use super::{assert_fits, configure, json, printed};

fn lists(offline: &Offline) -> Result<()> {
    offline.write("drop", "# header\n10.0.0.0/8 ; SBL1\n\n10.1.2.0/24 # SBL2\n10.1.2.3\n2001:db8::/32\n")?;
    offline.write("other", "192.0.2.1\n10.1.2.3 a note\n")
}

#[test]
fn every_entry_that_holds_an_address_is_found() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    let text = printed(&offline.list(["search", "10.1.2.3", "drop", "other"])?, 0)?;
    assert_fits(&text);
    let rows: Vec<Vec<_>> = text.lines().map(|line| line.split_whitespace().take(3).collect()).collect();
    assert_eq!(
        rows,
        [
            ["LIST", "LINE", "ENTRY"],
            ["drop", "2", "10.0.0.0/8"],
            ["drop", "4", "10.1.2.0/24"],
            ["drop", "5", "10.1.2.3"],
            ["other", "2", "10.1.2.3"],
            ["10.1.2.3:", "in", "2"],
        ]
    );
    assert!(text.contains("SBL1") && text.contains("a note"), "{text}");
    assert!(text.ends_with("10.1.2.3: in 2 of 2 lists\n"), "{text}");
    let report = json(&offline.list(["search", "2001:db8::7", "drop", "other", "--json"])?, 0)?;
    assert_eq!(
        (&report["query"], &report["lists"], &report["lists_with_hits"]),
        (&"2001:db8::7".into(), &2.into(), &1.into())
    );
    let hit = &report["hits"][0];
    assert_eq!((&hit["list"], &hit["file"], &hit["line"]), (&"drop".into(), &"drop".into(), &6.into()));
    assert_eq!((&hit["entry"], &hit["text"]), (&"2001:db8::/32".into(), &"2001:db8::/32".into()));
    assert!(hit["note"].is_null() && hit["value"].is_null() && report["more_hits"] == 0, "{report:#}");
    Ok(())
}

#[test]
fn a_cidr_finds_what_it_overlaps_in_either_way() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    for (query, lines) in [
        ("10.1.0.0/16", &[2, 4, 5][..]),
        ("10.1.2.2/31", &[2, 4, 5]),
        ("10.1.2.4/30", &[2, 4]),
        ("0.0.0.0/0", &[2, 4, 5]),
        ("11.0.0.0/8", &[]),
        ("2000::/3", &[6]),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", &[6]),
        ("::ffff:10.1.2.3", &[2, 4, 5]),
    ] {
        let output = offline.list(["search", query, "drop", "--json"])?;
        let report = json(&output, i32::from(lines.is_empty()))?;
        let found = report["hits"].as_array().into_iter().flatten().map(|hit| hit["line"].clone());
        assert_eq!(found.collect::<Vec<_>>(), lines, "{query}");
    }
    Ok(())
}

#[test]
fn entries_of_a_zone_have_a_value_and_their_text() -> Result<()> {
    let offline = Offline::new()?;
    offline
        .write("zone", "$DATASET ip4set:x @\n:127.0.0.2:see $\n10.0.0.0/24\n10.0.0.1 :5:own\n!10.0.0.9\n")?;
    // Of nested entries the narrowest answers, as rbldnsd does.
    for (query, line, value, note) in
        [("10.0.0.1", 4, "127.0.0.5", "own"), ("10.0.0.7", 3, "127.0.0.2", "see 10.0.0.7")]
    {
        let report = json(&offline.list(["search", query, "zone", "--json"])?, 0)?;
        assert_eq!(report["hits"].as_array().map(Vec::len), Some(1), "{report:#}");
        let hit = &report["hits"][0];
        assert_eq!((&hit["line"], &hit["value"], &hit["note"]), (&line.into(), &value.into(), &note.into()));
    }
    let text = printed(&offline.list(["search", "10.0.0.1", "zone"])?, 0)?;
    assert!(text.contains("127.0.0.5 own\n"), "{text}");
    assert_eq!(offline.list(["search", "10.0.0.9", "zone"])?.status.code(), Some(1), "an exclusion");
    Ok(())
}

#[test]
fn an_address_in_no_list_is_the_answer_no() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    assert_eq!(
        printed(&offline.list(["search", "192.0.2.2", "drop"])?, 1)?,
        "192.0.2.2: in none of 1 list\n"
    );
    assert_eq!(
        printed(&offline.list(["search", "192.0.2.2", "drop", "other"])?, 1)?,
        "192.0.2.2: in none of 2 lists\n"
    );
    Ok(())
}

#[test]
fn hits_beyond_the_limit_are_counted() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("a", (0..150).map(|n| format!("10.0.0.{n}\n")).collect::<String>())?;
    offline.write("b", "10.0.0.7\n")?;
    let text = printed(&offline.list(["search", "10.0.0.0/24", "a", "b"])?, 0)?;
    assert!(text.ends_with("  and 51 more; --max-hits shows more\n10.0.0.0/24: in 2 of 2 lists\n"), "{text}");
    assert_eq!(text.lines().count(), 1 + 100 + 2, "{text}");
    let report = json(&offline.list(["search", "10.0.0.0/24", "a", "b", "--max-hits", "150", "--json"])?, 0)?;
    assert_eq!(report["hits"].as_array().map(Vec::len), Some(150));
    assert_eq!(report["more_hits"], 1);
    // Many more than are shown, in an order that is not that of the addresses: those of the first lines are shown.
    offline.write(
        "many",
        (0..5000).rev().map(|n| format!("10.0.{}.{}\n", n / 250, n % 250)).collect::<String>(),
    )?;
    let report = json(&offline.list(["search", "10.0.0.0/16", "many", "--max-hits", "3", "--json"])?, 0)?;
    let lines: Vec<_> =
        report["hits"].as_array().into_iter().flatten().map(|hit| hit["line"].clone()).collect();
    assert_eq!((lines, &report["more_hits"]), (vec![1.into(), 2.into(), 3.into()], &4997.into()));
    Ok(())
}

#[test]
fn without_files_the_lists_of_the_configuration_are_searched() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    configure(&offline, &[("spamhaus", "drop"), ("own", "other")])?;
    let report = json(&offline.list(["search", "192.0.2.1", "--config", "guard.toml", "--json"])?, 0)?;
    assert_eq!((&report["hits"][0]["list"], &report["hits"][0]["line"]), (&"own".into(), &1.into()));
    assert_eq!(report["lists"], 2);
    // They are read as the configuration says, not as the arguments do.
    let config = offline.read("guard.toml")?;
    offline.write("guard.toml", format!("{config}host_bits = \"reject\"\n"))?;
    offline.write("other", "192.0.2.1/24\n")?;
    let search = ["search", "192.0.2.1", "--config", "guard.toml", "--host-bits", "mask"];
    let line = refusal(&offline.list(search)?)?;
    assert!(line.contains("other:1: \"192.0.2.1/24\""), "{line}");
    offline.write("guard.toml", format!("{config}\n[limits]\nlist_bytes = 5\n"))?;
    let line = refusal(&offline.list(search)?)?;
    assert!(line.contains("limits.list_bytes"), "{line}");
    Ok(())
}

#[test]
fn what_is_no_address_is_never_guessed_at() -> Result<()> {
    let offline = Offline::new()?;
    lists(&offline)?;
    for (query, words) in [
        ("example.org", "names are never looked up"),
        ("10.1", "no address"),
        ("10.0.0.1/8", "did you mean 10.0.0.0/8 or 10.0.0.1?"),
        ("", "no address"),
    ] {
        let line = refusal(&offline.list(["search", query, "drop"])?)?;
        assert!(line.contains(words), "{query:?}: {line}");
    }
    Ok(())
}
