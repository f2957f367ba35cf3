//! From bytes as they came to content: gzip by its first bytes, and no HTML.

use std::io::{ErrorKind, Read as _};

use flate2::bufread::MultiGzDecoder;

use super::FetchError;
use super::content::{Budget, Limit};
use super::error::quoted;

/// The first bytes of a gzip member that is compressed with deflate (RFC 1952, section 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b\x08";

/// How often content is unpacked: a `.gz` file may be sent compressed once more by the server.
const MAX_LAYERS: usize = 2;

/// Whether [`content`] has much to do, so that it belongs on a thread of its own.
pub(super) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(GZIP)
}

/// The content of `bytes` that somebody else has read, which may be compressed; at most `limit`. `name` is what messages
/// call it.
///
/// # Errors
/// [`FetchError`]: damaged, more than the limit, or a page for people.
pub fn unpacked(name: &str, bytes: Vec<u8>, limit: Limit) -> Result<Vec<u8>, FetchError> {
    content(name, bytes, &Budget::new(limit))
}

/// The content of `bytes`, which may be compressed; at most what is left of `budget`.
pub(super) fn content(what: &str, mut bytes: Vec<u8>, budget: &Budget) -> Result<Vec<u8>, FetchError> {
    for _ in 0..MAX_LAYERS {
        if !is_packed(&bytes) {
            break;
        }
        bytes = unpack(what, &bytes, budget)?;
    }
    if looks_like_html(&bytes) {
        return Err(FetchError::Html { what: what.to_owned() });
    }
    Ok(bytes)
}

fn unpack(what: &str, packed: &[u8], budget: &Budget) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let unpacked = MultiGzDecoder::new(packed).take(budget.left().saturating_add(1)).read_to_end(&mut bytes);
    if bytes.len() as u64 > budget.left() {
        let limit = budget.limit();
        return Err(FetchError::GzipBomb {
            what: what.to_owned(),
            packed: packed.len() as u64,
            limit: limit.bytes,
            limit_name: limit.name,
        });
    }
    match unpacked {
        Ok(_) => Ok(bytes),
        Err(error) => {
            let cause = match error.kind() {
                ErrorKind::UnexpectedEof => "its end is missing".to_owned(),
                _ => format!("damaged: {}", quoted(&error.to_string())),
            };
            Err(FetchError::Gzip { what: what.to_owned(), cause })
        }
    }
}

/// No list format starts with `<`; pages of errors, logins and captive portals all do.
fn looks_like_html(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::super::Limit;
    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(bytes: Vec<u8>, limit: u64) -> Result<Vec<u8>, FetchError> {
        content("feed", bytes, &Budget::new(Limit { bytes: limit, name: "limits.list_bytes" }))
    }

    proptest! {
        #[test]
        fn content_comes_out_as_it_went_in(parts in prop::collection::vec(".{0,40}", 1..4), layers in 0_usize..3) {
            let text: Vec<u8> = parts.concat().into_bytes();
            prop_assume!(!looks_like_html(&text));
            let mut bytes: Vec<u8> = if layers == 0 { text.clone() } else {
                // One member for each part.
                parts.iter().flat_map(|part| gzip(part.as_bytes())).collect()
            };
            for _ in 1..layers {
                bytes = gzip(&bytes);
            }
            prop_assert_eq!(unpacked(bytes, 1 << 20).unwrap(), text);
        }

        #[test]
        fn no_part_of_a_gzip_file_passes_for_the_whole(cut in 0_usize..1000) {
            let whole = gzip(b"192.0.2.1\n192.0.2.2\n");
            let cut = 3 + cut % (whole.len() - 3);
            let error = unpacked(whole[..cut].to_vec(), 1000).unwrap_err();
            prop_assert_eq!(error.to_string(), "cannot unpack feed: its end is missing");
        }
    }

    #[test]
    fn the_limit_is_exact_and_holds_for_every_member() {
        let two = [gzip(&[b'1'; 600]), gzip(&[b'1'; 400])].concat();
        assert_eq!(unpacked(two.clone(), 1000).unwrap().len(), 1000);
        let error = unpacked(two.clone(), 999).unwrap_err();
        assert_eq!(error.kind(), "gzip-bomb");
        let expected = format!(
            "cannot unpack feed: its {} bytes make more than 999 (limits.list_bytes); raise the limit if that is meant",
            two.len()
        );
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn damage_and_garbage_behind_are_errors() {
        let mut damaged = gzip(b"192.0.2.1\n");
        let middle = damaged.len() - 6;
        damaged[middle] ^= 1;
        for bytes in [damaged, [gzip(b"192.0.2.1\n"), b"more than ten bytes".to_vec()].concat()] {
            let error = unpacked(bytes, 1000).unwrap_err();
            assert!(error.to_string().starts_with("cannot unpack feed: damaged: "), "{error}");
        }
    }

    #[test]
    fn html_is_refused_and_lists_are_not() {
        for page in ["<!doctype html>", "\n\t <HTML>", "\u{feff}<?xml ?>", "<"] {
            for bytes in [page.as_bytes().to_vec(), gzip(page.as_bytes())] {
                assert_eq!(unpacked(bytes, 1000).unwrap_err().kind(), "html", "{page}");
            }
        }
        for list in ["", "# <b>", "192.0.2.1 <b>", "{\"a\":\"<\"}"] {
            assert_eq!(unpacked(list.as_bytes().to_vec(), 1000).unwrap(), list.as_bytes());
        }
    }
}
