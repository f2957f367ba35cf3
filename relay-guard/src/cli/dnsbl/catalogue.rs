//! `relay-guard dnsbl catalogue`: well-known zones.

use super::super::{Arguments, Outcome};

pub(in super::super) fn run(_: &Arguments, _: Option<&str>) -> anyhow::Result<Outcome> {
    anyhow::bail!("dnsbl: the catalogue is not available in this version");
}
