//! Sessions that are encrypted after STARTTLS: judged by what remains, and shown as such.

use anyhow::{Context as _, Result};
use relay_guard_tests::Lab;
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::peers::{Postfix, Relay};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::wait;
use serde_json::{Value, json};

use super::stage::{PATIENCE, server, sessions, wait_for_sessions};

#[test]
fn starttls_sessions_say_so() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::start(&lab, &GuardConfig::for_lab(&lab))?;
    let receiver = Postfix::start_with_tls(&lab, &lab.internet)?;
    let hosts = addr::WORKSTATION.addresses();
    let domains = ["v4.guarded.example", "v6.guarded.example"];
    let servers = domains.map(str::to_owned).into_iter().zip(hosts.map(|source| server(source, 9)));
    let relay = Relay { sources: hosts, servers: servers.collect(), encrypts: true };
    let _sender = Postfix::start_sender(&lab, &lab.inside, relay)?;
    for domain in domains {
        let to = vec![format!("secret-recipient@{domain}")];
        let letter = Delivery { to, ..Delivery::new(Relay::submission().ip(), Relay::submission()) };
        assert_eq!(letter.attempt_in(&lab.inside), Outcome::Delivered);
    }
    wait::until("both sessions at the receiver", PATIENCE, || {
        let log = receiver.log_text();
        let over = |host: &std::net::IpAddr| {
            log.lines().any(|line| line.contains("disconnect from") && line.contains(&format!("[{host}]")))
        };
        Ok(hosts.iter().all(over).then_some(()))
    })?;
    for source in hosts {
        let host = wait_for_sessions(&guard, source, 1)?;
        let session = &sessions(&host)?[0];
        for (key, value) in [
            ("protocol", json!("smtp")),
            ("starttls", json!(true)),
            ("helo", json!("mail.sender.example")),
            ("recipients", json!(0)),
            ("sender", Value::Null),
            // Nothing is missing that could have been seen.
            ("incomplete", json!(false)),
        ] {
            assert_eq!(session[key], value, "{key} of {session:#}");
        }
        assert_eq!(host["state"], "quiet", "{host:#}");
        let said = String::from_utf8(guard.cli(["hosts", &source.to_string()])?.stdout)?;
        let line = said.lines().find(|line| line.contains("mail.sender.example") || line.contains("TLS"));
        line.with_context(|| format!("TLS is not said: {said}"))?;
        assert!(!said.contains("secret-recipient"), "{said}");
        assert_eq!(wait_for_sessions(&guard, source, 1)?["sessions"], 1, "a session is counted once");
    }
    Ok(())
}
