//! `check` of lists that are not only files: it reads what is here, and asks nobody.

use std::fs;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::lab::Lab;
use relay_guard_tests::peers::web::Response;
use serde_json::{Value, json};

use super::{ask, lines, printed, refresh, web_server};

/// What `check --json` says of a list.
fn of<'r>(report: &'r Value, name: &str) -> Result<&'r Value> {
    let mut lists = report["lists"].as_array().into_iter().flatten();
    lists.find(|list| list["name"] == name).with_context(|| format!("no {name} in {report:#}"))
}

#[test]
fn check_looks_at_what_is_here() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    server.script("/list", Response::ok(lines(1, 0..200)));
    let ran = lab.fresh_path("ran");
    let script = format!("echo ran >> '{}'; echo 198.19.2.1", ran.display());
    let script = ["/bin/sh", "-c", &script].map(|word| toml::Value::from(word.to_owned()));
    let directory = lab.fresh_path("lists.d");
    fs::create_dir(&directory)?;
    fs::write(directory.join("a"), lines(3, 0..10))?;
    let mut config = GuardConfig::for_lab(&lab);
    config.lists.push(List::new("fetched", "drop").with("url", server.url("/list")));
    config.lists.push(List::new("command", "drop").with("command", script.to_vec()));
    config.lists.push(List::new("directory", "allow").with("directory", directory.display().to_string()));
    config.lists.push(List::new("drop", "").with("feed", "spamhaus-drop"));
    let mut guard = Guard::new(&lab, &config)?;

    let (code, report) = ask(&guard, &["check"])?;
    assert_eq!((code, &report["ok"]), (0, &json!(true)), "{report:#}");
    for name in ["fetched", "command", "drop"] {
        let list = of(&report, name)?;
        assert_eq!((&list["ok"], &list["entries"]), (&json!(true), &json!(0)), "{list:#}");
        let warning = format!("list {name}: never fetched yet");
        assert!(report["warnings"].to_string().contains(&warning), "{report:#}");
    }
    assert_eq!(of(&report, "directory")?["entries"], 10);
    assert_eq!(of(&report, "drop")?["action"], "drop");
    let said = printed(&guard.cli(["check"])?, 0)?;
    assert!(said.contains("warning: list fetched: never fetched yet; `run` does it\n"), "{said}");
    assert!(said.contains("fine"), "{said}");
    assert!(server.requests().is_empty() && !ran.exists(), "check asks nobody");
    assert!(!config.daemon.cache_dir.exists(), "and leaves nothing behind");

    // The feed is left out here: the lab has no internet.
    config.lists.pop();
    guard.write_config(&config.to_toml()?)?;
    guard.run()?;
    guard.wait_ready()?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    anyhow::ensure!(guard.terminate()?.success());
    drop(server.take_requests());
    fs::remove_file(&ran)?;
    let (code, report) = ask(&guard, &["check"])?;
    let entries =
        ["fetched", "command", "directory"].map(|name| of(&report, name).map(|list| list["entries"].clone()));
    let entries = entries.into_iter().collect::<Result<Vec<_>>>()?;
    assert_eq!((code, entries), (0, vec![json!(200), json!(1), json!(10)]), "{report:#}");
    assert!(!report["warnings"].to_string().contains("never fetched"), "{report:#}");
    assert!(report["table_bytes"].as_u64() > Some(0), "{report:#}");
    assert!(server.requests().is_empty() && !ran.exists(), "check asks nobody");
    Ok(())
}

#[test]
fn check_names_what_is_wrong_with_each_list() -> Result<()> {
    let lab = Lab::new()?;
    let server = web_server(&lab)?;
    server.script("/list", Response::ok(lines(1, 0..200)));
    let mut config = GuardConfig::for_lab(&lab);
    let url = server.url("/list");
    config.lists.push(List::new("damaged", "drop").with("url", url.clone()));
    config.lists.push(List::new("misread", "drop").with("url", url.clone()));
    config.lists.push(List::new("moved", "drop").with("url", url));
    config.add_list(&lab, "good", "drop", &lines(1, 0..10))?;
    let mut guard = Guard::start(&lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 0);
    anyhow::ensure!(guard.terminate()?.success());

    let copy = config.daemon.cache_dir.join("damaged.list");
    let bytes = fs::read(&copy)?;
    fs::write(&copy, &bytes[..bytes.len() - 3])?;
    config.lists[1] = config.lists[1].clone().with("format", "drop-json");
    config.lists[2] = config.lists[2].clone().with("url", server.url("/elsewhere"));
    config.add_list(&lab, "bad-lines", "drop", "198.19.1.1\nspammer.example\n198.19.1.300\n")?;
    config.add_list(&lab, "empty", "drop", "# nothing\n")?;
    let nowhere = lab.fresh_path("nowhere").display().to_string();
    config.lists.push(List::new("no-file", "drop").with("file", nowhere.clone()));
    config.lists.push(List::new("no-directory", "drop").with("directory", nowhere));
    config.add_list(&lab, "page", "drop", "<!DOCTYPE html>\n<html></html>\n")?;
    guard.write_config(&config.to_toml()?)?;
    let (code, report) = ask(&guard, &["check"])?;
    assert_eq!((code, &report["ok"]), (1, &json!(false)), "{report:#}");
    let said = printed(&guard.cli(["check"])?, 1)?;
    for (name, errors) in [
        ("damaged", &["damaged.list is damaged"][..]),
        ("misread", &[":1: \"198.19.1.0\""]),
        ("bad-lines", &[":2: \"spammer.example\"", ":3: \"198.19.1.300\""]),
        ("empty", &["no entry in it"]),
        ("no-file", &["No such file"]),
        ("no-directory", &["cannot list"]),
        ("page", &["HTML"]),
    ] {
        let list = of(&report, name)?;
        assert_eq!(list["ok"], false, "{list:#}");
        for error in errors {
            let found = list["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let found: Vec<_> = found.filter(|found| found.contains(error)).collect();
            let [line] = found[..] else { panic!("no {error:?} in {list:#}") };
            assert!(said.contains(&format!("error: list {name}: {line}\n")), "no {line} in {said}");
        }
    }
    assert_eq!(of(&report, "good")?["ok"], true);
    // From another place: what is kept is not of it.
    assert_eq!((&of(&report, "moved")?["ok"], &of(&report, "moved")?["entries"]), (&json!(true), &json!(0)));
    assert!(report["warnings"].to_string().contains("list moved: never fetched yet"), "{report:#}");
    Ok(())
}
