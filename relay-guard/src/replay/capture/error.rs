//! What can be wrong with a capture file: one line each, with the place.

use std::io;

use thiserror::Error;

use super::{link::Link, pcapng::MAX_INTERFACES, window::MAX_RECORD};

/// Why no more can be read of a capture file. What was read before is good.
///
/// Places are bytes from the beginning of the file, of a compressed one from the beginning of what it holds.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// The system refused.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Neither format, by its first bytes.
    #[error("it is no capture: neither pcap nor pcapng; `editcap -F pcapng` converts other formats")]
    Unknown,
    /// Compressed in a way that is not unpacked here.
    #[error("it is compressed with {0}; unpack it first, such as `{0} -dc FILE | relay-guard replay -`")]
    Compressed(&'static str),
    /// A version that does not exist yet.
    #[error("{format} of version {major}.{minor} is not known; only version {known} is", known = if *format == "pcap" { 2 } else { 1 })]
    Version {
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// The number before the dot.
        major: u16,
        /// The number behind it.
        minor: u16,
    },
    /// Packets of a network that is not read.
    #[error("link type {0} is not read; these are: {names}", names = Link::NAMES)]
    LinkType(u16),
    /// It ends within something.
    #[error("cut off at byte {offset}, within {what}")]
    CutOff {
        /// Where it ends.
        offset: u64,
        /// Within what.
        what: &'static str,
    },
    /// Something that cannot be.
    #[error("damaged at byte {offset}: {fault}")]
    Damaged {
        /// Where the packet or block begins.
        offset: u64,
        /// What is wrong.
        fault: Fault,
    },
    /// The compression is damaged.
    #[error("damaged behind byte {offset} of what it holds: its gzip data are no good")]
    Gzip {
        /// How much could be unpacked.
        offset: u64,
    },
    /// The compressed file ends too early.
    #[error("cut off behind byte {offset} of what it holds: the end of its gzip data is missing")]
    GzipCutOff {
        /// How much could be unpacked.
        offset: u64,
    },
}

/// Something that cannot be in a capture file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// Larger than anything that is captured.
    #[error("a packet or block of {0} bytes, where {max} is the most", max = MAX_RECORD)]
    TooLong(u32),
    /// A block shorter than its own header, or of no whole words.
    #[error("a block of {0} bytes")]
    BlockLength(u32),
    /// The length of a block is not the same at its end.
    #[error("a block says {first} bytes at its beginning and {last} at its end")]
    TwoLengths {
        /// At the beginning.
        first: u32,
        /// At the end.
        last: u32,
    },
    /// A section without the mark that says how numbers are written.
    #[error("a section without a byte-order mark")]
    ByteOrder,
    /// A packet that is longer than its block.
    #[error("a packet of {captured} bytes in a block with room for {room}")]
    Outside {
        /// What it says.
        captured: u32,
        /// What there is.
        room: u32,
    },
    /// A packet of an interface that was not described.
    #[error("a packet of interface {0}, which is not described")]
    Interface(u32),
    /// So many interfaces that it is no honest file.
    #[error("more than {MAX_INTERFACES} interfaces")]
    Interfaces,
}

impl CaptureError {
    /// Whether it says that the file is no capture that could be read at all, rather than that something in it is wrong.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Empty | Self::Unknown | Self::Compressed(_) | Self::Version { .. } | Self::LinkType(_)
        )
    }
}
