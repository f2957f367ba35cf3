//! What else happens while a list is being fetched: other lists, reloads, the end of the daemon.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::peers::web::{Behaviour, Response, WebServer};
use serde_json::{Value, json};

use super::{
    ask, assert_clean, assert_listed, assert_refresh, judged, lines, printed, refresh, row, spot,
    wait_for_row, web_server,
};

/// Lets a server answer requests for `target` only after a word of the sender, which also goes when that is dropped.
fn held_back(server: &WebServer, target: &str, body: String) -> Sender<()> {
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    server.script(
        target,
        Behaviour::decide(move |_| {
            // Either way it is time to answer.
            let _ = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            Response::ok(body.clone()).into()
        }),
    );
    sender
}

/// A refresh of the list `slow`, under way: what it answers.
fn begin<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    guard: &'scope Guard<'_>,
) -> Result<thread::ScopedJoinHandle<'scope, Result<Value>>> {
    let request = r#"{"name": "slow", "force": true}"#;
    let refresh = scope.spawn(move || guard.request("POST", "/v1/lists/refresh", Some(request))?.json());
    wait_for_row(guard, "slow", "the fetch", |row| row["busy"] == true)?;
    Ok(refresh)
}

fn answer(refresh: thread::ScopedJoinHandle<'_, Result<Value>>) -> Result<Value> {
    Ok(refresh.join().expect("no panic")?["lists"].clone())
}

/// A daemon with a list `slow` from the first server, that it has a good copy of, and a list `other` from the second.
fn start<'lab>(lab: &'lab Lab, slow: &WebServer, other: &WebServer) -> Result<(Guard<'lab>, GuardConfig)> {
    let mut config = GuardConfig::for_lab(lab);
    config.lists.push(List::new("slow", "drop").with("url", slow.url("/list")));
    config.lists.push(List::new("other", "drop").with("url", other.url("/list")));
    slow.script("/list", Response::ok(lines(1, 0..20)));
    other.script("/list", Response::ok(lines(2, 0..20)));
    let guard = Guard::start(lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    Ok((guard, config))
}

#[test]
fn a_slow_server_holds_up_nothing_else() -> Result<()> {
    let lab = Lab::new()?;
    let (slow, other) = (web_server(&lab)?, web_server(&lab)?);
    let (guard, mut config) = start(&lab, &slow, &other)?;
    let go = held_back(&slow, "/list", lines(1, 50..70));
    thread::scope(|scope| -> Result<()> {
        let pending = begin(scope, &guard)?;
        other.script("/list", Response::ok(lines(2, 50..70)));
        assert_refresh(&guard, &["other", "--force"], 0, "changed")?;
        assert_listed(&guard, spot(2, 60), &["other"])?;
        assert_listed(&guard, spot(1, 7), &["slow"])?;
        let said = printed(&guard.cli(["list"])?, 0)?;
        assert!(said.lines().any(|line| line.contains(" slow ") && line.ends_with("fetching")), "{said}");
        // Other actions are in force at once, for this list too.
        config.lists.iter_mut().for_each(|list| list.action = "observe");
        guard.write_config(&config.to_toml()?)?;
        assert_eq!(ask(&guard, &["reload"])?.0, 0);
        for (place, n) in [(1, 7), (2, 60)] {
            assert_eq!(super::explain(&guard, spot(place, n))?["inbound"]["effect"], "observed");
        }
        assert_eq!(row(&guard, "slow")?["busy"], true);
        // A second one who asks gets the same answer.
        let second = scope.spawn(|| refresh(&guard, &["slow"]));
        go.send(()).context("the server waits")?;
        drop(go);
        let changed = answer(pending)?;
        assert_eq!((&changed[0]["name"], &changed[0]["outcome"]), (&json!("slow"), &json!("changed")));
        let (code, second) = second.join().expect("no panic")?;
        assert_eq!((code, second.len()), (0, 1), "{second:?}");
        Ok(())
    })?;
    let effect = super::explain(&guard, spot(1, 60))?["inbound"]["effect"].clone();
    assert_eq!(effect, "observed", "new content with the new action");
    assert_clean(&guard, spot(1, 7))?;
    Ok(())
}

#[test]
fn what_comes_too_late_from_another_place_is_not_taken() -> Result<()> {
    let lab = Lab::new()?;
    let (slow, other) = (web_server(&lab)?, web_server(&lab)?);
    let (guard, mut config) = start(&lab, &slow, &other)?;
    let go = held_back(&slow, "/list", lines(1, 50..70));
    thread::scope(|scope| -> Result<()> {
        let pending = begin(scope, &guard)?;
        // The name stays; the place is another one.
        config.lists[0] = List::new("slow", "drop").with("url", other.url("/moved"));
        other.script("/moved", Behaviour::tagged("\"v1\"", lines(3, 0..20)));
        guard.write_config(&config.to_toml()?)?;
        assert_eq!(ask(&guard, &["reload"])?.0, 0);
        assert_eq!(refresh(&guard, &["slow", "--force"])?.0, 0);
        assert_listed(&guard, spot(3, 7), &["slow"])?;
        // The old place has not answered yet, and nobody waits for it any more.
        assert_eq!(answer(pending)?, json!([]), "the list that was asked for is gone");
        drop(go);
        Ok(())
    })?;
    assert_clean(&guard, spot(1, 60))?;
    assert_clean(&guard, spot(1, 7))?;
    assert_listed(&guard, spot(3, 7), &["slow"])?;
    let row = row(&guard, "slow")?;
    assert_eq!((&row["busy"], &row["state"], &row["entries"]), (&json!(false), &json!("good"), &json!(20)));
    assert_eq!(super::explain(&guard, spot(3, 7))?["inbound"]["lists"][0]["text"], "198.19.3.7");
    Ok(())
}

#[test]
fn the_daemon_does_not_wait_for_a_slow_server_to_stop() -> Result<()> {
    let lab = Lab::new()?;
    let (slow, other) = (web_server(&lab)?, web_server(&lab)?);
    let (mut guard, _) = start(&lab, &slow, &other)?;
    let go = held_back(&slow, "/list", lines(1, 50..70));
    // The connection is closed on it: that is an answer too.
    thread::scope(|scope| -> Result<()> {
        let pending = begin(scope, &guard)?;
        drop(guard.cli(["detach"])?);
        anyhow::ensure!(pending.join().expect("no panic").is_err());
        Ok(())
    })?;
    assert_eq!(guard.wait_for_end()?.code(), Some(0));
    drop(go);
    guard.run()?;
    guard.wait_ready()?;
    assert_eq!(judged(&guard, spot(1, 7))?, ("listed".to_owned(), vec!["slow".to_owned()]));
    Ok(())
}
