//! Changed lists and configurations.

use std::fs;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, List, Ports};
use relay_guard_tests::lab::addresses::{self as addr};
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_unanswered, clean, listed, listed_lines, spare};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::wait;
use serde_json::{Value, json};

use super::{PATIENCE, ask, text};

#[test]
fn a_changed_list_is_picked_up_and_a_bad_one_is_not() -> Result<()> {
    let scene = Scene::new()?;
    let config = scene.config()?.without_answers();
    let file = config.lists[0].file.clone();
    let mut guard = Guard::start(&scene.lab, &config)?;
    scene.assert_deliver(spare(1));
    let entries = |entries: u64| move |status: &Value| status["lists"][0]["entries"] == entries;

    fs::write(&file, format!("{}{}\n{}\n", listed_lines(), spare(1)[0], spare(1)[1]))?;
    guard.wait_for_status("the longer list", entries(4))?;
    scene.assert_blocked(spare(1).into_iter().chain(listed(1)));

    let bad =
        scene.lab.write_file("replacement", &format!("{}\n198.18.66.1 198.18.66.300\n", spare(2)[0]))?;
    fs::rename(bad, &file)?;
    let status = guard.wait_for_status("the bad line", |status| status["lists"][0]["error"].is_string())?;
    let error = status["lists"][0]["error"].as_str().context("an error")?;
    assert!(error.contains(&format!("{}:2: \"198.18.66.300\"", file.display())), "{error}");
    assert!(!error.contains('\n'), "{error}");
    assert_eq!(status["lists"][0]["entries"], 4, "the last good content");
    assert!(status["warnings"].to_string().contains("198.18.66.300"), "{status:#}");
    let said = text(&guard.cli(["status"])?);
    assert!(said.contains("stale") && said.contains("198.18.66.300"), "{said}");
    scene.assert_blocked(spare(1).into_iter().chain(listed(1)));
    scene.assert_deliver([spare(2)[0]]);
    // Nor does a restart or a reload take it.
    let (code, refused) = ask(&guard, &["reload"])?;
    assert!(code == 1 && refused["error"].as_str().is_some_and(|error| error.contains(":2:")), "{refused:#}");

    fs::remove_file(&file)?;
    guard.wait_for_status("the missing file", |status| {
        status["lists"][0]["error"].as_str().is_some_and(|error| error.contains("No such file"))
    })?;
    scene.assert_blocked(listed(1));

    fs::write(&file, listed_lines())?;
    let status = guard.wait_for_status("the good list", entries(2))?;
    assert_eq!(status["lists"][0]["error"], Value::Null);
    assert_eq!(status["warnings"], json!([]));
    scene.assert_blocked(listed(1));
    scene.assert_deliver(spare(1));
    assert!(guard.terminate()?.success());
    Ok(())
}

#[test]
fn a_reload_changes_everything_or_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    let before = guard.status()?;

    // Bad in the middle: everything else in it is new and must not come into force.
    let mut new = config.clone();
    new.mode = "observe";
    new.ports = Some(Ports { guarded: vec![2525], watched: vec![2525] });
    new.lists.clear();
    let broken = new.to_toml()?.replace("[hosts]", "[hosts]\nexempted = []");
    for bad in [broken, "mode = enforce".to_owned(), String::new()] {
        guard.write_config(&bad)?;
        let complaints = guard.log_text().matches("reload failed").count();
        guard.reload();
        wait::until("the refusal in the log", PATIENCE, || {
            Ok((guard.log_text().matches("reload failed").count() > complaints).then_some(()))
        })?;
        for key in ["mode", "interfaces", "lists", "table"] {
            assert_eq!(guard.status()?[key], before[key], "{key}");
        }
    }
    scene.assert_blocked(listed(2));
    scene.assert_deliver(clean(2));
    // A list that cannot be read, and a key that takes a restart.
    let mut unreadable = config.clone();
    unreadable.lists.push(List { file: scene.lab.dir().join("nowhere"), ..List::new("more", "drop") });
    let mut moved = config.clone();
    moved.daemon.pin_dir = format!("{BPFFS}/elsewhere").into();
    for (bad, word) in [(unreadable, "nowhere"), (moved, "daemon.pin_dir")] {
        guard.write_config(&bad.to_toml()?)?;
        let (code, answer) = ask(&guard, &["reload"])?;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(code == 1 && error.contains(word) && !error.contains('\n'), "{answer:#}");
    }
    scene.assert_blocked(listed(2));

    config.lists[0].action = "observe";
    config.add_list(&scene.lab, "more", "drop", &format!("{}\n{}\n", addr::CLEAN_V4, addr::CLEAN_V6))?;
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(ask(&guard, &["reload"])?.0, 0);
    scene.assert_deliver(listed(2));
    scene.assert_blocked(clean(2));

    config.mode = "observe";
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    guard.wait_for_status("observe mode", |status| status["mode"] == "observe")?;
    scene.assert_deliver(listed(3).into_iter().chain(clean(3)));

    config.mode = "enforce";
    config.lists[0].action = "drop";
    config.lists.truncate(1);
    config.ports = Some(Ports { guarded: vec![587], watched: vec![25] });
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    guard.wait_for_status("enforce mode", |status| status["mode"] == "enforce")?;
    scene.assert_deliver(listed(4).into_iter().chain(clean(4)));
    let submission = listed(4).map(|source| {
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), 587);
        Delivery::new(source, server).connect_timeout(IN_VAIN)
    });
    assert_unanswered(&scene.lab.internet, &submission);
    assert_eq!(guard.status()?["pid"], before["pid"], "it is still the same daemon");
    Ok(())
}

/// What lists do is written without a new table; what they hold stays.
#[test]
fn what_a_list_does_changes_alone() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.add_list(&scene.lab, "partners", "observe", &format!("{}\n", listed(1)[0]))?;
    let guard = Guard::start(&scene.lab, &config)?;
    let table = guard.status()?["table"].clone();
    for (drops, partners, first, others) in
        [("drop", "allow", true, false), ("observe", "drop", false, true), ("drop", "observe", false, false)]
    {
        (config.lists[0].action, config.lists[1].action) = (drops, partners);
        guard.write_config(&config.to_toml()?)?;
        assert_eq!(ask(&guard, &["reload"])?.0, 0);
        for (sources, pass) in [(vec![listed(1)[0]], first), (vec![listed(1)[1], listed(2)[0]], others)] {
            if pass { scene.assert_deliver(sources) } else { scene.assert_blocked(sources) }
        }
        assert_eq!(guard.status()?["table"], table);
    }
    Ok(())
}

#[test]
fn a_message_under_way_outlives_reloads() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let mut slow = Scene::inbound(clean(50)[0]);
    slow.content = "a line of this message\n".repeat(40_000);
    let outcome = std::thread::scope(|scope| {
        let delivery = scope.spawn(|| slow.attempt_in(&scene.lab.internet));
        while !delivery.is_finished() {
            assert!(guard.cli(["reload"]).is_ok_and(|output| output.status.success()));
        }
        delivery.join().expect("no panic")
    });
    assert_eq!(outcome, Outcome::Delivered);
    Ok(())
}
