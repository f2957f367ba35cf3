//! Scores are those that Postfix's postscreen comes to, with the same zones, filters and weights and the same answers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use relay_guard_tests::bench::Random;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::nameserver::{Content, Nameserver};
use relay_guard_tests::peers::{Judge, Postscreen};
use relay_guard_tests::scene::attempt_all;
use relay_guard_tests::smtp::Delivery;
use relay_guard_tests::spoof::Spoofer;
use relay_guard_tests::{Lab, wait};

use super::{PATIENCE, ZONE, asking, named, refuse_at, said_of, start};

const OTHER: &str = "other.example";
const ALLOW: &str = "allow.example";
/// Postscreen cannot be told of another port.
const RESOLVER: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 53);

/// Zone, filter, weight; an empty filter takes everything.
const ENTRIES: [(&str, &str, i64); 7] = [
    (ZONE, "127.0.0.[2..3]", 2),
    (ZONE, "127.0.0.[4..7;9]", 3),
    (ZONE, "127.0.[0..2].10", 1),
    (ZONE, "127.0.0.[2..11;14]", 1),
    (OTHER, "", 1),
    (OTHER, "127.[0;5].0.[2..4]", 2),
    (ALLOW, "127.0.[0..255].[1..3]", -4),
];
const SOURCES: u32 = 60;

/// Up to three answers of those that filters tell apart. (127.0.0.1 alone is none for us, whatever the filter.)
fn answers(random: &mut Random) -> Vec<[u8; 4]> {
    let octets = |random: &mut Random| {
        let last = [2, 3, 4, 7, 8, 9, 10, 11, 12, 14, 15];
        [127, [0, 0, 0, 5][random.below(4)], [0, 0, 1, 3][random.below(4)], last[random.below(last.len())]]
    };
    (0..random.below(4)).map(|_| octets(random)).collect()
}

fn source(number: u32) -> IpAddr {
    nth(addr::SPARE_V4, 0x6000 + number)
}

#[test]
fn scores_are_those_of_postscreen() -> Result<()> {
    let lab = Lab::new()?;
    let nameserver = Nameserver::start(&lab.gateway, RESOLVER)?;
    let mut random = Random::new(5782);
    for zone in [ZONE, OTHER, ALLOW] {
        let mut content = Content::default();
        for number in 0..SOURCES {
            let answers = answers(&mut random);
            if !answers.is_empty() {
                content = content.list(source(number), &answers, "a case");
            }
        }
        nameserver.serve(zone, content);
    }
    let ranks = ranks(&lab)?;
    assert!(ranks.iter().filter(|rank| **rank > 3).count() > 5, "too few cases: {ranks:?}");
    assert!(ranks.iter().filter(|rank| **rank < 1).count() > 5, "too few cases: {ranks:?}");

    let mut config = asking(&lab, &[RESOLVER]);
    config.dnsbl = ENTRIES
        .iter()
        .enumerate()
        .map(|(number, (zone, filter, weight))| {
            let zone = named(zone, &format!("entry-{number}")).with("weight", *weight);
            if filter.is_empty() { zone } else { zone.with("answers", *filter) }
        })
        .collect();
    config.thresholds = vec![refuse_at(1)];
    let guard = start(&lab, &config)?;
    let spoofer = Spoofer::new(&lab.internet)?;
    for number in 0..SOURCES {
        let server = SocketAddr::new(addr::MAIL_SERVER.v4.into(), addr::SMTP);
        spoofer.syn(SocketAddr::new(source(number), 4000), server, number)?;
    }
    for (number, rank) in (0..).zip(ranks) {
        let said = wait::until("a verdict", PATIENCE, || {
            let said = said_of(&guard, source(number))?;
            Ok(matches!(said["state"].as_str(), Some("listed" | "clean")).then_some(said))
        })?;
        // Postscreen says nothing of those who pass.
        let score = said["score"].as_i64().unwrap_or_default().max(0);
        assert_eq!(score, rank, "{}: {said:#}", source(number));
    }
    Ok(())
}

/// What postscreen makes of each source; 0 is whatever passes.
fn ranks(lab: &Lab) -> Result<Vec<i64>> {
    lab.resolve_in_gateway(RESOLVER.ip())?;
    let site = |(zone, filter, weight): &(&str, &str, i64)| match *filter {
        "" => format!("{zone}*{weight}"),
        filter => format!("{zone}={filter}*{weight}"),
    };
    let sites: Vec<_> = ENTRIES.iter().map(site).collect();
    let server = Postscreen::start(&lab.gateway, Judge::Dnsbl(&sites.join(", ")))?;
    let address = SocketAddr::new(addr::GATEWAY.v4.into(), addr::SMTP);
    // What becomes of them is in the log; nobody serves those who pass.
    let mail =
        |number| Delivery { reply_timeout: Duration::from_secs(3), ..Delivery::new(source(number), address) };
    let mails: Vec<_> = (0..SOURCES).map(mail).collect();
    let _ = attempt_all(&lab.internet, &mails);
    let rank = |log: &str, number: u32| {
        let client = format!("[{}]:", source(number));
        let line = log.lines().find(|line| {
            line.contains(&client) && (line.contains("DNSBL rank ") || line.contains("PASS NEW "))
        })?;
        let rank = line.split("DNSBL rank ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        Some(rank.unwrap_or(0))
    };
    wait::until("postscreen's log", PATIENCE, || {
        let log = server.log_text();
        Ok((0..SOURCES).map(|number| rank(&log, number)).collect())
    })
}
