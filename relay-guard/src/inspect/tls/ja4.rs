//! JA4, the fingerprint of a TLS client, as FoxIO specifies it (<https://github.com/FoxIO-LLC/ja4>,
//! `technical_details/JA4.md`): what a client offers, whatever the order in which it does. It is the part of JA4+ that is free
//! of FoxIO's licence.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::hello::{ALPN, SERVER_NAME, Shape};

/// The most that is counted.
const MAX_COUNT: usize = 99;

/// Octets of a digest that are shown.
const SHOWN: usize = 6;

/// What is shown where there is nothing to hash.
const NOTHING: &str = "000000000000";

/// The fingerprint.
pub(super) fn fingerprint(mut shape: Shape<'_>) -> Box<str> {
    let version = version(&shape);
    for numbers in [&mut shape.ciphers, &mut shape.extensions, &mut shape.signature_algorithms] {
        numbers.retain(|number| !is_grease(*number));
    }
    let sni = if shape.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let (ciphers, extensions) = (shape.ciphers.len().min(MAX_COUNT), shape.extensions.len().min(MAX_COUNT));
    let [first, last] = ends(shape.protocol);
    shape.ciphers.sort_unstable();
    shape.extensions.retain(|number| !matches!(*number, SERVER_NAME | ALPN));
    shape.extensions.sort_unstable();

    let ciphers_hash = hash(&list(&shape.ciphers));
    let mut offered = list(&shape.extensions);
    if !offered.is_empty() && !shape.signature_algorithms.is_empty() {
        offered.push('_');
        offered.push_str(&list(&shape.signature_algorithms));
    }
    let extensions_hash = hash(&offered);
    format!("t{version}{sni}{ciphers:02}{extensions:02}{first}{last}_{ciphers_hash}_{extensions_hash}").into()
}

/// Numbers that mean nothing, sent so that servers keep ignoring what they do not know (RFC 8701).
const fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

/// The highest version that is offered.
fn version(shape: &Shape<'_>) -> &'static str {
    let offered =
        shape.versions.map(|versions| versions.numbers().filter(|number| !is_grease(*number)).max());
    match offered.unwrap_or(Some(shape.version)) {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    }
}

/// The first and the last character of a protocol's name, or of its octets in hexadecimal if one of these is neither letter nor
/// digit.
fn ends(protocol: &[u8]) -> [char; 2] {
    let (Some(&first), Some(&last)) = (protocol.first(), protocol.last()) else { return ['0', '0'] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(first), char::from(last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    [digit(first >> 4), digit(last & 0x0f)]
}

fn list(numbers: &[u16]) -> String {
    let mut list = String::with_capacity(numbers.len() * 5);
    for number in numbers {
        if !list.is_empty() {
            list.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(list, "{number:04x}");
    }
    list
}

fn hash(list: &str) -> String {
    if list.is_empty() {
        return NOTHING.to_owned();
    }
    let digest = Sha256::digest(list);
    digest.iter().take(SHOWN).fold(String::with_capacity(2 * SHOWN), |mut shown, octet| {
        let _ = write!(shown, "{octet:02x}");
        shown
    })
}
