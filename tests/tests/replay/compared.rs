//! What replay says of envelopes, beside what tshark finds in the same capture.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::bot::{self, Recording, Visit};
use relay_guard_tests::child::run_to_end;
use relay_guard_tests::peers::Tshark;
use serde_json::Value;

use super::{Captures, LIMIT};

/// Client and its port.
type End = (String, u64);

/// What was said in a session: HELO, senders, recipients, and how many replies were refusals.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    helo: Option<String>,
    senders: Vec<String>,
    recipients: Vec<String>,
    refusals: u64,
}

/// Sessions with several letters, null senders, refusals, both families.
fn visits() -> Vec<Visit> {
    let second = Duration::from_secs(1);
    let bots = ["10.0.1.66", "fd00:1::66"].map(|source| source.parse::<IpAddr>().expect(source));
    let mut visits: Vec<Visit> = bots.iter().flat_map(|&bot| bot::low_and_slow(bot, 60, second)).collect();
    visits.extend(bot::newsletter("10.0.1.25".parse().expect("an address"), 60, second));
    for (number, visit) in visits.iter_mut().enumerate().filter(|(number, _)| number % 3 == 0) {
        let to = [format!("second{number}@elsewhere.example"), format!("third{number}@elsewhere.example")];
        *visit = visit.clone().letter("", &to);
        visit.manners.plain_helo = number % 2 == 0;
    }
    visits
}

/// An address as replay shows it.
fn address(parameter: &str) -> Option<String> {
    let from = parameter.find('<')? + 1;
    let to = parameter[from..].find('>')? + from;
    Some(parameter[from..to].to_owned())
}

fn by_tshark(captures: &Captures, file: &str) -> Result<BTreeMap<End, Said>> {
    let fields = [
        "ip.src",
        "ipv6.src",
        "tcp.srcport",
        "ip.dst",
        "ipv6.dst",
        "tcp.dstport",
        "smtp.req.command",
        "smtp.req.parameter",
        "smtp.response.code",
    ];
    let output = run_to_end(Tshark::smtp(&captures.directory.path().join(file), &fields)?, LIMIT)?;
    ensure!(output.status.success(), "{output:?}");
    let mut sessions = BTreeMap::<End, Said>::new();
    for line in std::str::from_utf8(&output.stdout)?.lines() {
        let values: Vec<&str> = line.split('\t').collect();
        let &[from4, from6, from_port, to4, to6, to_port, command, parameter, code] = values.as_slice()
        else {
            anyhow::bail!("unexpected: {line}")
        };
        let of_server = from_port == "25";
        let (address4, address6, port) =
            if of_server { (to4, to6, to_port) } else { (from4, from6, from_port) };
        let client = format!("{address4}{address6}").parse::<IpAddr>().context("an address")?.to_string();
        let said = sessions.entry((client, port.parse()?)).or_default();
        said.refusals += u64::from(of_server && matches!(code.as_bytes().first(), Some(b'4' | b'5')));
        match command {
            "EHLO" | "HELO" => said.helo = Some(parameter.to_owned()),
            "MAIL" => said.senders.extend(address(parameter)),
            "RCPT" => said.recipients.extend(address(parameter)),
            _ => {}
        }
    }
    Ok(sessions)
}

fn by_replay(captures: &Captures, file: &str) -> Result<BTreeMap<End, Said>> {
    let mut sessions = BTreeMap::<End, Said>::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    for line in captures.lines([file])? {
        if !["transaction", "session"].iter().any(|kind| line["type"] == *kind) {
            continue;
        }
        let client = text(&line["client"]).context("a client")?;
        let said = sessions.entry((client, number(&line["client_port"]))).or_default();
        if line["type"] == "session" {
            said.helo = text(&line["helo"]);
            said.refusals = number(&line["refused_for_now"]) + number(&line["refused_for_good"]);
        } else {
            said.senders.extend(text(&line["mail_from"]));
            said.recipients.extend(line["rcpt_to"].as_array().into_iter().flatten().filter_map(text));
        }
    }
    Ok(sessions)
}

#[test]
fn tshark_finds_the_same_envelopes() -> Result<()> {
    let captures = Captures::new()?;
    let mut recording = Recording::new(bot::server_options());
    let visits = visits();
    recording.add(&visits);
    recording.write(&captures.directory.path().join("a.pcap"))?;
    let (expected, found) = (by_tshark(&captures, "a.pcap")?, by_replay(&captures, "a.pcap")?);
    assert_eq!(found.len(), visits.len(), "no two of them have the same port");
    assert!(expected.values().any(|said| said.refusals > 0 && said.senders.len() == 2));
    assert_eq!(found, expected);
    Ok(())
}
