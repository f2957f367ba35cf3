//! How many sockets there may be: each try has one of its own, with a random port.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most sockets at once; each takes some 4 KiB with its buffers. Questions beyond that wait.
pub const MAX_SOCKETS: usize = 8192;

/// Files that all else in this process may have open.
const RESERVED: u64 = 512;

/// How many sockets the process may have, after it has asked for as many as it wants. Many systems allow 1024 open files
/// at first and far more to those that ask.
pub fn limit() -> usize {
    let wanted = MAX_SOCKETS as u64 + RESERVED;
    let now = getrlimit(Resource::Nofile);
    let current = now.current.unwrap_or(u64::MAX);
    let possible = now.maximum.unwrap_or(u64::MAX).min(wanted);
    let raised = current < possible
        && setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum: now.maximum }).is_ok();
    let files = if raised { possible } else { current };
    // At least two, which is one question; at least half of what there is, if that is little.
    let sockets = files.saturating_sub(RESERVED).max(files / 2).max(2);
    usize::try_from(sockets).map_or(MAX_SOCKETS, |sockets| sockets.min(MAX_SOCKETS))
}
