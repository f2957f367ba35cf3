//! The administrator's blocks and allows.

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_delivered, assert_unanswered, clean, listed};
use relay_guard_tests::wait;
use serde_json::json;

use super::{PATIENCE, ask, explain, text};

#[test]
fn blocks_and_allows_hold_on_the_wire() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let [host_v4, host_v6] = clean(20);
    let nets = ["198.19.7.0/24", "2001:db8:5a3e:7::/64"];
    let within = [nth(addr::SPARE_V4, 7 * 256 + 3), "2001:db8:5a3e:7::3".parse()?];
    scene.assert_deliver(within.into_iter().chain([host_v4, host_v6]));

    for target in [&host_v4.to_string(), &host_v6.to_string(), nets[0], nets[1]] {
        let (code, answer) = ask(&guard, &["block", target, "--reason", "tried passwords"])?;
        assert_eq!((code, &answer["warnings"]), (0, &json!([])), "{answer:#}");
    }
    scene.assert_blocked(within.into_iter().chain([host_v4, host_v6]));
    scene.assert_deliver(clean(21).into_iter().chain([nth(addr::SPARE_V4, 8 * 256)]));
    let (code, explained) = explain(&guard, within[0])?;
    assert_eq!((code, &explained["inbound"]["reason"]), (1, &json!("admin-block")), "{explained:#}");
    assert_eq!(explained["verdicts"][0]["net"], nets[0]);
    assert_eq!(explained["verdicts"][0]["reason"], "tried passwords");

    // An allow wins over a block, whichever is narrower or newer, and over lists.
    for target in [within[0], within[1], listed(20)[0], listed(20)[1]] {
        assert_eq!(ask(&guard, &["allow", &target.to_string()])?.0, 0);
    }
    scene.assert_deliver(within.into_iter().chain(listed(20)));
    let (code, answer) = ask(&guard, &["block", &format!("{}/32", within[0])])?;
    assert_eq!((code, &answer["verdict"]["kind"]), (0, &json!("block")), "the block replaces the allow");
    scene.assert_blocked([within[0]]);
    let (_, explained) = explain(&guard, within[1])?;
    assert_eq!(explained["inbound"]["reason"], "admin-allow", "{explained:#}");

    let (code, all) = ask(&guard, &["verdicts"])?;
    assert_eq!((code, all["verdicts"].as_array().map(Vec::len)), (0, Some(8)), "{all:#}");
    assert_eq!(guard.status()?["verdicts"]["administrator"], 8);
    for verdict in all["verdicts"].as_array().context("verdicts")? {
        let net = verdict["net"].as_str().context("a CIDR")?;
        assert_eq!(ask(&guard, &["remove", net])?.0, 0, "{net}");
    }
    assert_eq!(ask(&guard, &["verdicts"])?.1, json!({"verdicts": []}));
    let (code, answer) = ask(&guard, &["remove", nets[0]])?;
    assert_eq!((code, &answer["removed"]), (1, &json!(false)), "there is nothing to remove");
    scene.assert_deliver(within.into_iter().chain([host_v4, host_v6]));
    scene.assert_blocked(listed(20));
    Ok(())
}

#[test]
fn a_block_inside_a_protected_network_works_and_warns() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let host = addr::MONITOR;
    let mail = host.addresses().map(|address| Scene::outbound(address, 5));
    assert_delivered(&scene.lab.inside, &mail);
    for address in host.addresses() {
        let (code, answer) = ask(&guard, &["block", &address.to_string()])?;
        let warning = answer["warnings"][0].as_str().unwrap_or_default();
        assert!(code == 0 && warning.contains(&address.to_string()), "{answer:#}");
    }
    assert_unanswered(&scene.lab.inside, &mail.clone().map(|mail| mail.connect_timeout(IN_VAIN)));
    let said = text(&guard.cli(["block", &addr::MAIL_SERVER.v4.to_string(), "--for", "1h"])?);
    assert!(said.lines().any(|line| line.starts_with("warning:")), "{said}");
    for address in host.addresses() {
        assert_eq!(ask(&guard, &["remove", &address.to_string()])?.0, 0);
    }
    assert_delivered(&scene.lab.inside, &mail);
    Ok(())
}

#[test]
fn a_block_ends_by_itself_also_without_a_daemon() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &scene.config()?)?;
    let (code, answer) = ask(&guard, &["block", "198.51.100.31", "--for", "1h 30m"])?;
    let (added, until) = (answer["verdict"]["added"].as_u64(), answer["verdict"]["until"].as_u64());
    assert_eq!((code, until), (0, added.map(|added| added + 5400)), "{answer:#}");
    assert_eq!(ask(&guard, &["remove", "198.51.100.31"])?.0, 0);

    let host = clean(30);
    let (net, within) = ("198.19.30.0/24".to_owned(), nth(addr::SPARE_V4, 30 * 256 + 1));
    let block = |net: &str| -> Result<()> {
        let body = json!({"net": net, "kind": "block", "for_s": 3}).to_string();
        assert_eq!(guard.request("POST", "/v1/verdicts", Some(&body))?.status, 200);
        Ok(())
    };
    for net in [format!("{}/32", host[0]), format!("{}/128", host[1]), net] {
        block(&net)?;
    }
    scene.assert_blocked(host.into_iter().chain([within]));
    guard.wait_for("/v1/verdicts", "the entries to be over", |all| all["verdicts"] == json!([]))?;
    scene.assert_deliver(host.into_iter().chain([within]));

    // The kernel itself keeps the time.
    block(&format!("{}/32", host[0]))?;
    scene.assert_blocked([host[0]]);
    guard.kill9();
    wait::until("the block to be over", PATIENCE, || {
        let attempt = Scene::inbound(host[0]).connect_timeout(IN_VAIN).attempt_in(&scene.lab.internet);
        Ok(attempt.is_delivered().then_some(()))
    })?;
    scene.assert_blocked(listed(1));
    Ok(())
}
