//! Lists that say more than addresses: DNSBL zones with values and texts, DROP with its references.

use std::fs;

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig, List};
use relay_guard_tests::scene::Scene;
use serde_json::{Value, json};
use toml::Table;

use super::{ask, assert_clean, assert_refresh, explain, printed, row, spot};

/// Two values, a network with a hole, and names, which are not for us.
const ZONE: &str = "\
$SOA 3600 ns.example hostmaster.example 0 600 300 86400 300
$DATASET ip4set @
:127.0.0.2:See https://bl.example/?$
198.19.1.0/24
198.19.2.7 :127.0.0.3:Sends without a PTR
198.19.3.7 :4:
!198.19.1.9
$DATASET dnset @
:127.0.0.2:a name
spammer.example
";

fn zone(file: std::path::PathBuf) -> List {
    let actions: Table = [("127.0.0.3".to_owned(), "observe".into())].into_iter().collect();
    List { file, ..List::new("zone", "drop").with("format", "rbldnsd").with("actions", actions) }
}

#[test]
fn values_of_a_zone_do_different_things() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let file = scene.lab.write_file("zone", ZONE)?;
    config.lists.push(zone(file.clone()));
    let guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(row(&guard, "zone")?["format"], "rbldnsd");
    for (address, action, effect, value, line, note) in [
        (spot(1, 7), "drop", "stopped", "127.0.0.2", 4, json!("See https://bl.example/?198.19.1.7")),
        (spot(2, 7), "observe", "observed", "127.0.0.3", 5, json!("Sends without a PTR")),
        (spot(3, 7), "drop", "stopped", "127.0.0.4", 6, Value::Null),
    ] {
        let explained = explain(&guard, address)?;
        let inbound = &explained["inbound"];
        assert_eq!(
            (&inbound["action"], &inbound["effect"]),
            (&json!(action), &json!(effect)),
            "{explained:#}"
        );
        let listing = &inbound["lists"][0];
        let found =
            (&listing["list"], &listing["action"], &listing["value"], &listing["line"], &listing["note"]);
        assert_eq!(
            found,
            (&json!("zone"), &json!(action), &json!(value), &json!(line), &note),
            "{explained:#}"
        );
    }
    let said = printed(&guard.cli(["explain", &spot(2, 7).to_string()])?, 0)?;
    assert!(said.contains("  zone (observe), 127.0.0.3, line 5: Sends without a PTR\n"), "{said}");
    assert_clean(&guard, spot(1, 9))?;
    scene.assert_blocked([spot(1, 7), spot(1, 10), spot(3, 7)]);
    scene.assert_deliver([spot(2, 7), spot(1, 9), spot(3, 8)]);
    // What was only observed is counted all the same.
    assert!(guard.status()?["totals"]["inbound_observed"].as_u64() > Some(0));

    // Other meanings of the same content are in force without reading it.
    let loaded_at = row(&guard, "zone")?["loaded_at"].clone();
    config.lists[0] = zone(file.clone());
    let actions: Table =
        [("127.0.0.2".to_owned(), "observe".into()), ("127.0.0.4".to_owned(), "allow".into())]
            .into_iter()
            .collect();
    config.lists[0] = List { file: file.clone(), ..zone(file.clone()).with("actions", actions) };
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(ask(&guard, &["reload"])?.0, 0);
    assert_eq!(row(&guard, "zone")?["loaded_at"], loaded_at);
    scene.assert_blocked([spot(2, 7)]);
    scene.assert_deliver([spot(1, 7), spot(1, 9), spot(3, 7)]);
    assert_eq!(explain(&guard, spot(3, 7))?["inbound"]["reason"], "allow-list");

    // New values of the content too.
    fs::write(&file, ZONE.replace("198.19.1.0/24", "198.19.1.0/24 :127.0.0.5:new"))?;
    assert_refresh(&guard, &["zone"], 0, "changed")?;
    scene.assert_blocked([spot(1, 7)]);
    scene.assert_deliver([spot(1, 9)]);
    Ok(())
}

#[test]
fn drop_brings_its_references() -> Result<()> {
    let scene = Scene::new()?;
    let json_lines = "{\"cidr\":\"198.19.1.0/24\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n\
        {\"cidr\":\"198.19.2.0/25\",\"sblid\":\"SBL434604\",\"rir\":\"apnic\"}\n\
        {\"cidr\":\"2001:db8:5a3e::/48\",\"sblid\":\"SBL302199\",\"rir\":\"ripencc\"}\n\
        {\"type\":\"metadata\",\"timestamp\":1730000000,\"size\":123,\"records\":3}\n";
    let text = "; Spamhaus DROP List 2024/01/01\n198.19.3.0/24 ; SBL302160\n";
    let mut config = GuardConfig::for_lab(&scene.lab);
    let file = config.add_list(&scene.lab, "spamhaus-drop", "drop", json_lines)?;
    config.add_list(&scene.lab, "edrop", "drop", text)?;
    let guard = Guard::start(&scene.lab, &config)?;
    for (address, list, line, note) in [
        (spot(1, 7), "spamhaus-drop", 1, "SBL256894 apnic"),
        (spot(2, 7), "spamhaus-drop", 2, "SBL434604 apnic"),
        ("2001:db8:5a3e::7".parse()?, "spamhaus-drop", 3, "SBL302199 ripencc"),
        (spot(3, 7), "edrop", 2, "SBL302160"),
    ] {
        let said = printed(&guard.cli(["explain", &address.to_string()])?, 1)?;
        assert!(said.contains(&format!("  {list} (drop), line {line}: {note}\n")), "{said}");
        let explained = explain(&guard, address)?;
        assert_eq!(explained["inbound"]["lists"][0]["note"], note, "{explained:#}");
    }
    let formats = (&row(&guard, "spamhaus-drop")?["format"], &row(&guard, "edrop")?["format"]);
    assert_eq!(formats, (&json!("drop-json"), &json!("drop-text")));
    scene.assert_blocked([spot(1, 7), spot(2, 7), "2001:db8:5a3e::7".parse()?, spot(3, 7)]);
    scene.assert_deliver([spot(2, 200)]);

    // Without its last line it is not all of it.
    fs::write(&file, json_lines.lines().take(2).collect::<Vec<_>>().join("\n"))?;
    assert_refresh(&guard, &["spamhaus-drop"], 1, "failed")?;
    let stale = row(&guard, "spamhaus-drop")?;
    assert!(stale["error"].as_str().is_some_and(|error| error.contains("truncated")), "{stale:#}");
    scene.assert_blocked(["2001:db8:5a3e::7".parse()?]);
    Ok(())
}
