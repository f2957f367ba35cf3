//! Maps, each private beside its accessors. Who writes an entry, and the memory ceiling, stand with the map.

pub(crate) mod cookies;
pub(crate) mod counters;
pub(crate) mod envelopes;
pub(crate) mod events;
pub(crate) mod hosts;
pub(crate) mod interfaces;
pub(crate) mod policy;
pub(crate) mod ports;
pub(crate) mod respond;
pub(crate) mod settings;
pub(crate) mod table;
