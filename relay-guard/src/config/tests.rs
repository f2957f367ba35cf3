use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use relay_guard_common::action::Action;
use relay_guard_common::respond::response::Stage;

use super::*;
use crate::feeds::source::Source;
use crate::lists::HostBits;
use crate::policy::{HostName, Limit, PortChoice};

const EXAMPLE: &str = include_str!("../../relay-guard.example.toml");
const MINIMAL: &str = "interfaces.outside = [\"eth0\"]\n";

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, Path::new("/etc/relay-guard/guard.toml"))
}

/// A minimal configuration and `text`.
fn with(text: &str) -> Result<Config, ConfigError> {
    read(&format!("{MINIMAL}{text}"))
}

#[test]
fn the_example_holds_the_defaults() {
    let example = read(EXAMPLE).unwrap();
    // A contact has no default, and is in every text.
    let (_, answers) = EXAMPLE.split_once("\n[answers]\n").unwrap();
    let answers = format!("[answers]\n{}\n", answers.split("\n[").next().unwrap());
    let defaults = with(&answers).unwrap();
    let with = |text: &str| with(&format!("{answers}{text}"));
    assert_eq!(example.changed_needs_restart(&defaults), None);
    assert_eq!(
        (example.mode, &example.ports, &example.inspection),
        (defaults.mode, &defaults.ports, &defaults.inspection)
    );
    assert_eq!((&example.daemon, &example.limits), (&defaults.daemon, &defaults.limits));
    assert_eq!(Answering { name: None, ..example.answers.clone() }, read(MINIMAL).unwrap().answers);
    assert_eq!(
        (example.protected.special_purpose, example.protected.own_addresses, example.protected.connected),
        (defaults.protected.special_purpose, defaults.protected.own_addresses, defaults.protected.connected)
    );
    let lookups =
        Lookups { resolvers: Vec::new(), own_addresses: Vec::new(), ..example.dnsbl.lookups.clone() };
    assert_eq!(lookups, defaults.dnsbl.lookups);
    let [abuse, policy, spamcop, dnswl] = &example.dnsbl.zones[..] else { panic!("four zones") };
    let plain =
        with("[[dnsbl]]\nzone = \"zen.spamhaus.org\"\n[[thresholds]]\nscore = 1\naction = \"drop\"").unwrap();
    let plain = &plain.dnsbl.zones[0];
    let same =
        |zone: &ZoneConfig| (zone.families(), zone.ttl, zone.test_points, zone.info_url.clone(), zone.secret);
    assert_eq!((same(abuse), same(policy)), (same(plain), same(plain)));
    assert_eq!((abuse.weight, policy.weight, spamcop.weight, dnswl.weight), (3, 2, 1, -2));
    assert_eq!((&spamcop.answers, &spamcop.ports), (&plain.answers, &plain.ports));
    assert_eq!(example.dnsbl.thresholds.len(), 2);
    let [local, feed, ours, zone, partners] = &example.lists[..] else { panic!("five lists") };
    let plain = with("[[lists]]\nname = \"local\"\nfile = \"lists/local.txt\"").unwrap();
    let plain = ListConfig { ports: PortChoice::Only(vec![25]), ..plain.lists[0].clone() };
    assert_eq!(*local, plain);
    assert_eq!(local.source, Source::File(PathBuf::from("/etc/relay-guard/lists/local.txt")));
    let entry = with("[[lists]]\nname = \"spamhaus-drop\"\nfeed = \"spamhaus-drop\"").unwrap();
    assert_eq!(*feed, entry.lists[0]);
    assert_eq!((ours.source.kind(), ours.action), ("http", ListAction::Refuse));
    let said = ours.answers.inbound.text.with("192.0.2.1");
    let expected = "192.0.2.1 is on ours; see https://lists.example.com/why?ip=192.0.2.1, or write to postmaster@example.com";
    assert_eq!((said.as_str(), ours.answers.inbound.limit), (expected, Limit::default()));
    assert_eq!((ours.answers.inbound.stage, ours.answers.inbound.temporary), (Stage::Recipient, false));
    assert_eq!((zone.action, zone.answers.inbound.limit), (ListAction::Limit, Limit::default()));
    assert_eq!(zone.actions, [(Ipv4Addr::new(127, 0, 0, 3), ListAction::Observe)]);
    assert_eq!((partners.source.kind(), partners.action), ("directory", ListAction::Allow));
}

#[test]
fn the_example_shows_every_key() {
    for section in [
        "",
        "[interfaces]",
        "[ports]",
        "[hosts]",
        "[[lists]]",
        "[lookups]",
        "[[dnsbl]]",
        "[[thresholds]]",
        "[inspection]",
        "[signals.attempts]",
        "[[containment]]",
        "[answers]",
        "[daemon]",
        "[limits]",
        "[protected]",
    ] {
        let message = read(&format!("{section}\nno_such_key_at_all = 1")).unwrap_err().to_string();
        let (_, known) = message.split_once("known here: ").unwrap();
        for key in known.split(", ") {
            let shown = ["", "# "]
                .map(|off| format!("\n{off}{key} = "))
                .into_iter()
                .chain([format!("\n[{key}]"), format!("\n[[{key}]]")]);
            let shown: Vec<String> = shown.collect();
            assert!(shown.iter().any(|line| EXAMPLE.contains(line)), "{section} {key} is not in the example");
        }
    }
}

#[test]
fn faults_are_fit_for_a_terminal() {
    for (text, expected) in [
        ("\"\\u001b[31m\" = 1", "unknown key `\\u{1b}[31m`"),
        ("mode = \"a\\nb\"", "unknown word `a\\nb`"),
        ("hosts.excepted = [\"\\u0007\"]", "\\u{7}"),
    ] {
        let message = with(text).unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains(char::is_control), "{message:?}");
    }
}

#[test]
fn what_is_written_is_resolved() {
    let config = read(
        r#"
        mode = "enforce"
        interfaces = { outside = ["wan0", "ppp0"], inside = ["lan0"] }
        ports = { guarded = [587, 25], watched = [26, 25] }
        [hosts]
        own_servers = ["2001:db8::/64", "192.0.2.25", "::ffff:192.0.2.25"]
        mail_servers = ["10.0.0.0/30"]
        [[lists]]
        name = "a-1.b_c"
        file = "a.txt"
        action = "limit"
        refuse_at = "greeting"
        refuse_with = "temporary"
        limit_per_minute = 1
        limit_burst = 2
        limit_prefix_v4 = 24
        limit_prefix_v6 = 48
        limit_then = "tarpit"
        allow_empty = true
        widest_v4 = 0
        widest_v6 = 3
        host_bits = "reject"
        [inspection]
        enabled = false
        inbound = true
        window = "1h"
        half_life = "1s"
        envelopes = "hashed"
        contain_mail_servers = true
        client_bytes = 4096
        server_bytes = 1024
        turn_bytes = 4096
        [answers]
        name = "MX.example.com."
        per_second = 1000000
        per_second_per_prefix = 1
        prefix_v4 = 32
        prefix_v6 = 128
        tarpit_per_second = 7
        [daemon]
        on_stop = "detach"
        [protected]
        connected = false
        networks = ["198.51.100.0/24", "2001:db8:5::/48", "10.9.8.7"]
        "#,
    )
    .unwrap();
    assert_eq!(config.mode, Mode::Enforce);
    assert_eq!(config.interfaces.outside, ["wan0", "ppp0"]);
    assert_eq!(config.ports, Ports { guarded: vec![25, 587], watched: vec![25, 26] });
    let ProtectedNetworks { special_purpose, own_addresses, connected, networks } = &config.protected;
    assert_eq!((special_purpose, own_addresses, connected), (&true, &true, &false));
    assert_eq!(
        *networks,
        ["10.9.8.7/32", "198.51.100.0/24", "2001:db8:5::/48"].map(|net| net.parse().unwrap())
    );
    assert_eq!(config.hosts.own_servers, ["192.0.2.25/32", "2001:db8::/64"].map(|net| net.parse().unwrap()));
    let list = &config.lists[0];
    assert_eq!((list.action, list.options.widest_v4, list.options.widest_v6), (ListAction::Limit, 0, 3));
    let limit = Limit { per_minute: 1, burst: 2, prefix_v4: 24, prefix_v6: 48, then: Action::Tarpit };
    for answer in [&list.answers.inbound, &list.answers.outbound] {
        assert_eq!((answer.stage, answer.temporary, answer.limit), (Stage::Greeting, true, limit));
    }
    let answers = Answering {
        name: HostName::new("MX.example.com"),
        per_second: 1_000_000,
        per_second_per_prefix: 1,
        prefix_v4: 32,
        prefix_v6: 128,
        tarpit_per_second: 7,
    };
    assert_eq!(config.answers, answers);
    assert_eq!((list.options.allow_empty, list.options.host_bits), (true, HostBits::Reject));
    let Inspection { enabled, inbound, window, half_life, envelopes, contain_mail_servers, budgets, .. } =
        config.inspection;
    assert_eq!((enabled, inbound, contain_mail_servers), (false, true, true));
    assert_eq!((window, half_life), (Duration::from_secs(3600), Duration::from_secs(1)));
    assert_eq!(envelopes, Envelopes::Hashed);
    assert_eq!(budgets, Budgets { client_bytes: 4096, server_bytes: 1024, turn_bytes: 4096 });
    assert_eq!(config.daemon.on_stop, OnStop::Detach);
}

#[test]
fn faults_are_one_line_with_place_and_cure() {
    for (text, expected) in [
        ("mod = \"observe\"", "2:1: unknown key `mod`; did you mean `mode`?"),
        ("[hots]", "2:2: unknown key `hots`; did you mean `hosts`?"),
        ("[inspection]\nenvelops = 1", "3:1: unknown key `envelops`; did you mean `envelopes`?"),
        ("[inspection]\nrelease = 1", "3:1: unknown key `release`; known here: enabled, inbound, window"),
        ("mode = \"enforced\"", "2:8: unknown word `enforced`; did you mean `enforce`?"),
        ("mode = \"off\"", "2:8: unknown word `off`; known here: observe, enforce"),
        ("mode = 1", "2:8: "),
        ("mode = ", "2:"),
        ("é = 1", "2:1: "),
        ("inspection.enabled = \"yes\"", "2:22: the wrong type, string \"yes\"; write true or false here"),
        ("inspection.window = 60", "2:21: the wrong type, integer `60`; write text in quotes here"),
        ("limits.flows = \"60\"", "2:16: the wrong type, string \"60\"; write a whole number here"),
        (
            "[lists]\nname = \"a\"",
            "2:1: the wrong type, map; write a list: values in [ ], or tables under [[ ]] here",
        ),
        ("inspection = 1", "2:14: the wrong type, integer `1`; write a table here"),
        (
            "[[lists]]\nname = \"a\"",
            "3:8: the list comes from nowhere: write exactly one of file, directory, url",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nurl = \"http://a/\"",
            "5:7: write exactly one of file, directory",
        ),
        (
            "[[lists]]\nname = \"a\"\nurl = \"ftp://a/\"",
            "4:7: \"ftp://a/\" cannot be fetched: only http and https",
        ),
        ("[[lists]]\nname = \"a\"\nurl = \"a b\"", "4:7: \"a b\" is no URL: "),
        (
            "[[lists]]\nname = \"a\"\nfeed = \"spamhaus-drp\"",
            "4:8: no feed \"spamhaus-drp\" in the catalogue: did you",
        ),
        (
            "[[lists]]\nname = \"a\"\ncommand = [\"ls\"]",
            "4:11: a command is a program with its absolute path",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\ninterval = \"1h\"",
            "5:12: interval means nothing for a list with file",
        ),
        (
            "[[lists]]\nname = \"a\"\nfeed = \"spamhaus-drop\"\ninterval = \"5m\"",
            "5:12: \"5m\" is out of range; write 1h to",
        ),
        (
            "[[lists]]\nname = \"a\"\nurl = \"http://a/\"\nheader = \"X-Key\"",
            "5:10: header and header_file belong together",
        ),
        ("[[lists]]\nname = \"a\"\nurl = \"http://a/\"\nheader = \"X Key\"\nheader_file = \"k\"", "5:10: "),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nformat = \"xml\"",
            "5:10: unknown format \"xml\"; use one of auto, ",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nformat = \"csv\"",
            "5:10: say which field holds the address",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nformat = \"plain\"\naddress_field = \"ip\"",
            "6:17: format \"plain\" has no fields to choose",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nactions = { \"10.0.0.1\" = \"drop\" }",
            "5:13: \"10.0.0.1\" is no A value of a zone",
        ),
        ("[[lists]]\nname = \"a\"\nfile = \"a\"\ndirection = \"in\"", "5:13: unknown direction \"in\"; use"),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nports = [80]",
            "5:10: port 80 is not judged in this direction",
        ),
        ("[[lists]]\nname = \"a\"\nfile = \"a\"\nports = []", "5:9: no port is named"),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\ndirection = \"outbound\"\nports = [587]",
            "6:10: port 587 is not judged in this direction",
        ),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nmax_age = \"1s\"",
            "5:11: \"1s\" is out of range; write 1m to",
        ),
        ("[[lists]]\nname = \".a\"\nfile = \"a\"", "3:8: \".a\" is no name for a list"),
        ("daemon.cache_dir = \"/run/relay-guard\"", "2:20: this directory is used for something else too"),
        ("[ports]\nguarded = [25, 70000]", "3:16: 70000 is out of range; write a number from 1 to 65535"),
        ("[ports]\nguarded = [25, 0]", "3:16: 0 is out of range"),
        ("[ports]\nguarded = [25, 25]", "3:16: port is written twice: 25; leave it in one place"),
        ("[ports]\nwatched = []", "3:11: 0 ports; write 1 to 16"),
        ("interfaces.inside = [\"eth0\"]", "2:22: interface \"eth0\" is on both sides; leave it on one"),
        ("interfaces.inside = [\"a\", \"a\"]", "2:27: an interface is written twice: \"a\""),
        ("interfaces.inside = [\"lo\"]", "2:22: \"lo\" is the loopback device"),
        ("interfaces.inside = [\"a/b\"]", "2:22: \"a/b\" is no interface name, which is 1 to 15 bytes"),
        ("interfaces.inside = [\"abcdefghijklmnop\"]", "2:22: \"abcdefghijklmnop\" is no interface name"),
        ("interfaces.inside = [\"..\"]", "2:22: \"..\" is no interface name"),
        ("interfaces.inside = [\"\"]", "2:22: \"\" is no interface name"),
        (
            "hosts.excepted = [\"10.0.0.1/24\"]",
            "2:19: \"10.0.0.1/24\" has host bits set; write 10.0.0.0/24 for the \
            network or 10.0.0.1 for the host",
        ),
        ("hosts.excepted = [\"mail\"]", "2:19: \"mail\": not an address"),
        ("hosts.excepted = [\"10.0.0.010\"]", "2:19: \"10.0.0.010\": not an IPv4 address: a leading zero"),
        ("[[lists]]\nname = \"A\"\nfile = \"a\"", "3:8: \"A\" is no name for a list"),
        ("[[lists]]\nname = \"a\"\nfile = \"\"", "4:8: no file is named"),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"deny\"",
            "5:10: unknown action \"deny\"; use one of drop, tarpit, reset, refuse, limit, observe, allow",
        ),
        ("[[lists]]\nname = \"a\"\nfile = \"a\"\naction = \"pass\"", "5:10: unknown action \"pass\"; use"),
        (
            "[[lists]]\nname = \"a\"\nfile = \"a\"\nwidest_v4 = 33",
            "5:13: 33 is out of range; write a number from 0 to 32",
        ),
        (
            "[[lists]]\nname='a'\nfile='a'\n[[lists]]\nname='a'\nfile='b'",
            "6:6: there is already a list named \"a\"",
        ),
        ("daemon.run_dir = \"run\"", "2:18: \"run\" is no directory of our own; write an absolute path"),
        ("daemon.pin_dir = \"/\"", "2:18: \"/\" is no directory of our own"),
        ("daemon.pin_dir = \"/run/relay-guard\"", "2:18: this directory is used for something else too"),
        ("limits.verdicts = 0", "2:19: 0 is out of range; write a number from 1 to"),
    ] {
        let message = with(text).unwrap_err().to_string();
        let expected = format!("/etc/relay-guard/guard.toml:{expected}");
        assert!(message.starts_with(&expected), "{text}\n{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn an_interface_is_needed() {
    for text in ["", "mode = \"observe\"", "[interfaces]\ninside = []"] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.contains("no interface is named; write interfaces.outside"), "{message}");
    }
}

#[test]
fn there_is_an_end_to_lists() {
    let lists =
        |count: usize| (0..count).map(|n| format!("[[lists]]\nname='l{n}'\nfile='f'\n")).collect::<String>();
    assert_eq!(with(&lists(64)).unwrap().lists.len(), MAX_CONFIGURED_LISTS);
    assert!(with(&lists(65)).unwrap_err().to_string().contains(":194:1: 65 lists; write at most 64"));
}

#[test]
fn what_needs_a_restart_is_named() {
    let old = with("").unwrap();
    for (text, key) in [
        (
            "mode = \"enforce\"\ninspection.inbound = true\nports.watched = [26]\ndaemon.on_stop = \"detach\"",
            None,
        ),
        ("daemon.run_dir = \"/run/a\"", Some("daemon.run_dir")),
        ("daemon.state_dir = \"/run/a\"", Some("daemon.state_dir")),
        ("limits.verdicts = 1\ndaemon.pin_dir = \"/a\"", Some("daemon.pin_dir")),
        ("daemon.log_datapath = true", Some("daemon.log_datapath")),
        ("limits.inside_hosts = 1", Some("limits.inside_hosts")),
        ("limits.verdicts = 1", Some("limits.verdicts")),
        ("limits.prefix_verdicts = 1", Some("limits.prefix_verdicts")),
        ("limits.list_bytes = 1", Some("limits.list_bytes")),
        ("limits.table_bytes = 1", Some("limits.table_bytes")),
        ("limits.events_per_second = 1", Some("limits.events_per_second")),
        ("limits.envelopes_per_second = 1", Some("limits.envelopes_per_second")),
        ("answers.per_second = 1", None),
        ("limits.flows = 1", Some("limits.flows")),
        ("limits.capture_bytes = 65536", Some("limits.capture_bytes")),
        ("limits.tracked_hosts = 1", Some("limits.tracked_hosts")),
        ("inspection.client_bytes = 10000", None),
    ] {
        let new = with(text).unwrap();
        assert_ne!(old, new, "{text}");
        assert_eq!(old.changed_needs_restart(&new), key, "{text}");
    }
    assert_eq!(old.changed_needs_restart(&old), None);
}

#[test]
fn files_that_cannot_be_read_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("guard.toml");
    let message = load(&file).unwrap_err().to_string();
    assert!(message.starts_with("cannot read /"), "{message}");
    let end =
        "guard.toml: No such file or directory; create it (see relay-guard.example.toml) or pass --config";
    assert!(message.ends_with(end), "{message}");

    std::fs::write(&file, b"# caf\xe9\n").unwrap();
    assert!(
        load(&file).unwrap_err().to_string().ends_with(": not UTF-8 text, from byte 5 on; save it as UTF-8")
    );
    std::fs::write(&file, vec![b'#'; MAX_CONFIG_BYTES as usize + 1]).unwrap();
    assert!(load(&file).unwrap_err().to_string().contains("larger than 1048576 bytes"));
    std::fs::write(&file, "interfaces.inside = ['eth1']\n[[lists]]\nname = 'a'\nfile = 'lists/a.txt'\n")
        .unwrap();
    assert_eq!(load(&file).unwrap().lists[0].source, Source::File(dir.path().join("lists/a.txt")));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(cut in 0..EXAMPLE.len(), change in "[\"\\[\\]=.,0-9a-zé\n-]{0,4}", keep in 0_usize..40) {
        let until = EXAMPLE.floor_char_boundary((cut + keep).min(EXAMPLE.len()));
        let cut = EXAMPLE.floor_char_boundary(cut);
        let text = format!("{}{change}{}", &EXAMPLE[..cut], &EXAMPLE[until..]);
        if let Err(error) = read(&text) {
            prop_assert!(!error.to_string().contains('\n'), "{}", error);
        }
    }
}

#[test]
fn who_gets_an_answer() {
    let list = |rest: &str| format!("[[lists]]\nname = \"a\"\nfile = \"a\"\n{rest}");
    for (rest, expected) in [
        (list(""), false),
        (list("action = \"refuse\""), true),
        (list("action = \"reset\""), true),
        (list("action = \"tarpit\""), true),
        (list("action = \"observe\""), false),
        (list("action = \"allow\""), false),
        (list("action = \"limit\""), true),
        (list("action = \"limit\"\nlimit_then = \"drop\""), false),
        (list("actions = { \"127.0.0.2\" = \"reset\" }"), true),
        ("[[containment]]\nscore = 9\naction = \"reset\"".to_owned(), true),
        ("[[containment]]\nscore = 9\naction = \"limit\"\nlimit_then = \"drop\"".to_owned(), false),
        ("[[containment]]\nscore = 9\naction = \"report\"".to_owned(), false),
        ("inspection.enabled = false\n[[containment]]\nscore = 9\naction = \"reset\"".to_owned(), false),
        ("signals = {}".to_owned(), true),
    ] {
        for (mode, enforced) in [("enforce", true), ("observe", false)] {
            let off = if rest.contains("lists") { "inspection.enabled = false\n" } else { "" };
            let text = format!("mode = \"{mode}\"\ninterfaces.outside = [\"eth0\"]\n{off}{rest}\n");
            let config = parse(&text, Path::new("/guard.toml")).expect(&rest);
            assert_eq!(config.answers_anybody(), expected && enforced, "{mode} {rest}");
        }
    }
}
