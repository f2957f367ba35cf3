//! The lines of a zone file.

use super::dataset::{Dataset, Kind, Values};
use super::entry::{Entry, covers, declared, exclusion, is_name};
use super::special::{self, Special};
use super::sweep::{EXCLUDED, Item, PENDING};
use super::value::{self, DEFAULT};
use super::{MAX_DATASETS, ZoneCause};
use crate::lists::collect::{Collector, Run};
use crate::lists::error::{DocumentCause, LineCause};
use crate::lists::lines::{self, Fault};

/// The zone as far as it was read.
#[derive(Default)]
pub(super) struct Zone {
    pub(super) datasets: Vec<Dataset>,
    pub(super) values: Values,
    pub(super) expires: Option<u64>,
    /// The template of the wanted line, or none for that of its data set; and the data set.
    pub(super) wanted: Option<(Option<Vec<u8>>, usize)>,
    /// The most addresses that an IPv4 entry may cover; it only shrinks.
    max_range: Option<u64>,
    /// The data sets that lines belong to: one, or in a file without `$DATASET` the one for IPv4 and the one for IPv6.
    current: Vec<usize>,
    /// Those two.
    undeclared: Option<[usize; 2]>,
    /// Variables of a file with `$DATASET` before the first of them.
    common: value::Variables,
    too_many_values: bool,
}

impl Zone {
    /// Reads a document.
    pub(super) fn read(&mut self, text: &[u8], out: &mut Collector<'_>) -> Result<(), DocumentCause> {
        let combined = text.split(|b| *b == b'\n').any(|line| {
            let special = special::marked(lines::trim(line)).map(special::parse);
            matches!(special, Some(Ok(Special::Dataset { .. })))
        });
        self.common = value::Variables::default();
        self.current = if combined { Vec::new() } else { self.undeclared().to_vec() };
        for dataset in &self.current {
            self.datasets[*dataset].begin();
        }
        lines::each_trimmed(text, out, |line, number, out| self.line(line, number, out));
        self.settle();
        if self.too_many_values { Err(DocumentCause::TooManyValues) } else { Ok(()) }
    }

    /// Gives the entries of trivial data sets the value that holds for all of them, wherever in the set it stands.
    fn settle(&mut self) {
        for dataset in self.datasets.iter_mut().filter(|dataset| dataset.kind.is_trivial()) {
            let index = self.values.index(dataset.default().address);
            self.too_many_values |= index.is_none();
            dataset.settle(index.unwrap_or(0));
        }
    }

    fn undeclared(&mut self) -> [usize; 2] {
        let datasets = &mut self.datasets;
        *self.undeclared.get_or_insert_with(|| {
            let first = datasets.len();
            datasets.extend([Dataset::new(Kind::Ip4Set, true), Dataset::new(Kind::Ip6Trie, true)]);
            [first, first + 1]
        })
    }

    fn line<'t>(&mut self, line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
        let fault = |cause: ZoneCause| (line, LineCause::from(cause));
        let is_comment = line.starts_with(b"#") || line.starts_with(b";");
        // A comment that only looks like a special line (`#$5 each`) is one.
        if let Some(special) = special::marked(line)
            && !(is_comment && special::parse(special).is_err())
        {
            return self.special(special, line, number, out).map_err(fault);
        }
        if is_comment {
            out.summary.comments += 1;
            return Ok(());
        }
        let Some(&current) = self.current.first() else { return Err(fault(ZoneCause::BeforeDataset)) };
        if let Kind::Other(what) = self.datasets[current].kind {
            out.skip(number, line, what);
            return Ok(());
        }
        if line.starts_with(b":") && !line.starts_with(b"::") {
            let value = value::parse(line, DEFAULT).map_err(fault)?;
            self.current.iter().for_each(|dataset| self.datasets[*dataset].set_default(value));
            return Ok(());
        }
        self.entry(line, number, out)
    }

    fn special(
        &mut self,
        text: &[u8],
        line: &[u8],
        number: u32,
        out: &mut Collector<'_>,
    ) -> Result<(), ZoneCause> {
        match special::parse(text)? {
            Special::Ignored => {}
            Special::MaxRange4(most) if self.max_range.is_some_and(|before| before < most) => {
                out.warn(number, line, || "$MAXRANGE4 can only shrink; the smaller one stays".to_owned());
            }
            Special::MaxRange4(most) => self.max_range = Some(most),
            Special::Expires(at) => {
                self.expires = self.expires.into_iter().chain(at).min();
            }
            Special::Variable(index, text) => {
                if self.current.is_empty() {
                    self.common[index].get_or_insert_with(|| text.to_vec());
                }
                for dataset in &self.current {
                    self.datasets[*dataset].variables[index].get_or_insert_with(|| text.to_vec());
                }
            }
            Special::Dataset { kind: b"combined", .. } => return Err(ZoneCause::Nested),
            Special::Dataset { kind, subzones } => {
                let kind = Kind::named(kind).ok_or(ZoneCause::Kind)?;
                if self.datasets.len() >= MAX_DATASETS {
                    return Err(ZoneCause::TooMany);
                }
                let in_base = subzones.split(u8::is_ascii_whitespace).any(|subzone| subzone == b"@");
                self.current = vec![self.datasets.len()];
                let mut dataset = Dataset::new(kind, in_base);
                dataset.variables.clone_from(&self.common);
                self.datasets.push(dataset);
                if !in_base && !matches!(kind, Kind::Other(_)) {
                    out.warn(number, line, || "not in the zone itself (@), only in subzones".to_owned());
                }
            }
        }
        Ok(())
    }

    fn entry<'t>(&mut self, line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
        let excluded = line.strip_prefix(b"!");
        let text = excluded.map_or(line, <[u8]>::trim_ascii_start);
        let Some((current, entry)) =
            self.find(text, excluded.is_some()).map_err(|cause| (line, cause.into()))?
        else {
            out.skip(number, line, "names");
            return Ok(());
        };
        if let Some(most) = self.max_range
            && covers(entry.extent) > most
        {
            out.skip(number, line, "larger than $MAXRANGE4");
            return Ok(());
        }
        let written = &text[..text.len() - entry.rest.len()];
        let value = match excluded {
            Some(_) => {
                out.summary.exclusions += 1;
                EXCLUDED
            }
            None => {
                out.summary.entries += 1;
                self.value(current, entry.rest, number, out).map_err(|cause| (line, cause.into()))?
            }
        };
        let run = match value {
            // Taking addresses out is never too wide.
            EXCLUDED => exclusion(entry.extent),
            _ => out.run(number, written, entry.extent).map_err(|cause| (written, cause))?,
        };
        if out.wanted().is_none() {
            self.datasets[current].keep(run, out.global(number), value, &entry);
        }
        Ok(())
    }

    /// The index of the value that stands behind an entry.
    fn value(
        &mut self,
        current: usize,
        rest: &[u8],
        number: u32,
        out: &Collector<'_>,
    ) -> Result<u16, ZoneCause> {
        let is_wanted = out.wanted() == Some(out.global(number));
        let dataset = &self.datasets[current];
        if dataset.kind.is_trivial() {
            if is_wanted {
                self.wanted = Some((None, current));
            }
            return Ok(PENDING);
        }
        let value = value::parse(rest, dataset.default())?;
        if is_wanted {
            self.wanted = Some((Some(value.template.to_vec()), current));
        }
        let index = self.values.index(value.address);
        self.too_many_values |= index.is_none();
        Ok(index.unwrap_or(0))
    }

    /// The entry that a line begins with, and the data set that it belongs to; none for a name.
    fn find<'t>(&self, text: &'t [u8], excluded: bool) -> Result<Option<(usize, Entry<'t>)>, ZoneCause> {
        if let [only] = self.current[..] {
            let entry = declared(self.datasets[only].kind, text, excluded)?;
            return Ok(Some((only, entry)));
        }
        let [v4, v6] = self.undeclared.unwrap_or_default();
        if let Ok(entry) = declared(Kind::Ip4Set, text, excluded) {
            return Ok(Some((v4, entry)));
        }
        if let Ok(entry) = declared(Kind::Ip6Trie, text, excluded) {
            return Ok(Some((v6, entry)));
        }
        if is_name(text) { Ok(None) } else { Err(ZoneCause::Entry) }
    }
}

impl Dataset {
    fn keep(&mut self, run: Run, line: u32, value: u16, entry: &Entry<'_>) {
        let rank = entry.rank;
        match run {
            Run::V4(first, last) => {
                self.all_prefixes &= entry.is_prefix;
                self.v4.push(Item { first, last, line, value, rank });
            }
            Run::V6(first, last) => self.v6.push(Item { first, last, line, value, rank }),
        }
    }
}
