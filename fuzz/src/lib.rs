//! What is fuzzed: targets that take any bytes and panic where an invariant does not hold.
//!
//! Each module asserts one thing of the product, says so at its head, and goes through public interfaces alone. Nothing
//! here needs libFuzzer: the tests of this crate send every file of `corpus/` through its target on any stable
//! toolchain, and the program replays files. `cargo xtask fuzz` links it with libFuzzer to look for new ones.

pub mod address;
pub mod answer;
pub mod client_hello;
pub mod compile;
pub mod config;
pub mod filter;
pub mod lists;
pub mod parser;
pub mod reassembly;
pub mod replay;
pub mod smtp;

use std::fmt;

use relay_guard::lists::Format;

/// Something to fuzz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The packet parser, on raw frames.
    Parser,
    /// From lists to the table.
    Compile,
    /// Addresses and prefixes as lists write them.
    Address,
    /// The configuration file.
    Config,
    /// Filters of DNSBL answers.
    Filter,
    /// Answers of DNSBLs.
    Answer,
    /// Capture files.
    Replay,
    /// Segments put together again.
    Reassembly,
    /// Sessions of SMTP.
    Smtp,
    /// ClientHellos of TLS.
    ClientHello,
    /// The reader of one list format.
    List(Format),
}

impl Target {
    /// All targets: a new list format is one without being named here.
    pub fn all() -> impl Iterator<Item = Self> {
        let others = [
            Self::Parser,
            Self::Compile,
            Self::Address,
            Self::Config,
            Self::Filter,
            Self::Answer,
            Self::Replay,
            Self::Reassembly,
            Self::Smtp,
            Self::ClientHello,
        ];
        others.into_iter().chain(Format::ALL.map(Self::List))
    }

    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|target| target.to_string() == name)
    }

    /// Holds the target's invariant against `input`.
    ///
    /// # Panics
    /// If it does not hold.
    pub fn run(self, input: &[u8]) {
        match self {
            Self::Parser => parser::check(input),
            Self::Compile => compile::check(input),
            Self::Address => address::check(input),
            Self::Config => config::check(input),
            Self::Filter => filter::check(input),
            Self::Answer => answer::check(input),
            Self::Replay => replay::check(input),
            Self::Reassembly => reassembly::check(input),
            Self::Smtp => smtp::check(input),
            Self::ClientHello => client_hello::check(input),
            Self::List(format) => lists::check(format, input),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parser => f.write_str("parser"),
            Self::Compile => f.write_str("compile"),
            Self::Address => f.write_str("address"),
            Self::Config => f.write_str("config"),
            Self::Filter => f.write_str("filter"),
            Self::Answer => f.write_str("answer"),
            Self::Replay => f.write_str("replay"),
            Self::Reassembly => f.write_str("reassembly"),
            Self::Smtp => f.write_str("smtp"),
            Self::ClientHello => f.write_str("client-hello"),
            Self::List(format) => write!(f, "list-{format}"),
        }
    }
}

#[cfg(test)]
mod tests;
