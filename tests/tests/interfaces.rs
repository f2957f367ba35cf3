//! Interfaces that come, go and change, and those that cannot do XDP: guarded all the same, and `status` says how.

use std::net::IpAddr;

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::{Attached, addresses as addr};
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{Scene, assert_delivered_in_turn, clean, listed, spare};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A second way from the internet to the gateway.
const LATE: &str = "late0";
const LATE_V4: &str = "192.0.3";
const LATE_V6: &str = "2001:db8:fe";

/// A configuration with another outside interface beside the lab's.
fn config_with(scene: &Scene, device: &str) -> Result<GuardConfig> {
    let mut config = scene.config()?;
    config.interfaces.outside.push(device.to_owned());
    Ok(config)
}

/// Makes the pair `late0` (gateway) and `late1` (internet).
fn make_late(scene: &Scene) -> Result<()> {
    let peer = scene.lab.internet.path();
    scene
        .lab
        .gateway
        .ip(&format!("link add {LATE} type veth peer name late1 netns {peer}\nlink set {LATE} up\n"))?;
    scene.lab.internet.ip("link set late1 up\n")
}

/// Lets what the internet sends to the mail server come in by `device` of the gateway, which `late1` is joined to.
fn address_late(scene: &Scene, device: &str) -> Result<()> {
    let (mail_v4, mail_v6) = (addr::SERVERS_V4, addr::SERVERS_V6);
    scene.lab.gateway.ip(&format!(
        "address replace {LATE_V4}.2/24 dev {device}\naddress replace {LATE_V6}::2/64 dev {device} nodad\n"
    ))?;
    scene.lab.internet.ip(&format!(
        "address replace {LATE_V4}.1/24 dev late1\naddress replace {LATE_V6}::1/64 dev late1 nodad\n\
         route replace {mail_v4} via {LATE_V4}.2 dev late1\nroute replace {mail_v6} via {LATE_V6}::2 dev late1\n"
    ))
}

/// The row of an interface in `status`.
fn row<'s>(status: &'s Value, device: &str) -> Option<&'s Value> {
    status["interfaces"].as_array()?.iter().find(|row| row["name"] == device)
}

fn wait_for_state(guard: &Guard<'_>, device: &str, state: &str) -> Result<Value> {
    let what = format!("{device} to be {state}");
    let status = guard
        .wait_for_status(&what, |status| row(status, device).is_some_and(|row| row["state"] == state))?;
    Ok(row(&status, device).context("it is there")?.clone())
}

/// Packets that came in by whatever way and were stopped as listed.
fn stopped(guard: &Guard<'_>) -> Result<u64> {
    guard.status()?["totals"]["inbound_stopped"].as_u64().context("a number")
}

/// The guard works on what comes in now.
fn assert_guarded(scene: &Scene, guard: &Guard<'_>) -> Result<()> {
    let before = stopped(guard)?;
    scene.assert_blocked(listed(5));
    assert!(stopped(guard)? >= before + 2, "the packets came by the guarded way");
    scene.assert_deliver(clean(5));
    Ok(())
}

#[test]
fn an_interface_is_attached_whenever_it_comes() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &config_with(&scene, LATE)?)?;
    let absent = wait_for_state(&guard, LATE, "absent")?;
    assert_eq!((&absent["mode"], &absent["ifindex"]), (&Value::Null, &Value::Null));
    assert!(guard.status()?["warnings"].to_string().contains(LATE));
    assert_guarded(&scene, &guard)?;

    let mut indices = Vec::new();
    for _ in 0..2 {
        make_late(&scene)?;
        let attached = wait_for_state(&guard, LATE, "attached")?;
        assert_eq!((&attached["mode"], &attached["side"]), (&json!("native"), &json!("outside")));
        indices.push(attached["ifindex"].clone());
        address_late(&scene, LATE)?;
        assert_guarded(&scene, &guard)?;
        scene.lab.gateway.ip(&format!("link del {LATE}\n"))?;
        wait_for_state(&guard, LATE, "absent")?;
        assert!(!links(&scene).iter().any(|link| link.starts_with(LATE)), "{:?}", links(&scene));
    }
    assert_ne!(indices[0], indices[1], "it is another device each time");

    // Gone and back while the daemon does not look.
    make_late(&scene)?;
    wait_for_state(&guard, LATE, "attached")?;
    guard.signal(Signal::STOP);
    scene.lab.gateway.ip(&format!("link del {LATE}\n"))?;
    make_late(&scene)?;
    let ifindex = scene.lab.gateway.ifindex(LATE)?;
    guard.signal(Signal::CONT);
    guard.wait_for_status("the new device", |status| {
        row(status, LATE).is_some_and(|row| row["ifindex"] == ifindex && row["state"] == "attached")
    })?;
    address_late(&scene, LATE)?;
    assert_guarded(&scene, &guard)?;
    assert_eq!(row(&guard.status()?, addr::OUTSIDE).context("the first one")?["state"], "attached");
    Ok(())
}

/// The pinned links.
fn links(scene: &Scene) -> Vec<String> {
    scene.lab.gateway.run(|| {
        let entries = std::fs::read_dir(format!("{BPFFS}/relay-guard/links")).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    })
}

#[test]
fn names_decide_also_when_they_change() -> Result<()> {
    let scene = Scene::new()?;
    make_late(&scene)?;
    let mut guard = Guard::start(&scene.lab, &config_with(&scene, LATE)?)?;
    wait_for_state(&guard, LATE, "attached")?;
    address_late(&scene, LATE)?;
    assert_guarded(&scene, &guard)?;

    let rename = |from: &str, to: &str| {
        scene.lab.gateway.ip(&format!("link set {from} down\nlink set {from} name {to}\nlink set {to} up\n"))
    };
    rename(LATE, "other0")?;
    wait_for_state(&guard, LATE, "absent")?;
    address_late(&scene, "other0")?;
    scene.assert_deliver(listed(6).into_iter().chain(clean(6)));
    rename("other0", LATE)?;
    wait_for_state(&guard, LATE, "attached")?;
    address_late(&scene, LATE)?;
    assert_guarded(&scene, &guard)?;
    // Another device under the name, without a moment in which there was none.
    guard.signal(Signal::STOP);
    rename(LATE, "other0")?;
    scene.lab.gateway.ip(&format!("link add {LATE} type veth peer name late9\n"))?;
    guard.signal(Signal::CONT);
    let ifindex = scene.lab.gateway.ifindex(LATE)?;
    guard.wait_for_status("the other device", |status| {
        row(status, LATE).is_some_and(|row| row["ifindex"] == ifindex && row["state"] == "attached")
    })?;
    address_late(&scene, "other0")?;
    scene.assert_deliver(listed(7));
    Ok(())
}

#[test]
fn a_reload_adds_and_removes_interfaces() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let guard = Guard::start(&scene.lab, &config)?;
    make_late(&scene)?;
    address_late(&scene, LATE)?;
    scene.assert_deliver(listed(1));
    config.interfaces.outside = vec![LATE.to_owned()];
    guard.write_config(&config.to_toml()?)?;
    assert!(guard.cli(["reload"])?.status.success());
    wait_for_state(&guard, LATE, "attached")?;
    assert_guarded(&scene, &guard)?;
    assert_eq!(row(&guard.status()?, addr::OUTSIDE), None);
    assert!(!links(&scene).iter().any(|link| link.starts_with(addr::OUTSIDE)), "{:?}", links(&scene));
    // To the other side: what comes in there is outbound now, and being listed is no fault of an inside host.
    config.interfaces.outside = vec![addr::OUTSIDE.to_owned()];
    config.interfaces.inside.push(LATE.to_owned());
    guard.write_config(&config.to_toml()?)?;
    assert!(guard.cli(["reload"])?.status.success());
    guard.wait_for_status("the other side", |status| {
        row(status, LATE).is_some_and(|row| row["side"] == "inside" && row["state"] == "attached")
    })?;
    scene.assert_deliver(listed(2));
    Ok(())
}

/// veth drops without a word what an XDP program sends, unless the far end has one too. It is told where that is not seen:
/// the lab's far ends have one, in namespaces of their own.
#[test]
fn where_answers_may_get_lost_is_told() -> Result<()> {
    let scene = Scene::new()?;
    scene
        .lab
        .gateway
        .ip("link add here0 type veth peer name here1\nlink set here0 up\nlink set here1 up\n")?;
    let mut config = config_with(&scene, "here0")?.without_answers();
    let guard = Guard::start(&scene.lab, &config)?;
    let told = || -> Result<Vec<String>> {
        let status = guard.status()?;
        let warnings = status["warnings"].as_array().context("warnings")?.iter().filter_map(Value::as_str);
        let told = warnings.filter_map(|warning| warning.split_once(": a veth, so answers get lost unless"));
        Ok(told.map(|(device, _)| device.to_owned()).collect())
    };
    assert_eq!(told()?, [""; 0], "nobody is answered");

    config.lists[0].action = "refuse";
    guard.write_config(&config.to_toml()?)?;
    assert!(guard.cli(["reload"])?.status.success());
    assert_eq!(told()?, ["here0", addr::INSIDE, addr::OUTSIDE, addr::SERVERS]);
    let _program = Attached::echo(&scene.lab.gateway, &["here1"])?;
    guard.wait_for_status("the program at the far end", |status| {
        !status["warnings"].to_string().contains("here0: a veth")
    })?;
    assert_eq!(told()?, [addr::INSIDE, addr::OUTSIDE, addr::SERVERS]);
    assert_eq!(guard.log_text().matches("here0: a veth").count(), 1);
    assert_eq!(guard.log_text().matches("out0: a veth").count(), 1);
    Ok(())
}

#[test]
fn a_bridge_is_guarded_in_generic_mode() -> Result<()> {
    let scene = Scene::new()?;
    make_late(&scene)?;
    scene
        .lab
        .gateway
        .ip(&format!("link add br0 type bridge\nlink set {LATE} master br0\nlink set br0 up\n"))?;
    let guard = Guard::start(&scene.lab, &config_with(&scene, "br0")?)?;
    address_late(&scene, "br0")?;
    let bridge = wait_for_state(&guard, "br0", "attached")?;
    assert_eq!(bridge["mode"], "generic", "{bridge:#}");
    assert!(bridge["why"].as_str().is_some_and(|why| why.starts_with("native: ")), "{bridge:#}");
    assert!(guard.status()?["warnings"].to_string().contains("br0: generic mode"));
    assert_guarded(&scene, &guard)
}

#[test]
fn a_device_without_an_ethernet_header_is_guarded_by_tc() -> Result<()> {
    let scene = Scene::new()?;
    // VXLAN-GPE carries bare IP packets. Its far end is given by the route, so that one device serves both families.
    let tunnel = "link add tun7 type vxlan external gpe dstport 4790\nlink set tun7 mtu 1300 up\n";
    let through =
        |net: String, peer: IpAddr| format!("route replace {net} encap ip id 7 dst {peer} dev tun7\n");
    let [far, near] = [addr::INTERNET, addr::GATEWAY].map(|host| IpAddr::V4(host.v4));
    let inwards = through(addr::SERVERS_V4.to_string(), near) + &through(addr::SERVERS_V6.to_string(), near);
    scene.lab.internet.ip(&(tunnel.to_owned() + &inwards))?;
    scene.lab.gateway.ip(tunnel)?;
    let guard = Guard::start(&scene.lab, &config_with(&scene, "tun7")?)?;
    let device = wait_for_state(&guard, "tun7", "attached")?;
    assert_eq!((&device["mode"], &device["why"]), (&json!("tc"), &json!("no Ethernet header")), "{device:#}");
    assert_guarded(&scene, &guard)?;

    // The way out: the gateway's own mail is seen on egress, those of others are not counted twice.
    let outwards = [addr::REMOTE_SERVERS_V4.to_string(), addr::REMOTE_SERVERS_V6.to_string()];
    scene.lab.gateway.ip(&outwards.map(|net| through(net, far)).concat())?;
    for (namespace, kind, host) in
        [(&scene.lab.gateway, "gateway", addr::GATEWAY), (&scene.lab.inside, "host", addr::WORKSTATION)]
    {
        for source in host.addresses() {
            assert_delivered_in_turn(namespace, &[1, 2, 2].map(|n| Scene::outbound(source, n)));
            let hosts = guard.request("GET", "/v1/hosts", None)?.json()?;
            let rows = hosts["hosts"].as_array().context("hosts")?;
            let row = rows.iter().find(|row| row["address"] == source.to_string());
            let row = row.with_context(|| format!("{source} is not in {hosts:#}"))?;
            assert_eq!(
                (&row["kind"], &row["attempts"], &row["established"]),
                (&json!(kind), &json!(3), &json!(3))
            );
        }
    }
    Ok(())
}

#[test]
fn where_another_xdp_program_is_tc_guards() -> Result<()> {
    let scene = Scene::new()?;
    let first = Guard::start(&scene.lab, &scene.config()?)?;
    // The other XDP program is that of a second installation, with lists of its own.
    let mut config = GuardConfig::for_lab(&scene.lab);
    let [spare_v4, spare_v6] = [addr::SPARE_V4.to_string(), addr::SPARE_V6.to_string()];
    config.add_list(&scene.lab, "others", "drop", &format!("{spare_v4}\n{spare_v6}\n"))?;
    config.daemon.run_dir = scene.lab.fresh_path("run");
    config.daemon.state_dir = scene.lab.fresh_path("state");
    config.daemon.pin_dir = format!("{BPFFS}/second").into();
    let mut second = Guard::new(&scene.lab, &config)?;
    second.run()?;
    let status = second.wait_ready()?;
    let outside = row(&status, addr::OUTSIDE).context("it is configured")?;
    assert_eq!((&outside["state"], &outside["mode"]), (&json!("attached"), &json!("tc")), "{outside:#}");
    let why = outside["why"].as_str().unwrap_or_default();
    assert!(why.contains("native: ") && why.contains("generic: ") && why.contains("busy"), "{why}");
    scene.assert_blocked(listed(1).into_iter().chain(spare(1)));
    scene.assert_deliver(clean(1));
    assert!(status["warnings"].to_string().contains("out0: tc mode"), "{status:#}");

    // When the other one is gone, a new start finds the way free.
    assert!(first.cli(["detach"])?.status.success());
    scene.assert_deliver(listed(1));
    second.kill9();
    second.run()?;
    let status = second.wait_ready()?;
    assert_eq!(row(&status, addr::OUTSIDE).context("it is configured")?["mode"], "native", "{status:#}");
    scene.assert_blocked(spare(1));
    scene.assert_deliver(clean(1));
    Ok(())
}
