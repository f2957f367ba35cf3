//! The kernel side as userspace sees it: programs, maps, links. The only place that knows aya.
//!
//! [`Datapath`] loads the object (with its maps pinned, so that they outlive the daemon), fills maps, publishes
//! tables, attaches to interfaces and reads what the kernel counted. It decides nothing.

mod attach;
mod captures;
mod counters;
mod error;
mod events;
mod flows;
mod handles;
mod hosts;
mod kernel_log;
mod load;
mod object;
mod pins;
mod probe;
mod requirements;
mod respond;
mod run;
mod swap;
mod verdicts;

pub use attach::{AttachMode, Attached, Device, TcMode};
pub use captures::{CaptureRecord, CaptureSource};
pub use counters::{ActionRow, CounterRow, LossRow, Tally};
pub use error::DatapathError;
pub use events::{AskSource, EnvelopeSource, EventSource, RingSource};
pub use flows::{FlowEntry, FlowTable};
pub use hosts::HostTable;
pub use load::{Adoption, LoadOptions, is_bpffs};
pub use object::{bench_object, bench_respond_object, bench_table_object, lab_object};
pub use pins::{PinnedHook, Pins};
pub use probe::{Exchange, ProbeQuestion, ProbeResult, Segment};
pub use requirements::check_requirements;
pub use run::{FrameRun, FrameRunner, TcProgram, TcSight};
pub use swap::PreparedTable;

use aya::{
    Ebpf,
    maps::{Array, ArrayOfMaps, HashMap, MapData, MapFd, PerCpuArray, lpm_trie::LpmTrie},
};
use relay_guard_common::{
    address::Address,
    class::{Class, MAX_CLASSES},
    counter::Counter,
    ports::{PortGroups, PortSet},
    probe::PROBE_IFINDEX,
    respond::{limits::Answering, response::Response, step::Steps},
    role::Side,
    settings::{Interface, Settings},
    verdict::{Steering, Verdict},
};

/// The loaded programs with their maps.
pub struct Datapath {
    programs: Ebpf,
    pins: Option<Pins>,
    adoption: Adoption,
    settings: Array<MapData, Settings>,
    ports: Array<MapData, PortSet>,
    port_groups: Array<MapData, PortGroups>,
    interfaces: HashMap<MapData, u32, Interface>,
    classes: Array<MapData, Class>,
    tables: ArrayOfMaps<MapData, MapFd>,
    verdicts: HashMap<MapData, Address, Verdict>,
    prefixes: LpmTrie<MapData, Address, Steering>,
    counters: PerCpuArray<MapData, Counter>,
    class_counters: PerCpuArray<MapData, Counter>,
    losses: PerCpuArray<MapData, u64>,
    action_counters: PerCpuArray<MapData, Counter>,
    steps: PerCpuArray<MapData, Steps>,
    responses: Array<MapData, Response>,
    answering: Array<MapData, Answering>,
    own_addresses: HashMap<MapData, Address, u8>,
    hosts: HostTable,
}

impl std::fmt::Debug for Datapath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datapath")
            .field("pins", &self.pins)
            .field("adoption", &self.adoption)
            .finish_non_exhaustive()
    }
}

impl Datapath {
    /// Whether maps of an earlier daemon were taken over.
    #[must_use]
    pub const fn adoption(&self) -> Adoption {
        self.adoption
    }

    /// Writes the settings.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_settings(&mut self, settings: Settings) -> Result<(), DatapathError> {
        self.settings.set(0, settings, 0).map_err(DatapathError::map("write settings"))
    }

    /// Nobody is asked about, until [`set_settings`](Self::set_settings) says otherwise.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn ask_nobody(&mut self) -> Result<(), DatapathError> {
        let settings = self.settings.get(&0, 0).map_err(DatapathError::map("read settings"))?;
        if settings.ask == 0 {
            return Ok(());
        }
        self.set_settings(Settings { ask: 0, ..settings })
    }

    /// Nobody is asked about and nothing is looked into, until [`set_settings`](Self::set_settings) says otherwise: nobody reads
    /// it.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn tell_nobody(&mut self) -> Result<(), DatapathError> {
        let settings = self.settings.get(&0, 0).map_err(DatapathError::map("read settings"))?;
        self.set_settings(Settings { ask: 0, inspect: 0, ..settings })
    }

    /// Writes which ports are guarded and watched.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError> {
        self.ports.set(0, ports, 0).map_err(DatapathError::map("write ports"))
    }

    /// Which ports are guarded and watched.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn ports(&self) -> Result<PortSet, DatapathError> {
        self.ports.get(&0, 0).map_err(DatapathError::map("read ports"))
    }

    /// Writes which group of each class's rules holds at which port.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError> {
        self.port_groups.set(0, groups, 0).map_err(DatapathError::map("write port groups"))
    }

    /// Which group of each class's rules holds at which port.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn port_groups(&self) -> Result<PortGroups, DatapathError> {
        self.port_groups.get(&0, 0).map_err(DatapathError::map("read port groups"))
    }

    /// Writes which interfaces (by ifindex) are on which side; all others are forgotten. The loopback entry
    /// through which [`probe`](Self::probe) asks is kept beside them.
    ///
    /// # Errors
    /// If the kernel refuses a write.
    pub fn set_interfaces(&mut self, sides: &[(u32, Side)]) -> Result<(), DatapathError> {
        let probe = (PROBE_IFINDEX, Interface { side: 0, probe: 1, reserved: [0; 2] });
        let entries = sides
            .iter()
            .map(|&(ifindex, side)| (ifindex, Interface { side: side as u8, probe: 0, reserved: [0; 2] }));
        let wanted: Vec<_> = entries.chain([probe]).collect();
        for (ifindex, entry) in &wanted {
            self.interfaces.insert(ifindex, entry, 0).map_err(DatapathError::map("write interfaces"))?;
        }
        let known: Vec<u32> = self.interfaces.keys().filter_map(Result::ok).collect();
        for ifindex in known.iter().filter(|ifindex| wanted.iter().all(|(kept, _)| kept != *ifindex)) {
            self.interfaces.remove(ifindex).map_err(DatapathError::map("forget an interface"))?;
        }
        Ok(())
    }

    /// Writes what a class means.
    ///
    /// # Errors
    /// If the kernel refuses the write.
    pub fn set_class(&mut self, class: u32, meaning: Class) -> Result<(), DatapathError> {
        self.classes.set(class, meaning, 0).map_err(DatapathError::map("write a class"))
    }

    /// Classes with a meaning, by number: those of the live table, and of an earlier one that was not tidied up.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn classes(&self) -> Result<Vec<(u32, Class)>, DatapathError> {
        let mut used = Vec::new();
        for class in 1..MAX_CLASSES {
            let meaning = self.classes.get(&class, 0).map_err(DatapathError::map("read classes"))?;
            if meaning != Class::default() {
                used.push((class, meaning));
            }
        }
        Ok(used)
    }
}
