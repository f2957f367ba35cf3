//! Lists.

use std::path::Path;

use toml::Spanned;

use super::values::number;
use crate::config::error::Fault;
use crate::config::raw::{self, Text};
use crate::config::resolved::{ListAction, ListConfig, MAX_CONFIGURED_LISTS};
use crate::lists::ParseOptions;

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 48;

pub(super) fn lists(raw: Vec<Spanned<raw::List>>, directory: &Path) -> Result<Vec<ListConfig>, Fault> {
    if let Some(beyond) = raw.get(MAX_CONFIGURED_LISTS) {
        let message =
            format!("{} lists; write at most {MAX_CONFIGURED_LISTS}, or join some files", raw.len());
        return Err(Fault::new(beyond.span(), message));
    }
    let mut lists: Vec<ListConfig> = Vec::with_capacity(raw.len());
    for raw in raw {
        let raw = raw.into_inner();
        let name = name(&raw.name)?;
        if lists.iter().any(|list| list.name == name) {
            let message = format!("there is already a list named {name:?}; give each its own name");
            return Err(Fault::new(raw.name.span(), message));
        }
        lists.push(list(name, &raw, directory)?);
    }
    Ok(lists)
}

fn list(name: String, raw: &raw::List, directory: &Path) -> Result<ListConfig, Fault> {
    let defaults = ParseOptions::default();
    let file = raw.file.get_ref();
    if file.is_empty() || file.contains('\0') {
        return Err(Fault::new(raw.file.span(), "no file is named; write the path of the list"));
    }
    Ok(ListConfig {
        name,
        file: directory.join(file),
        action: raw.action.as_ref().map_or(Ok(ListAction::default()), action)?,
        options: ParseOptions {
            allow_empty: raw.allow_empty.unwrap_or(defaults.allow_empty),
            widest_v4: number(raw.widest_v4.as_ref(), defaults.widest_v4, 0, 32)?,
            widest_v6: number(raw.widest_v6.as_ref(), defaults.widest_v6, 0, 128)?,
            host_bits: raw.host_bits.unwrap_or(defaults.host_bits),
            ..defaults
        },
    })
}

fn name(raw: &Text) -> Result<String, Fault> {
    let name = raw.get_ref();
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(good) {
        let rule = format!("1 to {MAX_NAME_BYTES} of a-z, 0-9, '.', '_' and '-'");
        return Err(Fault::new(raw.span(), format!("{name:?} is no name for a list, which is {rule}")));
    }
    Ok(name.clone())
}

fn action(raw: &Text) -> Result<ListAction, Fault> {
    let message = match raw.get_ref().as_str() {
        "drop" => return Ok(ListAction::Drop),
        "observe" => return Ok(ListAction::Observe),
        "allow" => return Ok(ListAction::Allow),
        later @ ("reset" | "refuse" | "tarpit" | "limit") => {
            format!("the action {later:?} is not available in this version; use \"drop\" or \"observe\"")
        }
        other => format!("unknown action {other:?}; use \"drop\", \"observe\" or \"allow\""),
    };
    Err(Fault::new(raw.span(), message))
}
