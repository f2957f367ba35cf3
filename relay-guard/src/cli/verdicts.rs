//! `relay-guard block`, `allow`, `remove` and `verdicts`.

use hyper::Method;

use super::{Arguments, Outcome, args::VerdictArguments, directories, net, output};
use crate::{
    control::{
        api::{RemoveAnswer, Verdict, VerdictAnswer, VerdictList, VerdictRequest},
        client,
    },
    policy::VerdictKind,
};

pub(super) fn put(
    arguments: &Arguments,
    kind: VerdictKind,
    request: &VerdictArguments,
) -> anyhow::Result<Outcome> {
    let request = VerdictRequest {
        net: net::parse(&request.net)?,
        kind,
        for_s: request.duration.map(|duration| duration.as_secs()),
        reason: request.reason.clone(),
    };
    let directories = directories::of(arguments);
    let answer: VerdictAnswer =
        client::call(&directories.run_dir, Method::POST, "/v1/verdicts", Some(&request))?;
    if arguments.json {
        output::json(&answer)?;
        return Ok(Outcome::Fine);
    }
    output::line(describe(&answer.verdict));
    for warning in &answer.warnings {
        output::line(format!("{} {warning}", output::tint("warning:", output::Tone::Warn)));
    }
    Ok(Outcome::Fine)
}

pub(super) fn remove(arguments: &Arguments, net: &str) -> anyhow::Result<Outcome> {
    let net = net::parse(net)?;
    let directories = directories::of(arguments);
    let path = format!("/v1/verdicts?net={net}");
    let answer: RemoveAnswer = client::call(&directories.run_dir, Method::DELETE, &path, None::<&()>)?;
    if arguments.json {
        output::json(&answer)?;
    } else {
        if let Some(verdict) = &answer.verdict {
            output::line(format!("removed: {}", describe(verdict)));
        }
        if answer.released {
            output::line(format!("released: {}", net.addr()));
        }
        if !answer.removed {
            output::line(format!("{net}: no verdict; `relay-guard verdicts` lists them"));
        }
    }
    Ok(if answer.removed { Outcome::Fine } else { Outcome::No })
}

pub(super) fn list(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let answer: VerdictList = client::call(&directories.run_dir, Method::GET, "/v1/verdicts", None::<&()>)?;
    if arguments.json {
        output::json(&answer)?;
        return Ok(Outcome::Fine);
    }
    if answer.verdicts.is_empty() {
        output::line("no verdicts; `relay-guard block` and `allow` make some");
        return Ok(Outcome::Fine);
    }
    let mut table = output::Table::new(&["NET", "VERDICT", "ENDS", "REASON"]);
    for verdict in &answer.verdicts {
        table.row(vec![
            output::cell(output::net(verdict.net)),
            output::cell(&verdict.kind),
            output::cell(verdict.until.map_or("never".to_owned(), output::when)),
            output::cell(output::shorten(&verdict.reason, 36)),
        ]);
    }
    table.print();
    Ok(Outcome::Fine)
}

fn describe(verdict: &Verdict) -> String {
    let until = verdict.until.map_or("for good".to_owned(), |until| format!("ends {}", output::when(until)));
    let reason = if verdict.reason.is_empty() { String::new() } else { format!(" ({})", verdict.reason) };
    format!("{} {}, {until}{reason}", verdict.kind, output::net(verdict.net))
}
