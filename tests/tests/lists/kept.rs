//! Last good copies that are lost, or cannot be kept, while the daemon runs.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::peers::web::{Behaviour, WebServer};
use serde_json::{Value, json};

use super::{assert_refresh, explain, lines, logged, refresh, row, spot, web_server};

/// The entity tag that the last request asked with.
fn asked_with(server: &WebServer) -> Result<Option<String>> {
    let requests = server.take_requests();
    Ok(requests.last().context("a request")?.header("if-none-match").map(str::to_owned))
}

/// What `explain` quotes of the list's line.
fn quoted(guard: &Guard<'_>) -> Result<Value> {
    let explained = explain(guard, spot(1, 7))?;
    assert_eq!(explained["inbound"]["reason"], "listed", "{explained:#}");
    assert_eq!(explained["inbound"]["lists"][0]["line"], 8, "{explained:#}");
    Ok(explained["inbound"]["lists"][0]["text"].clone())
}

#[test]
fn a_copy_that_is_lost_is_made_anew() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    server.script("/list", Behaviour::tagged("\"v1\"", lines(1, 0..20)));
    let mut config = GuardConfig::for_lab(&lab);
    config.lists.push(List::new("feed", "drop").with("url", server.url("/list")));
    let mut guard = Guard::start(&lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    assert_eq!(quoted(&guard)?, "198.19.1.7");

    let copy = config.daemon.cache_dir.join("feed.list");
    fs::remove_file(&copy)?;
    assert_eq!(quoted(&guard)?, Value::Null);
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    assert_eq!(asked_with(&server)?, None, "there was nothing to confirm");
    assert!(copy.exists());
    assert_eq!(quoted(&guard)?, "198.19.1.7");
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    assert_eq!(asked_with(&server)?, Some("\"v1\"".to_owned()));

    // No directory at all: the list is in force all the same, and the log says once that no copy is kept.
    fs::remove_dir_all(&config.daemon.cache_dir)?;
    fs::write(&config.daemon.cache_dir, "")?;
    for version in ["\"v2\"", "\"v3\""] {
        server.script(
            "/list",
            Behaviour::tagged(
                version,
                lines(1, 0..30) + version.trim_matches('"').replace('v', "#").as_str(),
            ),
        );
        assert_refresh(
            &guard,
            &["feed", "--force"],
            0,
            if version == "\"v2\"" { "changed" } else { "unchanged" },
        )?;
        assert_eq!(asked_with(&server)?, None);
        let row = row(&guard, "feed")?;
        assert_eq!((&row["state"], &row["entries"]), (&json!("good"), &json!(30)), "{row:#}");
        assert_eq!(quoted(&guard)?, Value::Null);
    }
    assert_eq!(logged(&guard, &["list=\"feed\"", "no copy is kept for the next start: cannot write "]), 1);

    fs::remove_file(&config.daemon.cache_dir)?;
    fs::create_dir(&config.daemon.cache_dir)?;
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    assert_eq!(quoted(&guard)?, "198.19.1.7");
    ensure!(guard.terminate()?.success());
    drop(server);
    guard.run()?;
    guard.wait_ready()?;
    assert_eq!(row(&guard, "feed")?["entries"], 30);
    assert_eq!(quoted(&guard)?, "198.19.1.7");
    Ok(())
}

/// Runs mount(8) or umount(8) where the daemon sees it.
fn mount(lab: &Lab, program: &str, arguments: &[&str]) -> Result<()> {
    let output = lab.gateway.command(program).args(arguments).output()?;
    ensure!(output.status.success(), "{output:?}");
    Ok(())
}

#[test]
fn a_copy_of_what_was_before_is_not_confirmed() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    server.script("/list", Behaviour::tagged("\"v1\"", lines(1, 0..20)));
    let mut config = GuardConfig::for_lab(&lab);
    config.lists.push(List::new("feed", "drop").with("url", server.url("/list")));
    let mut guard = Guard::start(&lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);

    let cache = config.daemon.cache_dir.display().to_string();
    mount(&lab, "mount", &["--bind", &cache, &cache])?;
    mount(&lab, "mount", &["-o", "remount,bind,ro", &cache])?;
    server.script("/list", Behaviour::tagged("\"v2\"", lines(1, 0..30)));
    assert_refresh(&guard, &["feed", "--force"], 0, "changed")?;
    let words = ["list=\"feed\"", "no copy is kept for the next start", "read-only"];
    assert_eq!(logged(&guard, &words), 1);
    assert_eq!(quoted(&guard)?, Value::Null, "the old copy is not quoted");
    drop(server.take_requests());
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    assert_eq!(asked_with(&server)?, None);
    mount(&lab, "umount", &[&cache])?;
    assert_refresh(&guard, &["feed", "--force"], 0, "unchanged")?;
    assert_eq!(quoted(&guard)?, "198.19.1.7");
    ensure!(guard.terminate()?.success());
    drop(server);
    guard.run()?;
    guard.wait_ready()?;
    assert_eq!(row(&guard, "feed")?["entries"], 30);
    Ok(())
}
