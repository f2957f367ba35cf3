//! Maps that the kernel takes no writes to: what cannot be written is told, and all else goes on.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use relay_guard_tests::frozen::freeze;
use relay_guard_tests::guard::{Answers, Guard};
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{Scene, clean, listed};
use serde_json::{Value, json};

use super::ask;

/// Freezes a map of the daemon's.
fn freeze_map(scene: &Scene, name: &str) -> Result<()> {
    scene.lab.gateway.run(|| {
        let entries = fs::read_dir(format!("{BPFFS}/relay-guard"))?.filter_map(Result::ok);
        let mut maps = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("maps-"));
        let directory: PathBuf = maps.next().context("no maps are pinned")?.path();
        freeze(&directory.join(name))
    })
}

#[test]
fn what_cannot_be_written_stops_nothing_else() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    freeze_map(&scene, "OWN_ADDRESSES")?;
    scene.lab.gateway.ip("address add 10.9.9.9/32 dev lo\n")?;
    guard.wait_for_status("the refused address", |status| {
        status["warnings"].to_string().contains("cannot write an address")
    })?;
    let block = ["block", &clean(1)[0].to_string(), "--for", "1s"];
    assert_eq!(ask(&guard, &block)?.0, 0);
    guard.wait_for("/v1/verdicts", "the end of the block", |list| list["verdicts"] == json!([]))?;
    scene.assert_deliver(clean(1));
    scene.assert_blocked(listed(1));
    Ok(())
}

#[test]
fn a_reload_that_the_kernel_refuses_changes_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let guard = Guard::start(&scene.lab, &config)?;
    freeze_map(&scene, "ANSWERING")?;
    config.mode = "observe";
    config.lists[0].action = "observe";
    config.answers = Some(Answers { per_second: Some(7), ..Answers::default() });
    guard.write_config(&config.to_toml()?)?;
    let (code, answer) = ask(&guard, &["reload"])?;
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(code == 1 && error.contains("cannot write what holds for answers"), "{answer:#}");
    let status = guard.status()?;
    assert_eq!(
        (&status["mode"], &status["lists"][0]["action"]),
        (&Value::from("enforce"), &Value::from("drop"))
    );
    scene.assert_blocked(listed(1));
    scene.assert_deliver(clean(1));
    Ok(())
}
