//! `relay-guard list`: the daemon's lists, well-known feeds, and what can be done with lists without a daemon. One file
//! per subcommand; [`args`] says how files are to be read, [`source`] reads them.

mod args;
mod catalogue;
mod check;
mod convert;
mod destination;
mod diff;
mod document;
mod figures;
mod overlap;
mod refresh;
mod search;
mod source;
mod table;

pub use args::{
    CheckArguments, ConvertArguments, DiffArguments, ListCommand, OverlapArguments, ReadArguments,
    SearchArguments,
};

pub(super) use table::state;

use super::{Arguments, Outcome};
use crate::control::api::RefreshRequest;

pub(super) fn run(arguments: &Arguments, command: Option<&ListCommand>) -> anyhow::Result<Outcome> {
    let Some(command) = command else { return table::run(arguments) };
    match command {
        ListCommand::Refresh { name, force, accept } => {
            let request = RefreshRequest { name: name.clone(), force: *force, accept: *accept };
            refresh::run(arguments, &request)
        }
        ListCommand::Catalogue { name } => catalogue::run(arguments, name.as_deref()),
        ListCommand::Check(request) => check::run(arguments, request),
        ListCommand::Convert(request) => convert::run(arguments, request),
        ListCommand::Diff(request) => diff::run(arguments, request),
        ListCommand::Overlap(request) => overlap::run(arguments, request),
        ListCommand::Search(request) => search::run(arguments, request),
    }
}
