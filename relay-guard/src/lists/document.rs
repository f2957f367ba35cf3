//! One document of a list: its bytes, and the checks that come before any format.

use super::error::DocumentCause;

/// The UTF-8 byte order mark that some editors and feeds put before the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A document as the caller gives it: not compressed any more.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The file or URL that messages show; nothing is opened.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
}

/// The text of a document, without a byte order mark.
///
/// It may hold bytes that are no UTF-8: feeds write notes and comments in Latin-1 too. Addresses are ASCII, and the
/// readers take nothing else for one.
pub(super) fn text(bytes: &[u8]) -> Result<&[u8], DocumentCause> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    match binary(bytes) {
        Some(what) => Err(DocumentCause::Binary { what }),
        None if is_web_page(bytes) => Err(DocumentCause::WebPage),
        None => Ok(bytes),
    }
}

/// What web pages begin with, in lower case.
const WEB_PAGE: [&[u8]; 7] = [b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--", b"<script"];

fn is_web_page(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let begins = |with: &&[u8]| start.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    WEB_PAGE.iter().any(begins)
}

/// What makes `bytes` something else than text, if anything does.
fn binary(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x1f\x8b") {
        return Some("it is compressed with gzip");
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Some("it is UTF-16 text");
    }
    bytes.contains(&0).then_some("it holds a zero byte")
}
