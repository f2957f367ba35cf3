//! pcapng: sections of blocks; packets refer to the interfaces that blocks before them describe
//! (draft-ietf-opsawg-pcapng).

mod interface;

use std::io::Read;

use super::{
    Found, Number,
    error::{CaptureError, Fault},
    window::{MAX_RECORD, Window},
};
use interface::Interface;

/// The most interfaces of a section.
pub const MAX_INTERFACES: usize = 4096;

/// The type of the block that begins a section; the same in either byte order.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const INTERFACE: u32 = 1;
/// The packet block of old, which nobody should write any more.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The type and length before a block's body.
const HEAD: usize = 8;
/// The length behind it.
const TAIL: usize = 4;
/// The block of a section without options.
const SECTION_BLOCK: usize = 28;
const MAJOR: u16 = 1;

/// The section that is being read.
#[derive(Debug)]
pub(super) struct Pcapng {
    order: Number,
    interfaces: Vec<Interface>,
    /// Where the block that was read last begins.
    offset: u64,
}

impl Pcapng {
    /// Reads the first section's block.
    pub(super) fn open<R: Read>(window: &mut Window<R>) -> Result<Self, CaptureError> {
        let mut section = Self { order: Number::LITTLE, interfaces: Vec::new(), offset: 0 };
        section.begin(window)?;
        Ok(section)
    }

    /// Finds the next packet.
    pub(super) fn next<R: Read>(&mut self, window: &mut Window<R>) -> Result<Option<Found>, CaptureError> {
        loop {
            self.offset = window.offset();
            let head = match window.look(HEAD)? {
                Ok(head) => head,
                Err(missing) if missing.there == 0 => return Ok(None),
                Err(missing) => return Err(super::cut_off(self.offset, missing, "the header of a block")),
            };
            if head.starts_with(&SECTION) {
                self.begin(window)?;
                continue;
            }
            let (kind, length) = (self.order.u32(head, 0), self.order.u32(head, 4));
            match kind {
                INTERFACE => self.describe(window, length)?,
                PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                    return self.packet(window, kind, length).map(Some);
                }
                _ => self.leave_out(window, length)?,
            }
        }
    }

    /// Begins a section.
    fn begin<R: Read>(&mut self, window: &mut Window<R>) -> Result<(), CaptureError> {
        let head = match window.look(HEAD + 8)? {
            Ok(head) => head,
            Err(missing) => return Err(super::cut_off(self.offset, missing, "the header of a section")),
        };
        self.order = match head[8..12] {
            [0x1a, 0x2b, 0x3c, 0x4d] => Number::BIG,
            [0x4d, 0x3c, 0x2b, 0x1a] => Number::LITTLE,
            _ => return Err(self.damaged(Fault::ByteOrder)),
        };
        let length = self.order.u32(head, 4);
        let (major, minor) = (self.order.u16(head, 12), self.order.u16(head, 14));
        if major != MAJOR {
            return Err(CaptureError::Version { format: "pcapng", major, minor });
        }
        if (length as usize) < SECTION_BLOCK {
            return Err(self.damaged(Fault::BlockLength(length)));
        }
        self.interfaces.clear();
        self.leave_out(window, length)
    }

    fn describe<R: Read>(&mut self, window: &mut Window<R>, length: u32) -> Result<(), CaptureError> {
        let order = self.order;
        let body = self.body(window, length, 8)?;
        let interface = Interface::read(body, order);
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(self.damaged(Fault::Interfaces));
        }
        self.interfaces.push(interface);
        window.take(length as usize);
        Ok(())
    }

    fn packet<R: Read>(&self, window: &mut Window<R>, kind: u32, length: u32) -> Result<Found, CaptureError> {
        let order = self.order;
        let header = if kind == SIMPLE_PACKET { 4 } else { 20 };
        let body = self.body(window, length, header)?;
        let number = |at| order.u32(body, at);
        let room = (body.len() - header) as u32;
        let (index, time, captured, length_on_wire) = match kind {
            SIMPLE_PACKET => (0, None, u32::MAX, number(0)),
            PACKET => (u32::from(order.u16(body, 0)), Some((number(4), number(8))), number(12), number(16)),
            _ => (number(0), Some((number(4), number(8))), number(12), number(16)),
        };
        let interface = usize::try_from(index).ok().and_then(|index| self.interfaces.get(index));
        let interface = interface.ok_or_else(|| self.damaged(Fault::Interface(index)))?;
        let captured = match kind {
            // It has no length of its own: what is longer than the packet is padding.
            SIMPLE_PACKET => length_on_wire.min(interface.most()).min(room),
            _ => captured,
        };
        if captured > room {
            return Err(self.damaged(Fault::Outside { captured, room }));
        }
        window.take(HEAD + header);
        let data = window.take(captured as usize);
        // What is behind the packet stays in the window: taking it does not move what was taken before.
        window.take(length as usize - HEAD - header - captured as usize);
        Ok(Found {
            time_ns: time.map(|(high, low)| interface.time_ns(u64::from(high) << 32 | u64::from(low))),
            link: interface.link,
            length: length_on_wire.max(captured),
            data,
        })
    }

    /// The body of a block, at least so long, all of which is in the window.
    fn body<'w, R: Read>(
        &self,
        window: &'w mut Window<R>,
        length: u32,
        least: usize,
    ) -> Result<&'w [u8], CaptureError> {
        self.check(length)?;
        if (length as usize) < HEAD + least + TAIL {
            return Err(self.damaged(Fault::BlockLength(length)));
        }
        if length > MAX_RECORD {
            return Err(self.damaged(Fault::TooLong(length)));
        }
        let (offset, order) = (self.offset, self.order);
        match window.look(length as usize)? {
            Ok(block) => {
                let end = block.len() - TAIL;
                let last = order.u32(block, end);
                if last != length {
                    return Err(self.damaged(Fault::TwoLengths { first: length, last }));
                }
                Ok(&block[HEAD..end])
            }
            Err(missing) => Err(super::cut_off(offset, missing, "a block")),
        }
    }

    /// Leaves out a block, however long.
    fn leave_out<R: Read>(&self, window: &mut Window<R>, length: u32) -> Result<(), CaptureError> {
        self.check(length)?;
        let there = window.skip(u64::from(length) - TAIL as u64)?;
        let offset = window.offset();
        let tail = if there { window.look(TAIL)? } else { Err(super::window::Missing { there: 0 }) };
        match tail {
            Ok(tail) => {
                let last = self.order.u32(tail, 0);
                if last != length {
                    return Err(self.damaged(Fault::TwoLengths { first: length, last }));
                }
            }
            Err(missing) => return Err(super::cut_off(offset, missing, "a block")),
        }
        window.take(TAIL);
        Ok(())
    }

    /// Whether a block can be so long.
    fn check(&self, length: u32) -> Result<(), CaptureError> {
        if (length as usize) < HEAD + TAIL || !length.is_multiple_of(4) {
            return Err(self.damaged(Fault::BlockLength(length)));
        }
        Ok(())
    }

    const fn damaged(&self, fault: Fault) -> CaptureError {
        CaptureError::Damaged { offset: self.offset, fault }
    }
}
