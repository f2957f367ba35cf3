//! Weights, filters, allow zones and several records of one answer.

use std::net::IpAddr;

use anyhow::{Result, ensure};
use relay_guard_tests::guard::{GuardConfig, Threshold};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::nameserver::Content;
use relay_guard_tests::smtp::Outcome;

use super::{Delays, Served, ZONE, attempt, named, refuse_at, refused, said_of};

const OTHER: &str = "other.example";
const ALLOW: &str = "allow.example";

/// What the zones say of a source, and what it comes to.
struct Case {
    bl: &'static [[u8; 4]],
    other: &'static [[u8; 4]],
    allow: &'static [[u8; 4]],
    score: i64,
    /// The entry that the refusal names, if it is one.
    refused_by: Option<&'static str>,
}

const fn case(
    bl: &'static [[u8; 4]],
    other: &'static [[u8; 4]],
    allow: &'static [[u8; 4]],
    score: i64,
    refused_by: Option<&'static str>,
) -> Case {
    Case { bl, other, allow, score, refused_by }
}

const fn a(last: u8) -> [u8; 4] {
    [127, 0, 0, last]
}

const NONE: &[[u8; 4]] = &[];

/// `strong` (weight 2) is .2 to .3 of the zone, `weak` (1) is .10; `other` (1) is anything; `allow` is worth -3. From 3 on
/// sources are refused.
const CASES: [Case; 11] = [
    case(NONE, NONE, NONE, 0, None),
    case(&[a(2)], NONE, NONE, 2, None),
    case(&[a(10)], NONE, NONE, 1, None),
    // Several records are several sublists.
    case(&[a(2), a(10)], NONE, NONE, 3, Some("strong")),
    // An entry counts once, however many of its records there are.
    case(&[a(2), a(3)], NONE, NONE, 2, None),
    case(&[a(3)], &[[127, 3, 2, 1]], NONE, 3, Some("strong")),
    case(&[a(10)], &[a(2)], NONE, 2, None),
    // No filter takes it.
    case(&[a(20)], NONE, NONE, 0, None),
    // That is no listing.
    case(&[a(1), a(2)], &[a(1)], NONE, 2, None),
    case(&[a(2), a(10)], &[a(2)], &[a(5)], 1, None),
    case(NONE, NONE, &[a(5)], -3, None),
];

fn source(family: usize, number: usize) -> IpAddr {
    let number = 0x100 + number as u32;
    if family == 0 { nth(addr::SPARE_V4, number) } else { nth(addr::SPARE_V6, number) }
}

#[test]
fn weights_filters_and_allow_zones_decide() -> Result<()> {
    let [mut bl, mut other, mut allow] = [Content::default(), Content::default(), Content::default()];
    for (number, case) in CASES.iter().enumerate() {
        for family in [0, 1] {
            let add = |content: Content, answers: &[[u8; 4]]| {
                let some = !answers.is_empty();
                if some { content.list(source(family, number), answers, "a case") } else { content }
            };
            (bl, other, allow) = (add(bl, case.bl), add(other, case.other), add(allow, case.allow));
        }
    }
    let mut served = Served::new(bl)?;
    served.nameserver.serve(OTHER, other);
    served.nameserver.serve(ALLOW, allow);
    served.config.dnsbl = vec![
        named(ZONE, "strong").with("answers", "127.0.0.[2..3]").with("weight", 2),
        named(ZONE, "weak").with("answers", "127.0.0.10"),
        named(OTHER, "other"),
        named(ALLOW, "allow").with("weight", -3),
    ];
    served.config.thresholds = vec![Threshold::new(1, "observe"), refuse_at(3)];
    let guard = served.start()?;
    for family in [0, 1] {
        let sources: Vec<_> = (0..CASES.len()).map(|number| source(family, number)).collect();
        let (outcomes, delays) = attempt(&served.scene, &guard, &sources, addr::SMTP)?;
        for ((case, outcome), source) in CASES.iter().zip(outcomes).zip(&sources) {
            let said = said_of(&guard, *source)?;
            assert_eq!(said["score"], case.score, "{source}: {said:#}");
            let expected = case.refused_by.map_or(Outcome::Delivered, |list| refused(*source, list));
            assert_eq!(outcome, expected, "{source}: {said:#}");
            // Two entries about one zone are one question.
            let asked = served.nameserver.asked_about(ZONE, *source);
            assert_eq!(asked.iter().filter(|asked| asked.kind == "A").count(), 1, "{asked:#?}");
        }
        assert_eq!(delays, Delays::one_each(sources.len()));
    }
    Ok(())
}

/// Who wins among lists, DNSBLs and thresholds, and that a reload weighs anew what is known, without asking.
#[test]
fn a_reload_weighs_anew_and_asks_nobody() -> Result<()> {
    let spot = source(0, 1);
    let mut served = Served::new(Content::default().list(spot, &[a(2)], "a case"))?;
    served.config.dnsbl.push(named(ZONE, "rarely").with("answers", "127.0.0.9").with("weight", 5));
    served.config.thresholds = vec![refuse_at(4)];
    let guard = served.start()?;
    let (outcomes, delays) = attempt(&served.scene, &guard, &[spot], addr::SMTP)?;
    assert_eq!((outcomes, delays), (vec![Outcome::Delivered], Delays::one_each(1)));
    let asked = served.nameserver.asked_about(ZONE, spot).len();

    let config = GuardConfig { thresholds: vec![refuse_at(1)], ..served.config.clone() };
    guard.write_config(&config.to_toml()?)?;
    let reloaded = guard.cli(["reload"])?;
    ensure!(reloaded.status.success(), "{reloaded:?}");
    super::wait_until_good(&guard)?;
    super::wait_for_verdict(&guard, spot, "listed")?;
    let (outcomes, delays) = attempt(&served.scene, &guard, &[spot], addr::SMTP)?;
    assert_eq!((outcomes, delays), (vec![refused(spot, ZONE)], Delays::NONE));
    let asked_later = served.nameserver.asked_about(ZONE, spot);
    assert_eq!(asked_later.iter().filter(|asked| asked.kind == "A").count(), asked, "it was asked again");
    Ok(())
}
