//! The wrapper of the program under test, tried on a stand-in for it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use relay_guard_tests::Lab;
use relay_guard_tests::guard::{Guard, GuardConfig, SignalRule, Step};

/// Answers `status --json` once it has been told to run, and nothing else; it shows what it was called with.
const STAND_IN: &str = r#"#!/bin/sh
[ "$1" = --config ] || exit 2
dir=$(dirname "$2"); shift 2
case "$*" in
    run) echo started >&2; touch "$dir/ready"; exec sleep 1000 ;;
    "status --json") [ -e "$dir/ready" ] || exit 2; echo '{"mode":"enforce"}' ;;
    devices) ls /sys/class/net ;;
    *) echo "what is $*?" >&2; exit 2 ;;
esac
"#;

#[test]
fn the_config_is_what_the_program_documents() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab);
    let file = config.add_list(&lab, "demo-list", "drop", "198.18.66.0/24\n")?;
    config.inspection.insert("window".to_owned(), "10s".into());
    config.signals.insert("attempts", SignalRule { weight: None, ..SignalRule::beyond(60, 100) });
    config.signals.insert("machine-pace", SignalRule::OFF);
    config.containment = vec![Step::new(100, "drop").lasting("1h")];
    let read: toml::Table = config.to_toml()?.parse()?;
    let expected: toml::Table = format!(
        r#"
        mode = "enforce"
        [interfaces]
        outside = ["out0"]
        inside = ["in0", "srv0"]
        [hosts]
        own_servers = ["10.0.2.25", "2001:db8:2::25"]
        mail_servers = ["10.0.2.25", "2001:db8:2::25"]
        excepted = ["10.0.1.99", "2001:db8:1::99"]
        [[lists]]
        name = "demo-list"
        file = {file:?}
        action = "drop"
        [inspection]
        window = "10s"
        [signals]
        attempts = {{ from = 60, at = 61 }}
        machine-pace = {{ weight = 0 }}
        [[containment]]
        score = 100
        action = "drop"
        for = "1h"
        [protected]
        special_purpose = false
        own_addresses = true
        connected = false
        networks = []
        [daemon]
        run_dir = "{dir}/run"
        state_dir = "{dir}/state"
        cache_dir = "{dir}/cache"
        pin_dir = "/sys/fs/bpf/relay-guard"
        "#,
        dir = lab.dir().display(),
    )
    .parse()?;
    assert_eq!(read, expected);
    Ok(())
}

#[test]
fn the_daemon_is_started_asked_and_stopped() -> Result<()> {
    let lab = Lab::new()?;
    let text = lab.write_file("stand-in.sh", STAND_IN)?;
    let program = lab.fresh_path("relay-guard");
    // By another process: a program that any of our own has open for writing cannot be run, and forks are under way.
    ensure!(Command::new("install").args(["-m", "755"]).arg(text).arg(&program).status()?.success());
    let config = GuardConfig::for_lab(&lab);
    let mut guard = Guard::with_program(&lab, program, &config.to_toml()?)?;

    assert!(guard.wait_ready().is_err(), "it does not run");
    guard.run()?;
    assert_eq!(guard.wait_ready()?["mode"], "enforce");
    assert!(guard.run().is_err(), "it runs already");
    let devices = String::from_utf8(guard.cli(["devices"])?.stdout)?;
    let devices: BTreeSet<&str> = devices.lines().filter(|device| *device != "lo").collect();
    assert_eq!(devices, BTreeSet::from(["out0", "in0", "srv0"]), "commands run in the gateway");
    let refused = guard.json(["nonsense"]).expect_err("exit code 2");
    assert!(refused.to_string().contains("what is nonsense?"), "{refused:#}");
    let status = guard.terminate()?;
    assert!(!status.success());
    assert!(guard.daemon_id().is_none() && guard.log_text() == "started\n", "{}", guard.log_text());

    guard.run()?;
    let process = format!("/proc/{}", guard.daemon_id().expect("it runs"));
    guard.kill9();
    assert!(!fs::exists(process)?);
    Ok(())
}
