use std::path::Path;

use super::*;
use crate::config::{Config, ConfigError, parse};

const MINIMAL: &str = "interfaces.outside = [\"eth0\"]\n";

fn with(text: &str) -> Result<Config, ConfigError> {
    parse(&format!("{MINIMAL}{text}"), Path::new("/guard.toml"))
}

/// A list `a` with these lines, and others before it.
fn list(before: &str, lines: &str) -> Result<Config, ConfigError> {
    with(&format!("{before}\n[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"refuse\"\n{lines}"))
}

/// What the list says inbound and outbound to 192.0.2.1.
fn said(config: &Config) -> [String; 2] {
    let answers = &config.lists[0].answers;
    [&answers.inbound, &answers.outbound].map(|answer| answer.text.with("192.0.2.1"))
}

#[test]
fn a_text_says_what_is_known() {
    for (before, lines, inbound, outbound) in [
        ("", "", "192.0.2.1 is on the list a", "the destination is on the list a"),
        (
            "answers.contact = \"me@example.com\"",
            "",
            "192.0.2.1 is on the list a; contact me@example.com",
            "the destination is on the list a; contact me@example.com",
        ),
        (
            "answers.contact = \"me@example.com\"",
            "info_url = \"https://example.org/\"",
            "192.0.2.1 is on the list a; see https://example.org/; contact me@example.com",
            "the destination is on the list a; see https://example.org/; contact me@example.com",
        ),
        (
            "",
            "info_url = \"https://example.org/?ip={address}\"",
            "192.0.2.1 is on the list a; see https://example.org/?ip=192.0.2.1",
            // The address in the URL would be the inside host's.
            "the destination is on the list a",
        ),
        ("answers.text = \"{list}: no\"", "", "a: no", "the destination is on the list a"),
        ("answers.text = \"{list}: no\"", "text = \"go, {address}\"", "go, 192.0.2.1", "go, 192.0.2.1"),
        // Nobody is told it by a list that refuses nobody.
        (
            "answers.text = \"see {url}\"",
            "direction = \"outbound\"",
            "192.0.2.1 is on the list a",
            "the destination is on the list a",
        ),
    ] {
        let config = list(before, lines).unwrap();
        assert_eq!(said(&config), [inbound, outbound], "{before} {lines}");
    }
    let feed = with("[[lists]]\nname = \"drop\"\nfeed = \"spamhaus-drop\"\naction = \"refuse\"").unwrap();
    let page = "https://www.spamhaus.org/blocklists/do-not-route-or-peer/";
    assert_eq!(said(&feed)[0], format!("192.0.2.1 is on the list drop; see {page}"));
    let contained = |text| with(text).unwrap().inspection.steps[2].answer.text.with("10.0.0.1");
    let direct = "this host may not send mail directly; use submission on port 587";
    assert_eq!(contained(""), direct);
    assert_eq!(
        contained("answers.contact = \"help desk, ext. 5\""),
        format!("{direct}; contact help desk, ext. 5")
    );
    assert_eq!(contained("answers.outbound_text = \"{address}: no\""), "10.0.0.1: no");
}

#[test]
fn what_no_list_says_need_not_be_known() {
    for action in ["drop", "tarpit", "reset", "observe", "allow"] {
        let text = format!(
            "answers.text = \"see {{url}}\"\n[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"{action}\""
        );
        with(&text).unwrap();
    }
    for lines in [
        "action = \"limit\"\nlimit_then = \"drop\"",
        "action = \"refuse\"\ninfo_url = \"https://example.org/\"",
        "action = \"refuse\"\ntext = \"mine\"",
        "action = \"refuse\"\ndirection = \"outbound\"",
    ] {
        with(&format!("answers.text = \"see {{url}}\"\n[[lists]]\nname = \"a\"\nfile = \"a\"\n{lines}"))
            .unwrap();
    }
}

#[test]
fn whatever_is_known_the_default_fits() {
    let contact = "c".repeat(MAX_CONTACT_LEN);
    let name = "n".repeat(48);
    let long_url = |addresses: usize| {
        let placeholders = "{address}".repeat(addresses);
        let filler = "u".repeat(MAX_URL_LEN - "https://a/".len() - addresses * 39);
        format!("https://a/{placeholders}{filler}")
    };
    for addresses in 0..=MAX_URL_ADDRESSES {
        let text = format!(
            "answers.contact = \"{contact}\"\n[[lists]]\nname = \"{name}\"\nfile = \"a\"\naction = \"refuse\"\ninfo_url = \"{}\"",
            long_url(addresses)
        );
        let config = with(&text).unwrap();
        let [inbound, outbound] = said(&config);
        assert!(
            inbound.contains(&name) && inbound.contains(&contact) && inbound.contains("https://a/"),
            "{inbound}"
        );
        assert!(outbound.contains(&name) && outbound.contains(&contact), "{outbound}");
        assert!(config.inspection.steps[2].answer.text.with("").contains(&contact));
    }
}

#[test]
fn faults_of_lists_are_one_line_with_place_and_cure() {
    let long = format!("text = \"{{address}}{}\"", "x".repeat(470));
    let long_url = format!("info_url = \"https://a/{{address}}{}\"", "x".repeat(210));
    for (lines, expected) in [
        ("text = \"\"", "7:8: there is no text; leave this out"),
        ("text = \"a\\r\\nRSET\"", "7:8: character 2 is '\\r'; a text is one line of printable ASCII"),
        ("text = \"caf\\u00e9\"", "7:8: character 4 is 'é'"),
        (
            "text = \"{adress}\"",
            "7:8: unknown placeholder {adress}; known are {address}, {list}, {url} and {contact}",
        ),
        ("text = \"see {url}\"", "7:8: {url} has no value here: there is no info_url"),
        ("text = \"ask {contact}\"", "7:8: {contact} has no value here: write answers.contact too"),
        ("text = \"{address\"", "7:8: '{' stands alone"),
        (
            "text = \"{address}{address}{address}{address}\"",
            "7:8: {address} stands in it 4 times; 3 times at most",
        ),
        (&long, "7:8: 9 octets too long for a reply, which is 512 octets at most"),
        ("text = 5", "7:8: the wrong type"),
        ("info_url = \"{list}\"", "7:12: an info_url holds no placeholder but {address}"),
        ("info_url = \"https://example.org/{foo}\"", "7:12: an info_url holds no placeholder but {address}"),
        ("info_url = \"https://example.org/a b\"", "7:12: ' ' cannot stand in a URL; write it as %20"),
        ("info_url = \"https://example.org/{{\"", "7:12: '{' cannot stand in a URL; write it as %7B"),
        ("info_url = \"https://example.org/\\u00e9\"", "7:12: character 21 is 'é'"),
        ("info_url = \"example.org\"", "7:12: \"example.org\" is no URL: "),
        ("info_url = \"https://\"", "7:12: \"https://\" is no URL: "),
        (
            "info_url = \"https://{address}.example.org/\"",
            "7:12: \"https://2001:db8::1.example.org/\" is no URL: ",
        ),
        (
            "info_url = \"ftp://example.org/\"",
            "7:12: \"ftp://example.org/\": write a URL with http, https or mailto",
        ),
        (
            "info_url = \"https://a/{address}{address}{address}\"",
            "7:12: {address} stands in it more than 2 times",
        ),
        (&long_url, "7:12: 9 octets too long; a URL in a reply is 250 at most"),
        ("refuse_at = \"data\"", "7:13: unknown word `data`; known here: recipient, greeting"),
        ("refuse_with = \"permanently\"", "7:15: unknown word `permanently`; did you mean `permanent`?"),
        ("limit_per_minute = 0", "7:20: 0 is out of range; write a number from 1 to 1000000"),
        ("limit_burst = 0", "7:15: 0 is out of range; write a number from 1 to 1000000"),
        ("limit_prefix_v4 = 33", "7:19: 33 is out of range; write a number from 1 to 32"),
        ("limit_prefix_v6 = 0", "7:19: 0 is out of range; write a number from 1 to 128"),
        (
            "limit_then = \"limit\"",
            "7:14: \"limit\" cannot be done here; use \"drop\", \"tarpit\", \"reset\" or \"refuse\"",
        ),
        ("limit_then = \"observe\"", "7:14: \"observe\" cannot be done here"),
    ] {
        assert_fault(&list("", lines), lines, expected);
    }
}

#[test]
fn faults_of_answers_are_one_line_with_place_and_cure() {
    let long_contact = format!("answers.contact = \"{}\"", "c".repeat(121));
    for (text, expected) in [
        ("answers.name = \"mx_1\"", "2:16: \"mx_1\" is no name of a host, which is letters, digits"),
        ("answers.name = \"\"", "2:16: \"\" is no name of a host"),
        ("answers.contact = \"\"", "2:19: \"\" is no contact"),
        ("answers.contact = \" a\"", "2:19: \" a\" is no contact"),
        ("answers.contact = \"{address}\"", "2:19: \"{address}\" is no contact"),
        ("answers.contact = \"a\\nb\"", "2:19: \"a\\nb\" is no contact"),
        (&long_contact, "2:19: 1 octets too long; write 120 at most"),
        ("answers.text = \"{who}\"", "2:16: unknown placeholder {who}"),
        ("answers.text = \"{contact}\"", "2:16: {contact} has no value here: write answers.contact too"),
        ("answers.outbound_text = \"{list}\"", "2:25: {list} has no value here: this text is of no list"),
        ("answers.outbound_text = \"{url}\"", "2:25: {url} has no value here: there is no info_url"),
        ("answers.outbound_text = \"\\t\"", "2:25: there is no text"),
        ("answers.per_second = 0", "2:22: 0 is out of range; write a number from 1 to 1000000"),
        ("answers.per_second = 1000001", "2:22: 1000001 is out of range"),
        ("answers.per_second_per_prefix = 0", "2:33: 0 is out of range; write a number from 1 to 1000000"),
        ("answers.prefix_v4 = 33", "2:21: 33 is out of range; write a number from 1 to 32"),
        ("answers.prefix_v6 = 129", "2:21: 129 is out of range; write a number from 1 to 128"),
        ("answers.tarpit_per_second = -1", "2:29: -1 is out of range; write a number from 1 to 1000000"),
        ("answers.txt = \"a\"", "2:9: unknown key `txt`; did you mean `text`?"),
        (
            "[[containment]]\nscore = 1\naction = \"limit\"\nlimit_then = \"limit\"",
            "5:14: \"limit\" cannot be done here; use \"drop\"",
        ),
        ("limits.envelopes_per_second = 0", "2:31: 0 is out of range; write a number from 1 to 1000000"),
        (
            "answers.text = \"see {url}\"\n[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"refuse\"",
            "2:16: {url} has no value here: there is no info_url, for the list \"a\"",
        ),
        (
            "answers.text = \"see {url}\"\n[[lists]]\nname = \"a\"\nfile = \"a\"\nactions = { \"127.0.0.3\" = \"refuse\" }",
            "2:16: {url} has no value here: there is no info_url, for the list \"a\"",
        ),
        (
            "answers.text = \"see {url}\"\n[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"limit\"",
            "2:16: {url} has no value here: there is no info_url, for the list \"a\"",
        ),
    ] {
        assert_fault(&with(text), text, expected);
    }
}

fn assert_fault(read: &Result<Config, ConfigError>, text: &str, expected: &str) {
    let message = read.as_ref().expect_err(text).to_string();
    assert!(message.starts_with(&format!("/guard.toml:{expected}")), "{text}\n{message}");
    assert!(!message.contains('\n'), "{message}");
}

#[test]
fn every_feed_says_where_to_read_about_it() {
    for feed in crate::feeds::catalogue::FEEDS {
        let page = feed.homepage;
        let config = with(&format!(
            "answers.contact = \"{}\"\n[[lists]]\nname = \"a\"\nfeed = \"{}\"\naction = \"refuse\"\ndirection = \"both\"",
            "c".repeat(MAX_CONTACT_LEN),
            feed.name
        ))
        .unwrap();
        assert!(
            said(&config).iter().all(|text| text.contains(&format!("; see {page}; contact c"))),
            "{page}"
        );
        // It would be taken if it were written, too.
        assert!(list("", &format!("info_url = \"{page}\"")).is_ok(), "{page}");
    }
}
