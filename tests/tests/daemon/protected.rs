//! What lists do not touch: special-purpose blocks, the gateway's networks and addresses, and others by configuration.

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::addresses::{self as addr};
use relay_guard_tests::scene::{Scene, clean, listed};
use serde_json::{Value, json};

use super::{ask, explain, text};

fn reload(guard: &Guard<'_>, config: &GuardConfig) -> Result<()> {
    guard.write_config(&config.to_toml()?)?;
    let (code, answer) = ask(guard, &["reload"])?;
    anyhow::ensure!(code == 0, "{answer:#}");
    Ok(())
}

/// Why mail from an address passes or not, and what protects it first.
fn judged(guard: &Guard<'_>, address: IpAddr) -> Result<(String, Value)> {
    let (_, explained) = explain(guard, address)?;
    let reason = explained["inbound"]["reason"].as_str().context("a reason")?.to_owned();
    Ok((reason, explained["protected"][0].clone()))
}

#[test]
fn protected_networks_are_what_the_configuration_says() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let guard = Guard::start(&scene.lab, &config)?;
    scene.assert_blocked(listed(1));

    config.protected.special_purpose = true;
    reload(&guard, &config)?;
    scene.assert_deliver(listed(2).into_iter().chain(clean(2)));
    let benchmarking =
        json!({"kind": "special-purpose", "net": "198.18.0.0/15", "note": "benchmarking, RFC 2544"});
    assert_eq!(judged(&guard, listed(2)[0])?, ("protected".to_owned(), benchmarking));
    let said = text(&guard.cli(["explain", &listed(2)[1].to_string()])?);
    assert!(said.contains("protected: special-purpose 2001:db8::/32 (documentation, RFC 3849)"), "{said}");
    // The administrator's block holds, and warns.
    let (code, answer) = ask(&guard, &["block", &listed(3)[0].to_string()])?;
    let warning = answer["warnings"][0].as_str().unwrap_or_default();
    assert!(code == 0 && warning.contains("198.18.0.0/15 is protected (special-purpose)"), "{answer:#}");
    scene.assert_blocked([listed(3)[0]]);
    scene.assert_deliver([listed(3)[1]]);

    config.protected.special_purpose = false;
    config.protected.networks.push(addr::LISTED_V4.into());
    reload(&guard, &config)?;
    scene.assert_deliver([listed(4)[0]]);
    scene.assert_blocked([listed(4)[1]]);
    let network = json!({"kind": "network", "net": addr::LISTED_V4.to_string(), "note": null});
    assert_eq!(judged(&guard, listed(4)[0])?, ("protected".to_owned(), network));
    assert_eq!(judged(&guard, listed(4)[1])?, ("listed".to_owned(), Value::Null));
    Ok(())
}

#[test]
fn protected_networks_follow_the_gateways_addresses() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?.without_answers();
    config.protected.connected = true;
    config.add_list(
        &scene.lab,
        "gateway",
        "drop",
        &addr::GATEWAY.addresses().map(|a| format!("{a}\n")).concat(),
    )?;
    let guard = Guard::start(&scene.lab, &config)?;
    for address in addr::GATEWAY.addresses() {
        let (reason, protection) = judged(&guard, address)?;
        assert_eq!((reason.as_str(), &protection["kind"]), ("protected", &json!("own-address")), "{address}");
    }
    assert_eq!(judged(&guard, listed(1)[0])?.0, "listed");

    // A network and an address more, on a device that leads nowhere.
    let gateway = &scene.lab.gateway;
    gateway.ip(&format!(
        "link add more type veth peer name less\nlink set more up\naddress add {}/24 dev more\n",
        listed(9)[0]
    ))?;
    let path = |address: IpAddr| format!("/v1/explain?address={address}");
    let kinds = |answer: &Value| {
        let kinds = answer["protected"].as_array().into_iter().flatten();
        kinds.map(|one| one["kind"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    guard.wait_for(&path(listed(1)[0]), "the new network", |answer| kinds(answer) == ["connected"])?;
    let (_, explained) = explain(&guard, listed(9)[0])?;
    assert_eq!(kinds(&explained), ["own-address", "connected"]);
    assert_eq!(explained["inbound"]["reason"], "protected");
    assert_eq!(judged(&guard, listed(1)[1])?.0, "listed", "the other family has none");

    // Half the internet is not protected by a slip of the pen.
    gateway.ip(&format!("address add {}/4 dev more\n", listed(10)[0]))?;
    let status = guard.wait_for_status("the warning", |status| {
        status["warnings"].to_string().contains("192.0.0.0/4: an interface has this network, too wide")
    })?;
    assert_eq!(status["warnings"].as_array().map(Vec::len), Some(1), "{status:#}");
    gateway.ip("link del more\n")?;
    guard.wait_for(&path(listed(1)[0]), "the network to go", |answer| kinds(answer).is_empty())?;
    scene.assert_blocked(listed(1));
    scene.assert_deliver(clean(1));
    Ok(())
}
