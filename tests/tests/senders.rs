//! The lab's senders and the servers that they meet, without the guard: what they are scripted to do is what they do.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::bot::{self, Campaign, Manners, Visit, make_in};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::{OpenSmtpd, Postfix, Relay};
use relay_guard_tests::smtp::{Delivery, Outcome, Refusal, ServerOptions, SmtpServer};
use relay_guard_tests::{Lab, wait};

const PATIENCE: Duration = Duration::from_secs(20);

fn remote(lab: &Lab, options: ServerOptions) -> Result<SmtpServer> {
    SmtpServer::start_everywhere(&lab.internet, addr::SMTP, options)
}

#[test]
fn bots_deliver_what_servers_take_and_hear_what_these_refuse() -> Result<()> {
    let lab = Lab::new()?;
    let server = remote(&lab, bot::server_options())?;
    for source in addr::ZOMBIE.addresses() {
        let visits = bot::flood(source, 12, 100);
        let unknown =
            |visit: &Visit| visit.letters[0].to.iter().filter(|to| to.starts_with(bot::UNKNOWN)).count();
        let heard = make_in(&lab.inside, &visits);
        for (visit, heard) in visits.iter().zip(&heard) {
            assert_eq!((heard.connected, &heard.broke), (true, &None), "{heard:?}");
            let refused = heard.replies.iter().filter(|(code, _)| *code == 550).count();
            assert_eq!(refused, unknown(visit), "{heard:?}");
        }
        let delivered: usize = heard.iter().map(|heard| heard.delivered).sum();
        assert_eq!(server.ledger().messages_from(|peer| peer == source), delivered);
        assert!(heard.iter().any(|heard| heard.delivered == 1));
    }
    Ok(())
}

#[test]
fn whoever_talks_first_has_spoken_when_he_is_greeted() -> Result<()> {
    let lab = Lab::new()?;
    // Much longer than the test takes if it works.
    let options = ServerOptions { listens_first: Duration::from_secs(5), ..bot::server_options() };
    let _server = remote(&lab, options)?;
    let manners = Manners { talks_first: true, bare_lf: true, changes_helo: true, ..Manners::default() };
    let to = ["user@domain.example".to_owned()];
    let visits = addr::ZOMBIE.addresses().map(|source| {
        let visit =
            Visit::new(Duration::ZERO, source, SocketAddr::new(server_of(source), addr::SMTP), "bot.example");
        visit.letter("a@b.example", &to).letter("", &to).manners(manners)
    });
    let campaign = Campaign::start(&lab.inside, visits.to_vec())?;
    let heard = wait::until("the end of both visits", Duration::from_secs(4), || {
        Ok(campaign.began().is_some().then_some(()))
    });
    heard?;
    for heard in campaign.stop() {
        assert_eq!((heard.delivered, &heard.broke), (2, &None), "{heard:?}");
    }
    Ok(())
}

fn server_of(source: IpAddr) -> IpAddr {
    if source.is_ipv4() { nth(addr::REMOTE_SERVERS_V4, 9) } else { nth(addr::REMOTE_SERVERS_V6, 9) }
}

#[test]
fn servers_say_what_they_are_told_to() -> Result<()> {
    let lab = Lab::new()?;
    let refusals = vec![
        Refusal::new("MAIL", "<worst@", "554 5.7.1 {client} is blocked using zen.example"),
        Refusal::new(".", "", "552 5.3.4 no room"),
    ];
    let _server = remote(&lab, ServerOptions { refusals, ..ServerOptions::default() })?;
    for source in addr::WORKSTATION.addresses() {
        let server = SocketAddr::new(server_of(source), addr::SMTP);
        let to = ["user@domain.example".to_owned()];
        let visit = Visit::new(Duration::ZERO, source, server, "host.example");
        let visit = visit.letter("worst@b.example", &to).letter("bad@b.example", &to);
        let heard = make_in(&lab.inside, &[visit]).remove(0);
        assert_eq!(heard.delivered, 0);
        let refused: Vec<_> = heard.replies.into_iter().filter(|(code, _)| *code >= 400).collect();
        let listed = (554, format!("5.7.1 {source} is blocked using zen.example"));
        assert_eq!(refused, [listed, (552, "5.3.4 no room".to_owned())]);
    }
    Ok(())
}

#[test]
fn opensmtpd_sends_on_what_it_is_given() -> Result<()> {
    let lab = Lab::new()?;
    let server = remote(&lab, ServerOptions::named("mx.remote.example"))?;
    for (number, source) in (1..).zip(addr::WORKSTATION.addresses()) {
        let target = SocketAddr::new(server_of(source), addr::SMTP);
        let opensmtpd = OpenSmtpd::start(&lab, &lab.inside, source, target)?;
        let submission = OpenSmtpd::submission();
        let delivery = Delivery::new(submission.ip(), submission);
        assert_eq!(delivery.attempt_in(&lab.inside), Outcome::Delivered);
        server.ledger().wait_for_messages(number, PATIENCE)?;
        let message = server.ledger().messages().pop().expect("a message");
        assert_eq!((message.connection.peer.ip(), message.connection.local), (source, target));
        assert_eq!(message.helo, "opensmtpd.sender.example", "{}", opensmtpd.log_text());
    }
    Ok(())
}

#[test]
fn two_postfixes_agree_on_tls() -> Result<()> {
    let lab = Lab::new()?;
    let receiver = Postfix::start_with_tls(&lab, &lab.internet)?;
    let relay = Relay {
        sources: addr::WORKSTATION.addresses(),
        servers: ["v4.example", "v6.example"]
            .map(str::to_owned)
            .into_iter()
            .zip(addr::WORKSTATION.addresses().map(|source| SocketAddr::new(server_of(source), addr::SMTP)))
            .collect(),
        encrypts: true,
    };
    let _sender = Postfix::start_sender(&lab, &lab.inside, relay)?;
    let submission = Relay::submission();
    for domain in ["v4.example", "v6.example"] {
        let to = vec![format!("user@{domain}")];
        let delivery = Delivery { to, ..Delivery::new(submission.ip(), submission) };
        assert_eq!(delivery.attempt_in(&lab.inside), Outcome::Delivered);
    }
    wait::until("TLS with both families", PATIENCE, || {
        let log = receiver.log_text();
        let addresses = addr::WORKSTATION.addresses().map(|address| address.to_string());
        let established = |address: &String| {
            log.lines().any(|line| line.contains("TLS connection established from") && line.contains(address))
        };
        Ok(addresses.iter().all(established).then_some(()))
    })
}
