//! Leaving and entering namespaces: with freezing maps (`frozen`), the only unsafe code beside the tests.
//!
//! Everything here acts on the calling *thread*, never on the process, and knows nothing of what a namespace is
//! used for.
#![expect(unsafe_code, reason = "unshare(2) and CommandExt::pre_exec are unsafe by their nature")]

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::Arc;

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// What a thread or child process enters: a network namespace, and a mount namespace where there is one.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) net: Arc<OwnedFd>,
    pub(super) mount: Option<Arc<OwnedFd>>,
}

/// Gives the calling thread a network namespace of its own, and with `mounts` a mount namespace too.
pub(super) fn leave(mounts: bool) -> io::Result<()> {
    let flags = if mounts {
        // A mount namespace can only be left by a thread that shares its root and working directory with nobody.
        UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::FS
    } else {
        UnshareFlags::NEWNET
    };
    // SAFETY: unshare_unsafe is unsafe only because of CLONE_FILES (descriptors that other threads do not see);
    // neither set of flags above contains it.
    unsafe { unshare_unsafe(flags) }?;
    Ok(())
}

/// Moves the calling thread into `target`. Meant for a thread made for it: there is no way back.
pub(super) fn enter_thread(target: &Target) -> io::Result<()> {
    if target.mount.is_some() {
        // SAFETY: as in `leave`: CLONE_FS alone, no CLONE_FILES. This thread only stops sharing its root and
        // working directory, which setns(2) demands before it changes the mount namespace.
        unsafe { unshare_unsafe(UnshareFlags::FS) }?;
    }
    set_namespaces(target)
}

/// Makes `command` enter `target` between fork and exec, and die (SIGKILL) with the thread that spawned it.
pub(super) fn enter_on_exec(command: &mut Command, target: Target) {
    let parent = getpid();
    let before_exec = move || {
        set_namespaces(&target)?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above took effect; then nobody would send the signal.
        if getppid() == Some(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(ESRCH)) }
    };
    // SAFETY: the closure runs in the forked child of a process with many threads, so it must only do what is
    // async-signal-safe. It makes four system calls (setns twice, prctl, getppid) through rustix's linux_raw backend,
    // allocates nothing, takes no lock (the Arcs are only dereferenced), and its errors are plain numbers.
    unsafe { command.pre_exec(before_exec) };
}

/// ESRCH, "no such process".
const ESRCH: i32 = 3;

fn set_namespaces(target: &Target) -> io::Result<()> {
    if let Some(mount) = &target.mount {
        move_into_link_name_space(mount.as_fd(), Some(LinkNameSpaceType::Mount))?;
    }
    move_into_link_name_space(target.net.as_fd(), Some(LinkNameSpaceType::Network))?;
    Ok(())
}
