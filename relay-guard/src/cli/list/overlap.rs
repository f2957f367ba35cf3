//! `relay-guard list overlap`.

use anyhow::ensure;
use serde::Serialize;

use super::{OverlapArguments, figures, source};
use crate::{
    cli::{Arguments, Outcome, output},
    policy::MAX_LISTS,
    sets::{Count, Overlaps},
};

/// Lists in one row of the matrix: with four characters each, they fit 80 columns.
const COLUMNS: usize = 18;
/// Overlaps that are shown with exact counts.
const MAX_PAIRS: usize = 10;

#[derive(Serialize)]
struct Report {
    lists: Vec<ListReport>,
    /// Each two lists that share an address, those that share most first.
    pairs: Vec<Pair>,
}

#[derive(Serialize)]
struct ListReport {
    name: String,
    ipv4_addresses: Count,
    ipv6_addresses: Count,
    /// Addresses that no other list holds.
    ipv4_only_here: Count,
    ipv6_only_here: Count,
}

#[derive(Serialize)]
struct Pair {
    a: String,
    b: String,
    ipv4: Option<Shared>,
    ipv6: Option<Shared>,
    #[serde(skip)]
    places: (usize, usize),
}

/// Addresses of one family that two lists share; none of a family that they do not share.
#[derive(Serialize)]
struct Shared {
    addresses: Count,
    percent_of_a: f64,
    percent_of_b: f64,
}

pub(super) fn run(arguments: &Arguments, request: &OverlapArguments) -> anyhow::Result<Outcome> {
    let lists = source::named_or_configured(arguments, &request.files, &request.read)?;
    ensure!(lists.len() <= MAX_LISTS, "{} lists: at most {MAX_LISTS} can be compared at once", lists.len());
    let progress = source::progress(&lists);
    let sets = lists.iter().map(|list| list.addresses(&progress)).collect::<anyhow::Result<Vec<_>>>()?;
    drop(progress);
    let v4 = Overlaps::of(&sets.iter().map(|set| &set.v4).collect::<Vec<_>>())?;
    let v6 = Overlaps::of(&sets.iter().map(|set| &set.v6).collect::<Vec<_>>())?;
    let names: Vec<_> = lists.into_iter().map(|list| list.name).collect();
    let report = Report { lists: list_reports(&names, &v4, &v6), pairs: pairs(&names, &v4, &v6) };
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report, &v4, &v6);
    }
    Ok(Outcome::Fine)
}

fn list_reports(names: &[String], v4: &Overlaps, v6: &Overlaps) -> Vec<ListReport> {
    let report = |(place, name): (usize, &String)| ListReport {
        name: name.clone(),
        ipv4_addresses: v4.shared(place, place),
        ipv6_addresses: v6.shared(place, place),
        ipv4_only_here: v4.alone(place),
        ipv6_only_here: v6.alone(place),
    };
    names.iter().enumerate().map(report).collect()
}

fn pairs(names: &[String], v4: &Overlaps, v6: &Overlaps) -> Vec<Pair> {
    let places = (0..names.len()).flat_map(|a| (a + 1..names.len()).map(move |b| (a, b)));
    let mut pairs: Vec<_> = places
        .map(|(a, b)| Pair {
            a: names[a].clone(),
            b: names[b].clone(),
            ipv4: shared(v4, a, b),
            ipv6: shared(v6, a, b),
            places: (a, b),
        })
        .filter(|pair| pair.ipv4.is_some() || pair.ipv6.is_some())
        .collect();
    let weight = |shared: &Option<Shared>| shared.as_ref().map_or(Count::ZERO, |shared| shared.addresses);
    // The sort is stable: of equals, the order of the lists stays.
    pairs.sort_by_key(|pair| std::cmp::Reverse((weight(&pair.ipv4), weight(&pair.ipv6))));
    pairs
}

fn shared(overlaps: &Overlaps, a: usize, b: usize) -> Option<Shared> {
    let addresses = overlaps.shared(a, b);
    (!addresses.is_zero()).then(|| Shared {
        addresses,
        percent_of_a: rounded(addresses.percent_of(overlaps.shared(a, a))),
        percent_of_b: rounded(addresses.percent_of(overlaps.shared(b, b))),
    })
}

/// Two digits behind the point.
fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}

fn print(report: &Report, v4: &Overlaps, v6: &Overlaps) {
    legend(report);
    matrix("IPv4", v4, report.lists.len());
    matrix("IPv6", v6, report.lists.len());
    exact(&report.pairs);
}

/// The lists with their numbers.
fn legend(report: &Report) {
    let mut table = output::Table::new(&[">#", "LIST", ">IPV4", ">ONLY HERE", ">IPV6", ">ONLY HERE"])
        .yielding(1, output::Cut::Start);
    for (number, list) in (1..).zip(&report.lists) {
        let figures = [list.ipv4_addresses, list.ipv4_only_here, list.ipv6_addresses, list.ipv6_only_here];
        let mut row = vec![output::cell(number), output::cell(&list.name)];
        row.extend(figures.map(|count| output::cell(compact(count))));
        table.row(row);
    }
    table.print();
}

/// Per cent of each list on the left that are in the list above, too. Lists without addresses of the family are left
/// out.
fn matrix(family: &str, overlaps: &Overlaps, lists: usize) {
    let places: Vec<usize> = (0..lists).filter(|place| !overlaps.shared(*place, *place).is_zero()).collect();
    if places.is_empty() {
        return;
    }
    output::line(format!("\n{family}: per cent of the list on the left that are in the list above"));
    for columns in places.chunks(COLUMNS) {
        let header: String = columns.iter().map(|column| format!("{:>4}", column + 1)).collect();
        output::line(format!("     {}", output::tint(&header, output::Tone::Dim)));
        for row in &places {
            let whole = overlaps.shared(*row, *row);
            let cells = columns.iter().map(|column| match row == column {
                true => format!("{:>4}", "="),
                false => format!("{:>4}", figures::percent(overlaps.shared(*row, *column), whole)),
            });
            output::line(format!("  {:>3}{}", row + 1, cells.collect::<String>()));
        }
    }
}

/// The largest overlaps, in addresses.
fn exact(pairs: &[Pair]) {
    if pairs.is_empty() {
        return output::line("\nno two lists share an address");
    }
    output::line("\nthe largest overlaps, in addresses and per cent of each");
    let mut table =
        output::Table::new(&[">#", ">#", ">IPV4", ">OF 1ST", ">OF 2ND", ">IPV6", ">OF 1ST", ">OF 2ND"]);
    for pair in pairs.iter().take(MAX_PAIRS) {
        let mut row = vec![output::cell(pair.places.0 + 1), output::cell(pair.places.1 + 1)];
        for shared in [&pair.ipv4, &pair.ipv6] {
            row.extend(match shared {
                Some(Shared { addresses, percent_of_a, percent_of_b }) => [
                    output::cell(compact(*addresses)),
                    output::cell(tenths(*percent_of_a)),
                    output::cell(tenths(*percent_of_b)),
                ],
                None => ["-", "-", "-"].map(output::cell),
            });
        }
        table.row(row);
    }
    table.print();
    if let Some(more) = pairs.len().checked_sub(MAX_PAIRS).filter(|more| *more > 0) {
        output::line(format!("  and {more} more; --json gives all"));
    }
}

/// A share above nothing with one digit behind the point.
fn tenths(percent: f64) -> String {
    if percent < 0.1 { "<0.1".to_owned() } else { format!("{percent:.1}") }
}

/// A count in at most nine characters, so that four columns of them fit.
fn compact(count: Count) -> String {
    const FIRST_COMPACT: u128 = 10_000_000;
    match count {
        Count::Of(value) if value >= FIRST_COMPACT && !value.is_power_of_two() => {
            format!("{:.2e}", value as f64)
        }
        Count::Of(value) if value >= FIRST_COMPACT => format!("2^{}", value.ilog2()),
        count => figures::addresses(count),
    }
}
