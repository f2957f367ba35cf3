//! Replies as they are shown: servers repeat in them whom they refuse.

use super::hosts::kept;
use crate::config::Envelopes;

/// A reply's text as it may be shown: addresses in it are plain, masked or hashed like those of envelopes. Whatever holds an `@` is
/// taken for an address.
#[must_use]
pub fn shown_reply(text: &str, envelopes: Envelopes, key: &[u8; 16]) -> String {
    if envelopes == Envelopes::Plain {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| !is_frame(letter)) {
        let (frame, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(is_frame).unwrap_or(from.len()));
        shown.push_str(frame);
        let word_shown = if word.contains('@') { kept(word, envelopes, key) } else { word.into() };
        shown.push_str(&word_shown);
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// What stands around an address in a reply.
fn is_frame(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | ':')
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
        for (text, expected) in
            [("", ""), ("ok", "ok"), (" a  b ", " a  b "), ("john@example.com", "j…@example.com")]
        {
            assert_eq!(shown(text, Envelopes::Masked), expected);
        }
    }
}
