//! Inspection, as the loop has it: a thread looks into sessions and judges hosts, and what it wants done goes into the kernel.
//! The loop waits for it only to be told something by it.
//!
//! Hosts are judged by the configuration, by who is who, and by the addresses under which others know us. Whenever one of these
//! changes the thread is [told](follow). Containments are said by numbers of steps: what is said under rules from before comes to
//! nothing, and all are said anew.

mod events;
mod follow;
mod report;
mod saved;

use std::{future::pending, io, path::Path, sync::Arc, vec};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use self::{events::Events, saved::SavedFile};
use crate::{
    datapath::HostTable,
    inspect::{
        hosts::{Rules, Saved},
        service::{Batch, Handle, Output},
    },
};

/// Outputs taken at once, so that many of them leave room for everything else.
const OUTPUTS_AT_ONCE: usize = 1024;

/// How often what is known is saved, if anything is new, seconds.
const SAVE_INTERVAL_S: u64 = 60;

/// Inspection, and what of it is in force.
#[derive(Debug)]
pub(super) struct Inspection {
    /// The thread; none before it begins.
    service: Option<Service>,
    /// What it judges by, as it was told last; none before that.
    rules: Option<Rules>,
    /// The number of these; containments that it says by those before come to nothing.
    number: u64,
    /// Whether who is who may not be what it was told.
    kinds_changed: bool,
    /// Of hashes of what hosts say; random for each daemon.
    key: [u8; 16],
    /// Changes of states.
    events: Events,
    /// What was known before this daemon, until the thread begins.
    earlier: Saved,
    file: SavedFile,
    /// Whether something is known that is not saved.
    is_unsaved: bool,
    /// When it was saved last, seconds of `CLOCK_MONOTONIC`.
    saved_at: u64,
    saving: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Service {
    handle: Arc<Handle>,
    /// The kernel's records of hosts.
    hosts: Arc<HostTable>,
    batches: mpsc::Receiver<Batch>,
    /// How many of them are carried out.
    carried_out: watch::Sender<u64>,
    /// What is left of the last batch, and by which rules it is.
    rest: (u64, vec::IntoIter<Output>),
}

impl Service {
    /// The next things that it says, and by which rules; none: it has ended. May be dropped at any time.
    async fn next(&mut self) -> Option<(u64, Vec<Output>)> {
        if self.rest.1.as_slice().is_empty() {
            let Batch { rules, outputs } = self.batches.recv().await?;
            self.rest = (rules, outputs.into_iter());
        }
        Some((self.rest.0, self.rest.1.by_ref().take(OUTPUTS_AT_ONCE).collect()))
    }

    /// What was given is carried out.
    fn is_carried_out(&self) {
        if self.rest.1.as_slice().is_empty() {
            self.carried_out.send_modify(|batches| *batches += 1);
        }
    }
}

impl Inspection {
    /// Nothing is looked into yet; what an earlier daemon saved is read.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub(super) fn new(state_dir: &Path) -> io::Result<Self> {
        let file = SavedFile::of(state_dir);
        let (earlier, events) = file.read();
        Ok(Self {
            service: None,
            rules: None,
            number: 0,
            kinds_changed: true,
            key: random_key()?,
            events: Events::restored(events),
            earlier,
            file,
            is_unsaved: false,
            saved_at: 0,
            saving: None,
        })
    }

    /// What the thread says next, and by which rules; none: it has ended. Waits for good if there is no thread. May be dropped at
    /// any time.
    pub(super) async fn next(&mut self) -> Option<(u64, Vec<Output>)> {
        match &mut self.service {
            Some(service) => service.next().await,
            None => pending().await,
        }
    }

    /// Who is who may have changed.
    pub(super) const fn kinds_changed(&mut self) {
        self.kinds_changed = true;
    }
}

fn random_key() -> io::Result<[u8; 16]> {
    let mut key = [0; 16];
    let filled = rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
    if filled < key.len() {
        return Err(io::Error::other("too few random octets"));
    }
    Ok(key)
}
