use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use relay_guard_common::action::Action;
use relay_guard_common::respond::response::Stage;

use crate::config::{Config, ConfigError, Lookups, parse};
use crate::policy::PortChoice;

const MINIMAL: &str = "interfaces.outside = [\"eth0\"]\n";
const ZONE: &str = "[[dnsbl]]\nzone = \"bl.example\"\nweight = 5\n";
const THRESHOLD: &str = "[[thresholds]]\nscore = 1\naction = \"refuse\"\n";

fn read(text: &str, path: &Path) -> Result<Config, ConfigError> {
    parse(&format!("{MINIMAL}{text}"), path)
}

fn with(text: &str) -> Result<Config, ConfigError> {
    read(text, Path::new("/guard.toml"))
}

/// One zone with these lines, and a threshold that it reaches.
fn zone(name: &str, lines: &str) -> Result<Config, ConfigError> {
    with(&format!("[[dnsbl]]\nzone = \"{name}\"\n{lines}\n{THRESHOLD}"))
}

#[test]
fn without_zones_nobody_is_looked_up() {
    let config = with("").unwrap();
    assert_eq!(config.dnsbl, crate::config::Dnsbl::default());
    assert!(!config.answers_anybody());
}

#[test]
fn lookups_are_what_is_written() {
    let config = with(
        r#"
        [lookups]
        hold = false
        resolvers = ["192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353"]
        timeout = "100ms"
        per_second = 1000000
        in_flight = 1
        queue = 2
        cache_entries = 3
        retry = "1s"
        test_interval = "1d"
        own_addresses = ["203.0.113.5", "::ffff:203.0.113.6", "2001:db8::1"]
        own_interval = "off"
        "#,
    )
    .unwrap();
    let Lookups { hold, resolvers, timeout, per_second, in_flight, queue, cache_entries, .. } =
        config.dnsbl.lookups;
    let resolvers: Vec<String> = resolvers.iter().map(ToString::to_string).collect();
    let expected = ["192.0.2.53:53", "192.0.2.53:5353", "[2001:db8::53]:53", "[2001:db8::53]:5353"];
    assert_eq!((hold, resolvers.as_slice()), (false, &expected.map(str::to_owned)[..]));
    assert_eq!((timeout.as_millis(), per_second, in_flight, queue, cache_entries), (100, 1_000_000, 1, 2, 3));
    let Lookups { retry, test_interval, own_addresses, own_interval, .. } = config.dnsbl.lookups;
    assert_eq!((retry.as_secs(), test_interval.as_secs(), own_interval), (1, 86_400, None));
    let own: Vec<String> = own_addresses.iter().map(ToString::to_string).collect();
    assert_eq!(own, ["203.0.113.5", "203.0.113.6", "2001:db8::1"]);
}

#[test]
fn zones_have_what_is_written_or_known() {
    let config = with(&format!(
        r#"
        [[dnsbl]]
        zone = "BL.Example."
        [[dnsbl]]
        zone = "bl.example"
        name = "policy"
        weight = 100
        answers = "127.0.0.[10..11]"
        families = ["ipv6", "ipv4"]
        ports = [587, 25]
        ttl_min = "1s"
        ttl_max = "1d"
        test_points = false
        per_second = 7
        info_url = "https://bl.example/{{address}}"
        [[dnsbl]]
        zone = "list.dnswl.org"
        weight = -100
        [[dnsbl]]
        zone = "zen.spamhaus.org"
        name = "zen"
        {THRESHOLD}"#
    ))
    .unwrap();
    let [plain, policy, dnswl, zen] = &config.dnsbl.zones[..] else { panic!("four zones") };
    assert_eq!((plain.name.as_str(), plain.weight, plain.families()), ("bl.example", 1, &["ipv4"][..]));
    assert_eq!(
        (plain.shown_zone(), &plain.ports, plain.test_points),
        (Some("bl.example"), &PortChoice::All, true)
    );
    assert_eq!((plain.ttl.0.as_secs(), plain.ttl.1.as_secs(), plain.per_second), (60, 3600, None));
    assert!(plain.info_url.is_none() && plain.answers == Default::default());

    assert_eq!((&policy.zone, policy.shown_zone()), (&plain.zone, None));
    assert_eq!(
        (policy.name.as_str(), policy.weight, policy.families()),
        ("policy", 100, &["ipv4", "ipv6"][..])
    );
    assert_eq!((&policy.ports, policy.test_points), (&PortChoice::Only(vec![25, 587]), false));
    assert_eq!((policy.ttl.0.as_secs(), policy.ttl.1.as_secs(), policy.per_second), (1, 86_400, Some(7)));
    assert_eq!(policy.answers.to_string(), "127.0.0.[10..11]");
    assert_eq!(policy.info_url.as_ref().unwrap().with("192.0.2.1"), "https://bl.example/192.0.2.1");

    assert_eq!((dnswl.weight, dnswl.families(), dnswl.test_points), (-100, &["ipv4", "ipv6"][..], false));
    assert!(!dnswl.answers.matches(Ipv4Addr::new(127, 0, 0, 255)));
    assert!(dnswl.info_url.is_some());
    // What everybody knows is no secret.
    assert_eq!((zen.name.as_str(), zen.shown_zone()), ("zen", Some("zen.spamhaus.org")));
}

#[test]
fn the_shorter_of_two_ttls_gives_way_where_only_one_is_written() {
    for (lines, expected) in [
        ("ttl_min = \"2h\"", (7200, 7200)),
        ("ttl_max = \"5s\"", (5, 5)),
        ("ttl_max = \"2h\"", (60, 7200)),
        ("ttl_min = \"9s\"\nttl_max = \"9s\"", (9, 9)),
    ] {
        let (least, most) = zone("bl.example", lines).unwrap().dnsbl.zones[0].ttl;
        assert_eq!((least.as_secs(), most.as_secs()), expected, "{lines}");
    }
}

#[test]
fn thresholds_say_something_for_each_zone() {
    let config = with(
        r#"
        answers.contact = "me@example.com"
        [[dnsbl]]
        zone = "bl.example"
        name = "a"
        info_url = "https://a.example/{address}"
        [[dnsbl]]
        zone = "bl.example"
        name = "b"
        weight = 4
        [[dnsbl]]
        zone = "wl.example"
        name = "c"
        weight = -2
        [[thresholds]]
        score = 5
        action = "refuse"
        refuse_at = "greeting"
        refuse_with = "temporary"
        text = "{address}: {list}"
        [[thresholds]]
        score = 2
        action = "limit"
        limit_per_minute = 1
        limit_burst = 2
        limit_prefix_v4 = 24
        limit_prefix_v6 = 48
        limit_then = "tarpit"
        [[thresholds]]
        score = 4
        action = "refuse"
        "#,
    )
    .unwrap();
    let [limit, refuse, own] = &config.dnsbl.thresholds[..] else { panic!("three thresholds") };
    let said = |answers: &[crate::policy::Answer]| -> Vec<String> {
        answers.iter().map(|answer| answer.text.with("192.0.2.1")).collect()
    };
    assert_eq!((limit.score, refuse.score, own.score), (2, 4, 5));
    assert_eq!((limit.action, refuse.action, own.action), (Action::Limit, Action::Refuse, Action::Refuse));
    let limited = limit.limit();
    assert_eq!((limited.per_minute, limited.burst, limited.prefix_v4, limited.prefix_v6), (1, 2, 24, 48));
    assert_eq!((limited.then, limit.refuses(), own.refuses()), (Action::Tarpit, false, true));
    assert_eq!(said(&own.answers)[..2], ["192.0.2.1: a", "192.0.2.1: b"]);
    assert_eq!((own.answers[0].stage, own.answers[0].temporary), (Stage::Greeting, true));
    assert_eq!((refuse.answers[0].stage, refuse.answers[0].temporary), (Stage::Recipient, false));
    assert_eq!(
        said(&refuse.answers)[..2],
        [
            "192.0.2.1 is on the list a; see https://a.example/192.0.2.1; contact me@example.com",
            "192.0.2.1 is on the list b; contact me@example.com",
        ]
    );
    assert!(config.dnsbl.thresholds.iter().all(|threshold| threshold.answers.len() == 3));
    // Whom an allow zone lists is never told so, so that its page need not be known.
    let config = with(&format!(
        "{ZONE}info_url = \"https://a.example/\"\n[[dnsbl]]\nzone = \"wl.example\"\nweight = -1\n{THRESHOLD}text = \"see {{url}}\""
    ));
    assert_eq!(said(&config.unwrap().dnsbl.thresholds[0].answers)[0], "see https://a.example/");
}

#[test]
fn who_gets_an_answer_of_a_threshold() {
    for (action, expected) in [
        ("drop", false),
        ("observe", false),
        ("reset", true),
        ("refuse", true),
        ("tarpit", true),
        ("limit", true),
        ("limit\"\nlimit_then = \"drop", false),
    ] {
        let text = format!(
            "mode = \"enforce\"\ninspection.enabled = false\n{ZONE}[[thresholds]]\nscore = 1\naction = \"{action}\""
        );
        assert_eq!(with(&text).unwrap().answers_anybody(), expected, "{action}");
    }
}

#[test]
fn keys_of_thresholds_that_do_nothing_are_noted() {
    let idle = |lines: &str| with(&format!("{ZONE}[[thresholds]]\nscore = 3\n{lines}")).unwrap().idle;
    let shown = |lines: &str| idle(lines).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown("action = \"refuse\"\ntext = \"no\""), Vec::<String>::new());
    assert_eq!(
        shown("action = \"drop\"\ntext = \"no\"\nrefuse_at = \"greeting\""),
        ["threshold 3: refuse_at, text do nothing: its action is drop; did you mean action = \"refuse\"?"]
    );
    assert_eq!(
        shown("action = \"refuse\"\nlimit_burst = 3"),
        ["threshold 3: limit_burst does nothing: its action is refuse; did you mean action = \"limit\"?"]
    );
}

#[test]
fn the_size_of_the_cache_takes_a_restart() {
    let with = |lookups: &str| with(&format!("[lookups]\n{lookups}\n{ZONE}{THRESHOLD}")).unwrap();
    let (old, same, other) =
        (with(""), with("cache_entries = 65536\nhold = false"), with("cache_entries = 1"));
    assert_eq!(old.changed_needs_restart(&same), None);
    assert_eq!(old.changed_needs_restart(&other), Some("lookups.cache_entries"));
}

#[test]
fn faults_are_one_line_with_place_and_cure() {
    let many_zones: String = (0..33).map(|n| format!("[[dnsbl]]\nzone = \"z{n}.example\"\n")).collect();
    let many_thresholds: String =
        (1..10).map(|n| format!("[[thresholds]]\nscore = {n}\naction = \"drop\"\n")).collect();
    let many_resolvers = format!("[lookups]\nresolvers = [{}]", ["\"192.0.2.53\""; 9].join(", "));
    let after = |lines: &str| format!("{ZONE}{lines}\n{THRESHOLD}");
    for (text, expected) in [
        (
            after("answers = \"127.0.0.[5..2]\""),
            "5:11: \"127.0.0.[5..2]\" is no filter such as \"127.0.0.[2..11;14]\": character 10: 5..2 is empty",
        ),
        (
            after("answers = \"127.0.0.1\""),
            "5:11: \"127.0.0.1\" is no filter such as \"127.0.0.[2..11;14]\": character 1: it matches no listing",
        ),
        (after("answers = \"10.0.0.2\""), "character 1: a DNSBL answers from 127.0.0.0/8 alone; write 127"),
        (after("answers = \"127.0.0.300\""), "character 9: 300 is no octet; write 0 to 255"),
        (after("families = []"), "5:12: no family is named"),
        (
            after("families = [\"ipv4\", \"ipv5\"]"),
            "5:21: unknown family \"ipv5\"; use \"ipv4\", \"ipv6\" or both",
        ),
        (after("families = [\"ipv4\", \"ipv4\"]"), "5:21: a family is written twice"),
        (after("ports = []"), "5:9: no port is named, so this would do nothing"),
        (after("ports = [26]"), "5:10: port 26 is not judged in this direction"),
        (after("ttl_min = \"1h\"\nttl_max = \"1m\""), "6:11: ttl_max is shorter than ttl_min"),
        (after("ttl_min = \"0s\""), "5:11: \"0s\" is out of range; write 1s to 1day"),
        (after("ttl_max = \"2days\""), "5:11: \"2days\" is out of range"),
        (after("per_second = 0"), "5:14: 0 is out of range; write a number from 1 to 1000000"),
        (after("info_url = \"see me\""), "5:12: ' ' cannot stand in a URL"),
        (after("name = \"A b\""), "5:8: \"A b\" is no name for a zone, which is 1 to 48 of a-z"),
        (after("wieght = 1"), "5:1: unknown key `wieght`; did you mean `weight`?"),
        (
            after("[[dnsbl]]\nzone = \"bl.example\""),
            "6:8: there is already a zone named \"bl.example\"; give each entry its own name",
        ),
        (
            after("[[dnsbl]]\nzone = \"b.example\"\nname = \"bl.example\""),
            "7:8: there is already a zone named",
        ),
        (after("[[dnsbl]]\nname = \"b\""), "5:1: the key `zone` is missing here; add it"),
        (after("[[dnsbl]]\nzone = \"a b\""), "6:8: this is no zone's name: character 2 is ' '"),
        (after("[[dnsbl]]\nzone = \"\""), "6:8: this is no zone's name: there is no name"),
        (after("[[dnsbl]]\nzone = \"192.0.2.1\""), "6:8: this is no zone's name: its last part is a number"),
        (
            after("[[dnsbl]]\nzone = \"{key}.a\""),
            "6:8: {key} stands for a key, and there is none; write key_file",
        ),
        (
            after("[[dnsbl]]\nzone = \"{key}.a\"\nkey_file = \"k\""),
            "6:8: a zone with a key is never shown; write a name that can be",
        ),
        (after("[[dnsbl]]\nzone = \"{key}.a\"\nname = \"b\"\nkey_file = \"\""), "8:12: no file is named"),
        (
            after("[[dnsbl]]\nzone = \"{key}.a\"\nname = \"b\"\nkey_file = \"/nonexistent/key\""),
            "8:12: cannot use the secret in /nonexistent/key: No such file",
        ),
        (
            after("[[dnsbl]]\nzone = \"b.example\"\nweight = 0"),
            "7:10: 0 weighs nothing; write 1 to 100, or -1 to -100",
        ),
        (
            after("[[dnsbl]]\nzone = \"b.example\"\nweight = 101"),
            "7:10: 101 is out of range; write a number from -100 to 100",
        ),
        (after("[[dnsbl]]\nzone = \"b.example\"\nweight = -101"), "7:10: -101 is out of range"),
        (
            after("[[dnsbl]]\nzone = \"list.dnswl.org\""),
            "6:8: this zone lists senders to be trusted; write a negative weight",
        ),
        (
            after("[[dnsbl]]\nzone = \"list.dnswl.org\"\nweight = 1"),
            "7:10: this zone lists senders to be trusted",
        ),
        (
            ZONE.to_owned(),
            "3:8: nothing follows from what zones say: there is no threshold; write [[thresholds]]",
        ),
        (THRESHOLD.to_owned(), "3:9: no score can come to it: there is no zone; write [[dnsbl]]"),
        (
            format!("{ZONE}[[thresholds]]\nscore = 1"),
            "6:9: nothing is done at this score; write action = \"drop\"",
        ),
        (format!("{ZONE}[[thresholds]]\naction = \"drop\""), "5:1: the key `score` is missing here; add it"),
        (
            format!("{ZONE}[[thresholds]]\nscore = 0\naction = \"drop\""),
            "6:9: 0 is out of range; write a number from 1 to 10000",
        ),
        (format!("{ZONE}[[thresholds]]\nscore = 10001\naction = \"drop\""), "6:9: 10001 is out of range"),
        (
            format!("{ZONE}[[thresholds]]\nscore = 6\naction = \"drop\""),
            "6:9: no source can come to a score of 6: all that zones weigh together at a port is 5; write 5 or less",
        ),
        (
            format!("{ZONE}{THRESHOLD}{THRESHOLD}"),
            "9:9: there is already a threshold of 1; a score has one action",
        ),
        (
            format!("{ZONE}[[thresholds]]\nscore = 1\naction = \"allow\""),
            "7:10: unknown action \"allow\"; use one of \"drop\", \"tarpit\"",
        ),
        (
            format!("{ZONE}{THRESHOLD}text = \"see {{url}}\""),
            "8:8: {url} has no value here: there is no info_url, for the zone \"bl.example\"",
        ),
        (format!("{ZONE}{THRESHOLD}text = \"{{page}}\""), "8:8: unknown placeholder {page}"),
        (
            format!("answers.text = \"see {{url}}\"\n{ZONE}{THRESHOLD}"),
            "2:16: {url} has no value here: there is no info_url, for the zone \"bl.example\"",
        ),
        (format!("{ZONE}{THRESHOLD}limit_burst = 0"), "8:15: 0 is out of range"),
        (format!("{ZONE}{THRESHOLD}limit_then = \"pass\""), "8:14: \"pass\" cannot be done here"),
        (format!("{many_zones}{THRESHOLD}"), "66:1: 33 entries of [[dnsbl]]; write at most 32"),
        (
            format!("[[dnsbl]]\nzone = \"a.example\"\nweight = 50\n{many_thresholds}"),
            "29:1: 9 entries of [[thresholds]]; write at most 8",
        ),
        (many_resolvers, "9 addresses; write at most 8"),
        (
            "[lookups]\nresolvers = [\"localhost\"]".to_owned(),
            "3:14: \"localhost\" is no resolver's address; write one such as \"192.0.2.53\"",
        ),
        ("[lookups]\nresolvers = [\"192.0.2.53:0\"]".to_owned(), "is no resolver's address"),
        ("[lookups]\nresolvers = [\"0.0.0.0\"]".to_owned(), "is no resolver's address"),
        (
            "[lookups]\nresolvers = [\"192.0.2.53\", \"192.0.2.53:53\"]".to_owned(),
            "3:28: an address is written twice",
        ),
        (
            "[lookups]\nown_addresses = [\"127.0.0.1\"]".to_owned(),
            "3:18: \"127.0.0.1\" is no address of ours",
        ),
        ("[lookups]\nown_addresses = [\"192.0.2.0/24\"]".to_owned(), "is no address of ours"),
        ("[lookups]\nown_interval = \"never\"".to_owned(), "3:16: \"never\" is no duration"),
        ("[lookups]\ntimeout = \"99ms\"".to_owned(), "3:11: \"99ms\" is out of range; write 100ms to 30s"),
        ("[lookups]\ntest_interval = \"9s\"".to_owned(), "3:17: \"9s\" is out of range; write 10s to 1day"),
        ("[lookups]\nqueue = 0".to_owned(), "3:9: 0 is out of range"),
        ("[dnsbl]\nzone = \"a\"".to_owned(), "the wrong type"),
    ] {
        let error = with(&text).expect_err(&text).to_string();
        assert!(error.starts_with("/guard.toml:") && error.contains(expected), "{text}\n{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_score_must_be_reached_at_one_port_by_one_family() {
    for (first, second, refused) in [
        ("weight = 2", "weight = 3", None),
        ("weight = 2\nports = [25, 587]", "weight = 3\nports = [587, 465]", None),
        ("weight = 2\nfamilies = [\"ipv6\"]", "weight = 3\nfamilies = [\"ipv4\", \"ipv6\"]", None),
        ("weight = 2\nports = [25]", "weight = 3\nports = [587]", Some("3; write 3 or less")),
        ("weight = 2\nfamilies = [\"ipv6\"]", "weight = 3", Some("3; write 3 or less")),
        ("weight = -2", "weight = 4", Some("4; write 4 or less")),
        ("weight = -2", "weight = -3", Some("0; write a zone with a positive weight")),
    ] {
        let text = format!(
            "[[dnsbl]]\nzone = \"a.example\"\n{first}\n[[dnsbl]]\nzone = \"b.example\"\n{second}\n[[thresholds]]\n\
             score = 5\naction = \"drop\""
        );
        let said = with(&text).map(|_| ()).map_err(|error| error.to_string());
        match (refused, &said) {
            (None, Ok(())) => {}
            (Some(end), Err(said)) if said.ends_with(&format!("weigh together at a port is {end}")) => {}
            _ => panic!("{text}: {said:?}"),
        }
    }
}

#[test]
fn a_key_comes_from_a_file_and_is_shown_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("dqs.key");
    let config = |template: &str| {
        let text = format!(
            "[[dnsbl]]\nzone = \"{template}\"\nname = \"zen\"\nkey_file = \"dqs.key\"\n{THRESHOLD}text = \"{{list}} {{url}}\""
        );
        read(&text, &directory.path().join("guard.toml"))
    };
    let write = |key: &str, mode: u32| {
        fs::write(&file, key).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    };
    write("S3cretkey\n", 0o640);
    let good = config("{key}.zen.dq.spamhaus.net").unwrap();
    let zone = &good.dnsbl.zones[0];
    assert_eq!(zone.zone.expose(), "s3cretkey.zen.dq.spamhaus.net");
    // The catalogue knows it with any key.
    assert_eq!((zone.families(), zone.shown_zone()), (&["ipv4", "ipv6"][..], None));
    let said = good.dnsbl.thresholds[0].answers[0].text.with("192.0.2.1");
    assert_eq!(said, "zen https://www.spamhaus.org/query/ip/192.0.2.1");
    assert!(!format!("{good:?}").to_lowercase().contains("s3cret"), "{good:?}");

    for (template, key, mode, expected) in [
        ("{key}.a.example", "s3cret", 0o644, "5:12: cannot use the secret in"),
        ("{key}.a.example", "", 0o600, "it is empty"),
        ("{key}.a.example", "s3cret\ns3cret", 0o600, "it must be one line of printable ASCII"),
        ("{key}.a.example", "s3cret.key", 0o600, "5:12: cannot use what is in"),
        ("{key}.a.example", "-s3cret", 0o600, "the key is no part of a name"),
        ("a.example", "s3cret", 0o600, "3:8: {key} stands in it 0 times; write it once"),
        ("{key}.{key}.example", "s3cret", 0o600, "3:8: {key} stands in it 2 times"),
        ("{key}.a b", "s3cret", 0o600, "3:8: this is no zone's name: character 8 is ' '"),
    ] {
        write(key, mode);
        let error = config(template).unwrap_err().to_string();
        assert!(
            error.contains(expected) && !error.contains("s3cret"),
            "{template} {key:?} {mode:o}: {error}"
        );
    }
}

#[test]
fn a_zone_that_may_have_a_key_in_it_is_not_repeated() {
    let error = zone("s3cret key.example", "name = \"a\"").unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
    let long = ["s3cret"; 10].join(".");
    let error = zone(&long, "").unwrap_err().to_string();
    assert!(error.contains("too long to be shown; write a name") && !error.contains("s3cret"), "{error}");
    assert!(zone(&long, "name = \"a\"").unwrap().dnsbl.zones[0].secret);
}
