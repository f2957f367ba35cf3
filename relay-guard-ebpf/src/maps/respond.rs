//! What answers say and how many there may be.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    btf_maps::{Array, HashMap, PerCpuArray},
    macros::btf_map,
};
use relay_guard_common::{
    address::Address,
    class::MAX_CLASSES,
    respond::{
        limits::{Answering, CAP_BUCKETS, LIMIT_BUCKETS},
        response::{MAX_RESPONSES, Response},
        step::Steps,
    },
};

/// Written by userspace. 960 KiB. In memory that can be mapped, so that nothing is allocated per CPU.
#[btf_map]
static RESPONSES: Array<Response, MAX_RESPONSES, { BPF_F_MMAPABLE as usize }> = Array::new();

/// Written by userspace, whole. 88 bytes.
#[btf_map]
static ANSWERING: Array<Answering, 1> = Array::new();

/// Addresses that nothing is answered to: this machine's own, and the broadcast addresses of its networks. Written by
/// userspace. At most 1024 × about 80 bytes.
#[btf_map]
static OWN_ADDRESSES: HashMap<Address, u8, 1024> = HashMap::new();

/// Written by the kernel. 320 KiB per CPU.
#[btf_map]
static STEPS: PerCpuArray<Steps, { MAX_CLASSES as usize }> = PerCpuArray::new();

/// Written by the kernel. 128 KiB.
#[btf_map]
static CAPS: Array<u64, CAP_BUCKETS> = Array::new();

/// Written by the kernel. 512 KiB.
#[btf_map]
static LIMITS: Array<u64, LIMIT_BUCKETS> = Array::new();
