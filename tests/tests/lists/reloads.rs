//! Reloads: what lists do changes at once, and what they hold is not read or fetched again for it.

use std::fs;

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::web::{Behaviour, Response};
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_delivered, assert_unanswered};
use serde_json::{Value, json};

use super::{
    ask, assert_listed, judged, lines, logged, now, refresh, row, spot, time, wait_for_row, wait_until_after,
    web_server,
};

/// Has the daemon take another configuration.
fn reload(guard: &Guard<'_>, config: &GuardConfig) -> Result<()> {
    guard.write_config(&config.to_toml()?)?;
    let (code, answer) = ask(guard, &["reload"])?;
    anyhow::ensure!(code == 0, "{answer:#}");
    Ok(())
}

/// The live table, and when each list was read.
fn held(guard: &Guard<'_>) -> Result<(Value, Vec<Value>)> {
    let all = guard.json(["list", "--json"])?;
    let rows = all["lists"].as_array().into_iter().flatten();
    Ok((all["table"].clone(), rows.map(|row| row["loaded_at"].clone()).collect()))
}

#[test]
fn what_lists_do_changes_without_reading_them() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    server.script("/list", Behaviour::tagged("\"v1\"", lines(1, 0..200)));
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists.push(List::new("fetched", "drop").with("url", server.url("/list")));
    let remote = nth(addr::REMOTE_SERVERS_V4, 5);
    config.add_list(&scene.lab, "local", "drop", &format!("{}{remote}\n", lines(2, 0..200)))?;
    let guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(refresh(&guard, &["fetched", "--force"])?.0, 0);
    drop(server.take_requests());
    let before = held(&guard)?;
    let updated = logged(&guard, &["list updated"]);
    wait_until_after(time(&row(&guard, "fetched")?["loaded_at"])?)?;
    scene.assert_blocked([spot(1, 1), spot(2, 1), remote]);

    config.lists[0].action = "observe";
    reload(&guard, &config)?;
    scene.assert_deliver([spot(1, 1)]);
    scene.assert_blocked([spot(2, 1)]);
    assert_eq!(held(&guard)?, before);

    config.lists[0].action = "drop";
    config.lists[1].action = "allow";
    reload(&guard, &config)?;
    scene.assert_blocked([spot(1, 1)]);
    scene.assert_deliver([spot(2, 1)]);
    assert_eq!(held(&guard)?, before);

    config.lists[1].action = "drop";
    config.lists[1] = config.lists[1].clone().with("direction", "outbound");
    reload(&guard, &config)?;
    scene.assert_deliver([spot(2, 1), remote]);
    let out = Scene::outbound(addr::WORKSTATION.v4.into(), 5);
    assert_unanswered(&scene.lab.inside, &[out.clone().connect_timeout(IN_VAIN)]);
    assert_eq!(held(&guard)?, before);

    config.lists[1].keys.clear();
    config.lists[0] = config.lists[0].clone().with("ports", vec![587]);
    reload(&guard, &config)?;
    scene.assert_deliver([spot(1, 1)]);
    scene.assert_blocked([spot(2, 1)]);
    assert_delivered(&scene.lab.inside, &[out]);
    assert_eq!(held(&guard)?, before);

    config.lists[0] = config.lists[0].clone().with("interval", "10m").with("max_age", "2h");
    config.lists[0].keys.remove("ports");
    reload(&guard, &config)?;
    scene.assert_blocked([spot(1, 1)]);
    let fetched = row(&guard, "fetched")?;
    assert!(time(&fetched["next_at"])? <= now() + 601, "{fetched:#}");
    assert_eq!(fetched["expires_at"].as_u64(), fetched["refreshed_at"].as_u64().map(|at| at + 7200));
    assert_eq!(held(&guard)?, before);
    assert_eq!(server.take_requests(), [], "nothing was fetched");
    assert_eq!(logged(&guard, &["list updated"]), updated, "nothing was read");
    Ok(())
}

#[test]
fn lists_come_and_go_and_move_with_a_reload() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    for (place, name) in [(1, "one"), (2, "two")] {
        server.script(&format!("/{name}"), Behaviour::tagged("\"v1\"", lines(place, 0..20)));
    }
    let of = |name: &str, path: &str| List::new(name, "drop").with("url", server.url(path));
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists.push(of("first", "/one"));
    let guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    scene.assert_blocked([spot(1, 1)]);
    let packets = row(&guard, "first")?["packets"].clone();
    assert!(packets.as_u64() > Some(0));

    // Another one before it: places, contents and counts stay with their lists.
    config.lists.insert(0, of("second", "/two"));
    reload(&guard, &config)?;
    assert_eq!(row(&guard, "first")?["packets"], packets);
    assert_eq!(refresh(&guard, &["second"])?.0, 0);
    assert_listed(&guard, spot(1, 1), &["first"])?;
    assert_listed(&guard, spot(2, 1), &["second"])?;
    scene.assert_blocked([spot(1, 1), spot(2, 1)]);

    // A source that fails stays one that fails, and in force.
    server.script("/one", Response::status(500));
    assert_eq!(refresh(&guard, &["first", "--force"])?.0, 1);
    let stale = row(&guard, "first")?;
    config.lists[0].action = "observe";
    reload(&guard, &config)?;
    let still = row(&guard, "first")?;
    for key in ["state", "error", "error_since", "failures", "loaded_at", "refreshed_at", "packets"] {
        assert_eq!(still[key], stale[key], "{key}");
    }
    scene.assert_blocked([spot(1, 2)]);

    // From another place it is another list: nothing of the old one is left.
    config.lists[1] = of("first", "/two");
    reload(&guard, &config)?;
    wait_for_row(&guard, "first", "the new content", |row| row["state"] == "good")?;
    assert_eq!(judged(&guard, spot(1, 1))?, ("clean".to_owned(), vec![]));
    assert_listed(&guard, spot(2, 1), &["first", "second"])?;
    scene.assert_deliver([spot(1, 1)]);
    scene.assert_blocked([spot(2, 1)]);

    // A list that is gone leaves no copy, and nothing in the kernel.
    config.lists.remove(0);
    reload(&guard, &config)?;
    assert_listed(&guard, spot(2, 1), &["first"])?;
    let copies: Vec<_> =
        fs::read_dir(&config.daemon.cache_dir)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_>>()?;
    assert!(copies.iter().all(|name| name.to_string_lossy().starts_with("first.")), "{copies:?}");
    config.lists.clear();
    reload(&guard, &config)?;
    scene.assert_deliver([spot(2, 1)]);
    assert_eq!(guard.json(["list", "--json"])?["lists"], json!([]));
    Ok(())
}
