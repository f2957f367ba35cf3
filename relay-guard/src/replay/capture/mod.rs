//! Capture files: packets, one after the other, as long as they can be read.
//!
//! pcap and pcapng, in either byte order, gzip or not. Memory is bounded whatever a file says: a window of little more than
//! [`MAX_RECORD`] bytes, and [`MAX_INTERFACES`] interfaces.
//!
//! The reader is our own, because `pcap-file` 2.0 cannot do what is wanted here (the tests write files with it):
//! - of pcap it refuses packets that were longer than the snap length, which is what a snap length makes of packets;
//! - of pcapng it takes all times for nanoseconds whatever `if_tsresol` says, and refuses a file for a list of options
//!   without an end, a name that is no UTF-8, or any `if_tzone`;
//! - it keeps all interfaces that a file describes, without a bound, and allocates and clears 8 MB for each file;
//! - a packet that is cut off, one that is too long, and a medium that cannot be read are one error, without a place.
//!
//! What remained of it were the fixed layouts that `pcap` and `pcapng` read.

mod error;
mod link;
mod pcap;
mod pcapng;
mod unpack;
mod window;

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;

use std::{io::Read, ops::Range};

pub use error::{CaptureError, Fault};
pub use link::Link;
pub(super) use link::NoNetwork;
use pcap::Pcap;
pub use pcapng::MAX_INTERFACES;
use pcapng::Pcapng;
use unpack::Unpacked;
pub use window::MAX_RECORD;
use window::{Missing, Window};

/// The latest time that a packet may have: 2116, so that nobody's sums with it overflow.
pub const MAX_TIME_NS: u64 = 1 << 62;

/// A packet of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// When it was captured, nanoseconds since the epoch, at most [`MAX_TIME_NS`]; none if the file does not say.
    pub time_ns: Option<u64>,
    /// What it begins with, or the number of a link type that is not read.
    pub link: Result<Link, u16>,
    /// How long it was, octets; at least as long as `data`.
    pub length: u32,
    /// What was kept of it, from its beginning on.
    pub data: &'a [u8],
}

/// A packet that is in the window.
struct Found {
    time_ns: Option<u64>,
    link: Result<Link, u16>,
    length: u32,
    data: Range<usize>,
}

/// A capture that is being read.
#[derive(Debug)]
pub struct Capture<R: Read> {
    window: Window<R>,
    format: Format,
    /// The last link type that is not read.
    unknown_link: Option<u16>,
    /// Whether there was a packet of one that is.
    has_known: bool,
    /// After an error nothing more is read.
    is_over: bool,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl<R: Read> Capture<R> {
    /// Reads the beginning of a file, which says what it is.
    ///
    /// # Errors
    /// [`CaptureError`]: it is no capture, or its beginning is damaged.
    pub fn open(source: R) -> Result<Self, CaptureError> {
        let mut window = Window::new(Unpacked::new(source)?);
        let first: [u8; 4] = match window.look(4)? {
            Ok(first) => first.first_chunk().copied().unwrap_or_default(),
            // gzip of nothing.
            Err(Missing { there: 0 }) => return Err(CaptureError::Empty),
            Err(_) => return Err(CaptureError::Unknown),
        };
        let format = if first == pcapng::SECTION {
            Format::Pcapng(Pcapng::open(&mut window)?)
        } else {
            let magic = pcap::magic(first).ok_or(CaptureError::Unknown)?;
            Format::Pcap(Pcap::open(&mut window, magic)?)
        };
        Ok(Self { window, format, unknown_link: None, has_known: false, is_over: false })
    }

    /// The next packet, or nothing at the end.
    ///
    /// # Errors
    /// [`CaptureError`], once; then nothing more is read. At the end also, if no packet had a link type that is read.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, CaptureError> {
        if self.is_over {
            return Ok(None);
        }
        let found = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.window),
            Format::Pcapng(section) => section.next(&mut self.window),
        };
        match found {
            Ok(Some(found)) => {
                match found.link {
                    Ok(_) => self.has_known = true,
                    Err(number) => self.unknown_link = Some(number),
                }
                let Found { time_ns, link, length, data } = found;
                Ok(Some(Packet { time_ns, link, length, data: self.window.taken(data) }))
            }
            Ok(None) => {
                self.is_over = true;
                match self.unknown_link {
                    Some(number) if !self.has_known => Err(CaptureError::LinkType(number)),
                    _ => Ok(None),
                }
            }
            Err(error) => {
                self.is_over = true;
                Err(error)
            }
        }
    }
}

/// A file that ends within something that begins at `offset`.
const fn cut_off(offset: u64, missing: Missing, what: &'static str) -> CaptureError {
    CaptureError::CutOff { offset: offset + missing.there as u64, what }
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Number {
    is_big: bool,
}

impl Number {
    const BIG: Self = Self { is_big: true };
    const LITTLE: Self = Self { is_big: false };

    /// The octets at an offset that the caller knows to be within; zeros where that is wrong.
    fn octets<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
        bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let octets = Self::octets(bytes, at);
        if self.is_big { u16::from_be_bytes(octets) } else { u16::from_le_bytes(octets) }
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let octets = Self::octets(bytes, at);
        if self.is_big { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
    }

    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let octets = Self::octets(bytes, at);
        if self.is_big { u64::from_be_bytes(octets) } else { u64::from_le_bytes(octets) }
    }
}
