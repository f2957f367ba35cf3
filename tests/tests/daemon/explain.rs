//! What the daemon says of itself and of addresses.

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses::{self as addr};
use relay_guard_tests::scene::{Scene, clean, listed, spare};
use serde_json::{Value, json};

use super::{ask, explain, text};

#[test]
fn status_and_explain_say_what_the_kernel_does() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?.without_answers();
    config.hosts.excepted.push(spare(9)[0]);
    let list = config.lists[0].file.display().to_string();
    let guard = Guard::start(&scene.lab, &config)?;

    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!(code, 0);
    assert_eq!(status["mode"], "enforce");
    assert_eq!(status["start"], "fresh");
    assert_eq!(status["pid"], guard.daemon_id().expect("it runs"));
    assert_eq!(status["warnings"], json!([]));
    let interfaces = status["interfaces"].as_array().context("interfaces")?;
    let seen: Vec<_> =
        interfaces.iter().map(|one| (&one["name"], &one["side"], &one["state"], &one["mode"])).collect();
    let native = |name: &str, side: &str| (json!(name), json!(side), json!("attached"), json!("native"));
    let expected =
        [native(addr::INSIDE, "inside"), native(addr::OUTSIDE, "outside"), native(addr::SERVERS, "inside")];
    assert_eq!(seen, expected.each_ref().map(|(a, b, c, d)| (a, b, c, d)));
    assert_eq!((&status["lists"][0]["entries"], &status["lists"][0]["error"]), (&json!(2), &Value::Null));

    for (address, line, net) in
        [(listed(5)[0], 2, addr::LISTED_V4.to_string()), (listed(5)[1], 3, addr::LISTED_V6.to_string())]
    {
        let (code, explained) = explain(&guard, address)?;
        let inbound = &explained["inbound"];
        assert_eq!((code, &inbound["action"], &inbound["reason"]), (1, &json!("drop"), &json!("listed")));
        assert_eq!(inbound["effect"], "stopped");
        let entry = json!({"list": "drops", "action": "drop", "file": list, "line": line, "text": net});
        assert_eq!(inbound["lists"], json!([entry]), "{explained:#}");
        let said = text(&guard.cli(["explain", &address.to_string()])?);
        assert!(
            said.contains(&format!("drops (drop), line {line}: {net}\n")) && said.contains(&list),
            "{said}"
        );
    }
    for address in clean(5) {
        let (code, explained) = explain(&guard, address)?;
        assert_eq!((code, &explained["inbound"]["reason"]), (0, &json!("clean")), "{explained:#}");
        assert_eq!(explained["inbound"]["lists"], json!([]));
    }
    for (address, declared) in [
        (addr::MAIL_SERVER.v4.into(), "mail-server"),
        (addr::MAIL_SERVER.v6.into(), "mail-server"),
        (spare(9)[0], "excepted"),
    ] {
        let (code, explained) = explain(&guard, address)?;
        assert_eq!((code, &explained["inbound"]["reason"]), (0, &json!("protected")), "{explained:#}");
        assert_eq!(explained["declared"], declared, "{explained:#}");
    }
    let (code, other_port) = ask(&guard, &["explain", &listed(5)[0].to_string(), "--port", "80"])?;
    assert_eq!((code, &other_port["inbound"]), (0, &Value::Null), "{other_port:#}");
    let (code, submission) = ask(&guard, &["explain", &listed(5)[0].to_string(), "--port", "587"])?;
    assert_eq!(
        (code, &submission["inbound"]["reason"], &submission["outbound"]),
        (1, &json!("listed"), &Value::Null)
    );
    // Asking is not sending: nothing of it is counted.
    assert_eq!(guard.status()?["totals"]["inbound"], 0);
    Ok(())
}
