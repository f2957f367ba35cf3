//! tc programs: TCX links where the kernel has them, else filters of the clsact qdisc.

use aya::programs::{
    LinkOrder, ProgramError,
    tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcAttachType, TcHandle},
};

use super::{
    Device, TcMode,
    link::{adopt, hook_of, pin_or_leak},
};
use crate::datapath::{Datapath, DatapathError};

/// Priority and handle of our clsact filters: fixed, so that a later daemon finds and replaces them.
const CLSACT_PRIORITY: u16 = 25;
const CLSACT_HANDLE: TcHandle = TcHandle::new(0, 0x19);

impl Datapath {
    pub(super) fn attach_tc(
        &mut self,
        device: &Device,
        program: &'static str,
        direction: TcAttachType,
    ) -> Result<TcMode, DatapathError> {
        let mut last = None;
        for mode in [TcMode::Tcx, TcMode::Clsact] {
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
        pin_or_leak(link, path.as_deref(), &device.name, |link: SchedClassifierLink| link.try_into().ok())
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
        let failed = |error: &ProgramError| DatapathError::attach(&device.name, error);
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

const fn direction_name(direction: TcAttachType) -> &'static str {
    match direction {
        TcAttachType::Ingress => "ingress",
        TcAttachType::Egress | TcAttachType::Custom(_) => "egress",
    }
}
