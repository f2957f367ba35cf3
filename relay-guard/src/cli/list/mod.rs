//! `relay-guard list`: what can be done with lists without a daemon. One file per subcommand; [`args`] says how files
//! are to be read, [`source`] reads them.

mod args;
mod check;
mod convert;
mod destination;
mod diff;
mod document;
mod figures;
mod overlap;
mod search;
mod source;

pub use args::{
    CheckArguments, ConvertArguments, DiffArguments, ListCommand, OverlapArguments, ReadArguments,
    SearchArguments,
};

use super::{Arguments, Outcome};

pub(super) fn run(arguments: &Arguments, command: &ListCommand) -> anyhow::Result<Outcome> {
    match command {
        ListCommand::Check(request) => check::run(arguments, request),
        ListCommand::Convert(request) => convert::run(arguments, request),
        ListCommand::Diff(request) => diff::run(arguments, request),
        ListCommand::Overlap(request) => overlap::run(arguments, request),
        ListCommand::Search(request) => search::run(arguments, request),
    }
}
