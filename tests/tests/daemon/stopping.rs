//! One daemon at a time, and what becomes of the filter when it ends.

use anyhow::Result;
use relay_guard_tests::guard::{Guard, refusal};
use relay_guard_tests::scene::{Scene, clean, listed};
use serde_json::json;

use super::{ask, pins_left, text};

#[test]
fn a_second_daemon_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let pid = guard.daemon_id().expect("it runs");
    let error = refusal(&guard.cli(["run"])?)?;
    assert!(error.contains("already running") && error.contains(&pid.to_string()), "{error}");
    assert_eq!(guard.status()?["pid"], pid, "the first one is unharmed");
    scene.assert_blocked(listed(1));
    Ok(())
}

#[test]
fn stopping_keeps_or_detaches_as_configured() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(guard.terminate()?.code(), Some(0));
    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!((code, &status["running"]), (1, &json!(false)));
    // XDP and tc egress on each of three interfaces.
    assert_eq!(status["attached"].as_array().map(Vec::len), Some(6), "{status:#}");
    scene.assert_blocked(listed(1));
    scene.assert_deliver(clean(1));

    config.daemon.on_stop = Some("detach");
    guard.write_config(&config.to_toml()?)?;
    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "adopted");
    scene.assert_blocked(listed(1));
    assert_eq!(guard.terminate()?.code(), Some(0));
    assert!(!pins_left(&scene));
    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!((code, &status["attached"]), (1, &json!([])));
    scene.assert_deliver(listed(1).into_iter().chain(clean(1)));
    Ok(())
}

#[test]
fn detach_takes_everything_off_with_and_without_a_daemon() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &scene.config()?)?;
    scene.assert_blocked(listed(1));
    let (code, answer) = ask(&guard, &["detach"])?;
    assert_eq!((code, answer["detached"].as_array().map(Vec::len)), (0, Some(6)), "{answer:#}");
    assert!(guard.wait_for_end()?.success(), "the daemon ends, and well");
    assert!(!pins_left(&scene));
    scene.assert_deliver(listed(1));

    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "fresh");
    scene.assert_blocked(listed(1));
    guard.kill9();
    scene.assert_blocked(listed(1));
    assert_eq!(ask(&guard, &["detach"])?.0, 0);
    assert!(!pins_left(&scene));
    scene.assert_deliver(listed(1).into_iter().chain(clean(1)));
    let again = guard.cli(["detach"])?;
    assert!(again.status.success() && text(&again).contains("nothing was attached"), "{again:?}");
    // Taken off means off: no program is left on the devices either.
    let links = scene.lab.gateway.command("ip").args(["-d", "link"]).output()?;
    assert!(!text(&links).contains("xdp"), "{}", text(&links));
    Ok(())
}
