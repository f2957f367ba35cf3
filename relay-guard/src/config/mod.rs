//! The configuration: from the administrator's TOML file to what the program may rely on.
//!
//! Two types: `raw` is the file as written, [`Config`] is checked and complete. A file is taken whole or not at all;
//! every fault is one line with the place in the file and what to do about it.
//!
//! Nothing outside the file is looked at but the keys of DNSBL zones, which are part of their names: interfaces may appear
//! later, and lists are read by [`crate::lists`].

mod error;
mod raw;
mod resolve;
mod resolved;

pub use error::ConfigError;
pub use resolved::{
    Answering, Budgets, Config, ContainmentStep, Daemon, Dnsbl, Envelopes, Hosts, IdleKeys, Inspection,
    Interfaces, Limits, ListAction, ListConfig, Lookups, MAX_CONFIGURED_LISTS, MAX_STEPS, MAX_THRESHOLDS,
    MAX_ZONES, Mode, OnStop, Ports, ProtectedNetworks, StepAction, Threshold, ZoneConfig,
};

use std::path::Path;

use crate::lists::source;

/// The largest configuration file read, in bytes.
pub const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// Reads and checks the configuration file at `path`.
///
/// # Errors
/// [`ConfigError`]: the file cannot be read, is not TOML, has unknown or missing keys, or says something that does not
/// hold together.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let source = source::read(path, MAX_CONFIG_BYTES, "the limit of a configuration")?;
    let text = std::str::from_utf8(&source.bytes)
        .map_err(|cause| ConfigError::NotText { file: path.to_owned(), offset: cause.valid_up_to() })?;
    parse(text, path)
}

/// Checks the configuration that `text` holds, and reads the key files that it names. `path` names the file in errors, and
/// relative paths in the configuration are relative to its directory.
///
/// # Errors
/// [`ConfigError::At`], with the place in `text`.
pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
    let raw: raw::Config =
        toml::from_str(text).map_err(|fault| ConfigError::from_toml(path, text, &fault))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    resolve::resolve(raw, directory).map_err(|fault| ConfigError::at(path, text, &fault))
}

#[cfg(test)]
mod tests;
