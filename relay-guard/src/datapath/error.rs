//! What can go wrong between userspace and the kernel.

use std::{io, path::PathBuf};

use aya::{EbpfError, maps::MapError, programs::ProgramError};
use thiserror::Error;

/// An error of the datapath, each one line that says what to do.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the messages say it; the fields are what they name")]
pub enum DatapathError {
    #[error("needs {missing}; run as root, or give the service these capabilities")]
    Privileges { missing: String },
    #[error("Linux {release} is too old: {what} needs Linux {needed} or newer")]
    Kernel { release: String, what: &'static str, needed: &'static str },
    #[error("{}: not on a BPF file system; mount one with `mount -t bpf bpf /sys/fs/bpf`", path.display())]
    NoBpffs { path: PathBuf },
    #[error("{}: {error}; remove broken pins with `relay-guard detach`", path.display())]
    Pins { path: PathBuf, error: io::Error },
    #[error("cannot load the kernel programs: {0}")]
    Load(String),
    #[error("the kernel refused program {name}: {error}")]
    Program { name: &'static str, error: String },
    #[error("the kernel object has no {0}; it was built from another version")]
    Missing(&'static str),
    #[error("cannot {what}: {error}")]
    Map { what: &'static str, error: String },
    #[error(
        "the table needs {needed} bytes, more than limits.table_bytes = {limit}; raise it or use fewer entries"
    )]
    TableTooLarge { needed: u64, limit: u64 },
    #[error("cannot attach to {interface}: {error}")]
    Attach { interface: String, error: String },
    #[error("asking the loaded program failed: {0}")]
    Probe(String),
}

impl DatapathError {
    /// Makes the error of a map operation.
    pub(super) fn map(what: &'static str) -> impl Fn(MapError) -> Self {
        move |error| Self::Map { what, error: chain(&error) }
    }

    pub(super) fn load(error: &EbpfError) -> Self {
        Self::Load(chain(error))
    }

    /// The kernel's refusal without the verifier's log, which goes to the debug log.
    pub(super) fn program(name: &'static str, error: &ProgramError) -> Self {
        let error = match error {
            ProgramError::LoadError { io_error, verifier_log } => {
                tracing::debug!(program = name, "verifier: {verifier_log}");
                io_error.to_string()
            }
            other => chain(other),
        };
        Self::Program { name, error }
    }

    pub(super) fn attach(interface: &str, error: &ProgramError) -> Self {
        Self::Attach { interface: interface.to_owned(), error: chain(error) }
    }
}

/// An error with its causes, on one line, without saying anything twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}
