//! ClientHellos: [`HelloReader`] on what a client may begin TLS with.
//!
//! Invariant: how it is cut into pieces makes no difference; what is kept of it is bounded; names are in the octets; a fingerprint
//! has the form of one.

use relay_guard::inspect::tls::{Broken, ClientHello};
use relay_guard::inspect::tls::{HelloReader, MAX_ALPN, MAX_HELLO, MAX_NAME};

/// Octets of a record that a reader may keep besides the message itself.
const RECORD: usize = 16 << 10;

/// Holds the invariant against the octets behind the first three of a connection.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let whole = read(input, usize::MAX);
    for most in [1, 7, 1400] {
        assert_eq!(read(input, most), whole, "pieces of {most} make a difference");
    }
    if let Some(Ok(hello)) = whole {
        is_bounded(&hello);
        is_a_fingerprint(&hello.ja4);
    }
}

fn read(input: &[u8], most: usize) -> Option<Result<ClientHello, Broken>> {
    let mut reader = HelloReader::default();
    assert!([22, 3, 1].into_iter().all(|octet| reader.sniff(octet)) && reader.is_tls());
    input.chunks(most).find_map(|piece| {
        let read = reader.read(piece);
        // Room grows by doubling.
        assert!(
            reader.memory() <= 2 * (MAX_HELLO + RECORD) + size_of::<HelloReader>(),
            "{} octets",
            reader.memory()
        );
        read
    })
}

fn is_bounded(hello: &ClientHello) {
    let mut names = hello.alpn.iter().chain(&hello.server_name);
    let is_fit = |name: &str| name.len() <= MAX_NAME && !name.contains(char::is_control);
    assert!(hello.alpn.len() <= MAX_ALPN && names.all(|name| is_fit(name)), "{hello:?}");
}

/// `t13d1516h2_8daaf6152771_e5627efa2ab1`.
fn is_a_fingerprint(ja4: &str) {
    let parts: Vec<&str> = ja4.split('_').collect();
    let [shape, ciphers, extensions] = parts.as_slice() else { panic!("{ja4}") };
    let is_hash =
        |hash: &str| hash.len() == 12 && hash.bytes().all(|octet| matches!(octet, b'0'..=b'9' | b'a'..=b'f'));
    assert!(is_hash(ciphers) && is_hash(extensions), "{ja4}");
    let counts = shape.get(4..8).unwrap_or_else(|| panic!("{ja4}"));
    assert!(
        shape.len() == 10 && shape.starts_with('t') && counts.bytes().all(|octet| octet.is_ascii_digit()),
        "{ja4}"
    );
    assert!(matches!(&shape[1..3], "13" | "12" | "11" | "10" | "s3" | "s2" | "00"), "{ja4}");
    assert!(
        matches!(&shape[3..4], "d" | "i") && shape[8..].bytes().all(|octet| octet.is_ascii_alphanumeric()),
        "{ja4}"
    );
}
