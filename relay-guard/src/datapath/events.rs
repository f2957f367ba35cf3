//! The kernel's rings: events, lines of envelopes, and questions about unknown sources.
#![expect(unsafe_code, reason = "polling a descriptor that aya owns; records of the ring are bytes")]

use std::marker::PhantomData;

use aya::{
    Pod,
    maps::{MapData, RingBuf},
};
use relay_guard_common::{ask::Ask, event::Event, respond::envelope::EnvelopeLine};
use tokio::io::{Interest, unix::AsyncFd};

use super::{Datapath, DatapathError};

/// Records of a ring as they come.
pub struct RingSource<T> {
    ring: AsyncFd<RingBuf<MapData>>,
    record: PhantomData<T>,
}

/// Events as they come.
pub type EventSource = RingSource<Event>;

/// Lines of refused senders' envelopes as they come.
pub type EnvelopeSource = RingSource<EnvelopeLine>;

/// Questions about unknown sources as they come.
pub type AskSource = RingSource<Ask>;

impl<T> std::fmt::Debug for RingSource<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RingSource")
    }
}

impl Datapath {
    /// Takes the ring of events; there is one reader. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the ring is taken already or cannot be polled.
    pub fn take_events(&mut self) -> Result<EventSource, DatapathError> {
        self.take_ring("EVENTS")
    }

    /// Takes the ring of envelopes' lines; there is one reader. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the ring is taken already or cannot be polled.
    pub fn take_envelopes(&mut self) -> Result<EnvelopeSource, DatapathError> {
        self.take_ring("ENVELOPES")
    }

    /// Takes the ring of questions about sources of which nothing is known; there is one reader. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the ring is taken already or cannot be polled.
    pub fn take_asks(&mut self) -> Result<AskSource, DatapathError> {
        self.take_ring("ASKS")
    }

    fn take_ring<T>(&mut self, name: &'static str) -> Result<RingSource<T>, DatapathError> {
        let map = self.programs().take_map(name).ok_or(DatapathError::Missing(name))?;
        let ring = RingBuf::try_from(map).map_err(DatapathError::map("open a ring"))?;
        // SAFETY: the ring's descriptor stays the same and open as long as the ring, which the `AsyncFd` owns.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
            .map_err(|error| DatapathError::Map { what: "poll a ring", error: error.to_string() })?;
        Ok(RingSource { ring, record: PhantomData })
    }
}

impl<T: Pod> RingSource<T> {
    /// Waits for records and takes at most `most` of them: what is left comes with the next call. Safe to cancel.
    ///
    /// # Errors
    /// If polling fails.
    pub async fn next(&mut self, most: usize) -> std::io::Result<Vec<T>> {
        let mut guard = self.ring.readable_mut().await?;
        let mut records = Vec::new();
        while records.len() < most {
            let Some(item) = guard.get_inner_mut().next() else {
                guard.clear_ready();
                break;
            };
            if item.len() >= size_of::<T>() {
                // SAFETY: the record is at least as long as a `T`, of which every bit pattern is one (`Pod`). The ring
                // aligns to 8 bytes; `read_unaligned` does not rely on it.
                records.push(unsafe { item.as_ptr().cast::<T>().read_unaligned() });
            }
        }
        Ok(records)
    }
}
