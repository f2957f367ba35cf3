//! `status`, `status --refused` and `list` after real senders were refused.

use std::fs;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, GuardConfig};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::namespace::Namespace;
use relay_guard_tests::scene::Scene;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpSocket;

use super::{list, senders, start};

/// Columns of a terminal.
const COLUMNS: usize = 80;

/// Says these lines to the own mail server, each after the reply to the one before; returns the replies.
fn say(internet: &Namespace, source: IpAddr, lines: &[&str]) -> Result<Vec<String>> {
    let talk = async {
        let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::new(source, 0))?;
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), addr::SMTP);
        let mut stream = BufReader::new(socket.connect(server).await?);
        let mut replies = Vec::new();
        for line in [""].iter().chain(lines) {
            stream.write_all(line.as_bytes()).await?;
            let mut reply = String::new();
            ensure!(stream.read_line(&mut reply).await? > 0, "closed after {replies:?}");
            replies.push(reply);
        }
        Ok(replies)
    };
    internet.run(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(talk))
}

/// Waits until as many refused senders are known, and returns them.
fn refused(guard: &Guard<'_>, count: usize) -> Result<Vec<Value>> {
    let known = |all: &Value| all["connections"].as_array().map_or(0, Vec::len);
    let what = format!("{count} refused senders");
    let all = guard.wait_for("/v1/refused", &what, |all| known(all) >= count && is_told(all))?;
    all["connections"].as_array().cloned().context("no connections")
}

/// Whether the recipients of all have come.
fn is_told(all: &Value) -> bool {
    let connections = all["connections"].as_array().into_iter().flatten();
    connections.into_iter().all(|one| one["recipients_total"].as_u64() > Some(1))
}

const ENVELOPE: [&str; 5] = [
    "ehlo \x1b[31mmail.sender.example\r\n",
    "mail from:<news@sender.example> SIZE=7\r\n",
    "rcpt to:<anna@guarded.example>\r\n",
    "RCPT TO: <bert@guarded.example>\r\n",
    "QUIT\r\n",
];

#[test]
fn who_was_refused_writing_to_whom_is_shown() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists = vec![list(&scene, "refused", "refuse", 1)?];
    let guard = start(&scene.lab, &config)?;
    let empty = guard.cli(["status", "--refused"])?;
    assert!(empty.status.success() && empty.stdout.starts_with(b"no refused sender"), "{empty:?}");

    for source in senders(1, 5) {
        let replies = say(&scene.lab.internet, source, &ENVELOPE)?;
        let codes: Vec<_> = replies.iter().map(|reply| &reply[..3]).collect();
        assert_eq!(codes, ["220", "250", "250", "550", "550", "221"], "{replies:?}");
    }
    let known = refused(&guard, 2)?;
    let expected: Vec<_> = senders(1, 5).into_iter().rev().collect();
    for (one, source) in known.iter().zip(&expected) {
        assert_eq!(one["source"], source.to_string(), "the newest first: {known:#?}");
        assert_eq!(one["destination"], addr::MAIL_SERVER.like(*source).to_string());
        assert_eq!((&one["port"], &one["interface"]), (&json!(25), &json!(addr::OUTSIDE)));
        assert_eq!((&one["direction"], &one["reason"]), (&json!("inbound"), &json!("listed")));
        assert_eq!(one["lists"], json!(["refused"]));
        assert_eq!(one["helo"], "\\x1b[31mmail.sender.example");
        assert_eq!(one["from"], "news@sender.example");
        assert_eq!(one["recipients"], json!(["anna@guarded.example", "bert@guarded.example"]));
        assert_eq!(one["recipients_total"], 2);
    }
    let output = guard.cli(["status", "--refused"])?;
    let said = String::from_utf8(output.stdout)?;
    for line in said.lines() {
        assert!(line.chars().count() <= COLUMNS && !line.contains('\x1b'), "{line:?}");
    }
    assert!(said.contains("from <news@sender.example>, calls itself \\x1b[31mmail.sender.example"), "{said}");
    assert!(said.contains("to <anna@guarded.example> <bert@guarded.example>\n"), "{said}");
    Ok(())
}

/// A count in an object; 0 if it is not there.
fn count(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or(0)
}

#[test]
fn steps_are_counted_and_outlive_their_class() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    config.lists = vec![list(&scene, "refused", "refuse", 1)?, list(&scene, "other", "refuse", 2)?];
    let guard = start(&scene.lab, &config)?;
    for source in senders(1, 5) {
        say(&scene.lab.internet, source, &ENVELOPE)?;
    }
    // The last of its steps: the client closes when it has read the farewell.
    let done = |all: &Value| count(&all["lists"][0]["steps"], "completed") >= 2;
    let lists = guard.wait_for("/v1/lists", "the clients' ends", done)?["lists"].take();
    let steps = &lists[0]["steps"];
    for (name, expected) in [("syn", 2), ("syn-ack", 2), ("greeted", 2), ("refused", 4)] {
        // A segment that was lost is answered again.
        assert!(count(steps, name) >= expected, "{name}: {steps}");
    }
    assert_eq!(count(steps, "capped"), 0, "{steps}");
    assert_eq!(lists[1]["steps"], json!({}), "nobody of it has come");
    let status = guard.status()?;
    assert_eq!(&status["answers"], steps);
    let rows = status["actions"].as_array().context("no actions")?;
    let [row] = &rows[..] else { anyhow::bail!("one action: {rows:#?}") };
    assert_eq!((&row["action"], &row["direction"]), (&json!("refuse"), &json!("inbound")));
    assert_eq!(row["effect"], "stopped");

    let said = String::from_utf8(guard.cli(["status"])?.stdout)?;
    assert!(said.contains("Answers in the servers' place\n") && said.contains("\n  refused "), "{said}");
    // Warnings quote what they are about, and are as long as that.
    for line in said.lines().filter(|line| !line.starts_with("warning: ")) {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }
    let said = String::from_utf8(guard.cli(["list"])?.stdout)?;
    assert!(said.contains("answers of refused: ") && !said.contains("answers of other"), "{said}");

    // Both lists hold the same now: the class of the one alone goes, its steps stay.
    let before = steps.clone();
    let lines: String = (0..10).flat_map(|n| senders(1, n)).map(|one| format!("{one}\n")).collect();
    fs::write(&config.lists[1].file, lines)?;
    ensure!(guard.cli(["list", "refresh", "other", "--accept"])?.status.success());
    let lists = guard.request("GET", "/v1/lists", None)?.json()?["lists"].take();
    assert_eq!((&lists[0]["steps"], &lists[1]["steps"]), (&before, &json!({})));
    assert_eq!(guard.status()?["answers"], before);
    Ok(())
}

#[test]
fn actions_are_told_as_done_or_as_they_would_have_been() -> Result<()> {
    let scene = Scene::new()?;
    // Where something is answered, there are warnings of that.
    let mut config = GuardConfig::for_lab(&scene.lab).without_answers();
    config.lists = vec![list(&scene, "dropped", "drop", 1)?, list(&scene, "observed", "observe", 2)?];
    let guard = Guard::start(&scene.lab, &config)?;
    scene.assert_deliver(senders(2, 5));
    let lines = |said: &str| -> Vec<String> {
        let known = |line: &&str| line.contains("dropped ") && !line.contains("drop  ");
        said.lines().filter(known).map(str::to_owned).collect()
    };
    let status =
        |guard: &Guard<'_>| Ok::<_, anyhow::Error>(String::from_utf8(guard.cli(["status"])?.stdout)?);
    assert_eq!(lines(&status(&guard)?), [""; 0], "what only observes would have done nothing");

    scene.assert_blocked(senders(1, 5));
    let counts = guard.status()?["actions"].take();
    let of = |action: &str, effect: &str| -> u64 {
        let rows = counts.as_array().into_iter().flatten();
        let rows = rows.filter(|row| row["action"] == action && row["effect"] == effect);
        rows.filter_map(|row| row["packets"].as_u64()).sum()
    };
    assert!(of("drop", "stopped") >= 2 && of("observe", "observed") >= 2, "{counts:#}");
    assert_eq!(of("drop", "observed") + of("observe", "stopped"), 0, "{counts:#}");
    assert_eq!(lines(&status(&guard)?), [format!("  dropped {}", of("drop", "stopped"))]);

    config.mode = "observe";
    guard.write_config(&config.to_toml()?)?;
    ensure!(guard.cli(["reload"])?.status.success());
    scene.assert_deliver(senders(1, 6));
    let said = status(&guard)?;
    assert!(
        said.contains("observe (nothing is stopped)") && said.contains("\n  would have dropped "),
        "{said}"
    );
    Ok(())
}
