//! JSON and JSON lines: the addresses at a pointer that the configuration gives.
//!
//! The pointer is a JSON pointer (RFC 6901, `/a/b`, with `~0` for `~` and `~1` for `/`) in which `*` stands for every
//! element of an array and every value of an object:
//! - JSON lines: it is applied to each line.
//! - One document that is an array: it is applied to each element, as if it began with `/*`, unless it begins with `/*`
//!   or a number.
//! - Any other document: it is applied to the whole.
//!
//! At its end is a string, which is an entry, or an array of strings. Without a pointer, an array of strings or a string
//! per line is expected. The note's pointer starts from the element that the last `*` of the address's pointer stands
//! for. Values without the field, or with `null` there, are left out and counted; if all are, the pointer is wrong, and
//! the document is refused.
//!
//! A document may be one long line: the limit for lines is not applied to it, those for bytes and entries are.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Format;
use super::collect::Collector;
use super::error::{DocumentCause, LineCause};
use super::lines;

/// The most steps of a pointer.
const MAX_STEPS: usize = 16;

/// A step of a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Every element or value.
    Every,
    /// A member of an object, or the element of an array with this number.
    Member(String),
}

/// Where entries are: each at `entry` from an element at `element`, with its note at `note`.
struct Places {
    element: Vec<Step>,
    entry: Vec<Step>,
    note: Option<Vec<Step>>,
}

/// Reads a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) -> Result<(), DocumentCause> {
    let not_json = |what: String| DocumentCause::NotJson { what };
    let json = std::str::from_utf8(text).map_err(|error| not_json(format!("not UTF-8: {error}")))?;
    let places = Places::new(out)?;
    let mut reader = Reader { text: json, place: (0, 1), elements: 0, with_field: 0, places };
    match serde_json::from_str::<&RawValue>(json) {
        Ok(document) => reader.document(document, out),
        Err(_) if json.trim().is_empty() => {}
        Err(error) => {
            let first = json.trim_start().lines().next().unwrap_or_default();
            if serde_json::from_str::<IgnoredAny>(first).is_err() {
                return Err(not_json(error.to_string()));
            }
            reader.lines(out);
        }
    }
    out.summary.lines += lines::count(text);
    reader.check(out)
}

struct Reader<'t> {
    text: &'t str,
    /// An offset in the text and the line that it is on.
    place: (usize, u32),
    elements: usize,
    with_field: usize,
    places: Places,
}

impl<'t> Reader<'t> {
    fn document(&mut self, document: &'t RawValue, out: &mut Collector<'_>) {
        let is_array = document.get().starts_with('[');
        let first = self.places.element.iter().chain(&self.places.entry).next();
        let indexes = match first {
            Some(Step::Every) => true,
            Some(Step::Member(name)) => name.parse::<usize>().is_ok(),
            None => false,
        };
        if is_array && !indexes {
            self.places.element.insert(0, Step::Every);
        }
        self.value(document, out);
    }

    fn lines(&mut self, out: &mut Collector<'_>) {
        for (number, line) in (1..).zip(self.text.lines()) {
            if line.trim().is_empty() || out.is_over_full() {
                continue;
            }
            if line.len() > out.options.max_line_bytes {
                out.error(number, line.as_bytes(), LineCause::TooLong { limit: out.options.max_line_bytes });
                continue;
            }
            match serde_json::from_str::<&RawValue>(line) {
                Ok(value) => self.value(value, out),
                Err(_) => out.error(number, line.as_bytes(), LineCause::NotJson),
            }
        }
    }

    /// Takes the entries of a value.
    fn value(&mut self, value: &'t RawValue, out: &mut Collector<'_>) {
        let mut elements = Vec::new();
        walk(value, &self.places.element, &mut elements);
        self.elements += usize::from(elements.is_empty());
        for element in elements {
            self.elements += 1;
            let mut found = Vec::new();
            walk(element, &self.places.entry, &mut found);
            let mut entries = Vec::new();
            for value in found {
                if value.get().starts_with('[') {
                    walk(value, &[Step::Every], &mut entries);
                } else {
                    entries.push(value);
                }
            }
            entries.retain(|entry| entry.get() != "null");
            if entries.is_empty() {
                let line = self.line_of(element);
                out.skip(line, element.get().as_bytes(), "values without the field");
                continue;
            }
            self.with_field += 1;
            for entry in entries {
                self.entry(element, entry, out);
            }
            if out.is_over_full() {
                return;
            }
        }
    }

    fn entry(&mut self, element: &RawValue, entry: &RawValue, out: &mut Collector<'_>) {
        let line = self.line_of(entry);
        let Ok(text) = serde_json::from_str::<Text<'_>>(entry.get()) else {
            out.error(line, entry.get().as_bytes(), LineCause::NotAString);
            return;
        };
        if let Err(cause) = out.add_field(line, text.0.as_bytes()) {
            out.error(line, text.0.as_bytes(), cause);
            return;
        }
        let Some(steps) = &self.places.note else { return };
        let mut found = Vec::new();
        walk(element, steps, &mut found);
        if let Some(note) = found.first() {
            out.summary.notes += 1;
            let text = serde_json::from_str::<Text<'_>>(note.get());
            out.note(line, text.map_or(note.get().into(), |text| text.0).as_bytes());
        }
    }

    /// The line that a value of the text begins on.
    fn line_of(&mut self, value: &RawValue) -> u32 {
        let offset = (value.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let (from, line) = if self.place.0 <= offset { self.place } else { (0, 1) };
        let between = self.text.as_bytes().get(from..offset).unwrap_or_default();
        let breaks = between.iter().filter(|b| **b == b'\n').count();
        self.place = (offset, line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX)));
        self.place.1
    }

    /// Whether the pointer leads anywhere.
    fn check(&self, out: &Collector<'_>) -> Result<(), DocumentCause> {
        if self.elements == 0 || self.with_field > 0 || out.has_errors() {
            return Ok(());
        }
        match &out.options.address_field {
            None => Err(DocumentCause::NeedsField { format: Format::Json, example: "\"/ip\"" }),
            Some(field) => {
                let found = format!("none of {} values has it", self.elements);
                Err(DocumentCause::NoSuchField { field: field.clone(), found })
            }
        }
    }
}

/// A JSON string, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Places {
    fn new(out: &Collector<'_>) -> Result<Self, DocumentCause> {
        let mut element = out.options.address_field.as_deref().map_or(Ok(Vec::new()), steps)?;
        let entry = element.iter().rposition(|step| *step == Step::Every).map_or(0, |last| last + 1);
        let entry = element.split_off(entry);
        let note = out.options.note_field.as_deref().map(steps).transpose()?;
        Ok(Self { element, entry, note })
    }
}

/// Reads a pointer.
fn steps(pointer: &str) -> Result<Vec<Step>, DocumentCause> {
    let bad = || DocumentCause::BadPointer { field: pointer.to_owned() };
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or_else(bad)?;
    let steps: Vec<Step> = rest
        .split('/')
        .map(|name| match name {
            "*" => Step::Every,
            name => Step::Member(name.replace("~1", "/").replace("~0", "~")),
        })
        .collect();
    if steps.len() > MAX_STEPS { Err(bad()) } else { Ok(steps) }
}

/// Collects the values that `steps` lead to from `value`, in the order of the text.
fn walk<'t>(value: &'t RawValue, steps: &[Step], found: &mut Vec<&'t RawValue>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    let text = value.get();
    let wanted = match step {
        Step::Every => None,
        Step::Member(name) => Some(name.as_str()),
    };
    if text.starts_with('{') {
        let members = Members { wanted };
        let values = members.deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap_or_default();
        values.into_iter().for_each(|value| walk(value, rest, found));
    } else if text.starts_with('[') {
        let values: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        match wanted.map(str::parse::<usize>) {
            None => values.into_iter().for_each(|value| walk(value, rest, found)),
            Some(Ok(number)) => values.get(number).into_iter().for_each(|value| walk(value, rest, found)),
            Some(Err(_)) => {}
        }
    }
}

/// Takes the values of an object's members: of all, or of the wanted one.
struct Members<'n> {
    wanted: Option<&'n str>,
}

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut values = Vec::new();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if self.wanted.is_none_or(|wanted| wanted == name) {
                values.push(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(values)
    }
}
