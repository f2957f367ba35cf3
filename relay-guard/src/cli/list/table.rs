//! `relay-guard list`: the daemon's lists.

use hyper::Method;

use super::super::{Arguments, Outcome, answers, directories, output};
use crate::control::{
    api::{List, Lists},
    client,
};

/// Widest name in the table; `--json` has all of it.
const NAME_WIDTH: usize = 20;

pub(in super::super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let lists: Lists = client::call(&directories.run_dir, Method::GET, "/v1/lists", None::<&()>)?;
    if arguments.json {
        output::json(&lists)?;
    } else if lists.lists.is_empty() {
        output::line("no list is configured; `relay-guard list catalogue` shows well-known ones");
    } else {
        print(&lists.lists);
    }
    Ok(Outcome::Fine)
}

fn print(lists: &[List]) {
    let columns = ["LIST", "ACTION", ">ENTRIES", ">ADDRESSES", ">AGE", ">NEXT", ">HITS", "STATE"];
    let mut table = output::Table::new(&columns).yielding(0, output::Cut::End);
    for list in lists {
        let (state, tone) = list_state(list);
        table.row(vec![
            output::cell(output::shorten(&list.name, NAME_WIDTH)),
            output::cell(&list.action),
            output::cell(output::number(list.entries)),
            output::cell(addresses(list)),
            output::cell(list.refreshed_at.map_or_else(|| "-".to_owned(), output::age)),
            output::cell(next(list)),
            output::cell(output::count(list.packets)),
            (state, Some(tone)),
        ]);
    }
    table.print();
    for list in lists {
        answers::steps(&format!("answers of {}: ", list.name), &list.steps).iter().for_each(output::line);
    }
    for list in lists {
        if let Some(error) = &list.error {
            let since = list
                .error_since
                .map_or_else(String::new, |since| format!(" (since {})", output::when(since)));
            output::line(format!(
                "{} {}: {error}{since}",
                output::tint("error:", output::Tone::Bad),
                list.name
            ));
        }
        if let Some(at) = list.expires_at.filter(|_| matches!(list.state.as_str(), "ageing" | "expired")) {
            let what = if list.state == "expired" {
                "weighs nothing since it went stale"
            } else {
                "will weigh nothing"
            };
            output::line(format!(
                "{} {}: {what}, {}; `relay-guard list refresh {1}`",
                output::tint("warning:", output::Tone::Warn),
                list.name,
                output::when(at)
            ));
        }
    }
}

/// How a list is, in a word.
pub(in super::super) fn list_state(list: &List) -> (String, output::Tone) {
    let tone = match list.state.as_str() {
        "good" => output::Tone::Good,
        "expired" => output::Tone::Bad,
        _ => output::Tone::Warn,
    };
    (if list.busy { "fetching".to_owned() } else { list.state.clone() }, tone)
}

/// IPv4 addresses, and IPv6 ones as a power of two: nobody counts those.
fn addresses(list: &List) -> String {
    let v6 = list.addresses_v6;
    match (list.addresses_v4, v6 > 0.0) {
        (v4, false) => output::count(v4),
        (0, true) => format!("2^{:.0}", v6.log2()),
        (v4, true) => format!("{}+2^{:.0}", output::count(v4), v6.log2()),
    }
}

/// When it is looked at next: a time, or that it is watched.
fn next(list: &List) -> String {
    match list.next_at {
        Some(at) => output::until(at),
        None => "watched".to_owned(),
    }
}
