//! Looks at zones of a server of the tests' own.

use std::collections::HashSet;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;

use super::*;
use crate::config::Lookups;
use crate::dnsbl::resolver::tests::server::{Server, Way, a, asked_name, reply, txt, wire};
use crate::policy::PortChoice;
use crate::policy::text::Words;

const OURS: [&str; 3] = ["198.51.100.25", "198.51.100.26", "2001:db8::25"];

/// `good` lists the first of ours, `policy` both by an answer that does not count, `all` everything, `gone` nobody; `dead` says nothing.
fn zones(question: &Message, _: Way, _: usize) -> Vec<Vec<u8>> {
    let name = asked_name(question);
    let (labels, zone) = {
        let text = name.to_string();
        let (labels, zone) = text.trim_end_matches(".bl.test.").rsplit_once('.').unwrap();
        (labels.to_owned(), zone.to_owned())
    };
    let listed = match zone.as_str() {
        "good" => ["25.100.51.198", "2.0.0.127"].contains(&labels.as_str()).then_some([127, 0, 0, 3]),
        "policy" => labels.starts_with('2').then_some([127, 0, 0, 10]),
        "six" => labels.starts_with("5.2.0.0.").then_some([127, 0, 0, 2]),
        "all" => Some([127, 0, 0, 2]),
        "gone" => None,
        _ => return vec![wire(&reply(question, ResponseCode::ServFail))],
    };
    let mut answer =
        reply(question, if listed.is_some() { ResponseCode::NoError } else { ResponseCode::NXDomain });
    if let Some(listed) = listed {
        answer.answers = vec![match question.queries[0].query_type() {
            RecordType::TXT => txt(name, &[b"spam\x07 seen"]),
            _ => a(name, 60, listed),
        }];
    }
    vec![wire(&answer)]
}

fn zone(name: &str, weight: i32, answers: &str) -> ZoneConfig {
    ZoneConfig {
        name: name.to_owned(),
        zone: ZoneName::parse(&format!("{}.bl.test", name.split('-').next().unwrap())).unwrap(),
        secret: false,
        weight,
        answers: AnswerFilter::parse(answers).unwrap(),
        ipv4: name != "six",
        ipv6: name == "six",
        ports: PortChoice::All,
        ttl: (Duration::from_secs(60), Duration::from_secs(3600)),
        test_points: true,
        per_second: None,
        info_url: Text::new("https://bl.test/{address}", Words::default()).ok(),
    }
}

fn dnsbl(zones: Vec<ZoneConfig>) -> Dnsbl {
    Dnsbl { zones, ..Dnsbl::default() }
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test]
async fn what_lists_us_is_found_and_what_lists_the_world_is_not_believed() {
    let server = Server::start(zones).await;
    let lookups =
        Lookups { resolvers: vec![server.address], timeout: Duration::from_secs(20), ..Lookups::default() };
    let dnsbl = dnsbl(vec![
        zone("policy", 1, "127.0.0.[2..9]"),
        zone("good", 1, "127.0.0.2"),
        zone("good-too", 1, "127.0.0.3"),
        zone("six", 1, "127.0.0.2"),
        zone("all", 1, "127.0.0.2"),
        zone("dead", 1, "127.0.0.2"),
        zone("gone", 1, "127.0.0.2"),
    ]);
    let places = configured(&dnsbl);
    assert_eq!(places.len(), 6);
    let mut done = HashSet::new();
    let found = look(&Resolver::new(&lookups), &addresses(&OURS), &places, 1, |place| {
        done.insert(place.name.clone());
    })
    .await;
    let listing = |address: &str, zone: &str, answer: [u8; 4]| Listing {
        address: address.parse().unwrap(),
        zone: zone.to_owned(),
        answers: vec![answer.into()],
        text: vec!["spam? seen".to_owned()],
        info_url: Some(format!("https://bl.test/{address}")),
    };
    let listings =
        [listing(OURS[0], "good, good-too", [127, 0, 0, 3]), listing(OURS[2], "six", [127, 0, 0, 2])];
    assert_eq!(found.listings, listings);
    let unanswered: Vec<_> =
        found.unanswered.iter().map(|one| (one.zone.as_str(), one.why.as_str())).collect();
    assert_eq!(
        unanswered,
        [
            ("all", "it lists a random name: it lists the world, perhaps to be left alone"),
            ("dead", "its test failed: the resolver could not get an answer (SERVFAIL)"),
            ("gone", "it does not list 127.0.0.2, which every DNSBL does: it is empty, or no DNSBL"),
        ]
    );
    assert_eq!((found.zones, done.len()), (6, 6));
    // A zone that lists the world is not asked about us; of one for IPv6 nothing about IPv4.
    let asked: Vec<_> =
        server.asked().iter().map(|(_, question, _)| asked_name(question).to_string()).collect();
    assert!(!asked.contains(&"25.100.51.198.all.bl.test.".to_owned()));
    assert!(!asked.contains(&"25.100.51.198.six.bl.test.".to_owned()));
}

#[test]
fn zones_that_vouch_do_not_list_and_known_ones_are_asked_once() {
    let vouching = dnsbl(vec![zone("good", -1, "127.0.0.2")]);
    assert_eq!(configured(&vouching), []);
    let all = well_known(&vouching);
    assert!(all.len() > 10, "{}", all.len());
    let first = &all[0];
    let mut same = zone("good", 1, "127.0.0.2");
    same.zone = first.zone.clone();
    assert_eq!(well_known(&dnsbl(vec![same])).len(), all.len() - 1);
}

#[test]
fn own_addresses_are_the_public_ones() {
    let configured = addresses(&["203.0.113.5", "10.1.1.1"]);
    let interfaces =
        addresses(&["198.51.100.25", "203.0.113.5", "192.168.0.1", "fe80::1", "2001:db8::25", "127.0.0.1"]);
    assert_eq!(own(&configured, interfaces), addresses(&["198.51.100.25", "203.0.113.5", "2001:db8::25"]));
    let many = (0..200).map(|last| IpAddr::from([198, 51, 100, last]));
    assert_eq!(own(&[], many).len(), MAX_ADDRESSES);
}

#[test]
fn labels_are_letters_that_differ() {
    let labels: HashSet<String> = (0..1000).map(label).collect();
    assert_eq!(labels.len(), 1000);
    assert!(
        labels.iter().all(|label| label.len() == 20 && label.bytes().all(|byte| byte.is_ascii_lowercase()))
    );
}
