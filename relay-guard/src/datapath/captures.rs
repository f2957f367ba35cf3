//! The ring of captured segments, and the table of connections that they belong to.
#![expect(unsafe_code, reason = "polling a descriptor that aya owns; records of the ring are bytes")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use aya::Pod;
use aya::maps::{MapData, RingBuf};
use relay_guard_common::flow::Party;
use relay_guard_common::flow::capture::CaptureHeader;
use relay_guard_common::parse::Flags;
use relay_guard_common::role::Direction;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{Datapath, DatapathError};
use crate::inspect::segment::{Opening, Segment};

/// Captured segments as they come. There is one reader, on whatever thread; it needs no runtime. [`into_async`](Self::into_async)
/// is for tokio.
pub struct CaptureSource {
    ring: RingBuf<MapData>,
}

impl std::fmt::Debug for CaptureSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CaptureSource")
    }
}

impl AsRawFd for CaptureSource {
    /// Readable when there are records.
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

impl Datapath {
    /// Takes the ring of captured segments; there is one reader.
    ///
    /// # Errors
    /// If the ring is taken already.
    pub fn take_captures(&mut self) -> Result<CaptureSource, DatapathError> {
        let map = self.programs().take_map("CAPTURES").ok_or(DatapathError::Missing("CAPTURES"))?;
        let ring = RingBuf::try_from(map).map_err(DatapathError::map("open the ring of captures"))?;
        Ok(CaptureSource { ring })
    }
}

impl CaptureSource {
    /// Waits until there are records, at most so long. Whether there are.
    ///
    /// # Errors
    /// If polling fails.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).ok();
        // SAFETY: the ring's descriptor is open as long as the ring, which is borrowed here.
        let ring = unsafe { BorrowedFd::borrow_raw(self.ring.as_raw_fd()) };
        match poll(&mut [PollFd::new(&ring, PollFlags::IN)], timeout.as_ref()) {
            Ok(ready) => Ok(ready != 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, to be waited for in a tokio runtime, within which it is to be called.
    ///
    /// # Errors
    /// If the ring cannot be polled.
    pub fn into_async(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the ring's descriptor stays the same and open as long as the ring, which the `AsyncFd` owns.
        Ok(unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) }?)
    }

    /// Takes at most `most` of the records that are there, in their order. How many: fewer than `most` means that there are no more.
    ///
    /// What is no record, because a kernel program of another version wrote it, is left out.
    pub fn drain(&mut self, most: usize, mut take: impl FnMut(&CaptureRecord<'_>)) -> usize {
        for taken in 0..most {
            let Some(item) = self.ring.next() else { return taken };
            if let Some(record) = CaptureRecord::read(&item) {
                take(&record);
            }
        }
        most
    }
}

/// A record of the ring: a segment, or a part of one.
#[derive(Clone, Copy, Debug)]
pub struct CaptureRecord<'a> {
    header: CaptureHeader,
    from: Party,
    direction: Direction,
    payload: &'a [u8],
}

impl<'a> CaptureRecord<'a> {
    /// Reads a record; none if it contradicts itself.
    #[must_use]
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let (header, rest) = split_header(record)?;
        let payload = rest.get(..header.captured.into())?;
        let from = Party::from_u8(header.from)?;
        let direction = Direction::from_u8(header.direction)?;
        (u32::from(header.captured) <= header.len).then_some(Self { header, from, direction, payload })
    }

    /// What the kernel says of it.
    #[must_use]
    pub const fn header(&self) -> &CaptureHeader {
        &self.header
    }

    /// Which way its connection goes.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether the guard ended the connection here, as ordered: the segment is its own reset.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.header.marks & CaptureHeader::ENDED != 0
    }

    /// What inspection is fed with.
    #[must_use]
    pub const fn segment(&self) -> Segment<'a> {
        let CaptureHeader { time_ns, flow, sequence, len, flags, marks, .. } = self.header;
        let flags = Flags(flags);
        let CaptureHeader { opening_client: client, opening_server: server, .. } = self.header;
        Segment {
            time_ns,
            flow,
            from: self.from,
            sequence,
            acknowledgment: if flags.0 & Flags::ACK != 0 { Some(self.header.acknowledgment) } else { None },
            flags,
            len,
            payload: self.payload,
            opening: if marks & CaptureHeader::OPENED != 0 { Some(Opening { client, server }) } else { None },
            skipped_own: marks & CaptureHeader::SKIPPED_OWN != 0,
            skipped_other: marks & CaptureHeader::SKIPPED_OTHER != 0,
        }
    }
}

fn split_header(record: &[u8]) -> Option<(CaptureHeader, &[u8])> {
    const fn is_pod<T: Pod>() {}
    const { is_pod::<CaptureHeader>() };
    let (header, rest) = record.split_at_checked(size_of::<CaptureHeader>())?;
    // SAFETY: as many bytes as a header has, of which every pattern is one (`Pod`), read from wherever they lie.
    Some((unsafe { header.as_ptr().cast::<CaptureHeader>().read_unaligned() }, rest))
}

#[cfg(test)]
mod tests;
