//! `list refresh`: now, but not too often, not at any price, and not before it is done.

use std::fs;

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig, Limits, List, refusal};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::peers::web::{Behaviour, Response};
use serde_json::json;

use super::{
    ask, assert_clean, assert_listed, assert_refresh, lines, logged, printed, refresh, row, spot, web_server,
};

#[test]
fn what_refresh_fetches_is_in_force_when_it_ends() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    let mut config = GuardConfig::for_lab(&lab);
    let file = config.add_list(&lab, "local", "drop", &lines(3, 0..20))?;
    for (place, name) in [(1, "one"), (2, "two")] {
        config.lists.push(List::new(name, "drop").with("url", server.url(&format!("/{name}"))));
        server.script(&format!("/{name}"), Behaviour::tagged("\"v0\"", lines(place, 0..20)));
    }
    let guard = Guard::start(&lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    drop(server.take_requests());

    // Not so soon again: the provider is not asked, and that is no failure.
    assert_refresh(&guard, &["one"], 0, "not-yet")?;
    let said = printed(&guard.cli(["list", "refresh", "one"])?, 0)?;
    assert!(said.starts_with("one: not-yet: ") && said.contains("--force asks now"), "{said}");
    assert_eq!(server.take_requests(), [], "nobody was asked");
    assert_refresh(&guard, &["one", "--force"], 0, "unchanged")?;
    assert_eq!(server.take_requests().len(), 1);
    // What is forced does not open the door for the next one.
    assert_refresh(&guard, &["one"], 0, "not-yet")?;
    // Files are asked as often as one likes.
    assert_refresh(&guard, &["local"], 0, "unchanged")?;
    assert_refresh(&guard, &["local"], 0, "unchanged")?;

    for version in 1..=5_u8 {
        let spots = version * 20..version * 20 + 20;
        server.script("/one", Behaviour::tagged(&format!("\"v{version}\""), lines(1, spots.clone())));
        fs::write(&file, lines(3, spots))?;
        let (code, outcomes) = refresh(&guard, &["--force"])?;
        let expected = [("local", "changed"), ("one", "changed"), ("two", "unchanged")];
        assert_eq!((code, outcomes), (0, expected.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()));
        for (place, name) in [(1, "one"), (3, "local")] {
            assert_listed(&guard, spot(place, version * 20 + 7), &[name])?;
            assert_clean(&guard, spot(place, version * 20 - 7))?;
        }
        assert_listed(&guard, spot(2, 7), &["two"])?;
    }
    // A table that takes its time is waited for.
    let many: String = (0..100_000_u32).map(|n| format!("44.{}.{}.0/24\n", n / 256 % 256, n % 256)).collect();
    fs::write(&file, many + &lines(3, 200..220))?;
    assert_refresh(&guard, &["local", "--accept"], 0, "changed")?;
    assert_listed(&guard, spot(3, 207), &["local"])?;
    fs::write(&file, lines(3, 0..20))?;
    assert_refresh(&guard, &["local", "--accept"], 0, "changed")?;
    assert_clean(&guard, spot(3, 207))?;
    let said = printed(&guard.cli(["list", "refresh", "local"])?, 0)?;
    assert_eq!(said, "local: unchanged: 20 entries, as before\n");

    let line = refusal(&guard.cli(["list", "refresh", "three"])?)?;
    assert!(line.contains("there is no list \"three\"") && line.contains("relay-guard list"), "{line}");
    let answer = guard.request("POST", "/v1/lists/refresh", Some(r#"{"names": ["one"]}"#))?;
    assert_eq!(answer.status, 422, "{answer:?}");
    Ok(())
}

#[test]
fn accept_takes_what_only_looks_wrong() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    let mut config = GuardConfig::for_lab(&lab);
    config.lists.push(List::new("one", "drop").with("url", server.url("/one")).with("max_change", 2));
    server.script("/one", Behaviour::tagged("\"v0\"", lines(1, 0..200)));
    let guard = Guard::start(&lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);

    let many: String = (1..=3).map(|place| lines(place, 0..200)).collect();
    for (tag, content, words, listed, clean) in [
        ("\"v1\"", lines(1, 200..250), "shrunk from 200 to 50 entries", spot(1, 220), spot(1, 7)),
        ("\"v2\"", many, "grown from 50 to 600 entries", spot(3, 7), spot(3, 207)),
        ("\"v3\"", String::new(), "", spot(3, 7), spot(3, 207)),
    ] {
        server.script("/one", Behaviour::tagged(tag, content.clone()));
        let (code, answer) = ask(&guard, &["list", "refresh", "one", "--force"])?;
        let message = answer["lists"][0]["message"].as_str().unwrap_or_default();
        assert!(code == 1 && message.contains(words), "{answer:#}");
        if content.is_empty() {
            break;
        }
        assert_clean(&guard, listed)?;
        assert_eq!(row(&guard, "one")?["state"], "stale");
        assert_refresh(&guard, &["one", "--accept"], 0, "changed")?;
        assert_listed(&guard, listed, &["one"])?;
        assert_clean(&guard, clean)?;
        let row = row(&guard, "one")?;
        assert_eq!((&row["state"], &row["entries"]), (&json!("good"), &json!(content.lines().count())));
        // From now on this is what a new version is compared with.
        assert_refresh(&guard, &["one", "--force"], 0, "unchanged")?;
    }
    // What is no list is not taken at anybody's word.
    for (behaviour, words) in [
        (Response::ok(""), "no entry in it"),
        (Response::ok("<html><body>198.19.1.7</body></html>"), "HTML"),
        (Response::ok("198.19.1.7\n198.19.1.1234\n"), ":2: \"198.19.1.1234\""),
        (Response::status(503), "the server answered 503"),
    ] {
        server.script("/one", behaviour);
        let (code, answer) = ask(&guard, &["list", "refresh", "one", "--accept"])?;
        let message = answer["lists"][0]["message"].as_str().unwrap_or_default();
        assert!(code == 1 && message.contains(words), "{answer:#}");
        assert_listed(&guard, spot(3, 7), &["one"])?;
        assert_eq!(row(&guard, "one")?["entries"], 600);
    }
    Ok(())
}

#[test]
fn what_cannot_be_put_in_force_is_no_success() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab).without_answers();
    // A table with nothing in it takes a quarter of a mebibyte, and each new /16 at least a cell of 64 bytes.
    config.limits = Some(Limits { table_bytes: Some(300_000), ..Limits::default() });
    let file = config.add_list(&lab, "one", "drop", &lines(1, 0..20))?;
    let guard = Guard::start(&lab, &config)?;
    let wide: String = (0..1000_u32).map(|n| format!("{}.{}.0.1\n", 60 + n / 250, n % 250)).collect();
    fs::write(&file, wide + &lines(2, 0..20))?;
    for _ in 0..2 {
        let (code, answer) = ask(&guard, &["list", "refresh", "one", "--accept"])?;
        let told = &answer["lists"][0];
        let message = told["message"].as_str().unwrap_or_default();
        assert_eq!((code, &told["outcome"]), (1, &json!("failed")), "{answer:#}");
        assert!(message.contains("not in force") && message.contains("limits.table_bytes"), "{message}");
        assert_listed(&guard, spot(1, 7), &["one"])?;
        assert_clean(&guard, spot(2, 7))?;
        let warnings = guard.status()?["warnings"].to_string();
        assert!(warnings.contains("the last change of lists is not in force"), "{warnings}");
    }
    assert_eq!(logged(&guard, &["the last change of lists is not in force"]), 1);
    fs::write(&file, lines(2, 0..20))?;
    assert_refresh(&guard, &["one", "--accept"], 0, "changed")?;
    assert_listed(&guard, spot(2, 7), &["one"])?;
    assert_eq!(guard.status()?["warnings"], json!([]));
    Ok(())
}

#[test]
fn without_a_daemon_nothing_is_refreshed() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::new(&lab, &GuardConfig::for_lab(&lab))?;
    for words in [&["list"][..], &["list", "refresh"], &["list", "refresh", "one", "--force"]] {
        let line = refusal(&guard.cli(words)?)?;
        assert!(line.contains("not running") || line.contains("no daemon"), "{line}");
    }
    Ok(())
}
