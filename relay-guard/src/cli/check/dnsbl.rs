//! What `check` says of DNSBL zones and thresholds. Nobody is asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use relay_guard_common::respond::IMPLICIT_TLS_PORT;
use serde::Serialize;

use super::super::output;
use crate::config::{Config, ZoneConfig};
use crate::dnsbl::catalogue::{ended, known};

/// Where mail is taken in from users who log in (RFC 8314 §3.3, RFC 6409 §3.1).
const SUBMISSION_PORTS: [u16; 2] = [IMPLICIT_TLS_PORT, 587];

/// Resolvers for everybody. Operators of zones refuse them, because they cannot see who asks.
const PUBLIC_RESOLVERS: [IpAddr; 14] = [
    v4([1, 0, 0, 1]),
    v4([1, 1, 1, 1]),
    v4([8, 8, 4, 4]),
    v4([8, 8, 8, 8]),
    v4([9, 9, 9, 9]),
    v4([149, 112, 112, 112]),
    v4([208, 67, 220, 220]),
    v4([208, 67, 222, 222]),
    v6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844]),
    v6([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888]),
    v6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001]),
    v6([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111]),
    v6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x9]),
    v6([0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe]),
];

const fn v4(octets: [u8; 4]) -> IpAddr {
    let [a, b, c, d] = octets;
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(groups: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = groups;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

#[derive(Serialize)]
pub(super) struct ZoneReport {
    name: String,
    /// None where it may hold a key.
    zone: Option<String>,
    weight: i32,
    answers: String,
    families: &'static [&'static str],
    ports: Vec<u16>,
}

#[derive(Serialize)]
pub(super) struct ThresholdReport {
    score: i32,
    action: &'static str,
}

pub(super) fn zones(config: &Config) -> Vec<ZoneReport> {
    let report = |zone: &ZoneConfig| ZoneReport {
        name: zone.name.clone(),
        zone: zone.shown_zone().map(str::to_owned),
        weight: zone.weight,
        answers: zone.answers.to_string(),
        families: zone.families(),
        ports: ports_of(zone, config).collect(),
    };
    config.dnsbl.zones.iter().map(report).collect()
}

pub(super) fn thresholds(config: &Config) -> Vec<ThresholdReport> {
    let thresholds = config.dnsbl.thresholds.iter();
    thresholds.map(|at| ThresholdReport { score: at.score, action: at.action.name() }).collect()
}

fn ports_of(zone: &ZoneConfig, config: &Config) -> impl Iterator<Item = u16> {
    config.ports.guarded.iter().copied().filter(|port| zone.ports.holds(*port))
}

/// What will not do what it is there for.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let over = config.dnsbl.zones.iter().filter_map(|zone| {
        ended(&zone.zone)
            .map(|what| format!("dnsbl {}: nobody runs this zone any more: {what}; take it out", zone.name))
    });
    let public = config.dnsbl.lookups.resolvers.iter().map(std::net::SocketAddr::ip);
    let public = public.filter(|resolver| PUBLIC_RESOLVERS.contains(resolver)).map(|resolver| {
        format!("lookups.resolvers: {resolver} is a public resolver, which many zones refuse to answer; ask one of your own")
    });
    over.chain(public).collect()
}

/// What is as it should be, and perhaps not as it is expected.
pub(super) fn notes(config: &Config) -> Vec<String> {
    let registered = config
        .dnsbl
        .zones
        .iter()
        .filter(|zone| known(&zone.zone).is_some_and(|known| known.registration && known.is_public()));
    let registered = registered.map(|zone| {
        format!("dnsbl {}: it answers only those who have registered with its operator", zone.name)
    });
    config
        .dnsbl
        .zones
        .iter()
        .filter_map(|zone| policy_at_submission(zone, config))
        .chain(registered)
        .collect()
}

/// Whose users send from networks that are listed because nobody should send from there without logging in.
fn policy_at_submission(zone: &ZoneConfig, config: &Config) -> Option<String> {
    let answers: Vec<String> =
        known(&zone.zone)?.policy_among(&zone.answers).map(|answer| answer.to_string()).collect();
    let ports: Vec<String> = ports_of(zone, config)
        .filter(|port| SUBMISSION_PORTS.contains(port))
        .map(|port| port.to_string())
        .collect();
    let hurts = zone.weight > 0 && !answers.is_empty() && !ports.is_empty();
    hurts.then(|| {
        format!(
            "dnsbl {}: {} stand for networks of end users, whence your own may send at port {}; write ports = [25], or answers \
             without them",
            zone.name,
            answers.join(" and "),
            ports.join(" and ")
        )
    })
}

/// Thresholds that refuse where nobody could read it.
pub(super) fn refused_in_tls(config: &Config) -> impl Iterator<Item = String> {
    let guarded = config.ports.guarded.contains(&IMPLICIT_TLS_PORT);
    let dnsbl = &config.dnsbl;
    let highest = move |ipv4| dnsbl.highest_score(ipv4, IMPLICIT_TLS_PORT);
    let most = if guarded { highest(true).max(highest(false)) } else { 0 };
    let refusing = dnsbl.thresholds.iter().filter(move |at| at.refuses() && at.score <= most);
    refusing.map(|at| format!("threshold {}", at.score))
}

pub(super) fn print(zones: &[ZoneReport], thresholds: &[ThresholdReport]) {
    if zones.is_empty() {
        return;
    }
    let mut table =
        output::Table::new(&["DNSBL", "ZONE", ">WEIGHT", "ANSWERS", "PORTS"]).yielding(1, output::Cut::Start);
    for zone in zones {
        let ports: Vec<String> = zone.ports.iter().map(ToString::to_string).collect();
        table.row(vec![
            output::cell(&zone.name),
            output::cell(zone.zone.as_deref().unwrap_or("(not shown)")),
            output::cell(zone.weight),
            output::cell(zone.answers.strip_suffix(ANY).map_or(zone.answers.as_str(), |_| "any")),
            output::cell(ports.join(" ")),
        ]);
    }
    table.print();
    let thresholds: Vec<String> =
        thresholds.iter().map(|at| format!("{} from a score of {} on", at.action, at.score)).collect();
    output::line(format!("  {}", thresholds.join(", ")));
}

/// How a filter ends that lets every answer count.
const ANY: &str = "127.[0..255].[0..255].[0..255]";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    fn read(text: &str) -> Config {
        let text = format!(
            "interfaces.outside = [\"eth0\"]\n{text}\n[[thresholds]]\nscore = 1\naction = \"refuse\"\n"
        );
        config::parse(&text, Path::new("/guard.toml")).expect(&text)
    }

    #[test]
    fn any_answer_is_the_default() {
        assert_eq!(crate::dnsbl::filter::AnswerFilter::default().to_string(), ANY);
    }

    #[test]
    fn policy_answers_at_submission_ports_are_noted() {
        let words =
            "127.0.0.10 and 127.0.0.11 stand for networks of end users, whence your own may send at port";
        for (before, lines, expected) in [
            ("", "", Some("465 and 587")),
            ("", "ports = [25, 587]", Some("587")),
            ("", "ports = [25]", None),
            ("", "answers = \"127.0.0.[2..9]\"", None),
            ("", "weight = -1\n[[dnsbl]]\nzone = \"bl.example\"", None),
            ("ports.guarded = [25]", "", None),
        ] {
            let text = format!("{before}\n[[dnsbl]]\nzone = \"zen.spamhaus.org\"\nname = \"zen\"\n{lines}");
            let notes = notes(&read(&text));
            let expected = expected.map(|ports| format!("dnsbl zen: {words} {ports}; write ports = [25]"));
            assert_eq!(notes.len(), usize::from(expected.is_some()), "{lines}: {notes:?}");
            assert!(expected.is_none_or(|expected| notes[0].starts_with(&expected)), "{lines}: {notes:?}");
        }
        assert_eq!(notes(&read("[[dnsbl]]\nzone = \"bl.example\"")), Vec::<String>::new());
        let registered = notes(&read("[[dnsbl]]\nzone = \"b.barracudacentral.org\""));
        assert_eq!(
            registered,
            ["dnsbl b.barracudacentral.org: it answers only those who have registered with its operator"]
        );
    }

    #[test]
    fn zones_that_ended_and_public_resolvers_are_warned_of() {
        let config = read(
            "[lookups]\nresolvers = [\"8.8.8.8\", \"192.0.2.53\", \"2620:fe::fe\"]\n[[dnsbl]]\nzone = \"dnsbl.sorbs.net\"",
        );
        let warnings = warnings(&config);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
        assert_eq!(
            warnings[0],
            "dnsbl dnsbl.sorbs.net: nobody runs this zone any more: it ended in 2024; take it out"
        );
        assert!(
            warnings[1].contains("8.8.8.8 is a public") && warnings[2].contains("2620:fe::fe is a public")
        );
    }

    #[test]
    fn thresholds_that_refuse_in_tls_are_told() {
        let told = |text: &str| refused_in_tls(&read(text)).collect::<Vec<_>>();
        assert_eq!(told("[[dnsbl]]\nzone = \"bl.example\""), ["threshold 1"]);
        assert_eq!(told("[[dnsbl]]\nzone = \"bl.example\"\nports = [25, 587]"), Vec::<String>::new());
        assert_eq!(told("ports.guarded = [25]\n[[dnsbl]]\nzone = \"bl.example\""), Vec::<String>::new());
        let high = "[[dnsbl]]\nzone = \"a.example\"\nweight = 5\nports = [25]\n[[dnsbl]]\nzone = \"b.example\"\n[[thresholds]]\n\
                    score = 2\naction = \"refuse\"";
        assert_eq!(told(high), ["threshold 1"]);
    }

    #[test]
    fn a_zone_with_a_key_is_not_shown() {
        let reports = zones(&read(
            "[[dnsbl]]\nzone = \"s3cret.example\"\nname = \"a\"\n[[dnsbl]]\nzone = \"b.example\"",
        ));
        let json = serde_json::to_string(&reports).unwrap();
        assert!(
            !json.contains("s3cret") && json.contains("\"zone\":null") && json.contains("b.example"),
            "{json}"
        );
        assert!(
            json.contains("\"ports\":[25,465,587]") && json.contains("\"families\":[\"ipv4\"]"),
            "{json}"
        );
    }
}
