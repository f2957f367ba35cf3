//! Maps of the kernel that take no more writes of programs outside of it.

#![expect(unsafe_code, reason = "bpf(2) has no safe wrapper for this")]

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use aya::maps::MapData;

/// `BPF_MAP_FREEZE` of `linux/bpf.h`.
const MAP_FREEZE: libc::c_int = 22;

/// Has the kernel refuse writes to a pinned map from now on, for good (Linux 5.2).
///
/// # Errors
/// When nothing is pinned there, or the kernel refuses.
pub fn freeze(pin: &Path) -> Result<()> {
    let map = MapData::from_pin(pin).with_context(|| format!("no map at {}", pin.display()))?;
    // `union bpf_attr` begins with `map_fd` here; the kernel takes what is not given for zero.
    let attributes: libc::c_int = map.fd().as_fd().as_raw_fd();
    // SAFETY: the attributes live as long as the call, and their size is given; the kernel only reads them.
    let result =
        unsafe { libc::syscall(libc::SYS_bpf, MAP_FREEZE, &raw const attributes, size_of_val(&attributes)) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error()).context("the kernel refuses to freeze it")
    }
}
