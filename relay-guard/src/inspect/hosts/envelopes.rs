//! Addresses of envelopes as they are kept and shown: plain, masked or hashed.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::config::Envelopes;

/// An address (without angle brackets; empty for the null sender) as it may be kept.
#[must_use]
pub fn kept(address: &str, envelopes: Envelopes, key: &[u8; 16]) -> Box<str> {
    match envelopes {
        _ if address.is_empty() => address.into(),
        Envelopes::Plain => address.into(),
        Envelopes::Masked => masked(address).into(),
        Envelopes::Hashed => format!("#{:016x}", hash(address, key)).into(),
    }
}

/// The first letter and the domain.
fn masked(address: &str) -> String {
    let (local, domain) = address.rsplit_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    let at = if domain.is_empty() { "" } else { "@" };
    format!("{first}…{at}{domain}")
}

/// A keyed hash of a text in which case makes no difference.
#[must_use]
pub fn hash(text: &str, key: &[u8; 16]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    for chunk in text.as_bytes().chunks(64) {
        let mut lower = [0; 64];
        let lower = &mut lower[..chunk.len()];
        lower.copy_from_slice(chunk);
        lower.make_ascii_lowercase();
        hasher.write(lower);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_as_they_are_kept() {
        let key = [1; 16];
        for (address, masked) in [
            ("john.doe@example.com", "j…@example.com"),
            ("", ""),
            ("postmaster", "p…"),
            ("é@x", "é…@x"),
            ("@x", "…@x"),
        ] {
            assert_eq!(&*kept(address, Envelopes::Plain, &key), address);
            assert_eq!(&*kept(address, Envelopes::Masked, &key), masked);
        }
        let hashed = |address, key| kept(address, Envelopes::Hashed, key);
        assert_eq!(hashed("", &key), "".into());
        let john = hashed("john@example.com", &key);
        assert_eq!((john.len(), john.contains("john")), (17, false));
        assert_eq!(john, hashed("John@EXAMPLE.com", &key));
        assert_ne!(john, hashed("jane@example.com", &key));
        assert_ne!(john, hashed("john@example.com", &[2; 16]));
    }
}
