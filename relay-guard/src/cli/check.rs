//! `relay-guard check`: what `run` would say of configuration and lists.

mod dnsbl;
mod inspection;

use relay_guard_common::respond::IMPLICIT_TLS_PORT;
use serde::Serialize;

use super::{Arguments, Outcome, output};
use crate::{
    config::{self, Config, ListConfig},
    feeds::{
        cache::Cache,
        source::{Source, shown},
    },
    intake::{LocalError, local},
    lists::ParsedList,
    policy::{ClassInterner, ListRule, ListSlot, PlacedList, Protected, compile::compile, ports::Judged},
    table::Plan,
};

#[derive(Serialize)]
struct Report {
    config: String,
    ok: bool,
    errors: Vec<String>,
    warnings: Vec<String>,
    /// What is as it should be, and perhaps not as it is expected.
    notes: Vec<String>,
    lists: Vec<ListReport>,
    dnsbl: Vec<dnsbl::ZoneReport>,
    thresholds: Vec<dnsbl::ThresholdReport>,
    containment: Vec<inspection::StepReport>,
    table_bytes: u64,
}

#[derive(Serialize)]
struct ListReport {
    name: String,
    file: String,
    action: &'static str,
    ok: bool,
    /// Whether there is anything here of it; feeds come with the first fetch.
    fetched: bool,
    entries: usize,
    duplicates: usize,
    errors: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let report = examine(arguments);
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if report.ok { Outcome::Fine } else { Outcome::No })
}

fn examine(arguments: &Arguments) -> Report {
    let mut report = Report {
        config: arguments.config.display().to_string(),
        ok: true,
        errors: Vec::new(),
        warnings: Vec::new(),
        notes: Vec::new(),
        lists: Vec::new(),
        dnsbl: Vec::new(),
        thresholds: Vec::new(),
        containment: Vec::new(),
        table_bytes: 0,
    };
    match config::load(&arguments.config) {
        Ok(config) => {
            report.notes = notes(&config);
            report.warnings = dnsbl::warnings(&config);
            report.warnings.extend(inspection::warnings(&config));
            report.notes.extend(inspection::notes(&config));
            report.containment = inspection::steps(&config);
            report.dnsbl = dnsbl::zones(&config);
            report.thresholds = dnsbl::thresholds(&config);
            examine_lists(&config, &mut report);
        }
        Err(error) => report.errors.push(error.to_string()),
    }
    report.ok = report.errors.is_empty() && report.lists.iter().all(|list| list.ok);
    report
}

fn examine_lists(config: &Config, report: &mut Report) {
    let cache = Cache::at(&config.daemon.cache_dir);
    let mut good = Vec::new();
    for list in &config.lists {
        match local(list, config.limits.list_bytes, &cache) {
            Ok(Some(found)) => {
                report.warnings.extend(found.list.warnings.iter().map(ToString::to_string));
                report.lists.push(list_report(list, Some(&found.list), Vec::new()));
                good.push((list, found.list));
            }
            Ok(None) => {
                report.warnings.push(format!("list {}: never fetched yet; `run` does it", list.name));
                let row = list_report(list, None, Vec::new());
                report.lists.push(ListReport { ok: true, fetched: false, ..row });
            }
            Err(error) => report.lists.push(list_report(list, None, lines_of(&error))),
        }
    }
    report.warnings.extend(config.lists.iter().filter_map(secret_in_clear));
    let absent =
        config.interfaces.outside.iter().chain(&config.interfaces.inside).filter(|name| !exists(name));
    report.warnings.extend(
        absent.map(|name| format!("interface {name} is not there now; `run` attaches to it when it comes")),
    );
    if let Err(error) = compiled_size(config, &good).map(|bytes| report.table_bytes = bytes) {
        report.errors.push(error);
    }
}

fn notes(config: &Config) -> Vec<String> {
    let idle = config.idle.iter().map(ToString::to_string);
    refused_in_tls(config).into_iter().chain(idle).chain(dnsbl::notes(config)).collect()
}

/// Where nobody could read a refusal.
fn refused_in_tls(config: &Config) -> Vec<String> {
    let watched = config.ports.watched.contains(&IMPLICIT_TLS_PORT);
    let guarded = config.ports.guarded.contains(&IMPLICIT_TLS_PORT);
    let lists = config.lists.iter().filter(|list| {
        list.parts().any(|(_, rule)| {
            let judged = (guarded && rule.applies.to_inbound()) || (watched && rule.applies.to_outbound());
            judged && rule.ports.holds(IMPLICIT_TLS_PORT) && rule.refuses()
        })
    });
    let steps = config.inspection.steps.iter();
    let contained = steps.filter(|step| config.inspection.enabled && watched && step.refuses());
    let contained = contained.map(|step| format!("containment {}", step.score));
    let names = lists.map(|list| format!("list {}", list.name));
    let names = names.chain(dnsbl::refused_in_tls(config)).chain(contained);
    names
        .map(|name| format!("{name}: port {IMPLICIT_TLS_PORT} begins with TLS: refuse is reset there"))
        .collect()
}

/// A token that everybody on the way can read.
fn secret_in_clear(list: &ListConfig) -> Option<String> {
    let Source::Http(http) = &list.source else { return None };
    let url = shown(http.secret_in_clear()?);
    Some(format!(
        "list {}: its token is sent unencrypted to {url}; use https if the provider has it",
        list.name
    ))
}

/// Every bad line by itself, then what they come to.
fn lines_of(error: &LocalError) -> Vec<String> {
    let bad = match error {
        LocalError::Content(error) => error.bad_lines().map(ToString::to_string).collect(),
        LocalError::Files(_) | LocalError::Copy(_) => Vec::new(),
    };
    if bad.is_empty() { vec![error.to_string()] } else { bad }
}

fn list_report(list: &ListConfig, content: Option<&ParsedList>, errors: Vec<String>) -> ListReport {
    ListReport {
        name: list.name.clone(),
        file: list.source.to_string(),
        action: list.action.name(),
        ok: content.is_some(),
        fetched: true,
        entries: content.map_or(0, |content| content.summary.entries),
        duplicates: content.map_or(0, |content| content.summary.duplicates),
        errors,
    }
}

fn compiled_size(config: &Config, good: &[(&ListConfig, ParsedList)]) -> Result<u64, String> {
    let rules: Vec<Vec<ListRule>> =
        good.iter().map(|(list, _)| list.parts().map(|(_, rule)| rule).collect()).collect();
    let mut placed = Vec::new();
    let mut first = 0;
    for ((list, content), rules) in good.iter().zip(&rules) {
        for group in &content.groups {
            let part = list.part_of(group.value);
            // The configuration allows no more parts than there are places.
            if let Some(slot) = u8::try_from(first + part).ok().and_then(ListSlot::new) {
                placed.push(PlacedList { slot, rule: &rules[part], v4: &group.v4, v6: &group.v6 });
            }
        }
        first += rules.len();
    }
    // This machine's addresses make no difference in size.
    let protected = Protected::new(&config.hosts, &config.protected, &[]);
    let judged = Judged { ports: &config.ports, zones: &config.dnsbl.ports() };
    let compiled =
        compile(&placed, &protected, judged, &mut ClassInterner::new()).map_err(|error| error.to_string())?;
    let plan = Plan::new(&compiled.v4, &compiled.v6).map_err(|error| error.to_string())?;
    let bytes = u64::from(plan.cells()) * 64;
    if bytes > config.limits.table_bytes {
        return Err(format!(
            "the table would take {bytes} bytes, more than limits.table_bytes = {}",
            config.limits.table_bytes
        ));
    }
    Ok(bytes)
}

fn exists(interface: &str) -> bool {
    rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
        .and_then(|socket| rustix::net::netdevice::name_to_index(socket, interface))
        .is_ok()
}

fn print(report: &Report) {
    for error in &report.errors {
        output::line(format!("{} {error}", output::tint("error:", output::Tone::Bad)));
    }
    for list in &report.lists {
        for error in &list.errors {
            output::line(format!(
                "{} list {}: {error}",
                output::tint("error:", output::Tone::Bad),
                list.name
            ));
        }
    }
    for warning in &report.warnings {
        output::line(format!("{} {warning}", output::tint("warning:", output::Tone::Warn)));
    }
    for note in &report.notes {
        output::line(format!("{} {note}", output::tint("note:", output::Tone::Bold)));
    }
    if !report.lists.is_empty() {
        let mut table = output::Table::new(&["LIST", "ACTION", ">ENTRIES", ">DUPLICATES", "STATE"]);
        for list in &report.lists {
            let state = match (list.ok, list.fetched) {
                (true, true) => ("good", output::Tone::Good),
                (true, false) => ("not fetched yet", output::Tone::Warn),
                (false, _) => ("refused", output::Tone::Bad),
            };
            table.row(vec![
                output::cell(&list.name),
                output::cell(list.action),
                output::cell(output::number(list.entries as u64)),
                output::cell(output::number(list.duplicates as u64)),
                (state.0.to_owned(), Some(state.1)),
            ]);
        }
        table.print();
    }
    dnsbl::print(&report.dnsbl, &report.thresholds);
    inspection::print(&report.containment);
    if report.ok {
        output::line(format!(
            "{}: fine; the table takes {}",
            report.config,
            output::bytes(report.table_bytes)
        ));
    } else {
        output::line(format!("{}: not fine; see above", report.config));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn keys_that_do_nothing_are_told() {
        let limit_keys = "limit_per_minute = 1\nlimit_burst = 1\nlimit_prefix_v4 = 24\nlimit_prefix_v6 = 48";
        for (rest, expected) in [
            ("text = \"no\"", "text does nothing: its action is drop; did you mean action = \"refuse\"?"),
            (
                "action = \"reset\"\nrefuse_at = \"greeting\"\nrefuse_with = \"temporary\"\ninfo_url = \"https://a.example\"",
                "refuse_at, refuse_with, info_url do nothing: its action is reset; did you mean action = \"refuse\"?",
            ),
            (
                &format!("action = \"refuse\"\ntext = \"no\"\n{limit_keys}"),
                "limit_per_minute, limit_burst, limit_prefix_v4, limit_prefix_v6 do nothing: its action is refuse; \
                 did you mean action = \"limit\"?",
            ),
            (
                "limit_then = \"refuse\"\ntext = \"no\"",
                "text, limit_then do nothing: its action is drop; did you mean action = \"limit\"?",
            ),
            (
                "action = \"limit\"\nlimit_then = \"reset\"\ntext = \"no\"",
                "text does nothing: its action is limit, then reset; did you mean limit_then = \"refuse\"?",
            ),
            (
                "action = \"observe\"\nactions = { \"127.0.0.2\" = \"drop\", \"127.0.0.3\" = \"observe\" }\ntext = \"no\"",
                "text does nothing: its actions are observe and drop; did you mean action = \"refuse\"?",
            ),
            ("action = \"refuse\"\ntext = \"no\"\nrefuse_at = \"greeting\"", ""),
            (&format!("action = \"limit\"\ntext = \"no\"\n{limit_keys}"), ""),
            ("actions = { \"127.0.0.2\" = \"refuse\" }\ntext = \"no\"", ""),
            ("actions = { \"127.0.0.2\" = \"limit\" }\nlimit_then = \"drop\"", ""),
        ] {
            let expected =
                Some(expected).filter(|note| !note.is_empty()).map(|note| format!("list a: {note}"));
            assert_eq!(idle(&format!("[[lists]]\nname = \"a\"\nfile = \"a\"\n{rest}")), expected, "{rest}");
        }
        for (rest, expected) in [
            (
                "[[containment]]\nscore = 60\naction = \"drop\"\nlimit_burst = 3\nlimit_then = \"refuse\"",
                "containment 60: limit_burst, limit_then do nothing: its action is drop; did you mean action = \"limit\"?",
            ),
            (
                "[[containment]]\nscore = 60\naction = \"report\"\nfor = \"1h\"\ntext = \"no\"",
                "containment 60: for, text do nothing: its action is report; did you mean action = \"refuse\" or \"limit\"?",
            ),
            (
                "[signals]\nattempts = { weight = 0, from = 3 }",
                "signal attempts: from does nothing: its weight is 0; did you mean another weight?",
            ),
            ("[signals]\nattempts = { weight = 0 }", ""),
            ("[[containment]]\nscore = 60\naction = \"limit\"\nlimit_burst = 3\ntext = \"no\"", ""),
            ("[[containment]]\nscore = 60\naction = \"refuse\"\nfor = \"1h\"\ntext = \"no\"", ""),
            ("[[containment]]\nscore = 60\naction = \"report\"", ""),
        ] {
            let expected = Some(expected.to_owned()).filter(|note| !note.is_empty());
            assert_eq!(idle(rest), expected, "{rest}");
        }
    }

    /// The one note, if there is one.
    fn idle(rest: &str) -> Option<String> {
        let text = format!("interfaces.outside = [\"eth0\"]\nports.guarded = [25]\n{rest}\n");
        let mut notes = notes(&config::parse(&text, Path::new("/guard.toml")).expect(rest));
        assert!(notes.len() <= 1, "{notes:?}");
        notes.pop()
    }

    #[test]
    fn where_refusals_become_resets_is_told() {
        for (ports, rest, expected) in [
            ("", "action = \"refuse\"", &["list a"][..]),
            ("", "action = \"refuse\"\nports = [25, 587]", &[]),
            ("ports.guarded = [25]", "action = \"refuse\"", &[]),
            ("", "action = \"refuse\"\ndirection = \"outbound\"", &[]),
            (
                "ports.watched = [465]\ninspection.enabled = false",
                "action = \"refuse\"\ndirection = \"outbound\"",
                &["list a"],
            ),
            ("", "action = \"limit\"", &["list a"]),
            ("", "action = \"limit\"\nlimit_then = \"drop\"", &[]),
            ("", "action = \"reset\"", &[]),
            ("", "actions = { \"127.0.0.2\" = \"refuse\" }", &["list a"]),
            ("ports.watched = [465]", "action = \"drop\"", &["containment 75", "containment 100"]),
            ("ports.watched = [465]\ninspection.enabled = false", "action = \"drop\"", &[]),
            (
                "ports.watched = [465]\ncontainment = [{ score = 50, action = \"report\" }, { score = 60, action = \"drop\" }]",
                "action = \"drop\"",
                &[],
            ),
        ] {
            let text = format!(
                "interfaces.outside = [\"eth0\"]\n{ports}\n[[lists]]\nname = \"a\"\nfile = \"a\"\n{rest}\n"
            );
            let config = config::parse(&text, Path::new("/guard.toml")).expect(rest);
            let expected: Vec<String> = expected
                .iter()
                .map(|who| format!("{who}: port 465 begins with TLS: refuse is reset there"))
                .collect();
            assert_eq!(refused_in_tls(&config), expected, "{ports} {rest}");
        }
    }
}
