//! Daemons come and go: who is contained stays so, and what is known of hosts outlives them.

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, Step};
use relay_guard_tests::lab::addresses as addr;
use serde_json::{Value, json};

use super::stage::{Stage, by_servers, detail, wait_for, wait_for_state, write_to};

fn start(guard: &mut Guard<'_>) -> Result<()> {
    guard.run()?;
    guard.wait_ready().map(drop)
}

#[test]
fn containments_and_history_outlive_the_daemon() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    by_servers(&mut config, vec![Step::new(10, "drop").lasting("1h")]);
    let mut guard = Guard::start(&stage.lab, &config)?;
    for source in addr::ZOMBIE.addresses() {
        write_to(&stage, source, 0, 12);
        wait_for_state(&guard, source, "contained")?;
    }
    let before = addr::ZOMBIE.addresses().map(|source| detail(&guard, source));
    for killed in [false, true] {
        if killed {
            guard.kill9();
        } else {
            ensure!(guard.terminate()?.success());
        }
        for source in addr::ZOMBIE.addresses() {
            assert_eq!(write_to(&stage, source, 50, 1), 0, "no daemon, and still contained");
        }
        start(&mut guard)?;
        for (source, before) in addr::ZOMBIE.addresses().into_iter().zip(&before) {
            let before = before.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            let after = wait_for_state(&guard, source, "contained")?;
            let until = |host: &Value| host["contained_until"].as_u64();
            let apart = until(before).zip(until(&after)).map(|(one, other)| one.abs_diff(other));
            assert!(apart.is_some_and(|apart| apart <= 1), "{after:#}");
            assert_eq!(after["action"], "drop");
            assert_eq!(after["history"].as_array().map(Vec::len), Some(1), "killed: {killed}: {after:#}");
            assert_eq!(write_to(&stage, source, 60, 1), 0);
        }
    }
    Ok(())
}

#[test]
fn a_relapse_is_one_for_the_next_daemon_too() -> Result<()> {
    let stage = Stage::new()?;
    let mut config = stage.config();
    by_servers(&mut config, vec![Step::new(10, "reset").lasting("2s"), Step::new(90, "drop").lasting("1h")]);
    config.inspection.insert("half_life".to_owned(), "1s".into());
    let mut guard = Guard::start(&stage.lab, &config)?;
    let source = addr::ZOMBIE.v6.into();
    write_to(&stage, source, 0, 12);
    wait_for_state(&guard, source, "contained")?;
    wait_for_state(&guard, source, "quiet")?;
    ensure!(guard.terminate()?.success());
    start(&mut guard)?;
    write_to(&stage, source, 20, 12);
    let again = wait_for(&guard, source, "the relapse", |host| host["state"] == "contained")?;
    assert_eq!((&again["action"], &again["relapses"]), (&json!("drop"), &json!(1)), "{again:#}");
    again["history"].as_array().filter(|history| history.len() >= 3).context("what was before")?;
    Ok(())
}
