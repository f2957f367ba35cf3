//! Lists that this machine makes itself: a directory of files, and what a command prints.

use std::fs;

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::scene::Scene;
use serde_json::json;
use toml::Value;

use super::{
    ask, assert_clean, assert_listed, assert_refresh, explain, lines, logged, printed, row, spot,
    wait_for_row,
};

#[test]
fn all_files_of_a_directory_make_one_list() -> Result<()> {
    let scene = Scene::new()?;
    let directory = scene.lab.fresh_path("partners.d");
    fs::create_dir(&directory)?;
    let file = |name: &str| directory.join(name);
    fs::write(file("a.txt"), format!("# ours\n{}", lines(1, 0..10)))?;
    fs::write(file("b.txt"), lines(2, 0..10))?;
    fs::write(file(".c.txt.swp"), lines(3, 0..10))?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists.push(List::new("all", "drop").with("directory", directory.display().to_string()));
    let guard = Guard::start(&scene.lab, &config)?;
    let assert_at = |place: u8, name: &str, line: u8| -> Result<()> {
        let address = spot(place, 7);
        let listing = explain(&guard, address)?["inbound"]["lists"][0].clone();
        let path = file(name).display().to_string();
        assert_eq!((&listing["file"], &listing["line"]), (&json!(path), &json!(line)), "{listing:#}");
        assert_eq!(listing["text"], address.to_string(), "{listing:#}");
        Ok(())
    };
    let state = row(&guard, "all")?;
    assert_eq!((&state["source"], &state["entries"]), (&json!("directory"), &json!(20)), "{state:#}");
    assert_at(1, "a.txt", 9)?;
    assert_at(2, "b.txt", 8)?;
    assert_clean(&guard, spot(3, 7))?;
    scene.assert_blocked([spot(1, 1), spot(2, 1)]);

    fs::rename(file(".c.txt.swp"), file("aa.txt"))?;
    wait_for_row(&guard, "all", "one file more", |row| row["entries"] == 30)?;
    assert_at(3, "aa.txt", 8)?;
    // In the middle of them, so that the lines of the last one are counted from another place.
    assert_at(2, "b.txt", 8)?;
    scene.assert_blocked([spot(1, 1), spot(2, 1), spot(3, 1)]);
    fs::remove_file(file("a.txt"))?;
    assert_refresh(&guard, &["all"], 0, "changed")?;
    assert_clean(&guard, spot(1, 7))?;
    assert_at(2, "b.txt", 8)?;
    scene.assert_blocked([spot(2, 1), spot(3, 1)]);
    scene.assert_deliver([spot(1, 1)]);

    // One bad file, and all of it stays as it was.
    fs::write(file("bad.txt"), format!("{}spammer.example\n", lines(4, 0..10)))?;
    assert_refresh(&guard, &["all"], 1, "failed")?;
    let stale = row(&guard, "all")?;
    let error = stale["error"].as_str().unwrap_or_default();
    assert!(error.contains(&format!("{}:11: \"spammer.example\"", file("bad.txt").display())), "{error}");
    assert_listed(&guard, spot(3, 7), &["all"])?;
    assert_clean(&guard, spot(4, 7))?;
    fs::remove_file(file("bad.txt"))?;
    wait_for_row(&guard, "all", "it gone", |row| row["state"] == "good")?;
    for name in ["aa.txt", "b.txt"] {
        fs::remove_file(file(name))?;
    }
    assert_refresh(&guard, &["all"], 1, "failed")?;
    let stale = row(&guard, "all")?;
    assert_eq!((&stale["state"], &stale["entries"]), (&json!("stale"), &json!(20)), "{stale:#}");
    scene.assert_blocked([spot(2, 1), spot(3, 1)]);
    Ok(())
}

#[test]
fn what_a_command_prints_is_a_list() -> Result<()> {
    let scene = Scene::new()?;
    let script = scene.lab.write_file("script", "")?;
    let shell = |text: &str| fs::write(&script, text);
    let argv =
        ["/bin/sh", "-c", ". \"$0\"", &script.display().to_string()].map(|word| Value::from(word.to_owned()));
    let mut config = GuardConfig::for_lab(&scene.lab);
    let ours = List::new("ours", "drop").with("command", argv.to_vec()).with("timeout", "2s");
    config.lists.push(ours);
    config.lists.push(List::new("none", "drop").with("command", vec![Value::from("/nonexistent/list")]));
    shell(&format!("cat <<end\n{}end\n", lines(1, 0..10)))?;
    let guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(ask(&guard, &["list", "refresh", "ours", "--force"])?.0, 0);
    let state = row(&guard, "ours")?;
    assert_eq!((&state["source"], &state["entries"]), (&json!("command"), &json!(10)), "{state:#}");
    assert!(state["next_at"].is_u64(), "{state:#}");
    assert_listed(&guard, spot(1, 7), &["ours"])?;
    let said = printed(&guard.cli(["explain", &spot(1, 7).to_string()])?, 1)?;
    assert!(said.contains("ours (drop), line 8: 198.19.1.7\n"), "{said}");
    scene.assert_blocked([spot(1, 1)]);

    shell(&format!("cat <<end\n{}end\n", lines(2, 0..10)))?;
    assert_refresh(&guard, &["ours"], 0, "not-yet")?;
    assert_refresh(&guard, &["ours", "--force"], 0, "changed")?;
    assert_listed(&guard, spot(2, 7), &["ours"])?;
    scene.assert_blocked([spot(2, 1)]);
    scene.assert_deliver([spot(1, 1)]);

    let part = lines(3, 0..10);
    for (script, words) in [
        (
            format!("cat <<end\n{part}end\necho first >&2; echo 'the disk is on fire' >&2; exit 3\n"),
            "command sh failed with exit status 3; it said \"the disk is on fire\"",
        ),
        (format!("cat <<end\n{part}end\nkill -9 $$\n"), "command sh failed with signal 9"),
        (format!("cat <<end\n{part}end\nsleep 600\n"), "the command did not end within 2 s"),
        ("echo error: no such table\n".to_owned(), "command sh:1: \"error:\": not an address"),
        (String::new(), "no entry in it"),
    ] {
        shell(&script)?;
        for _ in 0..2 {
            assert_refresh(&guard, &["ours", "--force"], 1, "failed")?;
        }
        let stale = row(&guard, "ours")?;
        let error = stale["error"].as_str().unwrap_or_default();
        assert!(stale["state"] == "stale" && error.contains(words), "no {words:?} in {stale:#}");
        assert_listed(&guard, spot(2, 7), &["ours"])?;
        assert_clean(&guard, spot(3, 7))?;
    }
    assert_eq!(logged(&guard, &["the disk is on fire", "list=\"ours\""]), 1);
    assert_refresh(&guard, &["none", "--force"], 1, "failed")?;
    let none = row(&guard, "none")?;
    let error = none["error"].as_str().unwrap_or_default();
    assert!(
        none["state"] == "waiting" && error.contains("cannot run command list: No such file"),
        "{none:#}"
    );

    shell(&format!("cat <<end\n{part}end\n"))?;
    assert_refresh(&guard, &["ours", "--force"], 0, "changed")?;
    assert_listed(&guard, spot(3, 7), &["ours"])?;
    Ok(())
}
