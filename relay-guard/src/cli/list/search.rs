//! `relay-guard list search`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{
    SearchArguments,
    document::Document,
    source::{self, ListSource},
};
use crate::{
    cli::{Arguments, Outcome, net, output},
    lists::{self, Group, ParsedList, Span},
    sets::{Family, Range},
};

/// The most characters of a list's name.
const MAX_NAME: usize = 24;

#[derive(Serialize)]
struct Report {
    query: String,
    lists: usize,
    lists_with_hits: usize,
    hits: Vec<Hit>,
    /// Hits beyond those in `hits`.
    more_hits: usize,
}

/// An entry that holds or overlaps what is searched.
#[derive(Serialize)]
struct Hit {
    list: String,
    file: String,
    line: u32,
    /// The entry as CIDR or range.
    entry: String,
    /// The A record of rbldnsd.
    value: Option<String>,
    note: Option<String>,
    /// The line as it is written.
    text: String,
}

/// An entry's place in its list, before anybody has read the line again.
struct Place {
    line: u32,
    entry: String,
    value: Option<String>,
}

pub(super) fn run(arguments: &Arguments, request: &SearchArguments) -> anyhow::Result<Outcome> {
    let query = net::parse(&request.net)?;
    let lists = source::named_or_configured(arguments, &request.files, &request.read)?;
    let progress = source::progress(&lists);
    let mut report = Report {
        query: output::net(query),
        lists: lists.len(),
        lists_with_hits: 0,
        hits: Vec::new(),
        more_hits: 0,
    };
    for list in &lists {
        let (documents, content) = list.load(&progress)?;
        let mut places = places(&content, query);
        report.lists_with_hits += usize::from(!places.is_empty());
        let room = request.max_hits.saturating_sub(report.hits.len());
        report.more_hits += places.len().saturating_sub(room);
        places.truncate(room);
        report.hits.extend(places.into_iter().map(|place| hit(list, &documents, place, query)));
    }
    drop(progress);
    let found = report.lists_with_hits > 0;
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    Ok(if found { Outcome::Fine } else { Outcome::No })
}

/// The entries of a list that overlap `query`, in the order of their lines.
fn places(content: &ParsedList, query: IpNet) -> Vec<Place> {
    let mut places: Vec<Place> = match query {
        IpNet::V4(net) => {
            let query = Range { first: u32::from(net.network()), last: u32::from(net.broadcast()) };
            overlapping(content, query, |group| &group.v4)
        }
        IpNet::V6(net) => {
            let query = Range { first: u128::from(net.network()), last: u128::from(net.broadcast()) };
            overlapping(content, query, |group| &group.v6)
        }
    };
    places.sort_by_key(|place| place.line);
    places
}

fn overlapping<A: Family>(
    content: &ParsedList,
    query: Range<A>,
    spans: impl Fn(&Group) -> &Vec<Span<A>>,
) -> Vec<Place> {
    let of_group = |group| {
        let spans = spans(group).iter();
        let spans = spans.filter(|span| span.first <= query.last && span.last >= query.first);
        spans.map(|span| Place {
            line: span.line,
            entry: entry(Range { first: span.first, last: span.last }),
            value: group.value.map(|value| value.to_string()),
        })
    };
    content.groups.iter().flat_map(of_group).collect()
}

/// A range as one CIDR if it is one.
fn entry<A: Family>(range: Range<A>) -> String {
    let mut cidrs = range.cidrs();
    match (cidrs.next(), cidrs.next()) {
        (Some(cidr), None) => cidr.to_string(),
        _ => format!("{}-{}", range.first.ip(), range.last.ip()),
    }
}

/// The entry with what its line says.
fn hit(list: &ListSource, documents: &[Document], place: Place, query: IpNet) -> Hit {
    let single = (query.prefix_len() == query.max_prefix_len()).then(|| query.addr());
    let said = describe(list, documents, place.line, single);
    let Place { line, entry, value } = place;
    let list = list.name.clone();
    match said {
        Some(said) => {
            Hit { list, file: said.document, line: said.line, entry, value, note: said.note, text: said.text }
        }
        None => Hit { file: list.clone(), list, line, entry, value, note: None, text: String::new() },
    }
}

fn describe(
    list: &ListSource,
    documents: &[Document],
    line: u32,
    address: Option<IpAddr>,
) -> Option<lists::Entry> {
    lists::describe(&source::inputs(documents), &list.options, line, address)
}

fn print(report: &Report) {
    if !report.hits.is_empty() {
        let mut table = output::Table::new(&["LIST", ">LINE", "ENTRY", "NOTE"]).yielding(3, output::Cut::End);
        for hit in &report.hits {
            let said = [hit.value.as_deref(), hit.note.as_deref()];
            let note = said.into_iter().flatten().collect::<Vec<_>>().join(" ");
            table.row(vec![
                output::cell(output::shorten_start(&hit.list, MAX_NAME)),
                output::cell(hit.line),
                output::cell(&hit.entry),
                output::cell(note),
            ]);
        }
        table.print();
    }
    if report.more_hits > 0 {
        output::line(format!(
            "  and {} more; --max-hits shows more",
            output::number(report.more_hits as u64)
        ));
    }
    let found = match report.lists_with_hits {
        0 => "none".to_owned(),
        some => some.to_string(),
    };
    let lists = if report.lists == 1 { "1 list" } else { &format!("{} lists", report.lists) };
    output::line(format!("{}: in {found} of {lists}", report.query));
}
