//! `relay-guard list check`.

use serde::Serialize;

use super::{
    CheckArguments,
    document::DocumentError,
    figures,
    source::{self, ListSource, is_expired},
};
use crate::{
    cli::{Arguments, Outcome, output},
    lists::{Format, ListError, ParsedList, Summary},
    sets::{AddressSet, Size},
};

#[derive(Serialize)]
struct Report {
    ok: bool,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    state: &'static str,
    format: Option<Format>,
    errors: Vec<Fault>,
    /// Bad lines beyond those in `errors`.
    more_errors: usize,
    warnings: Vec<String>,
    summary: Option<Summary>,
    addresses: Option<Size>,
}

/// What is wrong. Without a line, it is wrong with the file as a whole.
#[derive(Serialize)]
struct Fault {
    line: Option<u32>,
    text: Option<String>,
    cause: String,
    /// All of it, with the file, as it is printed.
    message: String,
}

const GOOD: &str = "good";
const REFUSED: &str = "refused";
const UNREADABLE: &str = "unreadable";

pub(super) fn run(arguments: &Arguments, request: &CheckArguments) -> anyhow::Result<Outcome> {
    let sources = source::named(&request.files, &request.read);
    let progress = source::progress(&sources);
    let mut report = Report { ok: true, files: Vec::new() };
    let mut unreadable = Vec::new();
    for list in &sources {
        progress.working_on(&list.name);
        report.files.push(examine(list).unwrap_or_else(|error| {
            let report = not_read(list, &error);
            unreadable.push(error);
            report
        }));
        progress.advance(list.expected_bytes());
    }
    drop(progress);
    report.ok = report.files.iter().all(|file| file.state == GOOD);
    if arguments.json {
        output::json(&report)?;
    } else {
        print(&report);
    }
    let more = unreadable.len().saturating_sub(1);
    match unreadable.into_iter().next() {
        Some(error) if more > 0 => Err(anyhow::anyhow!("{error} (and {more} more that cannot be read)")),
        Some(error) => Err(error.into()),
        None => Ok(if report.ok { Outcome::Fine } else { Outcome::No }),
    }
}

fn examine(list: &ListSource) -> Result<FileReport, DocumentError> {
    let documents = list.read()?;
    let content = list.parse(&documents);
    drop(documents);
    Ok(match content {
        Ok(content) => read_well(list, content),
        Err(error) => refused(list, &error),
    })
}

fn read_well(list: &ListSource, content: ParsedList) -> FileReport {
    let mut warnings: Vec<_> = content.warnings.iter().map(ToString::to_string).collect();
    if is_expired(&content) {
        warnings.push(format!("{}: it says that it has expired", list.name));
    }
    FileReport {
        file: list.name.clone(),
        state: GOOD,
        format: Some(content.format),
        errors: Vec::new(),
        more_errors: 0,
        warnings,
        summary: Some(content.summary.clone()),
        addresses: Some(AddressSet::from(content).size()),
    }
}

fn refused(list: &ListSource, error: &ListError) -> FileReport {
    let mut errors: Vec<_> = error
        .bad_lines()
        .map(|bad| Fault {
            line: Some(bad.line),
            text: Some(bad.text.clone()),
            cause: bad.cause.to_string(),
            message: bad.to_string(),
        })
        .collect();
    if errors.is_empty() {
        errors.push(whole(error.to_string(), &list.name));
    }
    let more_errors = if let ListError::Lines { more, .. } = error { *more } else { 0 };
    FileReport { errors, more_errors, ..without_content(list, REFUSED) }
}

fn not_read(list: &ListSource, error: &DocumentError) -> FileReport {
    FileReport { errors: vec![whole(error.to_string(), &list.name)], ..without_content(list, UNREADABLE) }
}

/// A fault of the file as a whole; its name is not said twice.
fn whole(message: String, file: &str) -> Fault {
    let cause = message.strip_prefix(file).and_then(|rest| rest.strip_prefix(": ")).unwrap_or(&message);
    Fault { line: None, text: None, cause: cause.to_owned(), message }
}

fn without_content(list: &ListSource, state: &'static str) -> FileReport {
    FileReport {
        file: list.name.clone(),
        state,
        format: None,
        errors: Vec::new(),
        more_errors: 0,
        warnings: Vec::new(),
        summary: None,
        addresses: None,
    }
}

fn print(report: &Report) {
    // What cannot be read is told on standard error.
    for file in report.files.iter().filter(|file| file.state != UNREADABLE) {
        let error = output::tint("error:", output::Tone::Bad);
        for fault in &file.errors {
            output::line(format!("{error} {}", fault.message));
        }
        if file.more_errors > 0 {
            output::line(format!("{error} {}: and {} more bad lines", file.file, file.more_errors));
        }
        for warning in &file.warnings {
            output::line(format!("{} {warning}", output::tint("warning:", output::Tone::Warn)));
        }
    }
    for file in &report.files {
        if let (Some(summary), Some(size)) = (&file.summary, &file.addresses) {
            output::line(details(&file.file, summary, size));
        }
    }
    table(&report.files);
}

/// What a list holds beside what the table says.
fn details(file: &str, summary: &Summary, size: &Size) -> String {
    let mut said = Vec::new();
    if !size.ipv4_addresses.is_zero() || size.ipv6_addresses.is_zero() {
        said.push(format!("{} IPv4 addresses", figures::addresses(size.ipv4_addresses)));
    }
    if !size.ipv6_addresses.is_zero() {
        said.push(format!("{} IPv6 addresses", figures::addresses(size.ipv6_addresses)));
    }
    said.push(format!("{} CIDRs when minimal", output::number(size.entries)));
    let counted = [
        (summary.masked_host_bits, "with host bits"),
        (summary.mapped, "IPv4-mapped"),
        (summary.exclusions, "exclusions"),
        (summary.comments, "comments"),
        (summary.notes, "notes"),
    ];
    let counted = counted.into_iter().chain(summary.skipped.iter().map(|(cause, count)| (*count, *cause)));
    let counted = counted.filter(|(count, _)| *count > 0);
    said.extend(counted.map(|(count, what)| format!("{} {what}", output::number(count as u64))));
    format!("{file}: {}", said.join(", "))
}

fn table(files: &[FileReport]) {
    let mut table = output::Table::new(&["FILE", "FORMAT", ">ENTRIES", ">DUPLICATES", ">SKIPPED", "STATE"])
        .yielding(0, output::Cut::Start);
    for file in files {
        let figure = |of: fn(&Summary) -> usize| {
            output::cell(file.summary.as_ref().map_or("-".to_owned(), |s| output::number(of(s) as u64)))
        };
        let tone = if file.state == GOOD { output::Tone::Good } else { output::Tone::Bad };
        table.row(vec![
            output::cell(&file.file),
            output::cell(file.format.map_or("-", Format::name)),
            figure(|summary| summary.entries),
            figure(|summary| summary.duplicates),
            figure(|summary| summary.skipped.values().sum()),
            (file.state.to_owned(), Some(tone)),
        ]);
    }
    table.print();
}
