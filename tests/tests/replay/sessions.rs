//! What is said of SMTP in captures.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use super::dialogue::{Connection, gzip, message, pcap, pcapng};
use super::{Captures, START, assert_fits, of};

const CLIENT: &str = "10.0.1.66:40000";
const SERVER: &str = "203.0.113.25:25";

/// The transaction of [`message`].
fn usual() -> Value {
    json!({
        "type": "transaction",
        "client": "10.0.1.66", "client_port": 40000, "server": "203.0.113.25", "server_port": 25,
        "depth": 1, "helo": "client.example.net", "mail_from": "anna@example.net",
        "rcpt_to": ["bert@example.com", "nobody@example.com"], "rcpt_rejected": ["nobody@example.com"],
        "last_reply": "250 2.0.0 Ok: queued as 4XyZ", "tls": false, "complete": true,
    })
}

#[test]
fn a_transaction_has_the_documented_fields_in_every_format() -> Result<()> {
    let captures = Captures::new()?;
    let frames = message(CLIENT, SERVER, START);
    captures.write("a.pcap", pcap(&frames))?;
    captures.write("b.pcapng", pcapng(&frames))?;
    captures.write("c.pcap.gz", gzip(&pcap(&frames)))?;
    captures.write("d", gzip(&pcapng(&frames)))?;
    for file in ["a.pcap", "b.pcapng", "c.pcap.gz", "d"] {
        let lines = captures.lines([file])?;
        let kinds: Vec<_> = lines.iter().map(|line| line["type"].as_str().unwrap_or_default()).collect();
        assert_eq!(kinds[..3], ["transaction", "session", "file"], "{file}");
        assert_eq!(lines[0], usual(), "{file}");
    }
    // One after the other, the second one at an earlier time.
    let again = message("10.0.1.67:40000", SERVER, START - Duration::from_secs(9999));
    captures.write("again.pcap", pcap(&again))?;
    let output = captures.run(["a.pcap", "again.pcap", "--json"])?;
    let note = "relay-guard: note: times of packets went back (1×): the clock goes on from where it was\n";
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), note);
    let both = of("transaction", super::lines(&output)?);
    assert_eq!((both.len(), &both[1]["client"]), (2, &"10.0.1.67".into()));
    Ok(())
}

#[test]
fn a_session_is_told_with_all_that_was_seen() -> Result<()> {
    let captures = Captures::new()?;
    captures.write("a.pcap", pcap(&message(CLIENT, SERVER, START)))?;
    let sessions = captures.lines_of("session", ["a.pcap"])?;
    assert_eq!(sessions.len(), 1);
    let session = &sessions[0];
    for (field, expected) in [
        ("client", json!("10.0.1.66")),
        ("server_port", json!(25)),
        // After the handshake.
        ("began", json!(1_700_000_000.03)),
        ("ended", json!("orderly")),
        ("protocol", json!("smtp")),
        ("greeting", json!("220 mx.example.com ESMTP")),
        ("helo", json!("client.example.net")),
        ("extensions", json!(["SIZE", "8BITMIME"])),
        ("auth", Value::Null),
        ("tls", Value::Null),
        ("transactions", json!(1)),
        ("refused_for_good", json!(1)),
        ("refused_with", json!(["550 5.1.1 <nobody@example.com>: unknown"])),
        ("complete", json!(true)),
    ] {
        assert_eq!(session[field], expected, "{field}");
    }
    assert!(!session.to_string().contains("secret"), "content is told: {session}");
    Ok(())
}

#[test]
fn several_messages_reset_and_null_senders_are_transactions_of_their_own() -> Result<()> {
    let captures = Captures::new()?;
    let mut connection = Connection::open("[2001:db8::66]:50000", "[2001:db8:1::25]:587", START);
    connection
        .server("220 mx\r\n")
        .ask("HELO [10.0.1.66]", "250 mx")
        .ask("MAIL FROM:<>", "250 Ok")
        .ask("RCPT TO:<a@example.com>", "450 4.2.0 later")
        .ask("RSET", "250 Ok")
        // All at once.
        .client("MAIL FROM:<b@example.net>\r\nRCPT TO:<c@example.com>\r\nRCPT TO:<d@example.com>\r\nDATA\r\n")
        .server("250 Ok\r\n250 Ok\r\n250 Ok\r\n354 go\r\n")
        .ask("text\r\n.", "554 5.7.1 we do not want this")
        .ask("QUIT", "221 Bye");
    captures.write("a.pcap", pcap(&connection.close()))?;
    let transactions = captures.lines_of("transaction", ["a.pcap"])?;
    let told: Vec<_> = transactions
        .iter()
        .map(|line| {
            json!([
                line["depth"],
                line["mail_from"],
                line["rcpt_to"],
                line["rcpt_rejected"],
                line["last_reply"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!([1, "", ["a@example.com"], ["a@example.com"], "450 4.2.0 later"]),
            json!([
                2,
                "b@example.net",
                ["c@example.com", "d@example.com"],
                [],
                "554 5.7.1 we do not want this"
            ]),
        ]
    );
    assert!(transactions.iter().all(|line| line["helo"] == "[10.0.1.66]" && line["complete"] == true));
    assert_eq!(transactions[0]["client"], "2001:db8::66");
    Ok(())
}

#[test]
fn what_was_lost_is_marked_and_nothing_is_made_up() -> Result<()> {
    let captures = Captures::new()?;
    let mut connection = Connection::open(CLIENT, SERVER, START);
    connection
        .server("220 mx\r\n")
        .ask("EHLO client.example.net", "250 mx")
        .ask("MAIL FROM:<a@example.net>", "250 Ok")
        .client("RCPT TO:<b@example.com>\r\n")
        .server("250 Ok\r\n")
        .lose()
        .wait(Duration::from_secs(2))
        .ask("DATA", "354 go")
        .ask("text\r\n.", "250 queued")
        .ask("QUIT", "221 Bye");
    captures.write("a.pcap", pcap(&connection.close()))?;
    let transactions = captures.lines_of("transaction", ["a.pcap"])?;
    assert_eq!((transactions.len(), &transactions[0]["complete"]), (1, &false.into()));
    let sessions = captures.lines_of("session", ["a.pcap"])?;
    assert_eq!((&sessions[0]["complete"], &sessions[0]["unseen"]["server_lost"]), (&false.into(), &8.into()));

    // Without its beginning.
    let frames = message(CLIENT, SERVER, START);
    captures.write("b.pcap", pcap(&frames[5..]))?;
    let lines = captures.lines(["b.pcap"])?;
    assert_eq!(lines[0]["helo"], Value::Null, "{lines:?}");
    let session = &of("session", lines)[0];
    assert_eq!((&session["complete"], &session["unseen"]["beginning"]), (&false.into(), &true.into()));
    Ok(())
}

#[test]
fn what_comes_after_starttls_is_one_transaction_that_says_so() -> Result<()> {
    let captures = Captures::new()?;
    let mut connection = Connection::open(CLIENT, SERVER, START);
    connection
        .server("220 mx\r\n")
        .ask("EHLO client.example.net", "250-mx\r\n250 STARTTLS")
        .ask("STARTTLS", "220 2.0.0 Ready to start TLS");
    // The beginning of a ClientHello.
    connection.client("\u{16}\u{3}\u{1}\u{0}\u{5}\u{1}\u{0}\u{0}\u{1}\u{3}");
    captures.write("a.pcap", pcap(&connection.close()))?;
    let transactions = captures.lines_of("transaction", ["a.pcap"])?;
    let expected = json!([{
        "type": "transaction",
        "client": "10.0.1.66", "client_port": 40000, "server": "203.0.113.25", "server_port": 25,
        "depth": 1, "helo": "client.example.net", "mail_from": null, "rcpt_to": [], "rcpt_rejected": [],
        "last_reply": "220 2.0.0 Ready to start TLS", "tls": true, "complete": false,
    }]);
    assert_eq!(Value::from(transactions), expected);
    Ok(())
}

#[test]
fn ports_are_those_of_smtp_and_those_that_are_named() -> Result<()> {
    let captures = Captures::new()?;
    captures.write("a.pcap", pcap(&message(CLIENT, "203.0.113.25:2525", START)))?;
    assert_eq!(captures.lines_of("transaction", ["a.pcap"])?.len(), 0);
    assert_eq!(captures.lines_of("transaction", ["a.pcap", "--port", "2525"])?.len(), 1);
    assert_eq!(captures.lines_of("transaction", ["a.pcap", "-p", "26", "-p", "2525"])?.len(), 1);
    Ok(())
}

#[test]
fn the_text_fits_a_terminal_and_has_the_figures() -> Result<()> {
    let captures = Captures::new()?;
    let mut frames = message(CLIENT, SERVER, START);
    let longest = "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff]:40000";
    frames.extend(message(longest, "[2001:db8:aaaa:bbbb:cccc:dddd:eeee:1]:25", START));
    for number in 0..30 {
        frames.extend(message(&format!("10.0.2.{number}:40000"), SERVER, START));
    }
    frames.extend(message(CLIENT, "203.0.113.25:80", START));
    let name = format!("{}.pcap", "a-long-name".repeat(12));
    captures.write(&name, pcap(&frames))?;
    let output = captures.run([&name])?;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout)?;
    assert_fits(&text);
    assert!(!text.contains('\u{1b}'), "colours without a terminal");
    let packets = frames.len().to_string();
    for words in [
        "-name.pcap: ",
        &packets[1..],
        "not read: 21 of other ports",
        "sessions: 32; seen whole 32, encrypted 0, not SMTP 0",
        "messages: 32; accepted 32, refused 0, given up 0, not seen 0",
        "recipients: 64; refused 32",
        "CLIENT",
        "10.0.1.66",
        "and 12 more; --json shows all",
    ] {
        assert!(text.contains(words), "{words} is not in\n{text}");
    }
    Ok(())
}
