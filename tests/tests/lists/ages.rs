//! How old content may become before it weighs nothing.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::peers::web::Response;
use relay_guard_tests::scene::Scene;
use serde_json::json;

use super::{
    assert_listed, assert_refresh, explain, lines, printed, refresh, row, spot, wait_for_row, web_server,
};

/// Makes a file look as if it had been written so long ago.
fn age(file: &Path, age: Duration) -> Result<()> {
    Ok(File::options().append(true).open(file)?.set_modified(SystemTime::now() - age)?)
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_list_that_was_not_refreshed_for_too_long_weighs_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab).without_answers();
    let mut files = Vec::new();
    for (place, name, minutes) in [(1, "old", 120), (2, "older", 50), (3, "fresh", 10)] {
        let file = config.add_list(&scene.lab, name, "drop", &lines(place, 0..10))?;
        age(&file, minutes * MINUTE)?;
        let list = config.lists.pop().map(|list| list.with("max_age", "1h"));
        config.lists.extend(list);
        files.push(file);
    }
    config.add_list(&scene.lab, "ageless", "drop", &lines(4, 0..10))?;
    age(&config.lists[3].file, 100_000 * MINUTE)?;
    let guard = Guard::start(&scene.lab, &config)?;
    let states =
        ["old", "older", "fresh", "ageless"].map(|name| row(&guard, name).map(|row| row["state"].clone()));
    let states = states.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!(states, ["expired", "ageing", "good", "good"]);
    let explained = explain(&guard, spot(1, 7))?;
    assert_eq!(explained["inbound"]["action"], "pass", "{explained:#}");
    for (place, name) in [(2, "older"), (3, "fresh"), (4, "ageless")] {
        assert_listed(&guard, spot(place, 7), &[name])?;
    }
    scene.assert_deliver([spot(1, 7)]);
    scene.assert_blocked([spot(2, 7), spot(3, 7), spot(4, 7)]);
    let said = printed(&guard.cli(["list"])?, 0)?;
    for words in
        ["warning: old: weighs nothing since it went stale, ", "warning: older: will weigh nothing, in "]
    {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert_eq!(said.matches("warning: ").count(), 2, "{said}");
    assert!(said.contains("; `relay-guard list refresh old`\n"), "{said}");
    let expected = json!([
        "list old: weighs nothing: it was not refreshed for too long",
        "list older: will soon weigh nothing: it was not refreshed for long",
    ]);
    assert_eq!(guard.status()?["warnings"], expected);

    // Touching is refreshing.
    age(&files[0], Duration::ZERO)?;
    wait_for_row(&guard, "old", "it to be refreshed", |row| row["state"] == "good")?;
    assert_listed(&guard, spot(1, 7), &["old"])?;
    scene.assert_blocked([spot(1, 7)]);
    // And the other way round, while it runs.
    age(&files[2], 59 * MINUTE + Duration::from_secs(57))?;
    wait_for_row(&guard, "fresh", "it to expire", |row| row["state"] == "expired")?;
    guard.wait_for(&format!("/v1/explain?address={}", spot(3, 7)), "it to weigh nothing", |explained| {
        explained["inbound"]["action"] == "pass"
    })?;
    scene.assert_deliver([spot(3, 7)]);
    scene.assert_blocked([spot(1, 7), spot(2, 7), spot(4, 7)]);
    Ok(())
}

#[test]
fn a_zone_says_itself_when_it_is_over() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    let zone =
        |expires: &str| format!("$TIMESTAMP 2020:01:01 {expires}\n:127.0.0.2:listed\n{}", lines(1, 0..10));
    server.script("/zone", Response::ok(zone("2020:02:01")));
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists.push(List::new("zone", "drop").with("url", server.url("/zone")).with("format", "rbldnsd"));
    let mut guard = Guard::start(&scene.lab, &config)?;
    refresh(&guard, &["--force"])?;
    let over = row(&guard, "zone")?;
    assert_eq!((&over["state"], &over["entries"]), (&json!("expired"), &json!(10)), "{over:#}");
    assert_eq!(explain(&guard, spot(1, 7))?["inbound"]["action"], "pass");
    scene.assert_deliver([spot(1, 7)]);

    server.script("/zone", Response::ok(zone("0")));
    assert_refresh(&guard, &["zone", "--force"], 0, "changed")?;
    assert_eq!(row(&guard, "zone")?["state"], "good");
    assert_listed(&guard, spot(1, 7), &["zone"])?;
    scene.assert_blocked([spot(1, 7)]);
    // A zone that is over is so from the start.
    server.script("/zone", Response::ok(zone("2020:02:01")));
    assert_refresh(&guard, &["zone", "--force"], 0, "changed")?;
    anyhow::ensure!(guard.terminate()?.success());
    guard.run()?;
    guard.wait_ready()?;
    assert_eq!(row(&guard, "zone")?["state"], "expired");
    scene.assert_deliver([spot(1, 8)]);
    Ok(())
}
