//! The first message of TLS: what a client's ClientHello says in the clear (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), and its
//! fingerprint. Nothing else of TLS can be read from beside the wire.

mod fields;
mod hello;
mod ja4;

pub use hello::{Broken, ClientHello};

/// The type of records that carry the handshake (RFC 8446 §5.1), the first octet of any TLS connection.
pub const HANDSHAKE: u8 = 22;

/// The type of records that break TLS off (RFC 8446 §6).
pub const ALERT: u8 = 21;

/// The longest ClientHello that is read, octets. Those with post-quantum keys have some 2000.
pub const MAX_HELLO: usize = 16 << 10;

/// Names of protocols that are kept.
pub const MAX_ALPN: usize = 8;

/// Octets of a name that are kept: what a domain name may have.
pub const MAX_NAME: usize = 255;

/// Octets of a record's header: type, version, length.
const RECORD_HEADER: usize = 5;

/// Octets of a handshake message's header: type, length.
const MESSAGE_HEADER: usize = 4;

/// The most octets that a record may carry (RFC 8446 §5.1).
const MAX_RECORD: usize = 16 << 10;

/// Puts a ClientHello together from octets that come in pieces, in one or several records.
#[derive(Default)]
pub struct HelloReader {
    /// The header of the record that comes next, or goes on.
    header: [u8; RECORD_HEADER],
    /// Octets of it that have come.
    header_len: usize,
    /// Octets of the record that are still to come.
    record_left: usize,
    /// The handshake message, with its header.
    message: Vec<u8>,
}

impl HelloReader {
    /// Takes one of the first three octets, which tell whether it is TLS: a handshake record of any version. If not, the octets
    /// so far are in [`HelloReader::head`].
    pub fn sniff(&mut self, octet: u8) -> bool {
        let place = self.header_len;
        self.header[place] = octet;
        self.header_len += 1;
        match place {
            0 => octet == HANDSHAKE,
            1 => octet == 3,
            _ => octet <= 4,
        }
    }

    /// Whether it is TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.header_len >= 3 || !self.message.is_empty()
    }

    /// The octets that were sniffed at.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.header[..self.header_len]
    }

    /// Takes octets behind those of the head. Gives what they say as soon as all has come, or that it makes no sense.
    pub fn read(&mut self, octets: &[u8]) -> Option<Result<ClientHello, Broken>> {
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = match self.take(rest) {
                Ok(taken) => taken,
                Err(broken) => return Some(Err(broken)),
            };
            rest = &rest[taken..];
            if let Some(len) = self.message_len()
                && self.message.len() >= len
            {
                return Some(hello::read(&self.message[MESSAGE_HEADER..len]));
            }
        }
        None
    }

    /// Takes the next octets of a header or of a record; how many.
    fn take(&mut self, octets: &[u8]) -> Result<usize, Broken> {
        if self.header_len < RECORD_HEADER {
            let taken = octets.len().min(RECORD_HEADER - self.header_len);
            self.header[self.header_len..self.header_len + taken].copy_from_slice(&octets[..taken]);
            self.header_len += taken;
            if self.header_len == RECORD_HEADER {
                self.begin_record()?;
            }
            return Ok(taken);
        }
        let taken = octets.len().min(self.record_left);
        self.message.extend_from_slice(&octets[..taken]);
        self.record_left -= taken;
        if self.record_left == 0 {
            self.header_len = 0;
        }
        self.is_client_hello().then_some(taken).ok_or(Broken)
    }

    fn begin_record(&mut self) -> Result<(), Broken> {
        let [kind, major, _, high, low] = self.header;
        let len = usize::from(u16::from_be_bytes([high, low]));
        if kind != HANDSHAKE || major != 3 || len == 0 || len > MAX_RECORD {
            return Err(Broken);
        }
        self.record_left = len;
        Ok(())
    }

    /// Whether what has come can become a ClientHello for which there is room.
    fn is_client_hello(&self) -> bool {
        let is_type = self.message.first().is_none_or(|kind| *kind == hello::CLIENT_HELLO);
        is_type && self.message_len().is_none_or(|len| len <= MAX_HELLO)
    }

    /// Octets of the message with its header, once that has come.
    fn message_len(&self) -> Option<usize> {
        let [_, high, middle, low, ..] = *self.message.as_slice() else { return None };
        Some(MESSAGE_HEADER + u32::from_be_bytes([0, high, middle, low]) as usize)
    }

    /// Octets on the heap, its own included.
    #[must_use]
    pub const fn memory(&self) -> usize {
        size_of::<Self>() + self.message.capacity()
    }
}

#[cfg(test)]
pub(crate) mod tests;
