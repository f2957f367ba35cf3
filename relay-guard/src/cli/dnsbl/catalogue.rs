//! `relay-guard dnsbl catalogue`: well-known zones.

use serde::Serialize;

use super::super::{Arguments, Outcome, output};
use crate::dnsbl::catalogue::{Kind, KnownZone, ZONES, find};

#[derive(Serialize)]
struct Row {
    zone: &'static str,
    title: &'static str,
    operator: &'static str,
    what: &'static str,
    kind: &'static str,
    families: Vec<&'static str>,
    /// Which answers count if the configuration does not say it.
    answers: String,
    codes: Vec<Code>,
    test_points: bool,
    registration: bool,
    info_url: &'static str,
    note: &'static str,
}

#[derive(Serialize)]
struct Code {
    answers: &'static str,
    meaning: &'static str,
}

impl From<&KnownZone> for Row {
    fn from(known: &KnownZone) -> Self {
        let families = [("ipv4", known.ipv4), ("ipv6", known.ipv6)];
        Self {
            zone: known.zone,
            title: known.title,
            operator: known.operator,
            what: known.what,
            kind: known.kind.name(),
            families: families.into_iter().filter_map(|(family, listed)| listed.then_some(family)).collect(),
            answers: known.filter().to_string(),
            codes: known.codes.iter().map(|(answers, meaning)| Code { answers, meaning }).collect(),
            test_points: known.test_points,
            registration: known.registration,
            info_url: known.info_url,
            note: known.note,
        }
    }
}

pub(in super::super) fn run(arguments: &Arguments, name: Option<&str>) -> anyhow::Result<Outcome> {
    let zones: Vec<&KnownZone> = match name {
        Some(name) => vec![find(name)?],
        None => ZONES.iter().collect(),
    };
    match (arguments.json, name, zones.as_slice()) {
        (true, _, _) => output::json(&zones.iter().map(|known| Row::from(*known)).collect::<Vec<_>>())?,
        (false, Some(_), [known]) => one(known).iter().for_each(output::line),
        (false, _, _) => all(&zones),
    }
    Ok(Outcome::Fine)
}

fn all(zones: &[&KnownZone]) {
    let mut table = output::Table::new(&["ZONE", "KIND", "FAMILY", "LISTS"]).yielding(3, output::Cut::End);
    for known in zones {
        table.row(vec![
            output::cell(known.zone),
            output::cell(known.kind.name()),
            output::cell(family(known)),
            output::cell(known.what),
        ]);
    }
    table.print();
    output::line("\n`relay-guard dnsbl catalogue ZONE` shows all of it, and how to use it.");
}

fn family(known: &KnownZone) -> &'static str {
    match (known.ipv4, known.ipv6) {
        (true, true) => "both",
        (_, false) => "IPv4",
        (false, true) => "IPv6",
    }
}

/// Everything about a zone, and what to write to use it.
fn one(known: &KnownZone) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", output::tint(known.zone, output::Tone::Bold), known.title)];
    let kind = match known.kind {
        Kind::Blocks => "",
        Kind::Vouches => " (an allow zone)",
        Kind::Mixed => " (good and bad, by the answer)",
    };
    let listed = format!("{}{kind}", known.what);
    for (what, fact) in [
        ("operator", known.operator),
        ("lists", &listed),
        ("family", family(known)),
        ("page", known.info_url),
        ("access", if known.registration { "only those who have registered" } else { "" }),
        ("caution", known.note),
    ] {
        if !fact.is_empty() {
            lines.push(format!("  {what:<10}{fact}"));
        }
    }
    if !known.codes.is_empty() {
        lines.push("  answers".to_owned());
        lines.extend(known.codes.iter().map(|(answers, meaning)| format!("    {answers:<20}{meaning}")));
    }
    lines.push("\nTo use it:\n".to_owned());
    lines.extend(configuration(known));
    lines
}

/// What the configuration needs, and what it may say.
fn configuration(known: &KnownZone) -> Vec<String> {
    let mut lines = vec!["  [[dnsbl]]".to_owned(), format!("  zone = \"{}\"", known.zone)];
    if !known.is_public() {
        let name = known.operator.split(' ').find(|word| *word != "The").unwrap_or(known.zone).to_lowercase();
        lines.push(format!("  name = \"{name}\""));
        lines.push(format!("  key_file = \"/etc/relay-guard/{name}.key\""));
    }
    if known.kind == Kind::Vouches {
        lines.push("  weight = -1".to_owned());
    }
    if let Some(answers) = known.answers {
        lines.push(format!("  # answers = \"{answers}\""));
    }
    if !known.policy.is_empty() {
        lines.push("  # ports = [25]: your own users may send from what it lists by policy".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config;

    #[test]
    fn what_is_to_be_written_is_a_configuration() {
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), "0a1b2c").unwrap();
        for known in ZONES {
            let written: Vec<String> = configuration(known)
                .into_iter()
                .map(|line| match line.contains("key_file") {
                    true => format!("key_file = {:?}", key.path()),
                    false => line,
                })
                .collect();
            let text = format!(
                "interfaces.outside = [\"eth0\"]\n{}\n[[dnsbl]]\nzone = \"other.example\"\n[[thresholds]]\nscore = 1\naction = \
                 \"drop\"",
                written.join("\n")
            );
            let config = config::parse(&text, Path::new("/guard.toml"))
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(config.dnsbl.zones[0].answers, known.filter(), "{}", known.zone);
        }
    }

    #[test]
    fn everything_about_a_zone_is_shown() {
        let lines = one(find("zen.spamhaus.org").unwrap()).join("\n");
        for words in
            ["Spamhaus ZEN", "The Spamhaus Project", "both", "127.0.0.[10..11]", "PBL", "ports = [25]"]
        {
            assert!(lines.contains(words), "{words}: {lines}");
        }
        let lines = one(find("{key}.zen.dq.spamhaus.net").unwrap()).join("\n");
        for words in ["only those who have registered", "name = \"spamhaus\"", "key_file = "] {
            assert!(lines.contains(words), "{words}: {lines}");
        }
        let lines = one(find("list.dnswl.org").unwrap()).join("\n");
        assert!(lines.contains("(an allow zone)") && lines.contains("weight = -1"), "{lines}");
    }
}
