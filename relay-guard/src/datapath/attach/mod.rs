//! Attaching to interfaces: native XDP first, then generic, then tc; and taking over what is attached.

mod ingress;
mod link;
mod tc;

use aya::programs::tc::TcAttachType;

use super::{Datapath, DatapathError, Pins, load, pins::PinnedHook};

/// How incoming packets are seen on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachMode {
    /// XDP in the driver.
    Native,
    /// XDP in the kernel's stack: the same decisions, slower.
    Generic,
    /// tc ingress: no XDP there.
    Tc,
}

impl AttachMode {
    /// The word for it in output and pin names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Tc => "tc",
        }
    }
}

/// How tc programs are attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcMode {
    /// TCX link (Linux 6.6).
    Tcx,
    /// Filter of the clsact qdisc.
    Clsact,
}

impl TcMode {
    /// The word for it in output and pin names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcx => "tcx",
            Self::Clsact => "clsact",
        }
    }
}

/// An interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its index.
    pub ifindex: u32,
    /// Whether its frames begin with an Ethernet header.
    pub ethernet: bool,
}

/// What is attached to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// How incoming packets are seen.
    pub mode: AttachMode,
    /// How tc programs are attached.
    pub tc: TcMode,
    /// Why a faster mode is not used, if it is not.
    pub why: Option<String>,
}

impl Datapath {
    /// Attaches to a device, or swaps the programs of an earlier daemon there in place.
    ///
    /// # Errors
    /// If nothing can be attached; what was attached on the way is taken off again.
    pub fn attach(&mut self, device: &Device) -> Result<Attached, DatapathError> {
        let before = self.hooks_of(device.ifindex);
        let result = self.try_attach(device);
        if result.is_err() {
            for hook in self.hooks_of(device.ifindex).into_iter().filter(|hook| !before.contains(hook)) {
                self.drop_hook(&hook);
            }
        }
        result
    }

    fn try_attach(&mut self, device: &Device) -> Result<Attached, DatapathError> {
        let (mode, why) = self.attach_ingress(device)?;
        let egress = if device.ethernet { load::EGRESS } else { load::EGRESS_L3 };
        let tc = self.attach_tc(device, egress, TcAttachType::Egress)?;
        Ok(Attached { mode, tc, why })
    }

    /// Detaches from a device, which may be gone.
    pub fn detach(&mut self, ifindex: u32) {
        for hook in self.hooks_of(ifindex) {
            self.drop_hook(&hook);
        }
    }

    /// Attachments of devices other than these: of devices that are gone or no longer ours.
    #[must_use]
    pub fn stale_ifindexes(&self, kept: &[u32]) -> Vec<u32> {
        let mut stale: Vec<u32> = self.hooks().into_iter().map(|hook| hook.ifindex).collect();
        stale.retain(|ifindex| !kept.contains(ifindex));
        stale.sort_unstable();
        stale.dedup();
        stale
    }

    fn hooks(&self) -> Vec<PinnedHook> {
        self.pins().map(Pins::hooks).unwrap_or_default()
    }

    fn hooks_of(&self, ifindex: u32) -> Vec<PinnedHook> {
        self.hooks().into_iter().filter(|hook| hook.ifindex == ifindex).collect()
    }

    fn drop_hook(&self, hook: &PinnedHook) {
        if let Some(Err(error)) = self.pins().map(|pins| pins.detach(hook)) {
            tracing::warn!(interface = hook.interface, hook = hook.hook, "cannot detach: {error}");
        }
    }
}
