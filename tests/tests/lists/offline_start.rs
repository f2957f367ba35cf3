//! Starts without the sources: from the last good copies in the cache, if there are any and they are whole.

use std::fs;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, List, refusal};
use relay_guard_tests::peers::web::{Behaviour, Response, WebServer};
use relay_guard_tests::scene::Scene;
use serde_json::{Value, json};

use super::{
    assert_clean, assert_listed, assert_refresh, explain, lines, logged, printed, refresh, row, spot, time,
    wait_for_row, wait_until_after, web_server,
};

/// Stops the daemon; the filter stays.
fn stop(guard: &mut Guard<'_>) -> Result<()> {
    anyhow::ensure!(guard.terminate()?.success());
    Ok(())
}

/// Starts it again, until it is ready.
fn start(guard: &mut Guard<'_>) -> Result<()> {
    guard.run()?;
    guard.wait_ready().map(drop)
}

#[test]
fn without_a_network_the_last_good_copy_is_in_force_from_the_start() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    let document = || Behaviour::tagged("\"v1\"", lines(1, 0..20));
    server.script("/list", document());
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists.push(List::new("feed", "drop").with("url", server.url("/list")));
    let mut guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    let fetched = row(&guard, "feed")?;
    stop(&mut guard)?;
    let address = server.address();
    drop(server);

    start(&mut guard)?;
    let restored = row(&guard, "feed")?;
    for key in
        ["state", "entries", "format", "addresses_v4", "loaded_at", "refreshed_at", "expires_at", "error"]
    {
        assert_eq!(restored[key], fetched[key], "{key} of {restored:#}, before: {fetched:#}");
    }
    assert_eq!(restored["state"], "good", "{restored:#}");
    assert!(restored["next_at"].as_u64() > restored["loaded_at"].as_u64(), "{restored:#}");
    assert_listed(&guard, spot(1, 7), &["feed"])?;
    let listing = explain(&guard, spot(1, 7))?["inbound"]["lists"][0].clone();
    assert_eq!((&listing["line"], &listing["text"]), (&json!(8), &json!(spot(1, 7))), "{listing:#}");
    scene.assert_blocked([spot(1, 7)]);
    scene.assert_deliver([spot(1, 20)]);

    assert_refresh(&guard, &["feed", "--force"], 1, "failed")?;
    let stale = row(&guard, "feed")?;
    assert_eq!((&stale["state"], &stale["refreshed_at"]), (&json!("stale"), &fetched["refreshed_at"]));
    assert!(stale["error"].as_str().is_some_and(|error| error.contains("Connection refused")), "{stale:#}");
    assert_listed(&guard, spot(1, 7), &["feed"])?;

    // The server is back, and asked only whether there is anything new.
    let server = WebServer::start_in(&scene.lab.gateway, address, None)?;
    server.script("/list", document());
    wait_until_after(time(&fetched["refreshed_at"])?)?;
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    let requests = server.take_requests();
    let last = requests.last().context("a request")?;
    assert_eq!(last.header("if-none-match"), Some("\"v1\""), "{last:?}");
    let renewed = row(&guard, "feed")?;
    let state = (&renewed["state"], &renewed["error"], &renewed["loaded_at"]);
    assert_eq!(state, (&json!("good"), &Value::Null, &fetched["loaded_at"]), "{renewed:#}");
    assert!(time(&renewed["refreshed_at"])? > time(&fetched["refreshed_at"])?, "{renewed:#}");
    assert_listed(&guard, spot(1, 7), &["feed"])?;
    // So is the copy.
    stop(&mut guard)?;
    start(&mut guard)?;
    assert_eq!(row(&guard, "feed")?["refreshed_at"], renewed["refreshed_at"]);
    scene.assert_blocked([spot(1, 7)]);
    Ok(())
}

#[test]
fn a_damaged_copy_is_none_and_harms_no_other() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    for (place, name) in [(1, "whole"), (2, "damaged")] {
        config.lists.push(List::new(name, "drop").with("url", server.url(&format!("/{name}"))));
        server.script(&format!("/{name}"), Behaviour::tagged("\"v1\"", lines(place, 0..20)));
    }
    let mut guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    let copy = config.daemon.cache_dir.join("damaged.list");
    let whole = fs::read(&copy)?;
    let mut flipped = whole.clone();
    *flipped.last_mut().context("bytes")? ^= 1;
    let address = server.address();
    drop(server);
    for (what, bytes) in [
        ("a flipped bit", &flipped[..]),
        ("its end missing", &whole[..whole.len() - 9]),
        ("empty", b""),
        ("another file", b"GIF89a\n"),
    ] {
        stop(&mut guard)?;
        fs::write(&copy, bytes)?;
        let told = logged(&guard, &["damaged.list is damaged", "list=\"damaged\""]);
        start(&mut guard)?;
        let damaged = row(&guard, "damaged")?;
        let state = (&damaged["state"], &damaged["entries"], &damaged["refreshed_at"]);
        assert_eq!(state, (&json!("waiting"), &json!(0), &Value::Null), "{what}: {damaged:#}");
        assert_eq!(logged(&guard, &["damaged.list is damaged", "list=\"damaged\""]), told + 1, "{what}");
        assert_clean(&guard, spot(2, 7))?;
        assert_listed(&guard, spot(1, 7), &["whole"])?;
    }
    scene.assert_blocked([spot(1, 8)]);
    scene.assert_deliver([spot(2, 8)]);
    // The next fetch replaces it, with nothing of it in the request.
    let server = WebServer::start_in(&scene.lab.gateway, address, None)?;
    server.script("/damaged", Response::ok(lines(2, 0..20)));
    assert_refresh(&guard, &["damaged", "--force"], 0, "changed")?;
    assert!(server.requests().iter().all(|request| request.header("if-none-match").is_none()));
    assert_listed(&guard, spot(2, 7), &["damaged"])?;
    stop(&mut guard)?;
    start(&mut guard)?;
    assert_eq!(row(&guard, "damaged")?["entries"], 20);
    Ok(())
}

#[test]
fn a_file_that_is_bad_at_the_start_is_replaced_by_its_last_good_copy() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let file = config.add_list(&scene.lab, "local", "drop", &lines(1, 0..20))?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    assert_listed(&guard, spot(1, 7), &["local"])?;

    let (bad, none) = ("198.19.1.200\n198.19.1.300\n", "");
    let shrunk = lines(1, 0..1);
    let big: String = (0..5).map(|place| lines(place, 0..=255)).collect();
    for (old, new, words) in [
        (lines(1, 0..20), Some(bad), ":2: \"198.19.1.300\""),
        (lines(1, 0..20), Some(none), "no entry in it"),
        (lines(1, 0..20), None, "No such file"),
        (big, Some(&shrunk[..]), "shrunk from 1280 to 1 entries"),
    ] {
        fs::write(&file, &old)?;
        assert_eq!(refresh(&guard, &["local", "--accept"])?.0, 0);
        stop(&mut guard)?;
        match new {
            Some(new) => fs::write(&file, new)?,
            None => fs::remove_file(&file)?,
        }
        let news = ["list=\"local\"", words, "the last good content stays in force"];
        let told = logged(&guard, &news);
        start(&mut guard)?;
        let stale = row(&guard, "local")?;
        let error = stale["error"].as_str().unwrap_or_default();
        assert!(stale["state"] == "stale" && error.contains(words), "{stale:#}");
        assert_eq!(stale["entries"], old.lines().count(), "{stale:#}");
        assert_listed(&guard, spot(1, 7), &["local"])?;
        assert_clean(&guard, spot(9, 200))?;
        scene.assert_blocked([spot(1, 8)]);
        let told_by_status = guard.status()?["warnings"].to_string();
        assert!(
            told_by_status.contains("list local: ") && told_by_status.contains(&words.replace('"', "\\\""))
        );
        assert_eq!(logged(&guard, &news), told + 1, "{words}");
    }
    // It is looked at every second, and told once.
    let looks = guard.status()?["uptime_s"].as_u64();
    guard.wait_for_status("two more looks", |status| status["uptime_s"].as_u64() > looks.map(|s| s + 2))?;
    assert_eq!(logged(&guard, &["list=\"local\"", "shrunk from 1280 to 1 entries"]), 1);
    fs::write(&file, lines(1, 100..150).repeat(2))?;
    // Far fewer than there were: the administrator's word is needed.
    assert_refresh(&guard, &["local"], 1, "failed")?;
    assert_refresh(&guard, &["local", "--accept"], 0, "changed")?;
    wait_for_row(&guard, "local", "the good file", |row| row["state"] == "good" && row["entries"] == 50)?;
    assert_listed(&guard, spot(1, 120), &["local"])?;
    assert_clean(&guard, spot(1, 7))?;

    // Without a copy there is nothing to begin with.
    stop(&mut guard)?;
    fs::write(&file, bad)?;
    fs::remove_dir_all(&config.daemon.cache_dir)?;
    let line = refusal(&guard.cli(["run"])?)?;
    assert!(line.starts_with("list local: ") && line.contains(":2: \"198.19.1.300\""), "{line}");
    let report = printed(&guard.cli(["check"])?, 1)?;
    assert!(report.contains(":2: \"198.19.1.300\""), "{report}");
    scene.assert_blocked([spot(1, 120)]);
    Ok(())
}
