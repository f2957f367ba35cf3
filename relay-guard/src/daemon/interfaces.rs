//! The configured interfaces: which are there, what is attached to them.

use std::collections::{BTreeMap, BTreeSet};

use relay_guard_common::role::Side;

use crate::{
    config::Interfaces,
    datapath::{AttachMode, Attached, Datapath, DatapathError, Device},
};

/// One configured interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// Its side.
    pub side: Side,
    /// The device and what is attached, if it is there and something is.
    pub attached: Option<(Device, Attached)>,
    /// Why nothing is attached, if it is there.
    pub error: Option<String>,
}

/// All configured interfaces by name.
#[derive(Debug, Default)]
pub struct InterfaceSet {
    interfaces: BTreeMap<String, InterfaceState>,
}

impl InterfaceSet {
    /// The interfaces of a configuration; those that stay keep their state.
    #[must_use]
    pub fn of(config: &Interfaces, before: &Self) -> Self {
        let outside = config.outside.iter().map(|name| (name, Side::Outside));
        let inside = config.inside.iter().map(|name| (name, Side::Inside));
        let state = |name: &String, side| {
            let known = before.interfaces.get(name).filter(|state| state.side == side).cloned();
            known.unwrap_or(InterfaceState { side, attached: None, error: None })
        };
        Self {
            interfaces: outside.chain(inside).map(|(name, side)| (name.clone(), state(name, side))).collect(),
        }
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &InterfaceState)> {
        self.interfaces.iter().map(|(name, state)| (name.as_str(), state))
    }

    /// Brings the kernel in line with the devices that are there: attaches to those that came (or came back),
    /// forgets those that went.
    ///
    /// # Errors
    /// If the kernel's interface map cannot be written. An interface that cannot be attached is no error here: it is
    /// noted, logged once, and tried again.
    pub fn reconcile(&mut self, devices: &[Device], datapath: &mut Datapath) -> Result<(), DatapathError> {
        let present: Vec<(u32, Side)> = self
            .interfaces
            .iter()
            .filter_map(|(name, state)| Some((find(devices, name)?.ifindex, state.side)))
            .collect();
        // Sides first: an attached program without them would pass everything.
        datapath.set_interfaces(&present)?;
        for (name, state) in &mut self.interfaces {
            state.reconcile(name, find(devices, name), datapath);
        }
        let kept: Vec<u32> = present.iter().map(|(ifindex, _)| *ifindex).collect();
        for ifindex in datapath.stale_ifindexes(&kept) {
            datapath.detach(ifindex);
        }
        Ok(())
    }

    /// The first interface that is there and could not be attached.
    #[must_use]
    pub fn first_error(&self) -> Option<&str> {
        self.interfaces.values().find_map(|state| state.error.as_deref())
    }

    /// Those that answers may not leave, as warnings. `one_way` are the indices of links whose far end takes nothing from XDP
    /// programs; what tc and XDP in the stack send goes the ordinary way.
    #[must_use]
    pub fn unheard(&self, one_way: &BTreeSet<u32>) -> Vec<String> {
        let unheard = self.iter().filter(|(_, state)| {
            state.attached.as_ref().is_some_and(|(device, attached)| {
                attached.mode == AttachMode::Native && one_way.contains(&device.ifindex)
            })
        });
        unheard
            .map(|(name, _)| {
                format!(
                    "{name}: a veth, so answers get lost unless an XDP program is attached to its far end: attach one \
                     there, or expect senders to be dropped only"
                )
            })
            .collect()
    }

    /// Name and side of an interface by its index.
    #[must_use]
    pub fn name_of(&self, ifindex: u32) -> Option<&str> {
        self.iter().find_map(|(name, state)| (state.attached.as_ref()?.0.ifindex == ifindex).then_some(name))
    }
}

impl InterfaceState {
    fn reconcile(&mut self, name: &str, device: Option<&Device>, datapath: &mut Datapath) {
        let known = self.attached.as_ref().map(|(device, _)| device);
        if known == device && (device.is_some() || self.error.is_none()) {
            return;
        }
        if let Some((gone, _)) = self.attached.take() {
            tracing::warn!(interface = name, "interface is gone; it is attached again when it comes back");
            datapath.detach(gone.ifindex);
        }
        let Some(device) = device else {
            self.error = None;
            return;
        };
        match datapath.attach(device) {
            Ok(attached) => {
                tracing::info!(
                    interface = name,
                    side = self.side.name(),
                    mode = attached.mode.name(),
                    "attached"
                );
                if let Some(why) = &attached.why {
                    tracing::warn!(interface = name, mode = attached.mode.name(), "not native XDP: {why}");
                }
                self.attached = Some((device.clone(), attached));
                self.error = None;
            }
            Err(error) => {
                let error = error.to_string();
                if self.error.as_ref() != Some(&error) {
                    tracing::error!(interface = name, "{error}");
                }
                self.error = Some(error);
            }
        }
    }
}

fn find<'d>(devices: &'d [Device], name: &str) -> Option<&'d Device> {
    devices.iter().find(|device| device.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datapath::TcMode;

    #[test]
    fn answers_get_lost_on_one_way_links_in_native_mode_alone() {
        let interface = |ifindex, mode| {
            let device = Device { name: format!("eth{ifindex}"), ifindex, ethernet: true };
            let attached = Some((device, Attached { mode, tc: TcMode::Tcx, why: None }));
            (format!("eth{ifindex}"), InterfaceState { side: Side::Outside, attached, error: None })
        };
        let absent = InterfaceState { side: Side::Inside, attached: None, error: None };
        let interfaces = [
            interface(1, AttachMode::Native),
            interface(2, AttachMode::Native),
            interface(3, AttachMode::Generic),
            interface(4, AttachMode::Tc),
            ("eth5".to_owned(), absent),
        ];
        let set = InterfaceSet { interfaces: interfaces.into() };
        let warnings = set.unheard(&BTreeSet::from([2, 3, 4, 5]));
        assert!(warnings.len() == 1 && warnings[0].starts_with("eth2: a veth"), "{warnings:?}");
    }
}
