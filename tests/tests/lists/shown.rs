//! `list` and `status` at a terminal.

use std::fs::File;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::peers::web::Response;
use relay_guard_tests::scene::Scene;

use super::{lines, printed, refresh, spot, web_server};

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// The words of a table's line about a list whose name begins so.
fn words<'t>(text: &'t str, name: &str) -> Result<Vec<&'t str>> {
    let line = text.lines().find(|line| line.starts_with(&format!("  {name}")));
    Ok(line.with_context(|| format!("no {name} in {text}"))?.split_whitespace().collect())
}

#[test]
fn lists_are_shown_in_eighty_columns() -> Result<()> {
    let scene = Scene::new()?;
    let server = web_server(&scene.lab)?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let long = "a-list-whose-name-is-as-long-as-a-name-can-be.48";
    // As many entries, and as wide ones, as take room.
    let many: String =
        (0..120_000_u32).map(|n| format!("2001:db8:{:x}:{:x}::/64\n", n / 300, n % 300)).collect();
    config.add_list(&scene.lab, long, "observe", &format!("{many}44.0.0.0/8\n45.0.0.0/8\n2a00::/19\n"))?;
    config.add_list(&scene.lab, "few", "drop", &lines(1, 0..10))?;
    let old = config.add_list(&scene.lab, "old", "drop", &lines(2, 0..10))?;
    File::options().append(true).open(old)?.set_modified(SystemTime::now() - Duration::from_secs(7300))?;
    let list = config.lists.pop().map(|list| list.with("max_age", "1h"));
    config.lists.extend(list);
    server.script("/good", Response::ok(lines(3, 0..10)));
    for name in ["good", "missing"] {
        config.lists.push(List::new(name, "allow").with("url", server.url(&format!("/{name}"))));
    }
    let guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(refresh(&guard, &["--force"])?.0, 1);
    scene.assert_blocked([spot(1, 1)]);

    let said = printed(&guard.cli(["list"])?, 0)?;
    let header = said.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>();
    assert_eq!(header, ["LIST", "ACTION", "ENTRIES", "ADDRESSES", "AGE", "NEXT", "HITS", "STATE"], "{said}");
    for line in said.lines().take(1 + config.lists.len()) {
        assert!(line.chars().count() <= COLUMNS, "{} characters: {line}\n{said}", line.chars().count());
    }
    let row = words(&said, "a-list")?;
    assert_eq!(row[1..5], ["observe", "120", "003", "33.6M+2^109"], "{said}");
    let row = words(&said, "few")?;
    assert_eq!((&row[1..4], row[5], row[7]), (&["drop", "10", "10"][..], "watched", "good"), "{said}");
    assert!(row[6].parse::<u64>()? >= 1, "{said}");
    let row = words(&said, "old")?;
    assert_eq!((row[4], row[7]), ("2h", "expired"), "{said}");
    let row = words(&said, "good")?;
    assert!(row[1] == "allow" && row[5].ends_with(['m', 'h']) && row[7] == "good", "{said}");
    let row = words(&said, "missing")?;
    assert_eq!((row[2], row[4], row[7]), ("0", "-", "waiting"), "{said}");
    assert!(said.contains("error: missing: cannot fetch ") && said.contains("answered 404"), "{said}");

    // The same of them in the overview.
    let said = printed(&guard.cli(["status"])?, 0)?;
    for line in said.lines().filter(|line| !line.starts_with("warning: ")) {
        assert!(line.chars().count() <= COLUMNS, "{} characters: {line}", line.chars().count());
    }
    for words in ["warning: list old: weighs nothing", "warning: list missing: cannot fetch "] {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    for (name, state) in [("few", "good"), ("old", "expired"), ("good", "good"), ("missing", "waiting")] {
        let row = words(&said, name)?;
        assert_eq!(row.last(), Some(&state), "{said}");
    }
    let row = words(&said, "missing")?;
    assert_eq!(row[4], "-", "it was never read: {said}");
    Ok(())
}

#[test]
fn no_lists_are_said_to_be_none() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &GuardConfig::for_lab(&scene.lab))?;
    let said = printed(&guard.cli(["list"])?, 0)?;
    assert_eq!(said, "no list is configured; `relay-guard list catalogue` shows well-known ones\n");
    assert_eq!(refresh(&guard, &[])?, (0, vec![]));
    Ok(())
}
