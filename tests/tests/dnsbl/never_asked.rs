//! Sources about which nobody outside is told.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Result, ensure};
use ipnet::IpNet;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::{clean, listed, spare};
use relay_guard_tests::spoof::Spoofer;

use super::{Delays, PATIENCE, Served, ZONE, assert_delivered, attempt, refused, usual};

/// Of nobody on the internet.
const SPECIAL: [&str; 18] = [
    "10.9.8.7",
    "100.64.0.1",
    "127.0.0.5",
    "169.254.1.1",
    "172.16.0.1",
    "172.31.255.1",
    "192.168.1.1",
    "224.0.0.5",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::ffff:10.0.0.1",
    "fc00::1",
    "fd12:3456:789a::1",
    "fe80::1",
    "ff02::1",
    "ff0e::5",
];

#[test]
fn nobody_is_asked_about_private_protected_and_own_addresses() -> Result<()> {
    let mut served = Served::new(usual())?;
    let protected = spare(0x3131);
    served.config.protected.networks = protected.map(IpNet::from).to_vec();
    let guard = served.start()?;
    let scene = &served.scene;
    let allowed = listed(41);
    for address in allowed {
        let output = guard.cli(["allow", &address.to_string()])?;
        ensure!(output.status.success(), "{output:?}");
    }
    let special = SPECIAL.iter().map(|text| text.parse::<IpAddr>()).collect::<Result<Vec<_>, _>>()?;
    let own = addr::GATEWAY.addresses().into_iter().chain(addr::MAIL_SERVER.addresses());
    let never: Vec<IpAddr> = special.into_iter().chain(own).chain(protected).chain(allowed).collect();

    let spoofer = Spoofer::new(&scene.lab.internet)?;
    for source in &never {
        let server = SocketAddr::new(addr::MAIL_SERVER.like(*source), addr::SMTP);
        spoofer.syn(SocketAddr::new(*source, 4000), server, 1)?;
    }
    // Questions are in the order of SYNs: when these are asked about, the others would have been.
    let asked_about = spare(0x3132);
    for source in asked_about {
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
        spoofer.syn(SocketAddr::new(source, 4000), server, 1)?;
    }
    for source in asked_about {
        served.nameserver.wait_until_asked(ZONE, source, PATIENCE)?;
    }
    let asked = served.nameserver.asked().into_iter().filter_map(|asked| asked.address);
    // The zone's own test entries, in either family.
    let asked: BTreeSet<_> = asked.filter(|address| !address.to_canonical().is_loopback()).collect();
    assert_eq!(asked, BTreeSet::from(asked_about));
    assert!(!served.nameserver.asked().iter().any(|asked| asked.address == Some([127, 0, 0, 5].into())));
    // Allowed and protected ones deliver at once, whatever the zone would say.
    assert_delivered(scene, &guard, &[allowed, protected].concat(), Delays::NONE)
}

#[test]
fn lists_speak_before_zones_are_asked() -> Result<()> {
    let mut served = Served::new(usual())?;
    let scene = &served.scene;
    let (spared, blocked) = (listed(42), clean(42));
    let lines = |nets: [IpAddr; 2]| nets.map(|net| format!("{net}\n")).concat();
    served.config.add_list(&scene.lab, "friends", "allow", &lines(spared))?;
    let text = [("text", super::TEXT.into()), ("info_url", super::INFO_URL.into())];
    served.config.add_list_with(&scene.lab, "enemies", "refuse", &lines(blocked), text)?;
    let guard = served.start()?;
    assert_delivered(scene, &guard, &spared, Delays::NONE)?;
    let (outcomes, delays) = attempt(scene, &guard, &blocked, addr::SMTP)?;
    assert_eq!((outcomes, delays), (blocked.map(|source| refused(source, "enemies")).to_vec(), Delays::NONE));
    for source in spared.into_iter().chain(blocked) {
        assert_eq!(served.nameserver.asked_about(ZONE, source), [], "{source}");
    }
    Ok(())
}
