//! What commands show of zones and of what they say; and what they never show.

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::peers::nameserver::Behaviour;
use relay_guard_tests::scene::{clean, listed};
use serde_json::{Value, json};

use super::{
    Content, Served, ZONE, assert_delivered_after_one_hold, assert_refused, json as printed_json, row,
    said_of, usual, wait_until_suspended, zone,
};

fn number(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("no number: {value}"))
}

/// The words of a command, none of whose lines is longer than a terminal's.
#[track_caller]
fn words(guard: &Guard<'_>, arguments: &[&str]) -> Result<String> {
    let output = guard.cli(arguments)?;
    let text = String::from_utf8(output.stdout)?;
    // What a sender is answered is shown as it is; a warning is one line.
    let whole = |line: &&str| line.starts_with("    < ") || line.starts_with("warning: ");
    let long = text.lines().filter(|line| !whole(line)).find(|line| line.chars().count() > 80);
    assert_eq!(long, None, "{arguments:?}:\n{text}");
    Ok(text)
}

#[test]
fn zones_are_shown_with_what_they_have_said() -> Result<()> {
    let served = Served::new(usual())?;
    let guard = served.start()?;
    assert_refused(&served.scene, &guard, ZONE, &listed(141))?;
    assert_delivered_after_one_hold(&served.scene, &guard, &[clean(141), clean(142)].concat())?;
    let all = guard.json(["dnsbl", "--json"])?;
    assert_eq!(all["hold"], true, "{all:#}");
    assert_eq!((&all["asks"]["asked"], &all["asks"]["in_flight"]), (&json!(6), &json!(0)), "{all:#}");
    assert_eq!((&all["cache"]["listed"], &all["cache"]["clean"]), (&json!(2), &json!(4)), "{all:#}");
    assert_eq!(all["thresholds"], json!([{ "score": 1, "action": "refuse" }]), "{all:#}");
    let shown = row(&guard, ZONE)?;
    assert_eq!(
        (&shown["state"], &shown["zone"], &shown["weight"]),
        (&json!("good"), &json!(ZONE), &json!(1))
    );
    assert_eq!((number(&shown["listed"])?, number(&shown["faults"])?), (2, 0), "{shown:#}");
    assert!(number(&shown["queries"])? >= 6, "{shown:#}");
    assert!(shown["latency_ms"]["p50"].as_f64().is_some(), "{shown:#}");
    let text = words(&guard, &["dnsbl"])?;
    assert!(text.contains(ZONE) && text.contains("good"), "{text}");

    let [source, _] = listed(141);
    let said = said_of(&guard, source)?;
    assert_eq!((&said["state"], &said["zones"]), (&json!("listed"), &json!([ZONE])), "{said:#}");
    let text = words(&guard, &["explain", &source.to_string()])?;
    assert!(text.contains(ZONE), "{text}");
    let status = guard.status()?;
    assert_eq!(status["dnsbl"]["zones"], 1, "{status:#}");
    assert!(words(&guard, &["status"])?.to_lowercase().contains("dnsbl"));
    Ok(())
}

#[test]
fn a_query_shows_what_each_zone_says_and_what_follows() -> Result<()> {
    const OTHER: &str = "other.example";
    let mut served = Served::new(usual())?;
    served.nameserver.serve(OTHER, Content::default());
    served.config.dnsbl.push(zone(OTHER).with("weight", 3));
    let guard = served.start()?;
    for source in listed(143) {
        let output = guard.cli(["dnsbl", "query", &source.to_string(), "--json"])?;
        let text = serde_json::from_slice::<Value>(&output.stdout)?.to_string();
        for word in [ZONE, OTHER, "127.0.0.2", "seen sending spam", "refuse"] {
            assert!(text.contains(word), "no {word} in {text}");
        }
        let text = words(&guard, &["dnsbl", "query", &source.to_string()])?;
        assert!(text.contains("127.0.0.2") && text.contains("refuse"), "{text}");
    }
    let [nobody, _] = clean(143);
    let text = words(&guard, &["dnsbl", "query", &nobody.to_string()])?;
    assert!(!text.contains("127.0.0.2"), "{text}");
    // Tests of zones need no daemon, and say by their exit code whether all is well.
    ensure!(guard.cli(["dnsbl", "test"])?.status.success(), "both are well");
    served.nameserver.behave(OTHER, Behaviour::Always(vec![[127, 0, 0, 2].into()]));
    let output = guard.cli(["dnsbl", "test", "--json"])?;
    let text = printed_json(&output, 1)?.to_string();
    assert!(text.contains(OTHER), "{text}");
    Ok(())
}

/// A customer's key is in the zone's name; it is asked, and never shown.
#[test]
fn a_key_is_asked_with_and_never_shown() -> Result<()> {
    const KEY: &str = "k3yk3yk3yk3yk3yk3yk3yk3y26";
    let keyed = format!("{KEY}.dq.example");
    let mut served = Served::new(Content::default())?;
    served.nameserver.serve(&keyed, usual());
    let file = served.scene.lab.write_file("dnsbl.key", &format!("{KEY}\n"))?;
    fs::set_permissions(&file, Permissions::from_mode(0o600))?;
    served.config.dnsbl =
        vec![zone("{key}.dq.example").with("name", "keyed").with("key_file", file.display().to_string())];
    let guard = served.start()?;
    assert_refused(&served.scene, &guard, "keyed", &listed(145))?;
    assert_eq!(
        served.nameserver.asked_about(&keyed, listed(145)[0]).first().map(|asked| asked.tcp),
        Some(false)
    );
    served.nameserver.behave(&keyed, Behaviour::Rewritten([203, 0, 113, 80].into()));
    wait_until_suspended(&guard, "keyed", &["203.0.113.80"])?;
    let source = listed(145)[0].to_string();
    let mut all = guard.log_text();
    for command in [
        &["dnsbl"][..],
        &["dnsbl", "query", &source],
        &["dnsbl", "test"],
        &["listed", &source, "--zones", "configured"],
        &["status"],
        &["explain", &source],
        &["check"],
    ] {
        for json in [false, true] {
            let output = guard.cli(command.iter().copied().chain(json.then_some("--json")))?;
            all += &String::from_utf8_lossy(&output.stdout);
            all += &String::from_utf8_lossy(&output.stderr);
        }
    }
    assert!(all.contains("keyed") && all.contains(&source.parse::<IpAddr>()?.to_string()), "{all}");
    let line = all.lines().find(|line| line.to_lowercase().contains(&KEY.to_lowercase()));
    assert_eq!(line, None, "the key is shown");
    Ok(())
}
