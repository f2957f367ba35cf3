//! Settings that change while the programs run, and the clock.

use aya_ebpf::{btf_maps::Array, helpers::generated::bpf_ktime_get_coarse_ns, macros::btf_map};
use relay_guard_common::{flow::Budgets, respond::response::Rate, settings::Settings};

/// Written by userspace, whole. 72 bytes.
#[btf_map]
static SETTINGS: Array<Settings, 1> = Array::new();

/// Nothing is judged or asked.
const NOTHING: Settings = Settings {
    enforce: 0,
    verdicts: 0,
    prefixes: 0,
    destinations: 0,
    window_ns: 0,
    ask: 0,
    inspect: 0,
    asks: Rate { interval_us: 0, tolerance_us: 0 },
    heartbeat_ns: 0,
    budgets: Budgets { turn: 0, client: 0, server: 0, reserved: 0 },
};

/// The settings in force.
#[inline(always)]
pub(crate) fn get() -> Settings {
    match SETTINGS.get(0) {
        Some(settings) => *settings,
        None => NOTHING,
    }
}

/// The settings in force, where they lie.
#[inline(always)]
pub(crate) fn entry() -> Option<&'static Settings> {
    SETTINGS.get(0)
}

/// Now, nanoseconds of `CLOCK_MONOTONIC` at tick resolution: a load, where the exact clock costs 30 ns.
#[inline(always)]
pub(crate) fn now_ns() -> u64 {
    // SAFETY: a helper without arguments; allowed in XDP and tc programs since Linux 5.11.
    unsafe { bpf_ktime_get_coarse_ns() }
}
