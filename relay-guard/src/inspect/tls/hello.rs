//! A ClientHello.

use super::fields::Fields;
use super::{MAX_ALPN, MAX_NAME, ja4};
use crate::inspect::smtp::text;

/// The type of its message.
pub(super) const CLIENT_HELLO: u8 = 1;

/// Extensions, by number (IANA, "TLS ExtensionType Values").
pub(super) const SERVER_NAME: u16 = 0;
pub(super) const SIGNATURE_ALGORITHMS: u16 = 13;
pub(super) const ALPN: u16 = 16;
pub(super) const SUPPORTED_VERSIONS: u16 = 43;

/// Octets of the client's random number.
const RANDOM: usize = 32;

/// The type of a server name that is a host's (RFC 6066 §3).
const HOST_NAME: u8 = 0;

/// What came is no ClientHello, or none that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no readable ClientHello")]
pub struct Broken;

/// What a ClientHello says in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHello {
    /// The server name that the client asks for (RFC 6066 §3).
    pub server_name: Option<Box<str>>,
    /// The protocols that it offers (RFC 7301), the first [`MAX_ALPN`] of them.
    pub alpn: Vec<Box<str>>,
    /// Its fingerprint: JA4 as FoxIO publishes it.
    pub ja4: Box<str>,
}

/// What goes into the fingerprint.
#[derive(Default)]
pub(super) struct Shape<'a> {
    /// The version in the message itself.
    pub(super) version: u16,
    /// The versions in the extension.
    pub(super) versions: Option<Fields<'a>>,
    pub(super) ciphers: Vec<u16>,
    pub(super) extensions: Vec<u16>,
    pub(super) signature_algorithms: Vec<u16>,
    /// The first protocol that is offered.
    pub(super) protocol: &'a [u8],
}

/// Reads a message without its header.
pub(super) fn read(message: &[u8]) -> Result<ClientHello, Broken> {
    let mut fields = Fields(message);
    let mut shape = Shape { version: fields.u16()?, ..Shape::default() };
    fields.octets(RANDOM)?;
    let _session = fields.short()?;
    shape.ciphers.extend(fields.long()?.numbers());
    let _compression = fields.short()?;
    let mut hello = ClientHello { server_name: None, alpn: Vec::new(), ja4: Box::default() };
    if !fields.is_empty() {
        let mut extensions = fields.long()?;
        while !extensions.is_empty() {
            let kind = extensions.u16()?;
            let body = extensions.long()?;
            shape.extensions.push(kind);
            // One that makes no sense in itself is there nevertheless.
            let _ = extension(kind, body, &mut shape, &mut hello);
        }
    }
    hello.ja4 = ja4::fingerprint(shape);
    Ok(hello)
}

fn extension<'a>(
    kind: u16,
    mut body: Fields<'a>,
    shape: &mut Shape<'a>,
    hello: &mut ClientHello,
) -> Result<(), Broken> {
    match kind {
        SERVER_NAME => hello.server_name = server_name(body.long()?)?,
        ALPN => {
            let mut protocols = body.long()?;
            let mut is_first = true;
            while !protocols.is_empty() {
                let protocol = protocols.short()?.0;
                if std::mem::take(&mut is_first) {
                    shape.protocol = protocol;
                }
                if hello.alpn.len() < MAX_ALPN {
                    hello.alpn.push(text(protocol, MAX_NAME));
                }
            }
        }
        SUPPORTED_VERSIONS => shape.versions = Some(body.short()?),
        SIGNATURE_ALGORITHMS => shape.signature_algorithms = body.long()?.numbers().collect(),
        _ => {}
    }
    Ok(())
}

/// The first name that is a host's.
fn server_name(mut names: Fields<'_>) -> Result<Option<Box<str>>, Broken> {
    while !names.is_empty() {
        let kind = names.u8()?;
        let name = names.long()?.0;
        if kind == HOST_NAME {
            return Ok(Some(text(name, MAX_NAME)));
        }
    }
    Ok(None)
}
