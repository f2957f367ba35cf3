//! `relay-guard block`, `allow`, `remove` and `verdicts`.

use anyhow::anyhow;
use hyper::Method;
use ipnet::IpNet;

use super::{Arguments, Outcome, args::VerdictArguments, directories, output};
use crate::{
    control::{
        api::{RemoveAnswer, Verdict, VerdictAnswer, VerdictList, VerdictRequest},
        client,
    },
    lists::Prefix,
    policy::VerdictKind,
};

pub(super) fn put(
    arguments: &Arguments,
    kind: VerdictKind,
    request: &VerdictArguments,
) -> anyhow::Result<Outcome> {
    let request = VerdictRequest {
        net: parse(&request.net)?,
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
    let net = parse(net)?;
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

/// An address or a CIDR, as strictly as lists are read; host bits are refused, because a block of the wrong size is
/// worse than a second look.
fn parse(text: &str) -> anyhow::Result<IpNet> {
    let prefix = Prefix::parse(text.as_bytes())
        .map_err(|_| anyhow!("{text:?} is no address and no CIDR; names are never looked up"))?;
    anyhow::ensure!(
        !prefix.has_host_bits(),
        "{text:?} has host bits set; did you mean {} or {}?",
        prefix.network(),
        prefix.address()
    );
    Ok(prefix.network())
}

fn describe(verdict: &Verdict) -> String {
    let until = verdict.until.map_or("for good".to_owned(), |until| format!("ends {}", output::when(until)));
    let reason = if verdict.reason.is_empty() { String::new() } else { format!(" ({})", verdict.reason) };
    format!("{} {}, {until}{reason}", verdict.kind, output::net(verdict.net))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nets_are_read_strictly() {
        for (text, net) in [
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.0/24", Some("192.0.2.0/24")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("192.0.2.7/24", None),
            ("0.0.00.0/0", None),
            ("example.org", None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok().map(|net| net.to_string()).as_deref(), net, "{text:?}");
        }
    }
}
