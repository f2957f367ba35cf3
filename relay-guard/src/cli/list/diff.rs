//! `relay-guard list diff`.

use std::{
    io::{self, BufWriter, Write},
    iter::Peekable,
};

use serde::{Serialize, Serializer};

use super::{DiffArguments, destination, figures, source};
use crate::{
    cli::{Arguments, Outcome, output},
    sets::{AddressSet, Cidr, Family, RangeSet, Size},
};

#[derive(Serialize)]
struct Report<'a> {
    same: bool,
    added: Part<'a>,
    removed: Part<'a>,
}

/// One side of a difference.
#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    size: Size,
    #[serde(serialize_with = "as_cidrs")]
    cidrs: &'a AddressSet,
}

pub(super) fn run(arguments: &Arguments, request: &DiffArguments) -> anyhow::Result<Outcome> {
    let lists = source::named(&[request.old.clone(), request.new.clone()], &request.read);
    let progress = source::progress(&lists);
    let sets = lists.iter().map(|list| list.addresses(&progress)).collect::<anyhow::Result<Vec<_>>>()?;
    drop(progress);
    let [old, new] = &sets[..] else { anyhow::bail!("two lists are compared") };
    let (added, removed) = (new.except(old), old.except(new));
    let same = added.is_empty() && removed.is_empty();
    destination::deliver(None, |out| {
        let mut out = BufWriter::new(out);
        if arguments.json {
            let [added, removed] = [&added, &removed].map(|set| Part { size: set.size(), cidrs: set });
            serde_json::to_writer_pretty(&mut out, &Report { same, added, removed })?;
            writeln!(out)?;
        } else {
            print(&added, &removed, &mut out)?;
        }
        out.flush()
    })?;
    Ok(if same { Outcome::Fine } else { Outcome::No })
}

fn print(added: &AddressSet, removed: &AddressSet, out: &mut impl Write) -> io::Result<()> {
    let signs = [output::tint("+", output::Tone::Good), output::tint("-", output::Tone::Bad)];
    lines(&added.v4, &removed.v4, &signs, out)?;
    lines(&added.v6, &removed.v6, &signs, out)?;
    if added.is_empty() && removed.is_empty() {
        return writeln!(out, "the same addresses");
    }
    writeln!(out, "{} added, {} removed", words(&added.size()), words(&removed.size()))
}

/// What is added and what is removed, which is never the same, in the order of the addresses.
fn lines<A: Family>(
    added: &RangeSet<A>,
    removed: &RangeSet<A>,
    [plus, minus]: &[String; 2],
    out: &mut impl Write,
) -> io::Result<()> {
    let (mut added, mut removed) = (added.cidrs().peekable(), removed.cidrs().peekable());
    while let Some((sign, cidr)) = next(&mut added, &mut removed) {
        writeln!(out, "{} {cidr}", if sign { plus } else { minus })?;
    }
    Ok(())
}

/// The next CIDR of the two, and whether it is an added one.
fn next<A: Family>(
    added: &mut Peekable<impl Iterator<Item = Cidr<A>>>,
    removed: &mut Peekable<impl Iterator<Item = Cidr<A>>>,
) -> Option<(bool, Cidr<A>)> {
    let take_added = match (added.peek(), removed.peek()) {
        (Some(added), Some(removed)) => added.first < removed.first,
        (added, _) => added.is_some(),
    };
    let next = if take_added { added.next() } else { removed.next() };
    next.map(|cidr| (take_added, cidr))
}

/// A size in a few words; a family without addresses is not named.
fn words(size: &Size) -> String {
    let families = [(size.ipv4_addresses, "IPv4"), (size.ipv6_addresses, "IPv6")];
    let families = families.into_iter().filter(|(count, _)| !count.is_zero());
    let words: Vec<_> =
        families.map(|(count, family)| format!("{} {family}", figures::addresses(count))).collect();
    if words.is_empty() { "nothing".to_owned() } else { format!("{} addresses", words.join(" and ")) }
}

fn as_cidrs<S: Serializer>(set: &AddressSet, serializer: S) -> Result<S::Ok, S::Error> {
    let v4 = set.v4.cidrs().map(|cidr| cidr.to_string());
    serializer.collect_seq(v4.chain(set.v6.cidrs().map(|cidr| cidr.to_string())))
}
