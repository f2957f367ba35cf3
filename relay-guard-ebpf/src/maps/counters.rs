//! Counters per CPU: by reason, direction and effect; by class; and of what was lost.

use core::hint::black_box;

use aya_ebpf::{btf_maps::PerCpuArray, macros::btf_map};
use relay_guard_common::{
    action::Action,
    class::{CLEAN, MAX_CLASSES},
    counter::{
        ACTION_COUNTERS as ACTION_COUNTER_COUNT, COUNTERS as COUNTER_COUNT, Counter, Effect, Loss,
        action_index, counter_index,
    },
    reason::Reason,
    respond::step::{Step, Steps},
    role::Direction,
};

/// Written by the kernel. 171 entries of 16 bytes per CPU.
#[btf_map]
static COUNTERS: PerCpuArray<Counter, COUNTER_COUNT> = PerCpuArray::new();

/// Written by the kernel; cleared by userspace when a class changes its meaning. 64 KiB per CPU,
/// and 32 KiB.
#[btf_map]
static CLASS_COUNTERS: PerCpuArray<Counter, { MAX_CLASSES as usize }> = PerCpuArray::new();

/// Written by the kernel. 8 bytes per loss and CPU.
#[btf_map]
static LOSSES: PerCpuArray<u64, { Loss::ALL.len() }> = PerCpuArray::new();

/// Counts a frame of `len` bytes.
#[inline(always)]
pub(crate) fn count(reason: Reason, direction: Direction, effect: Effect, len: u64) {
    add(COUNTERS.get_ptr_mut(counter_index(reason, direction, effect)), len);
}

/// Written by the kernel. 63 entries of 16 bytes per CPU.
#[btf_map]
static ACTION_COUNTERS: PerCpuArray<Counter, ACTION_COUNTER_COUNT> = PerCpuArray::new();

/// Counts a frame for which policy wanted something.
#[inline(always)]
pub(crate) fn count_action(action: Action, direction: Direction, effect: Effect, len: u64) {
    add(ACTION_COUNTERS.get_ptr_mut(action_index(action, direction, effect)), len);
}

/// Counts a frame that a class decided.
#[inline(always)]
pub(crate) fn count_class(class: u32, len: u64) {
    if class != CLEAN {
        add(CLASS_COUNTERS.get_ptr_mut(class), len);
    }
}

/// Written by the kernel; cleared by userspace when a class changes its meaning. 320 KiB per CPU.
#[btf_map]
static STEPS: PerCpuArray<Steps, { MAX_CLASSES as usize }> = PerCpuArray::new();

/// Counts a step of answering for the class that decided; [`CLEAN`] if none did.
#[inline(always)]
pub(crate) fn count_step(class: u32, step: Step) {
    let Some(steps) = STEPS.get_ptr_mut(class) else { return };
    // SAFETY: a pointer to this CPU's own entry, which nobody else writes; see `lose`.
    let steps = unsafe { &mut *steps };
    // What the compiler knows of a step's number the verifier does not.
    if let Some(count) = steps.get_mut(black_box(step as usize)) {
        *count += 1;
    }
}

/// Counts something that userspace will not get.
#[inline(always)]
pub(crate) fn lose(loss: Loss) {
    if let Some(count) = LOSSES.get_ptr_mut(loss as u32) {
        // SAFETY: a pointer to this CPU's own entry; programs of one CPU do not run at the same time on it but
        // for tc interrupting nothing of XDP: both run in softirq, one after the other.
        unsafe { *count += 1 };
    }
}

#[inline(always)]
fn add(counter: Option<*mut Counter>, len: u64) {
    if let Some(counter) = counter {
        // SAFETY: a pointer to this CPU's own entry, as above; nobody else writes it.
        let counter = unsafe { &mut *counter };
        counter.packets += 1;
        counter.bytes += len;
    }
}
