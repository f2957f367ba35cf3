//! Loading the object: fresh, or onto the pinned maps of an earlier daemon.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use aya::{
    Ebpf, EbpfLoader, VerifierLogLevel,
    maps::{Array, Map, MapData, MapError, MapInfo, MapType},
    programs::{Program, ProgramError, SchedClassifier, Xdp},
};
use relay_guard_common::{ABI_VERSION, flow::capture::CAPTURE_RING_BYTES, table::header};

use super::{Datapath, DatapathError, HostTable, Pins, handles::Handle, object};

/// What the programs are loaded with; fixed until the next load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Where programs, maps and links are pinned; `None`: nowhere, they end with the process.
    pub pin_dir: Option<PathBuf>,
    /// Entries of `HOSTS`.
    pub inside_hosts: u32,
    /// Entries of `VERDICTS`: the administrator's, containments, and the sources that DNSBLs were asked about.
    pub verdicts: u32,
    /// Entries of `PREFIXES`.
    pub prefix_verdicts: u32,
    /// Entries of `FLOWS`: connections that are looked into at once.
    pub flows: u32,
    /// Bytes of the ring `CAPTURES`, a power of two and at least a page.
    pub capture_bytes: u32,
    /// Events per second and CPU.
    pub events_per_second: u64,
    /// Lines of refused senders' envelopes per second and CPU.
    pub envelopes_per_second: u64,
    /// Whether the programs log.
    pub log: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            pin_dir: None,
            inside_hosts: 16_384,
            verdicts: 65_536,
            prefix_verdicts: 4_096,
            flows: 65_536,
            capture_bytes: CAPTURE_RING_BYTES as u32,
            events_per_second: 1_000,
            envelopes_per_second: 300,
            log: false,
        }
    }
}

/// What became of an earlier daemon's maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// There were none.
    Fresh,
    /// They were taken over with what they hold.
    Adopted,
    /// Their layout was another: they are replaced once the new ones are filled.
    Replaced,
}

/// XDP on ingress.
pub(super) const XDP: &str = "guard_xdp";
/// tc programs by hook and link layer.
pub(super) const INGRESS: &str = "guard_ingress";
pub(super) const INGRESS_L3: &str = "guard_ingress_l3";
pub(super) const EGRESS: &str = "guard_egress";
pub(super) const EGRESS_L3: &str = "guard_egress_l3";

const TC_PROGRAMS: [&str; 4] = [INGRESS, INGRESS_L3, EGRESS, EGRESS_L3];

/// Maps that outlive the daemon. The other ones (constants, log ring) belong to one load.
const PINNED_MAPS: [&str; 30] = [
    "SETTINGS",
    "PORTS",
    "PORT_GROUPS",
    "INTERFACES",
    "CLASSES",
    "TABLES",
    "VERDICTS",
    "PREFIXES",
    "COUNTERS",
    "CLASS_COUNTERS",
    "LOSSES",
    "HOSTS",
    "ATTEMPTS",
    "EVENTS",
    "EVENT_BUDGET",
    "RESPONSES",
    "ANSWERING",
    "OWN_ADDRESSES",
    "STEPS",
    "CAPS",
    "LIMITS",
    "ACTION_COUNTERS",
    "ENVELOPES",
    "ENVELOPE_BUDGET",
    "ASKS",
    "ASKED",
    "ASK_KEY",
    "OPENINGS",
    "FLOWS",
    "CAPTURES",
];

impl Datapath {
    /// Loads the programs. Nothing is attached, and nothing that runs is changed.
    ///
    /// # Errors
    /// If pins are broken, or the kernel refuses a map or a program. Where nothing was pinned before, nothing is then.
    pub fn load(options: &LoadOptions) -> Result<Self, DatapathError> {
        let pins = match &options.pin_dir {
            Some(pin_dir) => Some(Pins::open(pin_dir, &layout(options)?)?),
            None => None,
        };
        let unpin = pins.clone().filter(|pins| pins.adoption() == Adoption::Fresh);
        let loaded = Self::load_onto(pins, options);
        if let (Err(_), Some(pins)) = (&loaded, unpin) {
            // The error that is told is the one that came first.
            let _ = pins.detach_all();
        }
        loaded
    }

    fn load_onto(pins: Option<Pins>, options: &LoadOptions) -> Result<Self, DatapathError> {
        let mut loader = EbpfLoader::new();
        loader
            .verifier_log_level(VerifierLogLevel::DEBUG | VerifierLogLevel::STATS)
            .map_max_entries("HOSTS", options.inside_hosts)
            .map_max_entries("VERDICTS", options.verdicts)
            .map_max_entries("PREFIXES", options.prefix_verdicts)
            .map_max_entries("FLOWS", options.flows)
            .map_max_entries("CAPTURES", options.capture_bytes);
        let log = u8::from(options.log);
        loader.override_global("LOG", &log, true);
        loader.override_global("EVENTS_PER_SECOND", &options.events_per_second, true);
        loader.override_global("ENVELOPES_PER_SECOND", &options.envelopes_per_second, true);
        let adoption = pins.as_ref().map_or(Adoption::Fresh, Pins::adoption);
        if let Some(pins) = &pins {
            if adoption == Adoption::Adopted {
                check_pinned(pins, options)?;
            }
            for map in PINNED_MAPS {
                loader.map_pin_path(map, pins.map(map));
            }
        }
        let mut programs = loader.load(object::bytes()).map_err(|error| DatapathError::load(&error))?;
        load_programs(&mut programs)?;
        make_ask_key(&mut programs)?;
        if let Some(pins) = &pins {
            pins.pin_programs(&mut programs)?;
        }
        Self::from_programs(programs, pins, adoption)
    }

    fn from_programs(
        mut programs: Ebpf,
        pins: Option<Pins>,
        adoption: Adoption,
    ) -> Result<Self, DatapathError> {
        Ok(Self {
            settings: take(&mut programs, "SETTINGS")?,
            ports: take(&mut programs, "PORTS")?,
            port_groups: take(&mut programs, "PORT_GROUPS")?,
            interfaces: take(&mut programs, "INTERFACES")?,
            classes: take(&mut programs, "CLASSES")?,
            tables: take(&mut programs, "TABLES")?,
            verdicts: take(&mut programs, "VERDICTS")?,
            prefixes: take(&mut programs, "PREFIXES")?,
            counters: take(&mut programs, "COUNTERS")?,
            class_counters: take(&mut programs, "CLASS_COUNTERS")?,
            losses: take(&mut programs, "LOSSES")?,
            action_counters: take(&mut programs, "ACTION_COUNTERS")?,
            steps: take(&mut programs, "STEPS")?,
            responses: take(&mut programs, "RESPONSES")?,
            answering: take(&mut programs, "ANSWERING")?,
            own_addresses: take(&mut programs, "OWN_ADDRESSES")?,
            hosts: HostTable(Handle::new(programs.take_map("HOSTS"), "HOSTS")?),
            programs,
            pins,
            adoption,
        })
    }

    /// Removes what an earlier daemon with another map layout left pinned. To be called once the new programs run
    /// on every interface.
    pub fn remove_replaced_maps(&self) {
        if let Some(pins) = &self.pins {
            pins.remove_other_layouts();
        }
    }

    /// The XDP program.
    pub(super) fn xdp(&mut self) -> Result<&mut Xdp, DatapathError> {
        program(&mut self.programs, XDP)
    }

    /// A tc program.
    pub(super) fn tc(&mut self, name: &'static str) -> Result<&mut SchedClassifier, DatapathError> {
        program(&mut self.programs, name)
    }

    /// Where things are pinned, if they are.
    #[must_use]
    pub const fn pins(&self) -> Option<&Pins> {
        self.pins.as_ref()
    }

    /// The programs themselves, for taking further maps.
    pub(super) const fn programs(&mut self) -> &mut Ebpf {
        &mut self.programs
    }
}

fn load_programs(programs: &mut Ebpf) -> Result<(), DatapathError> {
    let refused = |name| move |error: ProgramError| DatapathError::program(name, &error);
    program::<Xdp>(programs, XDP)?.load().map_err(refused(XDP))?;
    for name in TC_PROGRAMS {
        program::<SchedClassifier>(programs, name)?.load().map_err(refused(name))?;
    }
    Ok(())
}

/// Makes the key that chooses the places of marks, unless an earlier daemon made it. Takes its map out of `programs`, which
/// are to be loaded by then.
fn make_ask_key(programs: &mut Ebpf) -> Result<(), DatapathError> {
    const NONE: [u64; 2] = [0; 2];
    let failed = DatapathError::map("write the key of marks");
    let mut map: Array<MapData, [u64; 2]> = take(programs, "ASK_KEY")?;
    if map.get(&0, 0).map_err(&failed)? != NONE {
        return Ok(());
    }
    let mut octets = [[0; 8]; 2];
    let filled = rustix::rand::getrandom(octets.as_flattened_mut(), rustix::rand::GetRandomFlags::empty());
    filled.map_err(|error| DatapathError::Map { what: "make the key of marks", error: error.to_string() })?;
    map.set(0, octets.map(u64::from_ne_bytes), 0).map_err(failed)
}

fn program<'a, P>(programs: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, DatapathError>
where
    &'a mut P: TryFrom<&'a mut Program>,
{
    programs.program_mut(name).and_then(|program| program.try_into().ok()).ok_or(DatapathError::Missing(name))
}

pub(super) fn take<M>(programs: &mut Ebpf, name: &'static str) -> Result<M, DatapathError>
where
    M: TryFrom<Map, Error = MapError>,
{
    let map = programs.take_map(name).ok_or(DatapathError::Missing(name))?;
    M::try_from(map).map_err(DatapathError::map(name))
}

/// Makes sure that what is pinned as a map is that map: the kernel would say of another one only that it refuses the
/// programs. What is missing is made anew.
fn check_pinned(pins: &Pins, options: &LoadOptions) -> Result<(), DatapathError> {
    let object =
        aya_obj::Object::parse(object::bytes()).map_err(|error| DatapathError::Load(error.to_string()))?;
    for (name, map) in PINNED_MAPS.iter().filter_map(|name| Some((*name, object.maps.get(*name)?))) {
        let path = pins.map(name);
        if !path.exists() {
            continue;
        }
        let entries = match name {
            "HOSTS" => options.inside_hosts,
            "VERDICTS" => options.verdicts,
            "PREFIXES" => options.prefix_verdicts,
            "FLOWS" => options.flows,
            "CAPTURES" => options.capture_bytes,
            _ => map.max_entries(),
        };
        let fits = |info: MapInfo| {
            // Rings are rounded to pages.
            let is_ring = info.map_type().is_ok_and(|kind| kind == MapType::RingBuf);
            info.map_type().is_ok_and(|kind| kind as u32 == map.map_type())
                && (info.key_size(), info.value_size()) == (map.key_size(), map.value_size())
                && (is_ring || info.max_entries() == entries)
        };
        if !MapInfo::from_pin(&path).is_ok_and(fits) {
            let error = std::io::Error::other("it is not the map that was pinned there");
            return Err(DatapathError::Pins { path, error });
        }
    }
    Ok(())
}

/// A name for everything that a daemon and pinned maps must agree on: the ABI's version, and type, sizes and number of
/// entries of each map.
fn layout(options: &LoadOptions) -> Result<String, DatapathError> {
    let object =
        aya_obj::Object::parse(object::bytes()).map_err(|error| DatapathError::Load(error.to_string()))?;
    let mut maps: Vec<_> = PINNED_MAPS
        .iter()
        .filter_map(|&name| {
            let map = object.maps.get(name)?;
            Some((name, map.map_type(), map.key_size(), map.value_size(), map.max_entries()))
        })
        .collect();
    maps.sort_unstable();
    let mut hasher = DefaultHasher::new();
    let LoadOptions { inside_hosts, verdicts, prefix_verdicts, flows, capture_bytes, .. } = options;
    let sizes = [inside_hosts, verdicts, prefix_verdicts, flows, capture_bytes];
    (ABI_VERSION, header::MAGIC, maps, sizes).hash(&mut hasher);
    Ok(format!("maps-{:016x}", hasher.finish()))
}

/// Whether `path` is on a BPF file system.
#[must_use]
pub fn is_bpffs(path: &Path) -> bool {
    const BPF_FS_MAGIC: i64 = 0xcafe_4a11;
    rustix::fs::statfs(path).is_ok_and(|info| info.f_type == BPF_FS_MAGIC)
}
