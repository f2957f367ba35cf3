//! `relay-guard list catalogue`: well-known feeds.

use serde::Serialize;

use super::super::{Arguments, Outcome, output};
use crate::feeds::catalogue::{FEEDS, Feed, find};

#[derive(Serialize)]
struct Row {
    name: &'static str,
    title: &'static str,
    urls: &'static [&'static str],
    format: &'static str,
    families: &'static str,
    interval_s: u64,
    floor_s: u64,
    action: &'static str,
    direction: &'static str,
    terms: &'static str,
    caution: &'static str,
    homepage: &'static str,
}

impl From<&Feed> for Row {
    fn from(feed: &Feed) -> Self {
        Self {
            name: feed.name,
            title: feed.title,
            urls: feed.urls,
            format: feed.format,
            families: feed.families.name(),
            interval_s: feed.interval,
            floor_s: feed.floor,
            action: feed.action.name(),
            direction: feed.applies.name(),
            terms: feed.terms,
            caution: feed.caution,
            homepage: feed.homepage,
        }
    }
}

pub(in super::super) fn run(arguments: &Arguments, name: Option<&str>) -> anyhow::Result<Outcome> {
    let rows: Vec<Row> = match name {
        Some(name) => vec![Row::from(find(name)?)],
        None => FEEDS.iter().map(Row::from).collect(),
    };
    match (arguments.json, name, rows.as_slice()) {
        (true, _, _) => output::json(&rows)?,
        (false, Some(_), [row]) => one(row),
        (false, _, _) => all(&rows),
    }
    Ok(Outcome::Fine)
}

fn all(rows: &[Row]) {
    let mut table = output::Table::new(&["FEED", "HOLDS", "FAMILY", ">EVERY"]);
    for row in rows {
        table.row(vec![
            output::cell(row.name),
            output::cell(output::shorten(row.title, 44)),
            output::cell(row.families),
            output::cell(output::short(row.interval_s)),
        ]);
    }
    table.print();
    output::line("\n`relay-guard list catalogue NAME` shows terms and what to write into the configuration.");
}

fn one(row: &Row) {
    output::line(format!("{}: {}", output::tint(row.name, output::Tone::Bold), row.title));
    let facts = [
        ("source", row.urls.join("\n            ")),
        ("format", format!("{}, {}", row.format, row.families)),
        (
            "interval",
            format!("{}, at least {}", output::duration(row.interval_s), output::duration(row.floor_s)),
        ),
        ("terms", row.terms.to_owned()),
        ("caution", row.caution.to_owned()),
        ("homepage", row.homepage.to_owned()),
    ];
    for (what, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
        output::line(format!("  {what:<10}{fact}"));
    }
    output::line("\nTo use it:\n");
    output::line(format!("  [[lists]]\n  name = \"{0}\"\n  feed = \"{0}\"", row.name));
    output::line(format!("  # action = \"{}\", direction = \"{}\"", row.action, row.direction));
}
