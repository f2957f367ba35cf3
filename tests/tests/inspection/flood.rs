//! A bot that sends as fast as it can, at default settings.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use relay_guard_tests::bot::{self, Campaign};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::wait;
use serde_json::json;

use super::stage::{Stage, assert_only_contained, detail, wait_for};

/// From the first connection until it is stopped.
const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn is_found_and_refused_within_half_a_minute() -> Result<()> {
    let stage = Stage::new()?;
    let guard = Guard::start(&stage.lab, &stage.config())?;
    let campaigns = addr::ZOMBIE.addresses().map(|source| (source, bot::flood(source, 2000, 20)));
    let running = campaigns
        .iter()
        .map(|(source, visits)| Ok((*source, Campaign::start(&stage.lab.inside, visits.clone())?)))
        .collect::<Result<Vec<_>>>()?;
    for (source, campaign) in &running {
        let began = wait::until("the first connection", DEADLINE, || Ok(campaign.began()))?;
        let stopped = wait_for(&guard, *source, "the bot to be stopped", |host| host["action"] == "refuse")?;
        let took = Instant::now() - began;
        assert!(took < DEADLINE, "{took:?}: {stopped:#}");
        eprintln!("the flood of {source} was stopped after {took:?}");
        wait_for(&guard, *source, "attempts that were stopped", |host| host["stopped"].as_u64() >= Some(5))?;
    }
    for (source, campaign) in running {
        let heard = campaign.stop();
        let connected = heard.iter().filter(|heard| heard.connected).count();
        assert!(connected > 20, "it has sent: {connected}");
        // Its last visits were answered by the guard.
        let mut replies = heard.iter().rev().flat_map(|heard| &heard.replies);
        let told = |text: &str| text.starts_with("5.7.1 this host may not send mail directly");
        replies.find(|(code, text)| *code == 550 && told(text)).context("nothing was refused")?;

        let host = detail(&guard, source)?;
        assert_eq!((&host["kind"], &host["state"]), (&json!("host"), &json!("contained")), "{host:#}");
        let told = host["history"][0]["signals"].as_array().context("signals")?;
        assert!(told.len() >= 3, "a list of signals with figures: {host:#}");
        for signal in told {
            let text = signal["text"].as_str().unwrap_or_default();
            assert!(text.contains(|c: char| c.is_ascii_digit()), "{signal:#}");
        }
    }
    assert_only_contained(&guard, &addr::ZOMBIE.addresses())
}
