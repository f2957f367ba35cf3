//! Log lines from the kernel (aya-log), behind a load-time switch.
//!
//! The switch is a read-only global: when it is off, the verifier sees a constant and throws the code away.

use aya_ebpf::Global;
use relay_guard_common::{decide::Decision, parse::Segment};

/// 1 turns log lines on. Set at load.
#[unsafe(no_mangle)]
static LOG: Global<u8> = Global::new(0);

/// A context-free stand-in: aya-log wants a context to derive its ring from, and uses nothing of it.
struct NoContext;

impl aya_ebpf::EbpfContext for NoContext {
    fn as_ptr(&self) -> *mut core::ffi::c_void {
        core::ptr::null_mut()
    }
}

/// Says what was decided for a connection attempt.
#[inline(always)]
pub(crate) fn decided(segment: &Segment, decision: &Decision, ifindex: u32) {
    if LOG.load() != 0 {
        line(segment, decision, ifindex);
    }
}

#[inline(never)]
fn line(segment: &Segment, decision: &Decision, ifindex: u32) {
    let source = core::net::Ipv6Addr::from(segment.source.octets());
    aya_log_ebpf::info!(
        NoContext,
        "ifindex {} source {:i} port {} action {} reason {} class {}",
        ifindex,
        source,
        segment.destination_port,
        decision.action as u8,
        decision.reason as u8,
        decision.class
    );
}
