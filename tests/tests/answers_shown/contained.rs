//! Contained hosts that are told why.

use anyhow::Result;
use relay_guard_tests::guard::GuardConfig;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::{Scene, assert_delivered};
use relay_guard_tests::smtp::Stage;
use serde_json::{Value, json};

use super::{dialogue, explain, refusal, refused_dialogue, start_with};

const TEXT: &str = "ask the people on the second floor";
const MORE: &str = "outbound_text = \"ask the people on the second floor\"
[signals]
attempts = { weight = 100, from = 4, at = 5 }
[[containment]]
score = 100
action = \"refuse\"
";

/// Whether two refused senders are known with their recipients.
fn both_are_told(all: &Value) -> bool {
    let connections = all["connections"].as_array();
    connections.is_some_and(|all| all.len() == 2 && all.iter().all(|one| one["recipients_total"] == 1))
}

#[test]
fn a_contained_host_is_told_why_and_shown() -> Result<()> {
    let scene = Scene::new()?;
    let guard = start_with(&scene.lab, &GuardConfig::for_lab(&scene.lab), MORE)?;
    for source in addr::ZOMBIE.addresses() {
        assert_delivered(&scene.lab.inside, &(0..5).map(|n| Scene::outbound(source, n)).collect::<Vec<_>>());
    }
    guard.wait_for("/v1/status", "both to be contained", |status| status["verdicts"]["contained"] == 2)?;

    let line = format!("550 5.7.1 {TEXT}");
    for source in addr::ZOMBIE.addresses() {
        let outbound = explain(&guard, source, 25)?["outbound"].take();
        assert_eq!((&outbound["action"], &outbound["reason"]), (&json!("refuse"), &json!("contained")));
        assert_eq!(dialogue(&outbound)?, refused_dialogue(&line), "{outbound:#}");
        assert_eq!(refusal(&scene.lab.inside, &Scene::outbound(source, 9))?, (Stage::Rcpt, line.clone()));
    }
    let known = guard.wait_for("/v1/refused", "both to be known", both_are_told)?["connections"].take();
    for (one, source) in known.as_array().into_iter().flatten().zip(addr::ZOMBIE.addresses().iter().rev()) {
        assert_eq!(one["source"], source.to_string(), "{known:#}");
        assert_eq!(one["destination"], Scene::outbound(*source, 9).server.ip().to_string());
        assert_eq!((&one["direction"], &one["reason"]), (&json!("outbound"), &json!("contained")));
        assert_eq!((&one["lists"], &one["interface"]), (&json!([]), &json!(addr::INSIDE)));
        assert_eq!(one["recipients"], json!(["user@guarded.example"]));
    }
    // No class decided, and it is counted all the same.
    let status = guard.status()?;
    assert!(status["answers"]["refused"].as_u64() >= Some(2), "{status:#}");
    Ok(())
}
