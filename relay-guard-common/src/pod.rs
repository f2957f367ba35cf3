//! `Pod` for userspace: types that aya may copy in and out of maps byte by byte.
#![expect(
    unsafe_code,
    reason = "aya's Pod is an unsafe trait; the promise is made here, once, for all types"
)]

use crate::{
    address::Address,
    ask::Ask,
    class::Class,
    counter::Counter,
    event::{Event, EventBudget},
    flow::{FlowKey, capture::CaptureHeader, state::FlowRecord},
    host::HostRecord,
    ports::{PortGroups, PortSet},
    respond::{envelope::EnvelopeLine, limits::Answering, response::Response},
    settings::{Interface, Settings},
    table::Cell,
    verdict::{Steering, Verdict},
};

macro_rules! pod {
    ($($type:ty),* $(,)?) => {
        $(
            // SAFETY: repr(C) of integers and arrays of them only; the layout assertion beside the type proves
            // that there is no padding, and every bit pattern is a value.
            unsafe impl aya::Pod for $type {}
        )*
    };
}

pod!(
    Address,
    Answering,
    Ask,
    CaptureHeader,
    Cell,
    Class,
    Counter,
    EnvelopeLine,
    Event,
    EventBudget,
    FlowKey,
    FlowRecord,
    HostRecord,
    Interface,
    PortGroups,
    PortSet,
    Response,
    Settings,
    Steering,
    Verdict
);
