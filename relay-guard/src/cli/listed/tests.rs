use super::*;
use crate::dnsbl::listed::Unanswered;

fn found(listings: Vec<Listing>) -> Report {
    let unanswered = vec![Unanswered { zone: "dead".to_owned(), why: "no answer in time".to_owned() }];
    let addresses = vec!["198.51.100.25".parse().unwrap(), "2001:db8::25".parse().unwrap()];
    Report { addresses, look: Look { listings, unanswered, zones: 3 } }
}

#[test]
fn listings_are_told_with_reason_and_page() {
    let page = "https://bl.test/198.51.100.25";
    let listing = |text: &str| Listing {
        address: "198.51.100.25".parse().unwrap(),
        zone: "bl".to_owned(),
        answers: vec![[127, 0, 0, 2].into(), [127, 0, 0, 4].into()],
        text: vec![text.to_owned()],
        info_url: Some(page.to_owned()),
    };
    let told = lines(&found(vec![listing("spam seen"), listing(&format!("see {page}"))]));
    assert_eq!(
        told,
        [
            "198.51.100.25 is listed on bl (127.0.0.2 127.0.0.4)",
            "  spam seen",
            "  https://bl.test/198.51.100.25",
            "198.51.100.25 is listed on bl (127.0.0.2 127.0.0.4)",
            "  see https://bl.test/198.51.100.25",
            "  dead could not say: no answer in time",
            "2 addresses: 2 listings on 2 zones",
        ]
    );
}

#[test]
fn nobody_is_listed() {
    assert_eq!(
        lines(&found(Vec::new())),
        ["  dead could not say: no answer in time", "2 addresses: not listed on 2 zones"]
    );
}

#[test]
fn zones_are_those_that_are_wanted() {
    let nothing = Dnsbl::default();
    assert!(places(&nothing, ZoneSelection::Configured).is_empty());
    assert!(places(&nothing, ZoneSelection::Known).len() > 10);
    assert_eq!(places(&nothing, ZoneSelection::All), places(&nothing, ZoneSelection::Known));
}
