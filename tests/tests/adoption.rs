//! Daemons come and go, by SIGKILL too; the filter stays, without a gap.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, GuardConfig, Limits, Step, refusal};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_delivered, assert_unanswered, clean, listed};
use relay_guard_tests::smtp::{Outcome, Stream};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);

/// Attempts of each stream between two disturbances.
const MORE: usize = 30;

fn restart(guard: &mut Guard<'_>) -> Result<Value> {
    guard.kill9();
    start(guard)
}

/// Starts the daemon; what it takes over, it takes over as it is.
fn start(guard: &mut Guard<'_>) -> Result<Value> {
    guard.run()?;
    let status = guard.wait_ready()?;
    assert_native(&status);
    Ok(status)
}

#[track_caller]
fn assert_native(status: &Value) {
    let interfaces = status["interfaces"].as_array().expect("interfaces");
    let native = |one: &&Value| one["state"] == "attached" && one["mode"] == "native" && one["why"].is_null();
    assert_eq!(interfaces.iter().filter(native).count(), 3, "{interfaces:#?}");
}

fn pin_dir() -> PathBuf {
    Path::new(BPFFS).join("relay-guard")
}

/// Names in a directory of the gateway's BPF file system; none if there is no such directory.
fn names(scene: &Scene, dir: &Path) -> Vec<String> {
    scene.lab.gateway.run(|| {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    })
}

fn map_dirs(scene: &Scene) -> Vec<String> {
    names(scene, &pin_dir()).into_iter().filter(|name| name.starts_with("maps-")).collect()
}

#[test]
fn the_next_daemon_takes_over_what_a_killed_one_left() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("attempts", 8, Step::new(100, "drop").lasting("1h"));
    let mut guard = Guard::start(&scene.lab, &config)?;
    let blocked = clean(40);
    ensure!(guard.cli(["block", "198.51.100.40", "--reason", "kept"])?.status.success());
    ensure!(guard.cli(["block", &format!("{}/128", blocked[1]), "--for", "1h"])?.status.success());
    ensure!(guard.cli(["allow", "198.18.66.200/29"])?.status.success());
    let mails: Vec<_> = (0..9).map(|n| Scene::outbound(addr::ZOMBIE.v4.into(), n)).collect();
    assert_delivered(&scene.lab.inside, &mails);
    guard.wait_for_status("the zombie to be contained", |status| status["verdicts"]["contained"] == 1)?;
    scene.assert_blocked(listed(1));
    let before = guard.status()?;
    let contained = |guard: &Guard<'_>| -> Result<Value> {
        let hosts = guard.request("GET", "/v1/hosts", None)?.json()?;
        let zombie = hosts["hosts"].as_array().into_iter().flatten();
        zombie
            .filter(|host| host["address"] == addr::ZOMBIE.v4.to_string())
            .map(|host| host["contained_until"].clone())
            .next()
            .context("the zombie is known")
    };
    let until = contained(&guard)?;

    guard.kill9();
    let check = || {
        scene.assert_blocked(listed(2).into_iter().chain(blocked));
        scene.assert_deliver(clean(2).into_iter().chain(["198.18.66.201".parse().expect("an address")]));
        assert_unanswered(&scene.lab.inside, &[mails[0].clone().connect_timeout(IN_VAIN)]);
    };
    check();
    let output = guard.cli(["status", "--json"])?;
    let status: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((output.status.code(), &status["running"]), (Some(1), &json!(false)));
    assert_eq!(status["attached"].as_array().map(Vec::len), Some(6), "{status:#}");
    let said = String::from_utf8(guard.cli(["status"])?.stdout)?;
    assert!(said.contains("not running") && said.contains("still attached"), "{said}");

    // Whoever is contained anew is contained for longer: that would show.
    config.containment = vec![Step::new(100, "drop").lasting("100m")];
    guard.write_config(&config.to_toml()?)?;
    let after = start(&mut guard)?;
    assert_eq!(after["start"], "adopted");
    check();
    assert!(contained(&guard)?.as_u64().zip(until.as_u64()).is_some_and(|(a, b)| a.abs_diff(b) <= 1));
    assert_eq!(guard.status()?["verdicts"], before["verdicts"]);
    // What was counted before the kill and while no daemon ran is all there.
    let stopped = |status: &Value| status["totals"]["inbound_stopped"].as_u64().unwrap_or_default();
    assert!(stopped(&before) >= 2 && stopped(&after) >= stopped(&before) + 4, "{before:#} {after:#}");
    let of_list = |status: &Value| status["lists"][0]["packets"].as_u64().unwrap_or_default();
    assert!(of_list(&before) >= 2, "{before:#}");
    // Maps of another layout start empty, but who was stopped stays stopped.
    config.limits = Some(Limits { inside_hosts: Some(1000), ..Limits::default() });
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(restart(&mut guard)?["start"], "replaced");
    check();
    assert!(contained(&guard)?.as_u64().zip(until.as_u64()).is_some_and(|(a, b)| a.abs_diff(b) <= 1));
    assert_eq!(guard.status()?["verdicts"], before["verdicts"]);
    // And it can be taken back.
    ensure!(guard.cli(["remove", "198.51.100.40"])?.status.success());
    ensure!(guard.cli(["remove", &addr::ZOMBIE.v4.to_string()])?.status.success());
    scene.assert_deliver([blocked[0]]);
    assert_delivered(&scene.lab.inside, &mails[..1]);
    Ok(())
}

#[test]
fn there_is_no_gap() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    let bad: Vec<_> =
        (1..60).flat_map(listed).map(|one| Scene::inbound(one).connect_timeout(IN_VAIN)).collect();
    let good: Vec<_> = (1..60).flat_map(clean).map(Scene::inbound).collect();
    let bad = Stream::start(&scene.lab.internet, bad, Duration::from_millis(4))?;
    let good = Stream::start(&scene.lab.internet, good, Duration::from_millis(15))?;
    let go_on = || good.wait_for(MORE, PATIENCE).and_then(|()| bad.wait_for(MORE, PATIENCE));

    go_on()?;
    assert_eq!(restart(&mut guard)?["start"], "adopted");
    go_on()?;
    assert!(guard.terminate()?.success());
    go_on()?;
    assert_eq!(start(&mut guard)?["start"], "adopted");
    go_on()?;
    let old_maps = map_dirs(&scene);
    config.limits = Some(Limits { inside_hosts: Some(1000), ..Limits::default() });
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(restart(&mut guard)?["start"], "replaced");
    let new_maps = map_dirs(&scene);
    assert!(old_maps.len() == 1 && new_maps.len() == 1 && old_maps != new_maps, "{old_maps:?} {new_maps:?}");
    go_on()?;
    assert_eq!(restart(&mut guard)?["start"], "adopted");
    ensure!(guard.cli(["reload"])?.status.success());
    go_on()?;

    let (bad, good) = (bad.finish(), good.finish());
    let passed: Vec<_> = bad.iter().filter(|attempt| attempt.outcome != Outcome::ConnectTimeout).collect();
    assert!(passed.is_empty(), "{} of {} got through: {:?} …", passed.len(), bad.len(), passed.first());
    let failed: Vec<_> = good.iter().filter(|attempt| !attempt.outcome.is_delivered()).collect();
    assert!(failed.is_empty(), "{} of {} failed: {:?} …", failed.len(), good.len(), failed.first());
    assert!(bad.len() > 6 * MORE && good.len() > 6 * MORE, "{} and {}", bad.len(), good.len());
    let seen = scene.own.ledger().connections_from(|peer| match peer {
        IpAddr::V4(peer) => addr::LISTED_V4.contains(&peer),
        IpAddr::V6(peer) => addr::LISTED_V6.contains(&peer),
    });
    assert_eq!(seen, 0, "connections that the server has seen");
    Ok(())
}

/// What somebody may have done to the pins; each gets the pin directory and the one with the maps in it.
type Damage = (&'static str, fn(&Path, &Path) -> std::io::Result<()>);

/// Of these, what a start refuses to mend: maps and programs that are something else. Somebody should have a look.
const REFUSED: &[&str] = &[
    "a map is of another type",
    "a map has other sizes",
    "a map is a directory",
    "a program is a directory",
];

const DAMAGES: &[Damage] = &[
    ("a map is gone", |_, maps| fs::remove_file(maps.join("VERDICTS"))),
    ("a map is of another type", |_, maps| fs::rename(maps.join("SETTINGS"), maps.join("HOSTS"))),
    ("a map has other sizes", |_, maps| fs::rename(maps.join("COUNTERS"), maps.join("CLASS_COUNTERS"))),
    ("a map is a directory", |_, maps| {
        fs::remove_file(maps.join("PREFIXES"))?;
        fs::create_dir(maps.join("PREFIXES"))
    }),
    ("all maps are gone", |_, maps| {
        fs::read_dir(maps)?.try_for_each(|map| fs::remove_file(map?.path()))?;
        fs::remove_dir(maps)
    }),
    ("a program is a map", |root, maps| fs::rename(maps.join("PORTS"), root.join("programs/guard_xdp"))),
    ("a program is a directory", |root, _| {
        fs::remove_file(root.join("programs/guard_egress"))?;
        fs::create_dir(root.join("programs/guard_egress"))
    }),
    ("a link is a map", |root, maps| fs::rename(maps.join("LOSSES"), a_link(root)?)),
    ("a link is a directory", |root, _| {
        let link = a_link(root)?;
        fs::remove_file(&link)?;
        fs::create_dir(link)
    }),
    ("a foreign link", |root, _| std::os::unix::fs::symlink("/nowhere", root.join("links/foreign"))),
    ("a foreign link with our name", |root, _| {
        std::os::unix::fs::symlink("/nowhere", root.join("links/out0~4000~xdp~native"))
    }),
    ("the links are gone", |root, _| {
        fs::read_dir(root.join("links"))?.try_for_each(|link| fs::remove_file(link?.path()))
    }),
];

fn a_link(root: &Path) -> std::io::Result<PathBuf> {
    let mut links = fs::read_dir(root.join("links"))?.filter_map(Result::ok).map(|entry| entry.path());
    let xdp =
        |path: &PathBuf| path.to_string_lossy().contains("out0~") && path.to_string_lossy().contains("~xdp~");
    links.find(xdp).ok_or_else(|| std::io::Error::other("no link"))
}

#[test]
fn broken_pins_are_mended_or_refused_in_one_line() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &scene.config()?)?;
    for (what, damage) in DAMAGES {
        guard.kill9();
        let maps = map_dirs(&scene).pop().with_context(|| format!("{what}: no maps before"))?;
        let root = pin_dir();
        scene
            .lab
            .gateway
            .run(|| damage(&root, &root.join(maps)))
            .with_context(|| format!("doing: {what}"))?;
        let log_before = guard.log_text().len();
        guard.run()?;
        if REFUSED.contains(what) {
            let status = guard.wait_for_end()?;
            let log = guard.log_text().split_off(log_before);
            let last = log.lines().last().unwrap_or_default();
            assert_eq!(status.code(), Some(2), "{what}: {log}");
            assert!(
                last.starts_with("relay-guard: ") && last.contains("relay-guard detach"),
                "{what}: {log}"
            );
            // What it says helps.
            ensure!(guard.cli(["detach"])?.status.success(), "{what}: detach");
            assert_eq!(names(&scene, &root), Vec::<String>::new(), "{what}");
            guard.run()?;
        }
        guard.wait_ready().with_context(|| format!("after: {what}"))?;
        assert!(!guard.log_text().contains("panicked"), "{what}: {}", guard.log_text());
        eprintln!("after: {what}");
        assert_native(&guard.status()?);
        scene.assert_blocked(listed(3));
        scene.assert_deliver(clean(3));
        ensure!(
            guard.cli(["hosts"])?.status.success() && guard.cli(["verdicts"])?.status.success(),
            "{what}"
        );
    }
    let detached = guard.cli(["detach"])?;
    assert!(detached.status.success(), "{detached:?}");
    assert_eq!(names(&scene, &pin_dir()), Vec::<String>::new());
    Ok(())
}

#[test]
fn a_start_that_fails_leaves_everything_as_it_was() -> Result<()> {
    let scene = Scene::new()?;
    let good = scene.config()?;
    let mut guard = Guard::new(&scene.lab, &good)?;
    let failures = |good: &GuardConfig| -> Result<Vec<(&str, String)>> {
        let file = scene.lab.write_file("a-file", "")?;
        let mut state = good.clone();
        state.daemon.state_dir = file.join("state");
        let mut run = good.clone();
        run.daemon.run_dir = file.join("run");
        let mut socket = good.clone();
        socket.daemon.run_dir = scene.lab.fresh_path("run");
        fs::create_dir_all(socket.daemon.run_dir.join("control.sock/in-the-way"))?;
        let mut list = good.clone();
        list.add_list(&scene.lab, "bad", "drop", "192.0.2.1\n192.0.2.256\n")?;
        let small = format!("{}\n[limits]\ntable_bytes = 64\n", good.to_toml()?);
        Ok(vec![
            ("a-file", state.to_toml()?),
            ("a-file", run.to_toml()?),
            ("control.sock", socket.to_toml()?),
            ("bad.txt:2: \"192.0.2.256\"", list.to_toml()?),
            ("limits.table_bytes", small),
        ])
    };
    for (word, config) in failures(&good)? {
        guard.write_config(&config)?;
        let error = failed_start(&guard)?;
        assert!(error.contains(word), "{word}: {error}");
        assert_eq!(names(&scene, &pin_dir()), Vec::<String>::new(), "{word}");
        scene.assert_deliver(listed(1));
    }
    guard.write_config(&good.to_toml()?)?;
    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "fresh");
    guard.kill9();
    for (word, config) in failures(&good)? {
        guard.write_config(&config)?;
        let error = failed_start(&guard)?;
        assert!(error.contains(word), "{word}: {error}");
        scene.assert_blocked(listed(1));
        scene.assert_deliver(clean(1));
    }
    guard.write_config(&good.to_toml()?)?;
    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "adopted");
    Ok(())
}

/// The error of a `run` that cannot: its last line, which may have the daemon's log above it.
fn failed_start(guard: &Guard<'_>) -> Result<String> {
    let mut output = guard.cli(["run"])?;
    let text = String::from_utf8(output.stderr)?;
    assert!(!text.contains("panicked"), "{text}");
    output.stderr = text.lines().last().unwrap_or_default().as_bytes().to_vec();
    refusal(&output)
}
