//! The lab itself: it joins what it should, keeps apart what it should, and leaves nothing behind.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};
use relay_guard_tests::Lab;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::lab::{Attached, LossyLink};
use relay_guard_tests::peers::{Postfix, SmtpSink, SmtpSource, Swaks};
use relay_guard_tests::scene::attempt_all;
use relay_guard_tests::smtp::{Delivery, Outcome, ServerOptions, SmtpServer, Stage};

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// An internet sender of the same family as each address of the mail server.
fn clean_senders() -> [(IpAddr, SocketAddr); 2] {
    let sources = [nth(addr::CLEAN_V4, 7), nth(addr::CLEAN_V6, 7)];
    let [v4, v6] = addr::MAIL_SERVER.sockets(addr::SMTP);
    [(sources[0], v4), (sources[1], v6)]
}

#[test]
fn own_client_delivers_to_own_server_through_the_gateway() -> Result<()> {
    let lab = Lab::new()?;
    let server =
        SmtpServer::start(&lab.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), ServerOptions::default())?;
    for (source, target) in clean_senders() {
        let delivery = Delivery::new(source, target);
        assert_eq!(delivery.attempt_in(&lab.internet), Outcome::Delivered);
        let message = server.ledger().messages().pop().expect("a message");
        assert_eq!((message.connection.peer.ip(), message.connection.local), (source, target));
        assert_eq!((message.from, message.to, message.helo), (delivery.from, delivery.to, delivery.helo));
        assert_eq!(message.content, delivery.content.replace('\n', "\r\n").into_bytes());
    }
    assert_eq!(server.ledger().connection_count(), 2);
    Ok(())
}

#[test]
fn inside_hosts_and_the_mail_server_reach_any_remote_server() -> Result<()> {
    let lab = Lab::new()?;
    let remote =
        SmtpServer::start_everywhere(&lab.internet, addr::SMTP, ServerOptions::named("mx.remote.example"))?;
    let targets = [nth(addr::REMOTE_SERVERS_V4, 200), nth(addr::REMOTE_SERVERS_V6, 200)];
    for target in targets {
        let crowd = if target.is_ipv4() { nth(addr::CROWD_V4, 777) } else { nth(addr::CROWD_V6, 777) };
        for (namespace, source) in [
            (&lab.inside, addr::WORKSTATION.like(target)),
            (&lab.inside, addr::ZOMBIE.like(target)),
            (&lab.inside, addr::MONITOR.like(target)),
            (&lab.inside, crowd),
            (&lab.mail, addr::MAIL_SERVER.like(target)),
        ] {
            let delivery = Delivery::new(source, SocketAddr::new(target, addr::SMTP));
            assert_eq!(delivery.attempt_in(namespace), Outcome::Delivered, "{source} to {target}");
            let message = remote.ledger().messages().pop().expect("a message");
            assert_eq!(message.connection.peer.ip(), source, "nothing translates addresses");
            assert_eq!(message.connection.local.ip(), target);
        }
    }
    Ok(())
}

#[test]
fn every_way_to_fail_has_its_own_outcome() -> Result<()> {
    let lab = Lab::new()?;
    let refused = "nobody@guarded.example".to_owned();
    let options = ServerOptions {
        refused_recipients: vec![refused.clone()],
        max_message_bytes: 1000,
        ..ServerOptions::default()
    };
    let _server = SmtpServer::start(&lab.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), options)?;
    for (source, target) in clean_senders() {
        let good = Delivery::new(source, target);

        let unknown_user = Delivery { to: vec![refused.clone()], ..good.clone() };
        let outcome = unknown_user.attempt_in(&lab.internet);
        assert!(matches!(outcome, Outcome::Rejected { stage: Stage::Rcpt, code: 550, .. }), "{outcome}");

        let too_big = Delivery { content: "line\n".repeat(200), ..good.clone() };
        let outcome = too_big.attempt_in(&lab.internet);
        assert!(matches!(outcome, Outcome::Rejected { stage: Stage::Content, code: 552, .. }), "{outcome}");

        let closed_port = Delivery { server: SocketAddr::new(target.ip(), 587), ..good.clone() };
        assert_eq!(closed_port.attempt_in(&lab.internet), Outcome::ConnectRefused);
    }
    let not_ours = Delivery::new(addr::MONITOR.v4.into(), clean_senders()[0].1);
    let outcome = not_ours.attempt_in(&lab.internet);
    assert!(matches!(outcome, Outcome::ConnectFailed(_)), "{outcome}");
    for hole in [nth(addr::BLACK_HOLE_V4, 1), nth(addr::BLACK_HOLE_V6, 1)] {
        let lost = Delivery::new(addr::WORKSTATION.like(hole), SocketAddr::new(hole, addr::SMTP));
        let outcome = lost.connect_timeout(Duration::from_millis(300)).attempt_in(&lab.inside);
        assert_eq!(outcome, Outcome::ConnectTimeout);
    }
    Ok(())
}

#[test]
fn smtp_source_delivers_to_smtp_sink_through_the_gateway() -> Result<()> {
    let lab = Lab::new()?;
    for (source, target) in clean_senders() {
        let sink = SmtpSink::start(&lab, &lab.mail, target)?;
        lab.prefer_source(source)?;
        let run = SmtpSource { messages: 20, sessions: 4, ..SmtpSource::new(target) };
        let output = run.run_in(&lab.internet, PATIENCE)?;
        ensure!(output.status.success(), "{output:?}");
        let messages = sink.messages()?;
        assert_eq!(messages.len(), 20, "{}", sink.log_text());
        let sender = source.to_string();
        assert!(messages.iter().all(|message| message.contains(&sender)), "{:?}", messages.first());
    }
    Ok(())
}

#[test]
fn swaks_delivers_to_smtp_sink_through_the_gateway() -> Result<()> {
    let lab = Lab::new()?;
    let [(IpAddr::V4(source), SocketAddr::V4(target)), _] = clean_senders() else { panic!("no IPv4 sender") };
    let sink = SmtpSink::start(&lab, &lab.mail, target.into())?;
    let output = Swaks::new(source, target).run_in(&lab.internet)?;
    assert_eq!(output.status.code(), Some(Swaks::ACCEPTED), "{output:?}");
    let messages = sink.messages()?;
    assert!(messages.len() == 1 && messages[0].contains(&source.to_string()), "{messages:?}");

    drop(sink);
    let output = Swaks::new(source, target).run_in(&lab.internet)?;
    assert_eq!(output.status.code(), Some(Swaks::NO_CONNECTION), "{output:?}");
    Ok(())
}

#[test]
fn postfix_receives_from_the_internet_and_sends_to_it() -> Result<()> {
    let lab = Lab::new()?;
    let postfix = Postfix::start(&lab, &lab.mail)?;
    for (source, target) in clean_senders() {
        let outcome = Delivery::new(source, target).attempt_in(&lab.internet);
        assert_eq!(outcome, Outcome::Delivered, "{}", postfix.log_text());
    }
    relay_guard_tests::wait::until("two messages in the maildir", PATIENCE, || {
        Ok((postfix.messages()?.len() == 2).then_some(()))
    })?;

    let remote =
        SmtpServer::start_everywhere(&lab.internet, addr::SMTP, ServerOptions::named("mx.remote.example"))?;
    let destination = nth(addr::REMOTE_SERVERS_V4, 5);
    let mut outbound =
        Delivery::new(addr::WORKSTATION.like(destination), addr::MAIL_SERVER.sockets(addr::SMTP)[0]);
    outbound.to = vec![format!("someone@[{destination}]")];
    assert_eq!(outbound.attempt_in(&lab.inside), Outcome::Delivered);
    remote.ledger().wait_for_messages(1, PATIENCE)?;
    let message = remote.ledger().messages().pop().expect("a message");
    assert_eq!(message.connection.peer.ip(), addr::MAIL_SERVER.like(destination));

    let mut relayed = Delivery::new(clean_senders()[0].0, clean_senders()[0].1);
    relayed.to = outbound.to;
    let outcome = relayed.attempt_in(&lab.internet);
    assert!(matches!(outcome, Outcome::Rejected { stage: Stage::Rcpt, .. }), "no open relay: {outcome}");
    Ok(())
}

#[test]
fn two_labs_do_not_see_each_other() -> Result<()> {
    let (one, other) = (Lab::new()?, Lab::new()?);
    let server =
        SmtpServer::start(&one.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), ServerOptions::default())?;
    for (source, target) in clean_senders() {
        // The same addresses, and a server in only one of them.
        assert_eq!(Delivery::new(source, target).attempt_in(&other.internet), Outcome::ConnectRefused);
        assert_eq!(Delivery::new(source, target).attempt_in(&one.internet), Outcome::Delivered);
    }
    assert_eq!(server.ledger().connection_count(), 2);
    assert_ne!(one.gateway.inode()?, other.gateway.inode()?);
    Ok(())
}

/// Whether a datagram to the echo port comes back, which an XDP program on the gateway sends.
fn is_echoed(lab: &Lab) -> Result<bool> {
    lab.internet.run(|| {
        let socket = UdpSocket::bind((addr::INTERNET.v4, 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        socket.send_to(b"hello", (addr::MAIL_SERVER.v4, 7))?;
        let mut back = [0; 16];
        Ok(socket.recv(&mut back).is_ok_and(|length| back[..length] == *b"hello"))
    })
}

#[test]
fn what_xdp_sends_back_arrives_because_the_far_end_has_a_program() -> Result<()> {
    let mut lab = Lab::new()?;
    // The program makes no checksum, and half of one would not do.
    lab.check_all_checksums()?;
    let _echo = Attached::echo(&lab.gateway, &[addr::OUTSIDE])?;
    for _ in 0..20 {
        assert!(is_echoed(&lab)?);
    }
    lab.receive_nothing_from_xdp();
    assert!(!is_echoed(&lab)?, "veth could do without");
    Ok(())
}

#[test]
fn xdp_sees_tags_only_in_frames() -> Result<()> {
    let lab = Lab::tagged()?;
    let _echo = Attached::echo(&lab.gateway, &[addr::OUTSIDE])?;
    // The program knows nothing of tags: with one in the way it finds no datagram and passes it on.
    for (in_frames, arrived) in [(true, 1), (false, 1), (true, 2)] {
        lab.keep_tags_in_frames(in_frames)?;
        // What it sends back without seeing the tag has none, and gets lost.
        assert!(!is_echoed(&lab)?);
        assert_eq!(lab.mail.counter("Udp.NoPorts")?, arrived, "tags in frames: {in_frames}");
    }
    Ok(())
}

#[test]
fn mail_crosses_a_vlan_with_checksums_that_are_checked() -> Result<()> {
    let lab = Lab::tagged()?;
    lab.check_all_checksums()?;
    let server =
        SmtpServer::start(&lab.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), ServerOptions::default())?;
    for (source, target) in clean_senders() {
        assert_eq!(Delivery::new(source, target).attempt_in(&lab.internet), Outcome::Delivered);
    }
    assert_eq!(server.ledger().connection_count(), 2);
    for namespace in [&lab.internet, &lab.gateway, &lab.mail] {
        assert_eq!(namespace.faults()?, [], "in {}", namespace.name());
    }
    Ok(())
}

#[test]
fn a_lossy_link_loses_and_counts() -> Result<()> {
    const MAILS: usize = 30;
    let lab = Lab::new()?;
    let link = LossyLink::start(&lab, 10, 7)?;
    let _server =
        SmtpServer::start(&lab.mail, &addr::MAIL_SERVER.sockets(addr::SMTP), ServerOptions::default())?;
    let mails: Vec<_> = clean_senders()
        .into_iter()
        .flat_map(|(source, target)| {
            let patience = Duration::from_secs(3);
            let mail = Delivery { reply_timeout: patience, ..Delivery::new(source, target) };
            vec![mail.connect_timeout(patience); MAILS / 2]
        })
        .collect();
    let outcomes = attempt_all(&lab.internet, &mails);
    assert!(outcomes.iter().filter(|outcome| outcome.is_delivered()).count() > MAILS / 2, "{outcomes:?}");
    let flows = link.flows()?;
    assert_eq!((flows.len(), flows.keys().filter(|key| key.v6).count()), (MAILS, MAILS / 2), "{flows:#?}");
    let sent: u32 = flows.values().map(|flow| flow.out.sent + flow.back.sent).sum();
    let lost: u32 = flows.values().map(|flow| flow.out.lost + flow.back.lost).sum();
    assert!((3..20).contains(&(lost * 100 / sent)), "{lost} of {sent}");
    Ok(())
}
