//! How addresses of envelopes are shown: as they are, or so that nobody can be read from them (`inspection.envelopes`).

use crate::{
    config::Envelopes,
    inspect::{hosts::kept, shown_text},
};

/// Shows addresses.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    how: Envelopes,
    key: [u8; 16],
}

impl Shown {
    /// Shows addresses in this way. The key makes hashes; who has it can try addresses.
    #[must_use]
    pub const fn new(how: Envelopes, key: [u8; 16]) -> Self {
        Self { how, key }
    }

    /// Whether addresses are hidden.
    #[must_use]
    pub fn hides(&self) -> bool {
        self.how != Envelopes::Plain
    }

    /// An address without angle brackets. The null sender is nobody's, and stays what it is.
    #[must_use]
    pub fn address(&self, address: &str) -> String {
        kept(address, self.how, &self.key).into()
    }

    /// What a server said, with addresses in it shown likewise, and those words that are the local part of one of `known`.
    #[must_use]
    pub fn text<'a>(&self, text: &str, known: &(impl Iterator<Item = &'a str> + Clone)) -> String {
        shown_text(text, known, self.how, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [7; 16];

    fn of(how: Envelopes, address: &str) -> String {
        Shown::new(how, KEY).address(address)
    }

    #[test]
    fn addresses_are_shown_as_far_as_is_wanted() {
        for (how, expected) in [(Envelopes::Plain, "john@example.com"), (Envelopes::Masked, "j…@example.com")]
        {
            assert_eq!(of(how, "john@example.com"), expected);
        }
        let hashed = of(Envelopes::Hashed, "john@example.com");
        assert_eq!(hashed, of(Envelopes::Hashed, "john@example.com"));
        assert_ne!(hashed, of(Envelopes::Hashed, "joan@example.com"));
        assert_ne!(hashed, Shown::new(Envelopes::Hashed, [8; 16]).address("john@example.com"));
        assert_eq!(of(Envelopes::Hashed, ""), "");
    }

    #[test]
    fn what_servers_say_names_nobody_either() {
        let known = ["John@example.com", "x@example.net"];
        for (text, expected) in [
            ("5.1.1 <john@example.com>: unknown", "5.1.1 <j…@example.com>: unknown"),
            ("5.1.1 john@example.com", "5.1.1 j…@example.com"),
            ("JOHN: no such user (jane@a.example)", "J…: no such user (j…@a.example)"),
            ("johnny has moved; see http://a.example/?a=b", "johnny has moved; see http://a.example/?a=b"),
            ("2.0.0 Ok: queued as 4X at @ home", "2.0.0 Ok: queued as 4X at @ home"),
            ("", ""),
        ] {
            let shown = |how| Shown::new(how, KEY).text(text, &known.into_iter());
            assert_eq!(shown(Envelopes::Plain), text);
            assert_eq!(shown(Envelopes::Masked), expected);
            let hashed = shown(Envelopes::Hashed).to_lowercase();
            assert!(!hashed.contains("john@") && !hashed.contains("jane@"), "{hashed}");
        }
    }
}
