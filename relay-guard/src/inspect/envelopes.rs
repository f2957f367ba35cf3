//! How addresses of envelopes are shown: as they are, masked, or hashed (`inspection.envelopes`).

use std::hash::Hasher as _;

use siphasher::sip128::{Hasher128 as _, SipHasher13};

use crate::config::Envelopes;

/// How addresses are shown to whoever reads what inspection says.
#[derive(Clone, Copy, Debug)]
pub struct Disguise {
    how: Envelopes,
    key: [u8; 16],
}

impl Disguise {
    /// Addresses are shown so; hashes are made with this key.
    #[must_use]
    pub const fn new(how: Envelopes, key: [u8; 16]) -> Self {
        Self { how, key }
    }

    /// An address, without angle brackets, as it is shown. The null sender is empty in every way: it is nobody's.
    #[must_use]
    pub fn show(&self, address: &str) -> String {
        match self.how {
            _ if address.is_empty() => String::new(),
            Envelopes::Plain => address.to_owned(),
            Envelopes::Masked => masked(address),
            Envelopes::Hashed => self.hashed(address),
        }
    }

    /// A reply's text as it is shown: servers repeat in it whom they refuse. Whatever holds an `@` is taken for an address.
    #[must_use]
    pub fn show_reply(&self, text: &str) -> String {
        if self.how == Envelopes::Plain {
            return text.to_owned();
        }
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|letter: char| !is_frame(letter)) {
            let (frame, from) = rest.split_at(start);
            let (word, after) = from.split_at(from.find(is_frame).unwrap_or(from.len()));
            shown.push_str(frame);
            shown.push_str(&if word.contains('@') { self.show(word) } else { word.to_owned() });
            rest = after;
        }
        shown.push_str(rest);
        shown
    }

    /// Domains are the same in either case, and local parts mostly are.
    fn hashed(&self, address: &str) -> String {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(address.to_ascii_lowercase().as_bytes());
        format!("#{:016x}", hasher.finish128().h1)
    }
}

/// What stands around an address in a reply.
fn is_frame(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | ':')
}

/// The first letter and the domain: `j…@example.com`.
fn masked(address: &str) -> String {
    let (local, domain) = match address.rsplit_once('@') {
        Some((local, domain)) => (local, Some(domain)),
        None => (address, None),
    };
    let first: String = local.chars().take(1).collect();
    match domain {
        Some(domain) => format!("{first}…@{domain}"),
        None => format!("{first}…"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disguise(how: Envelopes) -> Disguise {
        Disguise::new(how, *b"sixteen octets!!")
    }

    #[test]
    fn addresses_are_plain_masked_or_hashed() {
        let [plain, mask, hash] = [Envelopes::Plain, Envelopes::Masked, Envelopes::Hashed].map(disguise);
        for (address, masked) in [
            ("john@example.com", "j…@example.com"),
            ("j@example.com", "j…@example.com"),
            ("\"a@b\"@example.com", "\"…@example.com"),
            ("@example.com", "…@example.com"),
            ("postmaster", "p…"),
            ("ünal@example.com", "ü…@example.com"),
            ("", ""),
        ] {
            assert_eq!((plain.show(address).as_str(), mask.show(address).as_str()), (address, masked));
            let hashed = hash.show(address);
            assert_eq!(hashed.len(), if address.is_empty() { 0 } else { 17 }, "{hashed}");
        }
        let other = Disguise::new(Envelopes::Hashed, *b"other 16 octets!");
        assert_eq!(hash.show("John@Example.com"), hash.show("john@example.com"));
        assert_ne!(hash.show("john@example.com"), hash.show("joan@example.com"));
        assert_ne!(hash.show("john@example.com"), other.show("john@example.com"), "keys matter");
    }

    #[test]
    fn replies_do_not_tell_what_addresses_do_not() {
        let reply = "5.1.1 <john@example.com>: unknown, see \"a@b\" (x) at http://example.com/";
        assert_eq!(disguise(Envelopes::Plain).show_reply(reply), reply);
        let masked = "5.1.1 <j…@example.com>: unknown, see \"a…@b\" (x) at http://example.com/";
        assert_eq!(disguise(Envelopes::Masked).show_reply(reply), masked);
        let hashed = disguise(Envelopes::Hashed).show_reply(reply);
        assert!(!hashed.contains('@') && hashed.starts_with("5.1.1 <#"), "{hashed}");
        for (text, shown) in
            [("", ""), ("ok", "ok"), (" a  b ", " a  b "), ("john@example.com", "j…@example.com")]
        {
            assert_eq!(disguise(Envelopes::Masked).show_reply(text), shown);
        }
    }
}
