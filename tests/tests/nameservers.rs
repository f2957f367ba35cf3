//! The nameservers of the lab: the scripted one, and unbound in front of rbldnsd.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;

use anyhow::Result;
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;
use relay_guard_tests::dns::{Answer, Client};
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::peers::nameserver::{Behaviour, Content, Nameserver};
use relay_guard_tests::peers::{Rbldnsd, Unbound, ZoneText};

const ZONE: &str = "bl.example";
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5300);
const LISTED: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 255]];

fn with_loopback() -> Result<Namespace> {
    let namespace = Namespace::new("nameservers")?;
    namespace.ip("link set lo up\n")?;
    Ok(namespace)
}

fn listed(client: &mut Client, address: IpAddr) -> Result<BTreeSet<Ipv4Addr>> {
    Ok(client.listed(address, ZONE, RecordType::A)?.addresses)
}

#[test]
fn a_scripted_nameserver_does_as_it_is_told() -> Result<()> {
    let namespace = with_loopback()?;
    let server = Nameserver::start(&namespace, ADDRESS)?;
    let mut client = Client::new(&namespace, ADDRESS)?;
    let refused = client.listed(LISTED[0].into(), ZONE, RecordType::A).expect_err("it has no such zone");
    assert!(format!("{refused:#}").to_lowercase().contains("refused"), "{refused:#}");

    let net: ipnet::IpNet = "192.0.2.0/24".parse()?;
    let v6: IpAddr = "2001:db8::1".parse()?;
    let content = Content::default().list(net, &[[127, 0, 0, 3], [127, 0, 0, 4]], "in the net");
    server.serve(ZONE, content.list(v6, &[[127, 0, 0, 5]], "of six"));
    let answers = |answers: &[[u8; 4]]| answers.iter().copied().map(Ipv4Addr::from).collect::<BTreeSet<_>>();
    for address in LISTED {
        assert_eq!(listed(&mut client, address.into())?, answers(&[[127, 0, 0, 3], [127, 0, 0, 4]]));
    }
    assert_eq!(listed(&mut client, v6)?, answers(&[[127, 0, 0, 5]]));
    let text = client.listed(v6, ZONE, RecordType::TXT)?.texts;
    assert_eq!(text, BTreeSet::from(["of six".to_owned()]));
    let nobody = IpAddr::from([198, 51, 100, 1]);
    assert_eq!(client.listed(nobody, ZONE, RecordType::A)?, Answer::default());
    assert_eq!(server.asked_about(ZONE, nobody).len(), 1);

    let elsewhere = Ipv4Addr::new(203, 0, 113, 80);
    server.behave(ZONE, Behaviour::Rewritten(elsewhere));
    assert_eq!(listed(&mut client, nobody)?, BTreeSet::from([elsewhere]));
    server.behave(ZONE, Behaviour::Always(vec![elsewhere]));
    assert_eq!(listed(&mut client, v6)?, BTreeSet::from([elsewhere]));
    let turns = vec![Behaviour::Code(ResponseCode::ServFail), Behaviour::Honest];
    server.behave(ZONE, Behaviour::Turns(turns));
    assert!(listed(&mut client, v6).is_err());
    assert_eq!(listed(&mut client, v6)?, answers(&[[127, 0, 0, 5]]));

    server.leave();
    assert!(listed(&mut client, v6).is_err(), "nobody is there");
    server.listen(&namespace)?;
    server.behave(ZONE, Behaviour::Honest);
    assert_eq!(listed(&mut client, v6)?, answers(&[[127, 0, 0, 5]]));
    Ok(())
}

#[test]
fn unbound_passes_on_what_rbldnsd_serves_now() -> Result<()> {
    let namespace = with_loopback()?;
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755))?;
    let address = |text: &str| text.parse::<IpAddr>().expect("an address");
    let (v4, v6) = (address("192.0.2.7"), address("2001:db8::7"));
    let zone = ZoneText::new(ZONE, 60).list(v4, [127, 0, 0, 3]).list(v4, [127, 0, 0, 10]);
    let zone = zone.list(v6, [127, 0, 0, 4]);
    let mut rbldnsd = Rbldnsd::start(&namespace, directory.path(), &[zone.zone()])?;
    let _unbound = Unbound::start(&namespace, directory.path(), &[ZONE], Rbldnsd::address())?;
    let mut direct = Client::new(&namespace, Rbldnsd::address())?;
    let mut client = Client::new(&namespace, Unbound::address())?;
    for (address, answers) in [
        (v4, &[[127, 0, 0, 3], [127, 0, 0, 10]][..]),
        (v6, &[[127, 0, 0, 4]]),
        (address("127.0.0.2"), &[[127, 0, 0, 2]]),
        (address("::ffff:7f00:2"), &[[127, 0, 0, 2]]),
        (address("192.0.2.8"), &[]),
        (address("127.0.0.1"), &[]),
    ] {
        let answers: BTreeSet<_> = answers.iter().copied().map(Ipv4Addr::from).collect();
        assert_eq!(listed(&mut direct, address)?, answers, "{address}, directly");
        assert_eq!(listed(&mut client, address)?, answers, "{address}");
    }
    // Unbound keeps what it knows, and knows nothing of this one yet.
    let late = address("192.0.2.9");
    rbldnsd.change(ZONE, &[&zone.clone().list(late, [127, 0, 0, 6]).text()])?;
    assert_eq!(listed(&mut client, late)?, BTreeSet::from([[127, 0, 0, 6].into()]));
    rbldnsd.change(ZONE, &[&zone.clone().expired().text()])?;
    assert!(listed(&mut direct, v4).is_err(), "it is out of date");
    rbldnsd.change(ZONE, &[&zone.text()])?;
    assert_eq!(listed(&mut direct, v4)?.len(), 2);
    Ok(())
}
