//! The loaded programs in a network namespace of their own.

use relay_guard::datapath::{Datapath, LoadOptions};
use relay_guard_common::ports::PortSet;
use relay_guard_common::role::Side;
use relay_guard_common::settings::Settings;
use relay_guard_tests::namespace::Namespace;

use super::lists::Compiled;

/// Ports on which inbound SMTP is judged.
pub const GUARDED: [u16; 3] = [25, 465, 587];
/// Ports on which outbound SMTP is judged.
pub const WATCHED: [u16; 1] = [25];
/// Length of a host's counting window: no test lasts as long.
const WINDOW_NS: u64 = 3_600_000_000_000;
/// Bytes that a table may take here.
const TABLE_LIMIT: u64 = 64 << 20;

/// Where a frame is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A device on the outside.
    Outside,
    /// A device on the inside.
    Inside,
    /// A device that is on no side.
    Stray,
}

/// The programs, and devices of the namespace that the calling thread is in.
pub struct Kernel {
    pub datapath: Datapath,
    /// Indices of the devices, in the order of [`At`].
    devices: [u32; 3],
}

impl Kernel {
    /// The index of a device.
    pub fn ifindex(&self, at: At) -> u32 {
        self.devices[at as usize]
    }

    /// Carries verdicts out, or only counts what they would be.
    pub fn enforce(&mut self, enforce: bool) {
        // The numbers of entries only say whether it is worth looking.
        let (verdicts, prefixes) = (1, 1);
        let enforce = u32::from(enforce);
        let (destinations, window_ns) = (1, WINDOW_NS);
        let settings =
            Settings { enforce, verdicts, prefixes, destinations, window_ns, ..Settings::default() };
        self.datapath.set_settings(settings).expect("settings are written");
    }

    /// Makes these the lists in force.
    pub fn publish(&mut self, lists: &Compiled) {
        for &(class, meaning) in &lists.classes {
            self.datapath.set_class(class, meaning).expect("a class is written");
        }
        self.datapath.publish(&lists.plan(), TABLE_LIMIT).expect("a table is swapped in");
    }
}

/// Runs `test` on a thread in a fresh network namespace, with freshly loaded programs that enforce and know no lists. The
/// namespace has a bpffs if something is to be pinned.
pub fn with_kernel(options: &LoadOptions, test: impl FnOnce(&mut Kernel) + Send) {
    let namespace = match options.pin_dir {
        Some(_) => Namespace::with_bpffs("kernel"),
        None => Namespace::new("kernel"),
    };
    let namespace = namespace.expect("a network namespace");
    // Nothing is sent on them: they are there to be named.
    let pairs = "link add outside type veth peer name inside\nlink add stray type veth peer name other";
    namespace.ip(pairs).expect("devices");
    let devices = ["outside", "inside", "stray"].map(|name| namespace.ifindex(name).expect("a device"));
    namespace.run(|| {
        let mut datapath = Datapath::load(options).expect("the programs load");
        datapath.set_ports(&PortSet::new(&GUARDED, &WATCHED)).expect("ports are written");
        let [outside, inside, _] = devices;
        let sides = [(outside, Side::Outside), (inside, Side::Inside)];
        datapath.set_interfaces(&sides).expect("interfaces are written");
        let mut kernel = Kernel { datapath, devices };
        kernel.enforce(true);
        test(&mut kernel);
    });
}
