//! Links that outlive the process.

use std::path::Path;

use aya::programs::links::{FdLink, PinnedLink};

use super::Device;
use crate::datapath::{
    DatapathError,
    pins::{PinnedHook, remove_foreign},
};

/// The pin of an attachment.
pub(super) fn hook_of(device: &Device, hook: &str, mode: &str) -> PinnedHook {
    PinnedHook {
        interface: device.name.clone(),
        ifindex: device.ifindex,
        hook: hook.to_owned(),
        mode: mode.to_owned(),
    }
}

/// Swaps the program of a pinned link in place; `false` if there is no such link that lives, and no pin any more.
pub(super) fn adopt<T>(path: &Path, swap: impl FnOnce(FdLink) -> Result<T, ()>) -> bool {
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
pub(super) fn pin_or_leak<L>(
    link: L,
    path: Option<&Path>,
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
