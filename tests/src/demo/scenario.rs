//! Who sends what when, and how the guard is told to see it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use ipnet::IpNet;

use super::flow::{Flow, Place, Role, Tally};
use crate::guard::{Answers, GuardConfig, SignalRule, Step};
use crate::lab::Lab;
use crate::lab::addresses::{self as addr, nth};
use crate::smtp::{Outcome, Stage};

/// How long traffic runs if nothing else is asked for.
pub const DEFAULT_SECONDS: u64 = 24;
/// Below this there is no time to find a zombie and see it contained.
pub const LEAST_SECONDS: u64 = 12;

/// When the zombie begins.
pub(super) const ZOMBIE_WAKES: Duration = Duration::from_secs(4);

/// Over which the guard counts; the shortest that it allows.
const WINDOW: Duration = Duration::from_secs(5);
/// Attempts per window that are still fine.
const ATTEMPTS: u32 = 40;
/// Distinct destinations per window that are still fine.
const DESTINATIONS: u32 = 20;
/// What either comes to, and what is contained.
const FULL_SCORE: u32 = 100;

/// A blocked connection ends by this; with one repetition of the SYN in it.
const BLOCKED_AFTER: Duration = Duration::from_secs(2);
/// A connection that should pass gets as long as it takes.
const PATIENT: Duration = Duration::from_secs(5);

/// The list that drops.
const DROP_LIST: &str = "demo-drop";
/// The list that refuses, and what it says to whom it refuses.
const REFUSE_LIST: &str = "demo-refuse";
const TEXT: &str = "{address} is on {list}; see {url} or write to {contact}";
const INFO_URL: &str = "https://lists.example/{address}";
const CONTACT: &str = "help@guarded.example";

/// How the attempt of a refused sender must end: at its recipient, with the list's words.
pub(super) fn refusal(source: IpAddr) -> Outcome {
    let text = TEXT.replace("{url}", INFO_URL).replace("{list}", REFUSE_LIST).replace("{contact}", CONTACT);
    let text = format!("5.7.1 {}", text.replace("{address}", &source.to_string()));
    Outcome::Rejected { stage: Stage::Rcpt, code: 550, text }
}

/// Senders on the list that refuses.
fn refused() -> [IpNet; 2] {
    [IpNet::new_assert(nth(addr::SPARE_V4, 66 << 8), 24), addr::SPARE_V6.into()]
}

/// What the guard is told: a list that drops and one that refuses, the declared server, the excepted host, a short window.
///
/// # Errors
/// When a list's file cannot be written.
pub(super) fn config(lab: &Lab) -> Result<GuardConfig> {
    let mut config = GuardConfig::for_lab(lab);
    let lines = format!("# senders of the demo\n{}\n{}\n", addr::LISTED_V4, addr::LISTED_V6);
    config.add_list(lab, DROP_LIST, "drop", &lines)?;
    let [v4, v6] = refused();
    let keys = [("text", TEXT.into()), ("info_url", INFO_URL.into())];
    config.add_list_with(lab, REFUSE_LIST, "refuse", &format!("# and more\n{v4}\n{v6}\n"), keys)?;
    config.answers = Some(Answers {
        name: Some("mx.guarded.example".to_owned()),
        contact: Some(CONTACT.to_owned()),
        ..Answers::default()
    });
    config.inspection.insert("window".to_owned(), format!("{}s", WINDOW.as_secs()).into());
    config.judge_by([
        ("attempts", SignalRule::beyond(ATTEMPTS, FULL_SCORE)),
        ("destinations", SignalRule::beyond(DESTINATIONS, FULL_SCORE)),
    ]);
    config.containment = vec![Step::new(FULL_SCORE, "drop")];
    Ok(config)
}

/// All flows. The declared server, the excepted host and the zombie send far above the thresholds, the workstation
/// below them.
pub(super) fn flows() -> Vec<Flow> {
    let [server_v4, server_v6] = addr::MAIL_SERVER.addresses().map(IpNet::from);
    let remote: IpNet = addr::REMOTE_SERVERS_V4.into();
    let remote_v6: IpNet = addr::REMOTE_SERVERS_V6.into();
    let clean = |sources: IpNet, server| flow(Role::Clean, Place::Internet, sources, server, 10);
    let listed = |sources: IpNet, server| flow(Role::Listed, Place::Internet, sources, server, 10);
    // Their answers, six to an attempt, stay below what the guard gives to a prefix in a second.
    let refuse = |sources: IpNet, server| flow(Role::Refused, Place::Internet, sources, server, 5);
    let [refused_v4, refused_v6] = refused();
    let declared = |source: IpAddr, servers| flow(Role::Declared, Place::Mail, source.into(), servers, 12);
    vec![
        clean(addr::CLEAN_V4.into(), server_v4),
        clean(addr::CLEAN_V6.into(), server_v6),
        listed(addr::LISTED_V4.into(), server_v4),
        listed(addr::LISTED_V6.into(), server_v6),
        refuse(refused_v4, server_v4),
        refuse(refused_v6, server_v6),
        declared(addr::MAIL_SERVER.v4.into(), remote),
        declared(addr::MAIL_SERVER.v6.into(), remote_v6),
        flow(Role::Excepted, Place::Inside, IpAddr::from(addr::MONITOR.v4).into(), remote, 20),
        flow(Role::Workstation, Place::Inside, IpAddr::from(addr::WORKSTATION.v4).into(), remote, 1),
        Flow {
            wakes: ZOMBIE_WAKES,
            ..flow(Role::Zombie, Place::Inside, IpAddr::from(addr::ZOMBIE.v4).into(), remote, 20)
        },
    ]
}

fn flow(role: Role, place: Place, sources: IpNet, servers: IpNet, per_second: u32) -> Flow {
    let connect_timeout = if matches!(role, Role::Listed | Role::Zombie) { BLOCKED_AFTER } else { PATIENT };
    Flow {
        role,
        place,
        sources,
        servers,
        pace: Duration::from_secs(1) / per_second,
        wakes: Duration::ZERO,
        connect_timeout,
        tally: Tally::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_on_the_side_of_the_thresholds_that_they_must_be() {
        for flow in flows() {
            let per_window = WINDOW.as_millis() / flow.pace.as_millis();
            let over = per_window > u128::from(ATTEMPTS) && per_window > u128::from(DESTINATIONS);
            match flow.role {
                Role::Declared | Role::Excepted | Role::Zombie => assert!(over, "{flow:?}"),
                // Twice, as two windows may be counted together.
                Role::Workstation => assert!(per_window * 2 < u128::from(DESTINATIONS), "{flow:?}"),
                Role::Clean | Role::Listed | Role::Refused => {}
            }
        }
    }

    #[test]
    fn a_flow_uses_many_addresses_of_its_own_networks() {
        for flow in flows() {
            let deliveries: Vec<_> = (0..500).map(|n| flow.delivery(n)).collect();
            assert!(deliveries.iter().all(|one| flow.sources.contains(&one.source)), "{flow:?}");
            assert!(deliveries.iter().all(|one| flow.servers.contains(&one.server.ip())), "{flow:?}");
            let mut distinct: Vec<_> = deliveries.iter().map(|one| (one.source, one.server)).collect();
            distinct.sort_unstable();
            distinct.dedup();
            assert!(distinct.len() >= 254, "{flow:?}");
        }
    }
}
