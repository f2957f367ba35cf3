//! Replies as they are shown: servers repeat in them whom they refuse.

use super::hosts::kept;
use crate::config::Envelopes;

/// A reply's text as it may be shown, where nothing is known of those whom it may speak of: see [`shown_text`].
#[must_use]
pub fn shown_reply(text: &str, envelopes: Envelopes, key: &[u8; 16]) -> String {
    shown_text(text, &std::iter::empty(), envelopes, key)
}

/// What a server said as it may be shown: whatever holds an `@`, and words that are the local part of one of `known`, are plain,
/// masked or hashed like addresses of envelopes.
#[must_use]
pub fn shown_text<'a>(
    text: &str,
    known: &(impl Iterator<Item = &'a str> + Clone),
    envelopes: Envelopes,
    key: &[u8; 16],
) -> String {
    if envelopes == Envelopes::Plain {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(is_between) {
        let word = piece.strip_suffix(is_between).unwrap_or(piece);
        let bare = bare(word);
        let mut locals = known.clone().map(local_part);
        if is_address(bare) || (!bare.is_empty() && locals.any(|local| local.eq_ignore_ascii_case(bare))) {
            shown.push_str(&kept(bare, envelopes, key));
            shown.push_str(&piece[bare.len()..]);
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

/// The words of a reply, as [`shown_text`] compares them with local parts.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_between).map(bare).filter(|word| !word.is_empty())
}

fn bare(word: &str) -> &str {
    word.trim_end_matches(['.', '!', '?'])
}

/// The local part of an address.
#[must_use]
pub fn local_part(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

/// Whether a word looks like an address.
fn is_address(word: &str) -> bool {
    word.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// What stands between words.
fn is_between(character: char) -> bool {
    character.is_whitespace() || "<>()[]{},;:\"'`|".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_do_not_tell_what_envelopes_do_not() {
        let shown = |text, envelopes| shown_reply(text, envelopes, b"sixteen octets!!");
        let reply = "5.1.1 <john@example.com>: unknown, see \"a@b\" (x) at http://example.com/";
        assert_eq!(shown(reply, Envelopes::Plain), reply);
        let masked = "5.1.1 <j…@example.com>: unknown, see \"a…@b\" (x) at http://example.com/";
        assert_eq!(shown(reply, Envelopes::Masked), masked);
        let hashed = shown(reply, Envelopes::Hashed);
        let [john, other] =
            ["john@example.com", "a@b"].map(|one| kept(one, Envelopes::Hashed, b"sixteen octets!!"));
        assert_eq!(hashed, format!("5.1.1 <{john}>: unknown, see \"{other}\" (x) at http://example.com/"));
        for (text, expected) in [
            ("", ""),
            ("gone: john@example.com.", "gone: j…@example.com."),
            ("ok", "ok"),
            (" a  b ", " a  b "),
            ("john@example.com", "j…@example.com"),
        ] {
            assert_eq!(shown(text, Envelopes::Masked), expected);
        }
    }
}
