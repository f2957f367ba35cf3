//! `relay-guard listed`: whether our own addresses are listed.

use super::{Arguments, ListedArguments, Outcome};

pub(super) fn run(_: &Arguments, _: &ListedArguments) -> anyhow::Result<Outcome> {
    anyhow::bail!("listed: not available in this version");
}
