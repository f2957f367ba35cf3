//! `tshark`: Wireshark's reading of capture files, at a terminal.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::program;

/// Reading of a capture file.
#[derive(Debug)]
pub struct Tshark;

impl Tshark {
    /// A command that prints these fields (by their names in display filters) of each packet in which it finds SMTP: a line each, with
    /// tabs between fields and commas between several values of one.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn smtp(capture: &Path, fields: &[&str]) -> Result<Command> {
        let mut command = Command::new(program("tshark")?);
        // Nobody's preferences count, and no names are asked for.
        command.env("WIRESHARK_CONFIG_DIR", "/nonexistent").args(["-n", "-Y", "smtp", "-T", "fields"]);
        command.args(fields.iter().flat_map(|field| ["-e", field])).arg("-r").arg(capture);
        Ok(command)
    }
}
