//! Attaching to interfaces: native XDP first, then generic, then tc; and taking over what is attached.

use aya::programs::LinkOrder;
use aya::programs::{
    SchedClassifier, Xdp, XdpMode,
    links::{FdLink, PinnedLink},
    tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcAttachType, TcHandle},
};
use serde::Serialize;

use super::{
    Datapath, DatapathError, Pins, load,
    pins::{PinnedHook, remove_foreign},
};

/// How incoming packets are seen on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
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

/// What to try.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// Try only this for incoming packets.
    pub ingress: Option<AttachMode>,
    /// Try only this for tc.
    pub tc: Option<TcMode>,
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attached {
    /// How incoming packets are seen.
    pub mode: AttachMode,
    /// How tc programs are attached.
    pub tc: TcMode,
    /// Why a faster mode is not used, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Priority and handle of our clsact filters: fixed, so that a later daemon finds and replaces them.
const CLSACT_PRIORITY: u16 = 25;
const CLSACT_HANDLE: TcHandle = TcHandle::new(0, 0x19);

impl Datapath {
    /// Attaches to a device, or swaps the programs of an earlier daemon there in place.
    ///
    /// # Errors
    /// If nothing can be attached; what was attached on the way is taken off again.
    pub fn attach(&mut self, device: &Device, preference: Preference) -> Result<Attached, DatapathError> {
        let before = self.hooks_of(device.ifindex);
        let result = self.try_attach(device, preference);
        if result.is_err() {
            for hook in self.hooks_of(device.ifindex).into_iter().filter(|hook| !before.contains(hook)) {
                self.drop_hook(&hook);
            }
        }
        result
    }

    fn try_attach(&mut self, device: &Device, preference: Preference) -> Result<Attached, DatapathError> {
        let (mode, why) = self.attach_ingress(device, preference)?;
        let egress = if device.ethernet { load::EGRESS } else { load::EGRESS_L3 };
        let tc = self.attach_tc(device, egress, TcAttachType::Egress, preference.tc)?;
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

    fn attach_ingress(
        &mut self,
        device: &Device,
        preference: Preference,
    ) -> Result<(AttachMode, Option<String>), DatapathError> {
        let mut why = Vec::new();
        for mode in [AttachMode::Native, AttachMode::Generic, AttachMode::Tc] {
            if preference.ingress.is_some_and(|only| only != mode) {
                continue;
            }
            if mode != AttachMode::Tc && !device.ethernet {
                why.push("no Ethernet header".to_owned());
                continue;
            }
            match self.attach_ingress_as(device, mode, preference.tc) {
                Ok(()) => {
                    self.drop_other_ingress(device, mode);
                    why.dedup();
                    return Ok((mode, (!why.is_empty()).then(|| why.join("; "))));
                }
                Err(error) => why.push(format!("{}: {error}", mode.name())),
            }
        }
        why.dedup();
        Err(DatapathError::Attach { interface: device.name.clone(), error: why.join("; ") })
    }

    fn attach_ingress_as(
        &mut self,
        device: &Device,
        mode: AttachMode,
        tc: Option<TcMode>,
    ) -> Result<(), DatapathError> {
        let xdp_mode = match mode {
            AttachMode::Native => XdpMode::Driver,
            AttachMode::Generic => XdpMode::Skb,
            AttachMode::Tc => {
                let program = if device.ethernet { load::INGRESS } else { load::INGRESS_L3 };
                return self.attach_tc(device, program, TcAttachType::Ingress, tc).map(|_| ());
            }
        };
        let hook = hook_of(device, "xdp", mode.name());
        let path = self.pins().map(|pins| pins.link(&hook));
        let program = self.xdp()?;
        if let Some(path) = &path
            && adopt(path, |link| program.attach_to_link(link.try_into().map_err(|_| ())?).map_err(|_| ()))
        {
            return Ok(());
        }
        let link = program
            .attach_to_if_index(device.ifindex, xdp_mode)
            .and_then(|id| program.take_link(id))
            .map_err(|error| DatapathError::attach(&device.name, &error))?;
        pin_or_leak(link, path.as_deref(), &device.name, |link: <Xdp as Linked>::Link| link.try_into().ok())
    }

    /// Takes off the other kinds of ingress attachment, once one is in place.
    fn drop_other_ingress(&self, device: &Device, mode: AttachMode) {
        for hook in self.hooks_of(device.ifindex) {
            let is_ours = match mode {
                AttachMode::Tc => hook.hook == "ingress",
                AttachMode::Native | AttachMode::Generic => hook.hook == "xdp" && hook.mode == mode.name(),
            };
            if hook.hook != "egress" && !is_ours {
                self.drop_hook(&hook);
            }
        }
    }

    fn attach_tc(
        &mut self,
        device: &Device,
        program: &'static str,
        direction: TcAttachType,
        only: Option<TcMode>,
    ) -> Result<TcMode, DatapathError> {
        let mut last = None;
        for mode in [TcMode::Tcx, TcMode::Clsact] {
            if only.is_some_and(|only| only != mode) {
                continue;
            }
            let attached = match mode {
                TcMode::Tcx => self.attach_tcx(device, program, direction),
                TcMode::Clsact => self.attach_clsact(device, program, direction),
            };
            match attached {
                Ok(()) => {
                    self.drop_other_tc(device, direction, mode);
                    return Ok(mode);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or(DatapathError::Missing(program)))
    }

    fn drop_other_tc(&self, device: &Device, direction: TcAttachType, mode: TcMode) {
        for hook in self.hooks_of(device.ifindex) {
            if hook.hook == direction_name(direction) && hook.mode != mode.name() {
                self.drop_hook(&hook);
            }
        }
    }

    fn attach_tcx(
        &mut self,
        device: &Device,
        program: &'static str,
        direction: TcAttachType,
    ) -> Result<(), DatapathError> {
        let hook = hook_of(device, direction_name(direction), TcMode::Tcx.name());
        let path = self.pins().map(|pins| pins.link(&hook));
        let program = self.tc(program)?;
        if let Some(path) = &path
            && adopt(path, |link| program.attach_to_link(link.try_into().map_err(|_| ())?).map_err(|_| ()))
        {
            return Ok(());
        }
        let options = TcAttachOptions::TcxOrder(LinkOrder::default());
        let link = program
            .attach_with_options(&device.name, direction, options)
            .and_then(|id| program.take_link(id))
            .map_err(|error| DatapathError::attach(&device.name, &error))?;
        pin_or_leak(link, path.as_deref(), &device.name, |link: <SchedClassifier as Linked>::Link| {
            link.try_into().ok()
        })
    }

    fn attach_clsact(
        &mut self,
        device: &Device,
        name: &'static str,
        direction: TcAttachType,
    ) -> Result<(), DatapathError> {
        let hook = hook_of(device, direction_name(direction), TcMode::Clsact.name());
        let note = self.pins().map(|pins| pins.link(&hook));
        // It may be there already, with filters of others.
        let _ = tc::qdisc_add_clsact(&device.name);
        let failed = |error: &aya::programs::ProgramError| DatapathError::attach(&device.name, error);
        let program = self.tc(name)?;
        let known =
            SchedClassifierLink::attached(&device.name, direction, CLSACT_PRIORITY, CLSACT_HANDLE, None);
        let replaced = known.ok().and_then(|link| program.attach_to_link(link).ok());
        let id = match replaced {
            Some(id) => id,
            None => {
                let options = NlOptions { priority: CLSACT_PRIORITY, handle: CLSACT_HANDLE, classid: None };
                program
                    .attach_with_options(&device.name, direction, TcAttachOptions::Netlink(options))
                    .map_err(|error| failed(&error))?
            }
        };
        let link = program.take_link(id).map_err(|error| failed(&error))?;
        // The filter lives in the qdisc, not in this process: dropping the link would take it off.
        std::mem::forget(link);
        if let Some(path) = note {
            let _ = std::fs::remove_file(&path);
            program
                .pin(&path)
                .map_err(|error| DatapathError::Pins { path, error: std::io::Error::other(error) })?;
        }
        Ok(())
    }
}

/// The link type of a program type.
trait Linked {
    type Link;
}

impl Linked for Xdp {
    type Link = aya::programs::xdp::XdpLink;
}

impl Linked for SchedClassifier {
    type Link = SchedClassifierLink;
}

fn hook_of(device: &Device, hook: &str, mode: &str) -> PinnedHook {
    PinnedHook {
        interface: device.name.clone(),
        ifindex: device.ifindex,
        hook: hook.to_owned(),
        mode: mode.to_owned(),
    }
}

const fn direction_name(direction: TcAttachType) -> &'static str {
    match direction {
        TcAttachType::Ingress => "ingress",
        TcAttachType::Egress | TcAttachType::Custom(_) => "egress",
    }
}

/// Swaps the program of a pinned link in place; `false` if there is no such link that lives, and no pin any more.
fn adopt<T>(path: &std::path::Path, swap: impl FnOnce(FdLink) -> Result<T, ()>) -> bool {
    let Ok(pinned) = PinnedLink::from_pin(path) else {
        remove_foreign(path);
        return false;
    };
    if swap(FdLink::from(pinned)).is_ok() {
        return true;
    }
    // The link outlived its device, or belongs to something else.
    let _ = std::fs::remove_file(path);
    false
}

/// Pins a link so that it outlives the process; without a pin directory it ends with the process.
fn pin_or_leak<L>(
    link: L,
    path: Option<&std::path::Path>,
    interface: &str,
    into_fd: impl FnOnce(L) -> Option<FdLink>,
) -> Result<(), DatapathError> {
    let Some(path) = path else {
        std::mem::forget(link);
        return Ok(());
    };
    let Some(link) = into_fd(link) else {
        let error = "the kernel has no BPF links for it".to_owned();
        return Err(DatapathError::Attach { interface: interface.to_owned(), error });
    };
    match link.pin(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(DatapathError::Pins { path: path.to_owned(), error: std::io::Error::other(error) }),
    }
}
