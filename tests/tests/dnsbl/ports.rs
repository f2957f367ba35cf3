//! Zones that have a say at some ports alone: addresses that should not send mail directly may well submit it.

use anyhow::Result;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::scene::spare;
use relay_guard_tests::smtp::Outcome;

use super::{Content, Delays, Served, ZONE, attempt, named, refused};

const POLICY: &str = "policy";
const ABUSE: &str = "abuse";
const SUBMISSION: u16 = 587;

#[test]
fn policy_listings_count_at_25_and_not_at_587() -> Result<()> {
    let (dynamic, bad) = (spare(0x2510), spare(0x2504));
    let mut content = Content::default();
    for [address, other] in [[dynamic[0], bad[0]], [dynamic[1], bad[1]]] {
        content = content.list(address, &[[127, 0, 0, 10]], "a dynamic address");
        content = content.list(other, &[[127, 0, 0, 4]], "a zombie");
    }
    let mut served = Served::new(content)?;
    served.config.dnsbl = vec![
        named(ZONE, ABUSE).with("answers", "127.0.0.[2..9]"),
        named(ZONE, POLICY).with("answers", "127.0.0.[10;11]").with("ports", vec![i64::from(addr::SMTP)]),
    ];
    let guard = served.start()?;
    let scene = &served.scene;
    // Whichever port a source comes to first, it is one question and one verdict for all ports.
    for (family, [first, second]) in
        [[addr::SMTP, SUBMISSION], [SUBMISSION, addr::SMTP]].into_iter().enumerate()
    {
        for (port, delays) in [(first, Delays::one_each(2)), (second, Delays::NONE)] {
            let (outcomes, seen) = attempt(scene, &guard, &[dynamic[family], bad[family]], port)?;
            let listed =
                if port == SUBMISSION { Outcome::Delivered } else { refused(dynamic[family], POLICY) };
            assert_eq!(outcomes, [listed, refused(bad[family], ABUSE)], "at {port}");
            assert_eq!(seen, delays, "at {port}");
        }
    }
    Ok(())
}
