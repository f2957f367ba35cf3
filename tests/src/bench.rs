//! What the benchmarks share: the same random lists in each run, and figures that a busy machine spoils little.
//!
//! Unlike the rest of this crate, this and the benchmarks know the library: they measure its parts.

pub mod feeder;
pub mod lists;
pub mod outcome;
pub mod random;
pub mod times;
pub mod wire;

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::maps::{Map, MapError};
use aya::programs::Xdp;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

pub use random::Random;
pub use times::Times;

/// Keeps this thread, and those that it starts, on the last CPU that there is: interrupts come mostly to the first.
///
/// # Errors
/// If the kernel refuses.
pub fn stay_on_one_cpu() -> Result<()> {
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|&cpu| allowed.is_set(cpu)).context("no CPU to run on")?;
    let mut one = CpuSet::new();
    one.set(last);
    Ok(sched_setaffinity(None, &one)?)
}

/// An XDP program of a benchmark's object.
///
/// # Errors
/// If there is none of this name.
pub fn xdp<'a>(object: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program = object.program_mut(name).with_context(|| format!("no program {name}"))?;
    Ok(program.try_into()?)
}

/// A map of a benchmark's object.
///
/// # Errors
/// If there is none of this name and type.
pub fn take<M: TryFrom<Map, Error = MapError>>(object: &mut Ebpf, name: &str) -> Result<M> {
    Ok(object.take_map(name).with_context(|| format!("no map {name}"))?.try_into()?)
}
