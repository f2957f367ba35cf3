//! Bringing everything up, in an order in which what may fail is tried before anything changes.

use std::{collections::VecDeque, path::Path, time::Instant};

use tokio::sync::mpsc;

use super::{
    answering::adopt_keys,
    clock::{Tick, monotonic_ns, unix_s},
    inspection::Inspection,
    interfaces::InterfaceSet,
    lists::{Bounds, ListSet},
    lookups::Lookups,
    netlink::{Links, Netlink},
    policy::Published,
    run::RunError,
    state::State,
    verdicts::{Adopted, Verdicts},
};
use crate::{
    config::Config,
    control::{
        self,
        server::{self, Request},
    },
    datapath::{Adoption, Datapath, LoadOptions, Pins},
    feeds::{cache::Cache, source::Fetcher},
    inspect::RefusedSenders,
    policy::Capacity,
};

/// Reads the lists, or takes their last good copies.
pub(super) async fn load_lists(config: &Config, fetcher: &Fetcher) -> Result<ListSet, RunError> {
    let cache = Cache::open(&config.daemon.cache_dir)?;
    let bounds = Bounds { list_bytes: config.limits.list_bytes, cache };
    let before = ListSet::empty(bounds);
    ListSet::load(config, &before, fetcher, Tick::now()).await.map_err(RunError::Lists)
}

/// Brings everything up; what was attached by a start that fails is taken off again.
pub(super) async fn start(
    config: Config,
    config_path: &Path,
    lists: ListSet,
    netlink: &Netlink,
) -> Result<State, RunError> {
    let capacity =
        Capacity { hosts: config.limits.verdicts as usize, prefixes: config.limits.prefix_verdicts as usize };
    let verdicts = Verdicts::load(&config.daemon.state_dir, capacity).map_err(RunError::Verdicts)?;
    let system = |error| RunError::System { what: "list interfaces", error };
    let links = netlink.links().await.map_err(system)?;
    let addresses = netlink.addresses().await.map_err(system)?;
    mount_bpffs(&config.daemon.pin_dir);
    let datapath = Datapath::load(&load_options(&config))?;
    let mut state = State {
        published: Published::adopt(&datapath)?,
        interfaces: InterfaceSet::of(&config.interfaces, &InterfaceSet::default()),
        inspection: Inspection::new(&config.daemon.state_dir)
            .map_err(|error| RunError::System { what: "make a random key", error })?,
        keys: adopt_keys(&datapath)?,
        own_addresses: None,
        lookups: Lookups::new(&config.daemon.state_dir),
        config_path: config_path.to_owned(),
        started: Instant::now(),
        recent: VecDeque::new(),
        unpublished: None,
        unheard: Vec::new(),
        trouble: None,
        refused: RefusedSenders::default(),
        config,
        datapath,
        lists,
        verdicts,
        addresses,
    };
    let fresh = state.datapath.adoption() == Adoption::Fresh;
    if let Err(error) = fill(&mut state, &links).await {
        if fresh {
            // Nothing ran before; nothing of ours stays behind.
            let _ = Pins::at(&state.config.daemon.pin_dir).detach_all();
        }
        return Err(error);
    }
    state.datapath.remove_replaced_maps();
    Ok(state)
}

/// Fills the kernel's maps, then attaches.
async fn fill(state: &mut State, links: &Links) -> Result<(), RunError> {
    let Adopted { scored, .. } = state.verdicts.adopt(&state.datapath, monotonic_ns())?;
    state.adopt_lookups(&scored);
    state.write_own_addresses()?;
    state.write_answering()?;
    let (config, lists) = (state.config.clone(), state.lists.take());
    state.lists = state.put_in_force(&config, lists, Tick::now()).await?;
    state.lists.prune_cache();
    state.verdicts.expire(unix_s());
    state.follow_lookups();
    state.sync_verdicts();
    state.begin_inspection()?;
    state.beat()?;
    state.reconcile(links)?;
    if let Some(error) = state.interfaces.first_error() {
        return Err(RunError::Attach(error.to_owned()));
    }
    for (name, _) in state.interfaces.iter().filter(|(_, interface)| interface.attached.is_none()) {
        tracing::warn!(interface = name, "not there; it is attached when it comes");
    }
    Ok(())
}

fn load_options(config: &Config) -> LoadOptions {
    LoadOptions {
        pin_dir: Some(config.daemon.pin_dir.clone()),
        inside_hosts: config.limits.inside_hosts,
        verdicts: config.limits.verdicts.saturating_add(config.dnsbl.lookups.cache_entries),
        prefix_verdicts: config.limits.prefix_verdicts,
        events_per_second: config.limits.events_per_second.into(),
        envelopes_per_second: config.limits.envelopes_per_second.into(),
        flows: config.limits.flows,
        capture_bytes: config.limits.capture_bytes,
        log: config.daemon.log_datapath,
    }
}

/// Mounts the BPF file system where every system has it, if this one does not and pins are to go there.
fn mount_bpffs(pin_dir: &Path) {
    let usual = Path::new("/sys/fs/bpf");
    if pin_dir.parent() == Some(usual) && !crate::datapath::is_bpffs(usual) {
        match rustix::mount::mount("bpf", usual, "bpf", rustix::mount::MountFlags::empty(), None) {
            Ok(()) => tracing::info!("mounted the BPF file system at {}", usual.display()),
            Err(error) => tracing::warn!("cannot mount the BPF file system at {}: {error}", usual.display()),
        }
    }
}

pub(super) fn listen(config: &Config) -> Result<mpsc::Receiver<Request>, RunError> {
    let path = config.daemon.run_dir.join(control::SOCKET);
    let listener = server::listen(&path).map_err(|error| RunError::Io { path, error })?;
    let (sender, requests) = mpsc::channel(server::QUEUE);
    tokio::spawn(async move {
        if let Err(error) = server::serve(listener, sender).await {
            tracing::error!("the control socket is gone: {error}");
        }
    });
    Ok(requests)
}
