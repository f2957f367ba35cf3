use std::path::Path;

use super::*;
use crate::config::{Config, parse};
use crate::dnsbl::question::Fault;

fn config() -> Config {
    let text = r#"
        [interfaces]
        outside = ["eth0"]
        inside = ["eth1"]
        [[dnsbl]]
        zone = "zen.example"
        [[dnsbl]]
        zone = "key.example"
        name = "keyed"
        [[thresholds]]
        score = 1
        action = "drop"
    "#;
    parse(text, Path::new("test.toml")).unwrap()
}

fn plan(config: &Config) -> Plan {
    Plan::new(&config.dnsbl, std::slice::from_ref(&config.ports.guarded))
}

#[test]
fn zones_are_known_by_their_configured_names() {
    let config = config();
    let plan = plan(&config);
    let wanted = |name| wanted(&config.dnsbl, &plan, name);
    assert_eq!(wanted(None).unwrap(), [0, 1]);
    assert_eq!(wanted(Some("zen.example")).unwrap(), [0]);
    assert_eq!(wanted(Some("ZEN.example.")).unwrap(), [0]);
    assert_eq!(wanted(Some("keyed")).unwrap(), [1]);
    for other in ["key.example", "none"] {
        let error = wanted(Some(other)).unwrap_err().to_string();
        assert_eq!(error, format!("no zone {other:?} is configured; there are zen.example, keyed"));
    }
}

#[test]
fn rows_say_why_a_zone_is_bad_and_no_secret_name() {
    let config = config();
    let plan = plan(&config);
    let mut findings = Findings::default();
    for (probe, listed) in [(Probe::Random, false), (Probe::Loopback, false), (Probe::TestPoint, true)] {
        findings.add(probe, Ok(listed));
    }
    let good = row(&config.dnsbl, &plan, 0, &(findings.clone(), Duration::from_millis(3)));
    assert_eq!((good.ok, good.zone.as_deref(), good.why), (true, Some("zen.example"), None));
    findings.add(Probe::TestPoint, Err(Fault::Refused));
    let bad = row(&config.dnsbl, &plan, 1, &(findings, Duration::ZERO));
    assert_eq!((bad.ok, bad.name.as_str(), bad.zone), (false, "keyed", None));
    assert_eq!(bad.why.as_deref(), Some("its test failed: the question is refused (REFUSED)"));
}
