//! Incoming packets: XDP in the driver, XDP in the stack, or tc.

use aya::programs::{XdpMode, tc::TcAttachType, xdp::XdpLink};

use super::{
    AttachMode, Device,
    link::{adopt, hook_of, pin_or_leak},
};
use crate::datapath::{Datapath, DatapathError, load};

impl Datapath {
    pub(super) fn attach_ingress(
        &mut self,
        device: &Device,
    ) -> Result<(AttachMode, Option<String>), DatapathError> {
        let mut why = Vec::new();
        for mode in [AttachMode::Native, AttachMode::Generic, AttachMode::Tc] {
            if mode != AttachMode::Tc && !device.ethernet {
                why.push("no Ethernet header".to_owned());
                continue;
            }
            match self.attach_ingress_as(device, mode) {
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

    fn attach_ingress_as(&mut self, device: &Device, mode: AttachMode) -> Result<(), DatapathError> {
        let xdp_mode = match mode {
            AttachMode::Native => XdpMode::Driver,
            AttachMode::Generic => XdpMode::Skb,
            AttachMode::Tc => {
                let program = if device.ethernet { load::INGRESS } else { load::INGRESS_L3 };
                return self.attach_tc(device, program, TcAttachType::Ingress).map(|_| ());
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
        pin_or_leak(link, path.as_deref(), &device.name, |link: XdpLink| link.try_into().ok())
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
}
