//! The kernel's ring of events.
#![expect(unsafe_code, reason = "polling a descriptor that aya owns; records of the ring are bytes")]

use aya::maps::{MapData, RingBuf};
use relay_guard_common::event::Event;
use tokio::io::{Interest, unix::AsyncFd};

use super::{Datapath, DatapathError};

/// Events as they come.
pub struct EventSource {
    ring: AsyncFd<RingBuf<MapData>>,
}

impl std::fmt::Debug for EventSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventSource")
    }
}

impl Datapath {
    /// Takes the ring of events; there is one reader. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the ring is taken already or cannot be polled.
    pub fn take_events(&mut self) -> Result<EventSource, DatapathError> {
        let map = self.programs().take_map("EVENTS").ok_or(DatapathError::Missing("EVENTS"))?;
        let ring = RingBuf::try_from(map).map_err(DatapathError::map("open the event ring"))?;
        // SAFETY: the ring's descriptor stays the same and open as long as the ring, which the `AsyncFd` owns.
        let ring = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) }
            .map_err(|error| DatapathError::Map { what: "poll the event ring", error: error.to_string() })?;
        Ok(EventSource { ring })
    }
}

impl EventSource {
    /// Waits for events and takes at most `most` of them: what is left comes with the next call. Safe to cancel.
    ///
    /// # Errors
    /// If polling fails.
    pub async fn next(&mut self, most: usize) -> std::io::Result<Vec<Event>> {
        let mut guard = self.ring.readable_mut().await?;
        let mut events = Vec::new();
        while events.len() < most {
            let Some(item) = guard.get_inner_mut().next() else {
                guard.clear_ready();
                break;
            };
            if item.len() >= size_of::<Event>() {
                // SAFETY: the record is at least as long as an `Event`, which is plain integers without padding:
                // every bit pattern is one. The ring aligns to 8 bytes; `read_unaligned` does not rely on it.
                events.push(unsafe { item.as_ptr().cast::<Event>().read_unaligned() });
            }
        }
        Ok(events)
    }
}
