//! What configured lists say of sources, and how configuration hides addresses.

use anyhow::Result;
use serde_json::json;

use super::dialogue::{message, pcap};
use super::{Captures, START, assert_fits, of};

const CONFIG: &str = r#"
interfaces.outside = ["eth0"]
hosts.own_servers = ["192.0.3.25"]
[[lists]]
name = "drops"
file = "drops.txt"
[[lists]]
name = "partners"
file = "partners.txt"
action = "allow"
"#;

fn captures() -> Result<Captures> {
    let captures = Captures::new()?;
    captures.write("guard.toml", CONFIG)?;
    captures.write("drops.txt", "8.8.8.0/24\n")?;
    captures.write("partners.txt", "8.8.8.9\n")?;
    let frames: Vec<_> = ["8.8.8.8:40000", "8.8.8.9:40000", "9.9.9.9:40000", "8.8.8.8:40001"]
        .iter()
        .flat_map(|client| message(client, "192.0.3.25:25", START))
        .collect();
    captures.write("a.pcap", pcap(&frames))?;
    Ok(captures)
}

#[test]
fn each_source_has_a_verdict_of_the_configured_lists() -> Result<()> {
    let captures = captures()?;
    let verdicts = captures.lines_of("verdict", ["--config", "guard.toml", "a.pcap"])?;
    let told = |source, action, reason, lists: &[&str]| {
        json!({
            "type": "verdict", "source": source, "port": 25, "action": action, "reason": reason,
            "lists": lists, "protected": [],
        })
    };
    assert_eq!(
        verdicts,
        [
            told("8.8.8.8", "drop", "listed", &["drops"]),
            told("8.8.8.9", "pass", "allow-list", &["drops", "partners"]),
            told("9.9.9.9", "pass", "clean", &[]),
        ]
    );
    let output = captures.run(["--config", "guard.toml", "a.pcap"])?;
    let text = String::from_utf8(output.stdout)?;
    assert_fits(&text);
    assert!(text.contains("as sources of inbound mail, lists act against 1\n"), "{text}");
    assert!(text.lines().any(|line| line.split_whitespace().eq(["8.8.8.8", "drop", "drops"])), "{text}");
    Ok(())
}

#[test]
fn lists_that_cannot_be_read_are_left_out_with_a_note() -> Result<()> {
    let captures = captures()?;
    captures.write("drops.txt", "8.8.8.0/24\nnonsense\n")?;
    let output = captures.run(["--config", "guard.toml", "a.pcap", "--json"])?;
    let notes = String::from_utf8(output.stderr.clone())?;
    assert!(output.status.success(), "{output:?}");
    assert!(notes.starts_with("relay-guard: note: list drops: ") && notes.lines().count() == 1, "{notes}");
    let verdicts = of("verdict", super::lines(&output)?);
    assert!(verdicts.len() == 3 && verdicts.iter().all(|line| line["action"] == "pass"), "{verdicts:?}");
    Ok(())
}

#[test]
fn addresses_are_hidden_as_configured() -> Result<()> {
    let captures = captures()?;
    for (how, sender) in [("masked", "a…@example.net"), ("hashed", "")] {
        captures.write("guard.toml", format!("{CONFIG}\n[inspection]\nenvelopes = \"{how}\"\n"))?;
        let output = captures.run(["--config", "guard.toml", "a.pcap", "--json"])?;
        let text = String::from_utf8(output.stdout.clone())?;
        for name in ["anna", "bert", "nobody"] {
            assert!(!text.contains(name), "{how}: {name} is in {text}");
        }
        let transactions = of("transaction", super::lines(&output)?);
        assert_eq!(transactions.len(), 4);
        if sender.is_empty() {
            assert!(transactions.iter().all(|line| line["mail_from"] == transactions[0]["mail_from"]));
        } else {
            assert_eq!(transactions[0]["mail_from"], sender);
        }
    }
    Ok(())
}

#[test]
fn a_configuration_that_is_named_must_be_good() -> Result<()> {
    let captures = captures()?;
    captures.write("bad.toml", "interfaces = 7\n")?;
    for (config, words) in [("missing.toml", "cannot read missing.toml"), ("bad.toml", "bad.toml:1:")] {
        let output = captures.run(["--config", config, "a.pcap"])?;
        let line = relay_guard_tests::guard::refusal(&output)?;
        assert!(line.contains(words), "{line}");
    }
    Ok(())
}
