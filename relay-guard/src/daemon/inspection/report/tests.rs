use std::path::Path;

use relay_guard_common::host::HostRecord;

use super::*;
use crate::inspect::signals::Signal;

const NOW: u64 = 5_000_000_000_000;
const KEY: [u8; 16] = *b"sixteen octets!!";

fn inspection(text: &str) -> config::Inspection {
    let text = format!("mode = \"enforce\"\ninterfaces.inside = [\"eth0\"]\n{text}");
    config::parse(&text, Path::new("/guard.toml")).expect("a configuration").inspection
}

fn address() -> IpAddr {
    "10.0.1.66".parse().expect("an address")
}

fn view(state: HostState) -> HostView {
    HostView {
        address: address(),
        kind: HostKind::Host,
        state,
        score: 80,
        contained_until_ns: 0,
        first_ns: 1,
        last_ns: NOW - 7_000_000_000,
        sessions: 3,
        transactions: 4,
        signals: vec![
            Reading {
                signal: Signal::Destinations,
                figure: 90,
                points: 70.0,
                fading: false,
                span_ns: 60_000_000_000,
            },
            Reading {
                signal: Signal::TalksFirst,
                figure: 1,
                points: 20.4,
                fading: true,
                span_ns: 7_200_000_000_000,
            },
        ],
    }
}

#[test]
fn a_host_is_told_with_its_step_its_signals_and_the_kernels_figures() {
    let mut record = HostRecord::new(NOW - 3_000_000_000);
    (record.attempts, record.current.attempts) = (500, 100);
    (record.current.established, record.current.refused, record.current.stopped) = (60, 5, 10);
    let contained = HostView { contained_until_ns: NOW + 9, ..view(HostState::Contained(1)) };
    let told = host(&contained, Some(&record), &inspection(""), (Moment::now(), NOW));
    assert_eq!((told.state.as_str(), told.action.as_deref()), ("contained", Some("limit")));
    assert_eq!(
        (told.attempts, told.established, told.failed, told.refused, told.stopped),
        (100, 60, 30, 5, 10)
    );
    assert_eq!((told.attempts_total, told.sessions, told.messages, told.idle_s), (500, 3, 4, Some(3)));
    assert!(told.contained_until.is_some());
    let signals: Vec<_> = told.signals.iter().map(|one| (&*one.name, one.points, one.fading)).collect();
    assert_eq!(signals, [("destinations", 70, false), ("talks-first", 20, true)]);
    assert_eq!(told.signals[0].text, "90 servers in 1 min");

    let reported = host(&view(HostState::Reported(0)), None, &inspection(""), (Moment::now(), NOW));
    assert_eq!(
        (reported.state.as_str(), reported.action, reported.contained_until),
        ("reported", None, None)
    );
    assert_eq!((reported.attempts, reported.idle_s), (0, Some(7)), "the kernel knows nothing of it any more");
    let restored = HostView { last_ns: 0, ..view(HostState::Quiet) };
    assert_eq!(
        host(&restored, None, &inspection(""), (Moment::now(), NOW)).idle_s,
        None,
        "before this daemon"
    );
    let gone = HostState::Contained(7);
    assert_eq!(host(&view(gone), None, &inspection(""), (Moment::now(), NOW)).action, None);
}

#[test]
fn a_change_is_told_with_what_is_done_since() {
    let change = |from, to, by_hand| Change { at_ns: NOW, from, to, score: 80, signals: Vec::new(), by_hand };
    let told = |change| event(address(), HostKind::MailServer, &change, &inspection(""), Moment::now());
    let contained = told(change(HostState::Quiet, HostState::Contained(2), false));
    assert_eq!((contained.from.as_str(), contained.to.as_str()), ("quiet", "contained"));
    assert_eq!((contained.action.as_deref(), contained.kind.as_str()), (Some("refuse"), "mail-server"));
    let released = told(change(HostState::Contained(2), HostState::Quiet, true));
    assert_eq!((released.action, released.by_hand), (None, true));
}

fn brief() -> Brief {
    Brief {
        began_ns: NOW,
        last_ns: NOW,
        server: "203.0.113.7".parse().expect("an address"),
        server_port: 25,
        client_port: 40_000,
        protocol: Protocol::Smtp,
        over: true,
        tls: false,
        complete: true,
        helo: Some("pc.example".into()),
        sender: Some("j…@example.com".into()),
        transactions: 2,
        recipients: 5,
        refused: 1,
        reply: Some("550 5.1.1 <john@example.net>: unknown".into()),
    }
}

#[test]
fn sessions_say_what_can_be_seen_and_no_more() {
    let told = |brief: &Brief, envelopes| session(brief, envelopes, &KEY, Moment::now());
    let plain = told(&brief(), Envelopes::Plain);
    assert_eq!(plain.reply.as_deref(), Some("550 5.1.1 <john@example.net>: unknown"));
    assert_eq!((plain.starttls, plain.incomplete, plain.protocol.as_str()), (false, false, "smtp"));
    let masked = told(&brief(), Envelopes::Masked);
    assert_eq!(masked.reply.as_deref(), Some("550 5.1.1 <j…@example.net>: unknown"));
    let hashed = told(&brief(), Envelopes::Hashed).reply.expect("a reply");
    assert!(!hashed.contains("john"), "{hashed}");
    for (protocol, starttls, word) in [
        (Protocol::Smtp, true, "smtp"),
        (Protocol::Tls, false, "tls"),
        (Protocol::Http, false, "http"),
        (Protocol::Silent, false, "silent"),
    ] {
        let told = told(&Brief { tls: true, protocol, ..brief() }, Envelopes::Plain);
        assert_eq!((told.starttls, told.protocol.as_str()), (starttls, word));
    }
    let goes_on = Brief { over: false, complete: false, ..brief() };
    assert!(!told(&goes_on, Envelopes::Plain).incomplete, "nobody knows yet");
    assert!(told(&Brief { over: true, ..goes_on }, Envelopes::Plain).incomplete);
}

#[test]
fn a_summary_has_room_and_losses_of_both_sides() {
    let report = Report {
        hosts: 9,
        standing: (2, 1),
        losses: vec![("sessions-evicted", 0), ("hosts-evicted", 4)],
        ..Report::default()
    };
    let told: Vec<_> = by_state(&report).into_iter().collect();
    let expected = [("contained", 1), ("quiet", 6), ("reported", 2)];
    assert_eq!(told, expected.map(|(name, count)| (name.to_owned(), count)));
    assert!(by_state(&Report::default()).is_empty());
    let config = "interfaces.inside = [\"eth0\"]\nlimits.flows = 77\ninspection.inbound = true";
    let config = config::parse(config, Path::new("/guard.toml")).expect("a configuration");
    let losses = [("capture-ring-full", 3), ("flow-table-full", 0), ("event-ring-full", 5)];
    let losses = losses.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
    let told = summary(&report, &config.inspection, &config.limits, &losses);
    assert_eq!((told.flows_limit, told.hosts, told.outbound, told.inbound), (77, 9, true, true));
    let losses: Vec<_> = told.losses.into_iter().collect();
    assert_eq!(losses, [("capture-ring-full".to_owned(), 3), ("hosts-evicted".to_owned(), 4)]);
    let off = config::Inspection { enabled: false, ..config.inspection };
    let told = summary(&report, &off, &config.limits, &BTreeMap::new());
    assert!(!told.outbound && !told.inbound);
}
