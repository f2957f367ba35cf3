use super::*;
use crate::control::api::{ContainmentStep, HostEvent, Judging, RecentSession};

fn judging() -> Judging {
    let step = |score, action: &str, for_s| ContainmentStep { score, action: action.to_owned(), for_s };
    Judging {
        enabled: true,
        mode: "enforce".to_owned(),
        window_s: 60,
        contain_mail_servers: false,
        steps: vec![step(50, "report", None), step(75, "limit", Some(3600)), step(100, "refuse", Some(3600))],
    }
}

fn one(name: &str, points: u32, text: &str) -> Signal {
    Signal {
        name: name.to_owned(),
        figure: 7,
        fading: name == "sender-domains",
        points,
        text: text.to_owned(),
    }
}

fn host(address: &str) -> Host {
    Host {
        address: address.parse().expect("an address"),
        kind: "host".to_owned(),
        state: "quiet".to_owned(),
        score: 0,
        action: None,
        contained_until: None,
        attempts: 3,
        established: 3,
        failed: 0,
        refused: 0,
        stopped: 0,
        distinct_destinations: 2,
        attempts_total: 40,
        sessions: 4,
        messages: 5,
        signals: Vec::new(),
        idle_s: Some(3),
    }
}

fn zombie(address: &str) -> Host {
    Host {
        state: "contained".to_owned(),
        score: 130,
        action: Some("refuse".to_owned()),
        contained_until: Some(u64::MAX),
        attempts: 212_000,
        distinct_destinations: 1800,
        signals: vec![
            one("destinations", 70, "212 servers in 1m"),
            one("talks-first", 25, "9 sessions in 2h in which it spoke before the greeting"),
            one("sender-domains", 25, "40 domains of senders in 2h"),
        ],
        ..host(address)
    }
}

fn detail(host: Host) -> HostDetail {
    HostDetail {
        judging: judging(),
        host,
        recent: Vec::new(),
        history: Vec::new(),
        relapses: 0,
        followed: true,
    }
}

fn session(protocol: &str) -> RecentSession {
    RecentSession {
        began: 1,
        last: 2,
        over: true,
        server: "203.0.113.7".parse().expect("an address"),
        port: 25,
        protocol: protocol.to_owned(),
        helo: None,
        starttls: false,
        messages: 0,
        recipients: 0,
        refused: 0,
        sender: None,
        reply: None,
        incomplete: false,
    }
}

fn assert_fits(lines: &[String]) {
    assert!(lines.iter().all(|line| line.chars().count() <= LINE), "{lines:#?}");
}

#[test]
fn the_table_says_who_why_and_how_out() {
    let hosts = Hosts {
        judging: judging(),
        total: 5,
        hosts: vec![zombie("10.0.1.66"), Host { kind: "mail-server".to_owned(), ..host("10.0.0.25") }],
    };
    let lines = table::lines(&hosts);
    assert_eq!(lines[0], "  HOST       KIND  STATE    SCORE  TRIED    TO");
    assert_eq!(lines[1], "  10.0.1.66  host  refused    130   212k  1800");
    assert!(
        lines[2].starts_with("      212 servers in 1m: +70, 9 sessions in 2h") && lines[2].ends_with('…')
    );
    assert_eq!(lines[3], "  10.0.0.25  mail  quiet        0      3     2");
    assert!(lines[4].starts_with("TRIED connections TO servers in 1m;"), "{}", lines[4]);
    assert_eq!(lines[5], "and 3 more hosts with lower scores");
    assert!(lines[6].starts_with("10.0.1.66: refused, ends in "), "{}", lines[6]);
    assert!(lines[6].ends_with("`relay-guard release 10.0.1.66` ends it now"));
    assert_eq!(lines.len(), 7);
}

#[test]
fn the_table_fits_a_terminal_with_the_longest_of_addresses() {
    let longest = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";
    let kinds = ["host", "mail-server", "own-server", "excepted", "gateway", "allowed"];
    let rows = kinds.map(|kind| Host {
        kind: kind.to_owned(),
        contained_until: None,
        score: 9999,
        attempts: 999_999,
        ..zombie(longest)
    });
    let hosts = Hosts { judging: judging(), total: 6, hosts: rows.to_vec() };
    assert_fits(&table::lines(&hosts));
}

#[test]
fn what_holds_nobody_back_is_said() {
    let of = |judging| table::lines(&Hosts { judging, total: 1, hosts: vec![host("10.0.0.1")] });
    let observing = of(Judging { mode: "observe".to_owned(), ..judging() });
    assert!(observing.iter().any(|line| line.starts_with("mode is observe")), "{observing:?}");
    let off = of(Judging { enabled: false, ..judging() });
    assert!(off.iter().any(|line| line.contains("inspection.enabled is false")), "{off:?}");
    assert_eq!(table::lines(&Hosts::default()), ["no inside host has sent mail yet"]);
}

#[test]
fn a_host_is_told_with_points_sessions_and_what_to_do() {
    let session = RecentSession {
        helo: Some("friend".to_owned()),
        messages: 2,
        recipients: 7,
        refused: 3,
        sender: Some(String::new()),
        reply: Some("550 5.7.1 10.0.1.66 is listed".to_owned()),
        ..session("smtp")
    };
    let encrypted = RecentSession { messages: 0, starttls: true, reply: None, helo: None, ..session.clone() };
    let event = HostEvent {
        at: 1,
        address: "10.0.1.66".parse().expect("an address"),
        kind: "host".to_owned(),
        from: "quiet".to_owned(),
        to: "contained".to_owned(),
        action: Some("limit".to_owned()),
        by_hand: false,
        score: 80,
        signals: vec![one("destinations", 70, "212 servers in 1m")],
    };
    let told = HostDetail {
        recent: vec![session, encrypted],
        history: vec![event],
        relapses: 2,
        ..detail(zombie("10.0.1.66"))
    };
    let lines = detail::lines(&told);
    assert_fits(&lines);
    assert!(lines[0].starts_with("10.0.1.66 (inside host): refused, ends in "), "{}", lines[0]);
    assert!(lines[0].ends_with(", score 130"), "{}", lines[0]);
    for expected in [
        "  212 servers in 1m: +70",
        "  = 130 points; report 50, limit 75, refuse 100",
        "  in 1m: 212 000 attempts at 1 800 servers; 3 accepted, 0 failed (0 refused),",
        "  since it is known: 40 attempts, 4 sessions, 5 messages; last seen 3s ago",
        "  came again 2 times after it was released",
        "  40 domains of senders in 2h, fading: +25",
        "      2 messages from <>, 3 of 7 recipients refused",
        "      550 5.7.1 10.0.1.66 is listed",
        "      encrypted by STARTTLS: the rest cannot be seen",
        "  It is refused. If it is clean: `relay-guard release 10.0.1.66`",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected}\n{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.ends_with("ago to 203.0.113.7 port 25, as friend")), "{lines:#?}");
    let change = lines.iter().find(|line| line.contains("limited")).expect("the change");
    assert!(change.ends_with("quiet  limited     80"), "{change}");
}

#[test]
fn whom_only_an_earlier_daemon_saw_is_not_said_to_be_seen() {
    let lines = detail::lines(&detail(Host { idle_s: None, ..host("10.0.0.1") }));
    assert!(lines.iter().any(|line| line == "  not seen since the daemon was started"), "{lines:#?}");
}

#[test]
fn sessions_say_what_they_were_as_far_as_it_was_seen() {
    let of = |session: RecentSession| {
        let lines = detail::lines(&HostDetail { recent: vec![session], ..detail(host("10.0.0.1")) });
        let at = lines.iter().position(|line| line.contains("ago to")).expect("the session");
        lines[at + 1].trim().to_owned()
    };
    for (session, expected) in [
        (session("smtp"), "no message"),
        (session("silent"), "nothing was said"),
        (session("http"), "no SMTP: http"),
        (session("tls"), "TLS from the first octet on: nothing else is known"),
        (
            RecentSession { incomplete: true, ..session("smtp") },
            "no message; incomplete: a part was not captured",
        ),
    ] {
        assert_eq!(of(session), expected);
    }
}

#[test]
fn advice_is_about_the_kind_of_host_and_why_it_is_free() {
    let said =
        |host: Host, judging: Judging| advice::lines(&HostDetail { judging, ..detail(host) }).join("\n");
    let reported = |kind: &str, score| Host {
        kind: kind.to_owned(),
        state: "reported".to_owned(),
        score,
        ..host("10.0.0.1")
    };
    assert_eq!(said(host("10.0.0.1"), judging()), "", "there is nothing to do");
    for (host, judging, expected) in [
        (reported("host", 60), judging(), "the first step that does is limit at 75"),
        (reported("host", 90), Judging { mode: "observe".to_owned(), ..judging() }, "mode is observe"),
        (reported("host", 90), Judging { steps: Vec::new(), ..judging() }, "no step of [[containment]]"),
        (reported("host", 60), judging(), "hosts.mail_servers or hosts.excepted"),
        (reported("mail-server", 90), judging(), "inspection.contain_mail_servers = true"),
        (
            reported("mail-server", 60),
            Judging { contain_mail_servers: true, ..judging() },
            "the first step that does is limit at 75",
        ),
        (reported("mail-server", 90), judging(), "an account that sends too much"),
        (reported("gateway", 90), judging(), "It is never contained"),
        (reported("allowed", 90), judging(), "`relay-guard remove 10.0.0.1` takes the allow back"),
        (reported("excepted", 90), judging(), "`relay-guard block 10.0.0.1 --for 1h`"),
    ] {
        let lines = said(host, judging);
        assert!(lines.contains(expected), "{expected}\n{lines}");
    }
}

#[test]
fn an_ipv6_network_is_written_as_one() {
    let network = Host {
        kind: "network".to_owned(),
        state: "reported".to_owned(),
        score: 60,
        signals: vec![one("rotating-sources", 60, "1200 new source addresses in 2 h")],
        ..host("2001:db8:1:2::")
    };
    let row = table::lines(&Hosts { hosts: vec![network.clone()], ..Hosts::default() }).join("\n");
    assert!(row.contains("2001:db8:1:2::/64  net   reported"), "{row}");
    let lines = detail::lines(&detail(network)).join("\n");
    for expected in [
        "2001:db8:1:2::/64 (IPv6 network, all of its hosts together): ",
        "1200 new source addresses in 2 h: +60",
        "It is never contained",
        "`relay-guard block 2001:db8:1:2::/64 --for 1h`",
    ] {
        assert!(lines.contains(expected), "{expected}\n{lines}");
    }
    assert!(!lines.contains("Counted"), "{lines}");
    assert!(lines.lines().all(|line| line.chars().count() <= LINE), "{lines}");
}

#[test]
fn hosts_and_networks_are_asked_for() {
    for (text, expected) in [
        ("10.0.0.1", Some("10.0.0.1")),
        ("::ffff:10.0.0.1", Some("10.0.0.1")),
        ("2001:db8:1:2::7", Some("2001:db8:1:2::7")),
        ("2001:db8:1:2::/64", Some("2001:db8:1:2::/64")),
        ("2001:db8:1:2:3::7/64", Some("2001:db8:1:2::/64")),
        ("2001:db8:1::/48", None),
        ("10.0.0.0/64", None),
        ("x/64", None),
    ] {
        let parsed = parse(text).ok().map(|(address, kind)| kind.shown(address));
        assert_eq!(parsed.as_deref(), expected, "{text}");
    }
}

#[test]
fn changes_are_told_with_what_spoke_against_the_host() {
    let event = |to: &str, action: Option<&str>| HostEvent {
        at: 1,
        address: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".parse().expect("an address"),
        kind: "mail-server".to_owned(),
        from: "contained".to_owned(),
        to: to.to_owned(),
        action: action.map(str::to_owned),
        by_hand: false,
        score: 1234,
        signals: vec![one("x", 1, &"long ".repeat(40))],
    };
    let of = |events: Vec<HostEvent>| events::lines(&HostEvents { events, kept_at_most: 2 });
    assert_eq!(of(Vec::new()), ["no host has changed its state yet"]);
    let lines = of(vec![event("quiet", None), event("contained", Some("tarpit"))]);
    assert_eq!(lines.len(), 6);
    assert!(lines[3].contains("tarpit"), "{lines:#?}");
    assert_eq!(lines[5], "only the last 2 changes are kept");
    assert!(lines[2].chars().count() <= LINE && lines[4].chars().count() <= LINE);
}
