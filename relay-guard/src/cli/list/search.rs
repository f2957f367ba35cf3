//! `relay-guard list search`.

use std::net::{IpAddr, Ipv4Addr};

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
/// Entries found beyond twice what is shown, before those of the highest lines are given up.
const PLACES_KEPT: usize = 1024;

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
    value: Option<Ipv4Addr>,
    note: Option<String>,
    /// The line as it is written.
    text: String,
}

/// An entry's place in its list, before anybody has read the line again.
struct Place {
    line: u32,
    entry: String,
    value: Option<Ipv4Addr>,
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
        let room = request.max_hits.saturating_sub(report.hits.len());
        let (found, places) = places(&content, query, room);
        report.lists_with_hits += usize::from(found > 0);
        report.more_hits += found - places.len();
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

/// How many entries of a list overlap `query`, and the first `room` of them in the order of their lines.
fn places(content: &ParsedList, query: IpNet, room: usize) -> (usize, Vec<Place>) {
    match query {
        IpNet::V4(net) => {
            let query = Range { first: u32::from(net.network()), last: u32::from(net.broadcast()) };
            overlapping(content, query, room, |group| &group.v4)
        }
        IpNet::V6(net) => {
            let query = Range { first: u128::from(net.network()), last: u128::from(net.broadcast()) };
            overlapping(content, query, room, |group| &group.v6)
        }
    }
}

fn overlapping<A: Family>(
    content: &ParsedList,
    query: Range<A>,
    room: usize,
    spans: impl Fn(&Group) -> &Vec<Span<A>>,
) -> (usize, Vec<Place>) {
    let mut count = 0;
    let mut found: Vec<(Span<A>, Option<Ipv4Addr>)> = Vec::new();
    let shorten = |found: &mut Vec<(Span<A>, _)>| {
        found.sort_by_key(|(span, _)| span.line);
        found.truncate(room);
    };
    for group in &content.groups {
        let overlaps = |span: &&Span<A>| span.first <= query.last && span.last >= query.first;
        for span in spans(group).iter().filter(overlaps) {
            count += 1;
            found.push((*span, group.value));
            // A wide query may find millions.
            if found.len() > room.saturating_mul(2).saturating_add(PLACES_KEPT) {
                shorten(&mut found);
            }
        }
    }
    shorten(&mut found);
    let place =
        |(Span { first, last, line }, value)| Place { line, entry: entry(Range { first, last }), value };
    (count, found.into_iter().map(place).collect())
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
            let said = [hit.value.map(|value| value.to_string()), hit.note.clone()];
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
