//! `relay-guard list convert`.

use std::io::{IsTerminal as _, Write as _};

use super::{ConvertArguments, destination, figures, source};
use crate::{
    cli::{Arguments, Outcome, output},
    sets::{
        AddressSet,
        text::{self, About, TextFormat},
    },
};

pub(super) fn run(arguments: &Arguments, request: &ConvertArguments) -> anyhow::Result<Outcome> {
    let format = match (request.to, arguments.json) {
        (None | Some(TextFormat::Json), true) => TextFormat::Json,
        (Some(to), true) => anyhow::bail!("--json and --to {to} contradict each other; leave one out"),
        (to, false) => to.unwrap_or_default(),
    };
    let set = compute(request, format)?;
    let about = About { remarks: remarks(request), value: request.value, txt: request.txt.clone() };
    destination::deliver(request.output.as_deref(), |out| text::write(&set, format, &about, out))?;
    if request.output.is_some() && std::io::stderr().is_terminal() {
        tell(request, &set);
    }
    Ok(Outcome::Fine)
}

fn compute(request: &ConvertArguments, format: TextFormat) -> anyhow::Result<AddressSet> {
    let [lists, intersect, except] = [&request.files, &request.intersect, &request.except]
        .map(|files| source::named(files, &request.read));
    let progress = source::progress(lists.iter().chain(&intersect).chain(&except));
    let mut sets = Vec::with_capacity(lists.len());
    for list in &lists {
        let (documents, content) = list.load(&progress)?;
        drop(documents);
        if format == TextFormat::Rbldnsd && content.groups.len() > 1 {
            let (name, values) = (&list.name, content.groups.len());
            progress.note(&format!("{name}: its {values} A values are not kept; all get {}", request.value));
        }
        sets.push(AddressSet::from(content));
    }
    let mut set = AddressSet::union_of(sets);
    for list in &intersect {
        set = set.intersect(&list.addresses(&progress)?);
    }
    for list in &except {
        set = set.except(&list.addresses(&progress)?);
    }
    Ok(set)
}

/// What the output was made from, for formats with comments.
fn remarks(request: &ConvertArguments) -> Vec<String> {
    let named =
        [("from", &request.files), ("only what is in", &request.intersect), ("without", &request.except)];
    let remark = |(word, files): (&str, &Vec<std::path::PathBuf>)| {
        let names: Vec<_> = files.iter().map(|file| super::document::name(file)).collect();
        (!names.is_empty()).then(|| format!("{word} {}", names.join(", ")))
    };
    named.into_iter().filter_map(remark).collect()
}

/// Says what was written, to somebody who sees no output.
fn tell(request: &ConvertArguments, set: &AddressSet) {
    let size = set.size();
    let file = request.output.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
    let _ = writeln!(
        std::io::stderr(),
        "{file}: {} entries, {} IPv4 and {} IPv6 addresses",
        output::number(size.entries),
        figures::addresses(size.ipv4_addresses),
        figures::addresses(size.ipv6_addresses)
    );
}
