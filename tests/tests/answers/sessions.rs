//! Sessions that stood before their verdict, and what inside hosts and the gateway itself are told, over XDP and over tc.

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Result, ensure};
use ipnet::IpNet;
use relay_guard_tests::guard::{Answers, Guard, GuardConfig, Ports, Step};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::scene::assert_delivered_in_turn;
use relay_guard_tests::smtp::{Outcome, Stage};
use relay_guard_tests::{Lab, Scene};

use super::{CONTACT, PATIENCE, assert_well_made, block, config, connect, lines, occupy_xdp, refused, spot};

/// A port on which nothing else listens.
const PORT: u16 = 2526;
/// The block that is listed while a session stands.
const LATE: u8 = 9;
/// The text for inside hosts.
const OUTBOUND: &str = "{address} may not send mail directly; use submission on port 587; contact {contact}";

#[test]
fn sessions_by_xdp() -> Result<()> {
    let scene = Scene::new()?;
    scene.lab.check_all_checksums()?;
    assert_sessions(&scene)
}

#[test]
fn sessions_by_xdp_with_checksums_begun() -> Result<()> {
    let scene = Scene::new()?;
    scene.lab.complete_checksums_at_gateway()?;
    assert_sessions(&scene)
}

#[test]
fn sessions_by_tc_with_checksums_begun() -> Result<()> {
    let scene = Scene::new()?;
    scene.lab.complete_checksums_at_gateway()?;
    let _other = occupy_xdp(&scene.lab)?;
    assert_sessions(&scene)
}

#[test]
fn sessions_by_tc() -> Result<()> {
    let scene = Scene::new()?;
    scene.lab.check_all_checksums()?;
    let _other = occupy_xdp(&scene.lab)?;
    assert_sessions(&scene)
}

fn assert_sessions(scene: &Scene) -> Result<()> {
    let mut config = config(&scene.lab);
    config.ports = Some(Ports { guarded: vec![25, PORT], watched: vec![25] });
    let outbound_text = Some(OUTBOUND.to_owned());
    config.answers = config.answers.map(|answers| Answers { outbound_text, ..answers });
    config.stop_beyond("attempts", 8, Step::new(100, "refuse"));
    let late = config.add_list(&scene.lab, "late", "refuse", &lines([IpNet::from(spot(LATE, 200)[0])]))?;
    add_destinations(&scene.lab, &mut config)?;
    let guard = Guard::start(&scene.lab, &config)?;

    let sessions = spot(LATE, 7).map(|source| Session::open(&scene.lab, source));
    fs::write(&late, lines(block(LATE)))?;
    let refreshed = guard.cli(["list", "refresh", "late", "--accept"])?;
    ensure!(refreshed.status.success(), "{refreshed:?}");
    for session in sessions {
        session?.assert_reset()?;
    }
    assert_inside_hosts_are_told(scene, &guard)?;
    assert_destinations_are_refused(scene);
    assert_well_made(&scene.lab)
}

/// A connection from the internet, accepted by a server process.
struct Session {
    client: TcpStream,
    server: TcpStream,
}

impl Session {
    fn open(lab: &Lab, source: IpAddr) -> Result<Self> {
        let address = SocketAddr::new(addr::MAIL_SERVER.like(source), PORT);
        let listener = lab.mail.run(|| TcpListener::bind(address))?;
        let mut client = lab.internet.run(|| connect(source, address))?;
        let (mut server, peer) = listener.accept()?;
        assert_eq!(peer.ip(), source);
        server.write_all(b"220 mail\r\n")?;
        client.read_exact(&mut [0; 10])?;
        client.write_all(b"NOOP\r\n")?;
        server.read_exact(&mut [0; 6])?;
        Ok(Self { client, server })
    }

    /// The client's next line ends it for both.
    fn assert_reset(mut self) -> Result<()> {
        for end in [&self.client, &self.server] {
            end.set_read_timeout(Some(PATIENCE))?;
        }
        self.client.write_all(b"NOOP\r\n")?;
        let server = thread::spawn(move || self.server.read(&mut [0; 16]).map_err(|error| error.kind()));
        let client = self.client.read(&mut [0; 16]).map_err(|error| error.kind());
        let server = server.join().expect("a read does not panic");
        assert_eq!((client, server), (Err(ErrorKind::ConnectionReset), Err(ErrorKind::ConnectionReset)));
        Ok(())
    }
}

/// What contained hosts are told.
fn told(source: IpAddr) -> Outcome {
    let text = OUTBOUND.replace("{address}", &source.to_string()).replace("{contact}", CONTACT);
    refused(Stage::Rcpt, 550, format!("5.7.1 {text}"))
}

fn assert_inside_hosts_are_told(scene: &Scene, guard: &Guard<'_>) -> Result<()> {
    for source in addr::ZOMBIE.addresses() {
        let mails: Vec<_> = (0..9).map(|n| Scene::outbound(source, n)).collect();
        assert_delivered_in_turn(&scene.lab.inside, &mails);
        guard.wait_for("/v1/hosts", "the zombie to be contained", |hosts| {
            let mut rows = hosts["hosts"].as_array().into_iter().flatten();
            rows.any(|host| host["address"] == source.to_string() && host["state"] == "contained")
        })?;
        let before = scene.remote.ledger().connection_count();
        assert_eq!(Scene::outbound(source, 1).attempt_in(&scene.lab.inside), told(source));
        assert_eq!(scene.remote.ledger().connection_count(), before, "its mail has left");
    }
    assert_delivered_in_turn(
        &scene.lab.inside,
        &addr::WORKSTATION.addresses().map(|source| Scene::outbound(source, 1)),
    );
    Ok(())
}

/// The upper halves of the networks of remote servers.
fn add_destinations(lab: &Lab, config: &mut GuardConfig) -> Result<()> {
    let upper = [(nth(addr::REMOTE_SERVERS_V4, 128), 25), (nth(addr::REMOTE_SERVERS_V6, 128), 121)];
    let upper = upper.map(|(address, len)| IpNet::new_assert(address, len));
    config.add_list_with(lab, "destinations", "refuse", &lines(upper), [("direction", "outbound".into())])?;
    Ok(())
}

/// Inside hosts, declared mail servers and the gateway itself.
fn assert_destinations_are_refused(scene: &Scene) {
    let before = scene.remote.ledger().connection_count();
    let senders = [
        (&scene.lab.inside, addr::WORKSTATION),
        (&scene.lab.mail, addr::MAIL_SERVER),
        (&scene.lab.gateway, addr::GATEWAY),
    ];
    for (namespace, host) in senders {
        for source in host.addresses() {
            let outcome = Scene::outbound(source, 200).attempt_in(namespace);
            let text = format!("5.7.1 the destination is on the list destinations; contact {CONTACT}");
            assert_eq!(outcome, refused(Stage::Rcpt, 550, text), "{host:?}");
        }
    }
    assert_eq!(scene.remote.ledger().connection_count(), before);
    for (namespace, host) in senders {
        let mails = host.addresses().map(|source| Scene::outbound(source, 100));
        assert_delivered_in_turn(namespace, &mails);
    }
}
