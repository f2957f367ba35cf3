use std::path::Path;
use std::time::Duration;

use super::*;
use crate::config::{Config, parse};
use crate::dnsbl::question::Fault;

const CONFIG: &str = r#"
[interfaces]
outside = ["eth0"]
inside = ["eth1"]
[ports]
guarded = [25, 587]
[[dnsbl]]
zone = "zen.example"
answers = "127.0.0.[2..9]"
weight = 2
[[dnsbl]]
zone = "zen.example"
name = "policy"
answers = "127.0.0.10"
ports = [25]
[[dnsbl]]
zone = "allow.example"
weight = -3
[[dnsbl]]
zone = "six.example"
families = ["ipv6"]
[[thresholds]]
score = 1
action = "observe"
[[thresholds]]
score = 2
action = "drop"
"#;

const ADDRESS: &str = "198.51.100.66";

fn config() -> Config {
    parse(CONFIG, Path::new("test.toml")).unwrap()
}

fn said(result: Result<Records, Fault>) -> Option<Said> {
    let reply = Reply { id: 0, result, took: Duration::from_millis(12) };
    Some(Said { reply, text: vec!["why".to_owned()] })
}

fn listed(answers: &[[u8; 4]]) -> Option<Said> {
    said(Ok(Records::A { addresses: answers.iter().copied().map(Into::into).collect(), ttl_s: 60 }))
}

fn of(said: &[Option<Said>]) -> Report {
    let config = config();
    let plan = Plan::new(&config.dnsbl, std::slice::from_ref(&config.ports.guarded));
    report(&config.dnsbl, &plan, ADDRESS.parse().unwrap(), &config.ports.guarded, said)
}

fn comes_to(report: &Report) -> Vec<(u16, i32, &'static str)> {
    report.ports.iter().map(|port| (port.port, port.score, port.action)).collect()
}

#[test]
fn answers_are_weighed_for_each_port() {
    let not_listed = || said(Ok(Records::None { ttl_s: 60 }));
    let faulty = || said(Err(Fault::Timeout));
    let cases = [
        (listed(&[[127, 0, 0, 2]]), not_listed(), [(25, 2, "drop"), (587, 2, "drop")]),
        (listed(&[[127, 0, 0, 2], [127, 0, 0, 10]]), not_listed(), [(25, 3, "drop"), (587, 2, "drop")]),
        (listed(&[[127, 0, 0, 10]]), not_listed(), [(25, 1, "observe"), (587, 0, "pass")]),
        (listed(&[[127, 0, 0, 2]]), listed(&[[127, 0, 0, 2]]), [(25, -1, "pass"), (587, -1, "pass")]),
        (listed(&[[127, 0, 0, 2]]), faulty(), [(25, -1, "pass"), (587, -1, "pass")]),
        (listed(&[[127, 255, 255, 254]]), not_listed(), [(25, 0, "pass"), (587, 0, "pass")]),
        (faulty(), not_listed(), [(25, 0, "pass"), (587, 0, "pass")]),
    ];
    for (zen, allow, expected) in cases {
        let shown = format!("{zen:?} {allow:?}");
        assert_eq!(comes_to(&of(&[zen, allow, None])), expected, "{shown}");
    }
}

#[test]
fn rows_say_what_was_answered_and_what_of_it_counts() {
    let report = of(&[listed(&[[127, 0, 0, 10]]), said(Err(Fault::ServFail)), None]);
    let rows: Vec<_> = report.zones.iter().map(|row| (row.name.as_str(), answer(row), row.listed)).collect();
    assert_eq!(
        rows,
        [
            ("zen.example", "127.0.0.10".to_owned(), false),
            ("policy", "127.0.0.10".to_owned(), true),
            ("allow.example", "unknown".to_owned(), false),
            ("six.example", "not asked".to_owned(), false),
        ]
    );
    // A name of its own may be there to hide the zone's.
    assert_eq!(report.zones[1].zone, None);
    assert_eq!(report.zones[2].fault.as_deref(), Some("the resolver could not get an answer (SERVFAIL)"));
    // A zone that vouches and could not say counts as if it had.
    assert_eq!(at(report.address, &report.ports[0]), "198.51.100.66 → port 25: pass (score -2)");
    let reached = of(&[listed(&[[127, 0, 0, 10]]), None, None]);
    let expected = "198.51.100.66 → port 25: observe by policy (score 1, threshold 1)";
    assert_eq!(at(reached.address, &reached.ports[0]), expected);
}
