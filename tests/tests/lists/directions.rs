//! Whom a list judges, on which ports, and holes in it.

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_delivered, assert_unanswered, spare};
use relay_guard_tests::smtp::Delivery;
use serde_json::{Value, json};

use super::{ask, assert_clean, explain, row};

/// The `n`th mail server of the internet, in both families.
fn remote(n: u32) -> [IpAddr; 2] {
    [nth(addr::REMOTE_SERVERS_V4, n), nth(addr::REMOTE_SERVERS_V6, n)]
}

fn text(addresses: impl IntoIterator<Item = IpAddr>) -> String {
    addresses.into_iter().map(|address| format!("{address}\n")).collect()
}

/// Messages of an inside host, or the own mail server, to the `n`th mail server of the internet.
fn outbound(from: addr::Host, n: u32) -> [Delivery; 2] {
    from.addresses().map(|source| Scene::outbound(source, n))
}

fn in_vain(deliveries: [Delivery; 2]) -> [Delivery; 2] {
    deliveries.map(|delivery| delivery.connect_timeout(IN_VAIN))
}

/// Messages from the internet to a port of the own server.
fn inbound_to(port: u16, sources: [IpAddr; 2]) -> [Delivery; 2] {
    sources.map(|source| Delivery::new(source, SocketAddr::new(addr::MAIL_SERVER.like(source), port)))
}

/// What the loaded program says of an address as a source of inbound mail and as where mail goes.
fn reasons(guard: &Guard<'_>, address: IpAddr) -> Result<(Value, Value)> {
    let explained = explain(guard, address)?;
    Ok((explained["inbound"]["reason"].clone(), explained["destination"]["reason"].clone()))
}

#[test]
fn a_list_of_destinations_stops_mail_to_them() -> Result<()> {
    let scene = Scene::new()?;
    let (inside, mail) = (&scene.lab.inside, &scene.lab.mail);
    let mut config = GuardConfig::for_lab(&scene.lab);
    for (name, direction, n) in [("out", "outbound", 5), ("both", "both", 6), ("in", "inbound", 7)] {
        config.add_list(&scene.lab, name, "drop", &text(remote(n)))?;
        let list = config.lists.pop().map(|list| list.with("direction", direction));
        config.lists.extend(list);
    }
    let guard = Guard::start(&scene.lab, &config)?;
    let (listed, destination) = (json!("listed"), json!("listed-destination"));
    let clean = json!("clean");
    for (n, expected) in [
        (5, (clean.clone(), destination.clone())),
        (6, (listed.clone(), destination)),
        (7, (listed, clean.clone())),
        (8, (clean.clone(), clean)),
    ] {
        for address in remote(n) {
            assert_eq!(reasons(&guard, address)?, expected, "{address}");
        }
    }
    let before = scene.remote.ledger().connection_count();
    for n in [5, 6] {
        assert_unanswered(inside, &in_vain(outbound(addr::WORKSTATION, n)));
        // Declared servers and excepted hosts as well: this is about where mail goes.
        assert_unanswered(inside, &in_vain(outbound(addr::MONITOR, n)));
        assert_unanswered(mail, &in_vain(outbound(addr::MAIL_SERVER, n)));
    }
    assert_eq!(scene.remote.ledger().connection_count(), before, "somebody got through");
    for n in [7, 8] {
        assert_delivered(inside, &outbound(addr::WORKSTATION, n));
        assert_delivered(mail, &outbound(addr::MAIL_SERVER, n));
    }
    scene.assert_deliver(remote(5));
    scene.assert_blocked(remote(6).into_iter().chain(remote(7)));
    for name in ["out", "both"] {
        assert!(row(&guard, name)?["packets"].as_u64() >= Some(6), "{name}");
    }

    // An allow list of destinations makes a hole, in that direction alone.
    config.add_list(&scene.lab, "needed", "allow", &text(remote(6)))?;
    let list = config.lists.pop().map(|list| list.with("direction", "outbound"));
    config.lists.extend(list);
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(ask(&guard, &["reload"])?.0, 0);
    for address in remote(6) {
        assert_eq!(reasons(&guard, address)?, (json!("listed"), json!("allow-list")));
    }
    assert_delivered(inside, &outbound(addr::WORKSTATION, 6));
    assert_delivered(mail, &outbound(addr::MAIL_SERVER, 6));
    scene.assert_blocked(remote(6));
    assert_unanswered(inside, &in_vain(outbound(addr::WORKSTATION, 5)));
    Ok(())
}

#[test]
fn a_list_for_some_ports_leaves_the_others_alone() -> Result<()> {
    let scene = Scene::new()?;
    let internet = &scene.lab.internet;
    let mut config = GuardConfig::for_lab(&scene.lab);
    for (name, action, n, ports) in [
        ("mx", "drop", &[1][..], vec![25]),
        ("submission", "drop", &[2], vec![587]),
        ("everywhere", "drop", &[3, 4], vec![]),
        ("customers", "allow", &[4], vec![587]),
    ] {
        config.add_list(&scene.lab, name, action, &text(n.iter().flat_map(|n| spare(*n))))?;
        if !ports.is_empty() {
            let list = config.lists.pop().map(|list| list.with("ports", ports));
            config.lists.extend(list);
        }
    }
    let guard = Guard::start(&scene.lab, &config)?;
    for (n, at_25, at_587) in
        [(1, false, true), (2, true, false), (3, false, false), (4, false, true), (5, true, true)]
    {
        for (port, passes) in [(25, at_25), (587, at_587)] {
            for address in spare(n) {
                let words = ["explain", &address.to_string(), "--port", &port.to_string()];
                let (code, explained) = ask(&guard, &words)?;
                assert_eq!(code, i32::from(!passes), "{address} at {port}: {explained:#}");
            }
            let deliveries = inbound_to(port, spare(n));
            if passes {
                assert_delivered(internet, &deliveries);
            } else {
                assert_unanswered(internet, &in_vain(deliveries));
            }
        }
    }
    Ok(())
}

#[test]
fn an_allow_list_makes_an_exact_hole_in_a_wider_list() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let wide = format!("{}\n{}\n", addr::SPARE_V4, addr::SPARE_V6);
    config.add_list(&scene.lab, "wide", "drop", &wide)?;
    config.add_list(&scene.lab, "partners", "allow", &text(spare(0x1_02)))?;
    config.add_list(&scene.lab, "more", "drop", &text(spare(0x1_02)))?;
    let guard = Guard::start(&scene.lab, &config)?;
    for address in spare(0x1_02) {
        let explained = explain(&guard, address)?;
        let inbound = &explained["inbound"];
        assert_eq!(
            (&inbound["action"], &inbound["reason"]),
            (&json!("pass"), &json!("allow-list")),
            "{explained:#}"
        );
        let lists = inbound["lists"].as_array().into_iter().flatten().map(|listing| listing["list"].clone());
        assert_eq!(lists.collect::<Vec<_>>(), ["wide", "partners", "more"], "all that hold it are told");
    }
    scene.assert_deliver(spare(0x1_02));
    scene.assert_blocked([0x1_01, 0x1_03, 0, 0xff_ff].into_iter().flat_map(spare));
    assert_clean(&guard, nth(addr::CLEAN_V4, 1))?;
    Ok(())
}
