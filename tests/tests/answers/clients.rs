//! Real clients and servers report our text; there is no mail server behind the gateway that could say anything.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::process::Output;

use anyhow::Result;
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::{Exim, Msmtp, Postfix, Relay, SmtpSource, Smtplib, Swaks};
use relay_guard_tests::scene::{IN_VAIN, assert_unanswered, listed, listed_lines};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::{Lab, wait};

use super::{INFO_URL, PATIENCE, TEXT, assert_well_made, config, inbound, occupy_xdp, reason};

const LIST: &str = "refused";
/// Several recipients in one session.
const RECIPIENTS: [&str; 3] = ["anna@guarded.example", "bert@guarded.example", "carl@guarded.example"];

#[test]
fn senders_report_our_words() -> Result<()> {
    let lab = Lab::new()?;
    assert_senders_report(&lab, "native")
}

#[test]
fn senders_report_our_words_with_tags() -> Result<()> {
    let lab = Lab::tagged()?;
    assert_senders_report(&lab, "native")
}

#[test]
fn senders_report_our_words_by_tc_with_tags() -> Result<()> {
    let lab = Lab::tagged()?;
    let _other = occupy_xdp(&lab)?;
    assert_senders_report(&lab, "tc")
}

/// As where a network card takes tags out of frames: a program at XDP cannot know which tag its answer should have.
#[test]
fn without_the_tag_in_the_frame_xdp_stops_and_answers_in_vain() -> Result<()> {
    let lab = Lab::tagged()?;
    lab.keep_tags_in_frames(false)?;
    let mut config = config(&lab);
    config.add_list(&lab, LIST, "refuse", &listed_lines())?;
    let _guard = Guard::start(&lab, &config)?;
    let mails = listed(9).map(|source| inbound(source).connect_timeout(IN_VAIN));
    assert_unanswered(&lab.internet, &mails);
    assert_eq!(lab.mail.counter("Tcp.InSegs")?, 0);
    assert_well_made(&lab)
}

/// `mode`: how the guard must be attached.
fn assert_senders_report(lab: &Lab, mode: &str) -> Result<()> {
    lab.check_all_checksums()?;
    let mut config = config(lab);
    let keys = [("text", TEXT.into()), ("info_url", INFO_URL.into())];
    config.add_list_with(lab, LIST, "refuse", &listed_lines(), keys)?;
    let guard = Guard::start(lab, &config)?;
    let status = guard.status()?;
    let devices = status["interfaces"].as_array().into_iter().flatten();
    assert!(devices.clone().all(|device| device["mode"] == mode), "{status:#}");
    let servers = addr::MAIL_SERVER.sockets(addr::SMTP);
    for (source, server) in listed(9).into_iter().zip(servers) {
        assert_clients_report(lab, source, server)?;
        assert_exim_bounces(lab, source, server)?;
    }
    assert_postfix_bounces(lab, listed(10), servers)?;
    assert_eq!(lab.mail.counter("Tcp.InSegs")?, 0, "the mail server has seen a segment");
    assert_well_made(lab)
}

/// Programs that an administrator or a script runs.
fn assert_clients_report(lab: &Lab, source: IpAddr, server: SocketAddr) -> Result<()> {
    let to = RECIPIENTS.map(str::to_owned).to_vec();
    let reply = format!("550 5.7.1 {}", reason(source, LIST));

    let swaks = Swaks { to: to.clone(), ..Swaks::new(source, server) }.run_in(&lab.internet)?;
    assert_eq!(swaks.status.code(), Some(Swaks::RECIPIENTS_REFUSED), "{swaks:?}");
    assert_eq!(written(&swaks).matches(&format!("<** {reply}")).count(), RECIPIENTS.len(), "{swaks:?}");

    // It gives up at the first one.
    let msmtp = Msmtp { to: to.clone(), ..Msmtp::new(source, server) }.run_in(&lab.internet)?;
    assert_eq!(msmtp.status.code(), Some(Msmtp::RECIPIENT_REFUSED), "{msmtp:?}");
    assert!(written(&msmtp).contains(&format!("server message: {reply}")), "{msmtp:?}");

    let smtplib = Smtplib { to, ..Smtplib::new(source, server) }.run_in(&lab.internet)?;
    let words = reply.strip_prefix("550 ").unwrap_or_default();
    let each: BTreeMap<_, _> =
        RECIPIENTS.map(|recipient| (recipient.to_owned(), (550, words.to_owned()))).into_iter().collect();
    assert_eq!(
        (smtplib.error.as_deref(), &smtplib.recipients),
        (Some("SMTPRecipientsRefused"), &each),
        "{smtplib:?}"
    );

    lab.prefer_source(source)?;
    let smtp_source = SmtpSource::new(server).run_in(&lab.internet, PATIENCE)?;
    assert!(!smtp_source.status.success() && written(&smtp_source).contains(&reply), "{smtp_source:?}");
    Ok(())
}

fn written(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

fn assert_exim_bounces(lab: &Lab, source: IpAddr, server: SocketAddr) -> Result<()> {
    let to = RECIPIENTS.map(str::to_owned).to_vec();
    let run = Exim { to, ..Exim::new(source, server) }.run_in(lab, &lab.internet)?;
    // "**" has failed for good, "==" is tried again.
    let failed = |recipient: &str| {
        let line = run.log.lines().find(|line| line.contains(&format!("** {recipient}")));
        line.is_some_and(|line| line.contains(&reason(source, LIST)))
    };
    assert!(RECIPIENTS.into_iter().all(failed) && !run.log.contains(" == "), "{}", run.log);
    assert_eq!((run.queued, run.bounces.len()), (0, 1), "{run:#?}");
    let bounce = unfolded(&run.bounces[0]);
    let diagnosis = format!("Diagnostic-Code: smtp; 550 5.7.1 {}", reason(source, LIST));
    assert_eq!(bounce.matches(&diagnosis).count(), RECIPIENTS.len(), "{bounce}");
    Ok(())
}

fn assert_postfix_bounces(lab: &Lab, sources: [IpAddr; 2], servers: [SocketAddr; 2]) -> Result<()> {
    let domains = ["v4.example", "v6.example"];
    let servers = domains.map(str::to_owned).into_iter().zip(servers).collect();
    let postfix = Postfix::start_sender(lab, &lab.internet, Relay { sources, servers, encrypts: false })?;
    let submission = Relay::submission();
    for domain in domains {
        let to = ["anna", "bert"].map(|name| format!("{name}@{domain}")).to_vec();
        let mail = Delivery { to, ..Delivery::new(submission.ip(), submission) };
        assert_eq!(mail.attempt_in(&lab.internet), Outcome::Delivered);
    }
    wait::until("Postfix's bounces", PATIENCE, || Ok((postfix.messages()?.len() == 2).then_some(())))?;
    let log = postfix.log_text();
    assert!(!log.contains("status=deferred") && !log.contains("status=sent (250"), "{log}");
    let bounces: Vec<_> = postfix.messages()?.iter().map(|message| unfolded(message)).collect();
    for (source, domain) in sources.into_iter().zip(domains) {
        let said = format!("said: 550 5.7.1 {} (in reply to RCPT TO command)", reason(source, LIST));
        for recipient in [format!("anna@{domain}"), format!("bert@{domain}")] {
            let line = log.lines().find(|line| line.contains(&format!("to=<{recipient}>")));
            let line = line.unwrap_or_default();
            assert!(line.contains("status=bounced") && line.contains(&said), "{log}");
        }
        let bounce = bounces.iter().find(|bounce| bounce.contains(domain)).map_or("", String::as_str);
        let diagnosis = format!("Diagnostic-Code: smtp; 550 5.7.1 {}", reason(source, LIST));
        assert_eq!(bounce.matches(&diagnosis).count(), 2, "{bounces:#?}");
    }
    Ok(())
}

/// A message with folded lines joined, and runs of spaces made one.
fn unfolded(message: &str) -> String {
    message.replace('\r', "").split_whitespace().collect::<Vec<_>>().join(" ")
}
