//! What devices of the lab leave to their hardware, which is none: ethtool(8) says who does it instead.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{Lab, addresses as addr};
use crate::child::run_to_end;
use crate::namespace::Namespace;

/// How long one ethtool may take.
const LIMIT: Duration = Duration::from_secs(5);

impl Lab {
    /// In a lab made by [`Lab::tagged`]: whether tags are in the frames between internet and gateway (they are), or
    /// beside them, where only the kernel's own stack sees them.
    ///
    /// # Errors
    /// When ethtool is not installed or refuses.
    pub fn keep_tags_in_frames(&self, inside: bool) -> Result<()> {
        let offloaded = if inside { "off" } else { "on" };
        for (namespace, device) in [(&self.internet, addr::FAR_END), (&self.gateway, addr::OUTSIDE)] {
            set(namespace, device, &["txvlan", offloaded, "rxvlan", offloaded])?;
        }
        Ok(())
    }

    /// Has all checksums made by who sends and checked by who receives. Otherwise what comes from a socket crosses a
    /// veth with half a checksum and a note that it is fine, and so does what programs make of it on the way.
    /// Segments are no longer than the link allows then.
    ///
    /// # Errors
    /// When ethtool is not installed or refuses.
    pub fn check_all_checksums(&self) -> Result<()> {
        let gateway = [addr::OUTSIDE, addr::INSIDE, addr::SERVERS].map(|device| (&self.gateway, device));
        let others = [&self.internet, &self.inside, &self.mail].map(|namespace| (namespace, addr::FAR_END));
        gateway
            .into_iter()
            .chain(others)
            .try_for_each(|(namespace, device)| set(namespace, device, &["tx", "off"]))
    }

    /// Has the gateway complete checksums that come to it only begun, as a device would: what comes from a socket on the other
    /// end of a veth, and what the gateway itself sends.
    ///
    /// # Errors
    /// When ethtool is not installed or refuses.
    pub fn complete_checksums_at_gateway(&self) -> Result<()> {
        [addr::OUTSIDE, addr::INSIDE, addr::SERVERS]
            .into_iter()
            .try_for_each(|device| set(&self.gateway, device, &["tx", "off"]))
    }
}

fn set(namespace: &Namespace, device: &str, features: &[&str]) -> Result<()> {
    let mut command: Command = namespace.command("ethtool");
    command.args(["-K", device]).args(features);
    let output = run_to_end(command, LIMIT).context("cannot run `ethtool` (package ethtool)")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ethtool -K {device} {features:?}: {}", complaint.trim());
    Ok(())
}
