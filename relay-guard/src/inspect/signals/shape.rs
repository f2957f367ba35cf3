//! The shape of an envelope: what stays the same when a bot fills its template with ever other names and recipients.

use siphasher::sip::SipHasher13;

use crate::inspect::observation::Transaction;

/// The shapes of a transaction as keyed hashes: the kinds of characters in HELO and sender, the number of their labels, the number of
/// recipients and the size to within a factor of two. There are two, with sizes divided at different places: messages of about
/// one size have one of them in common. None if too little was seen.
#[must_use]
pub fn shapes(transaction: &Transaction, key: &[u8; 16]) -> Option<[u64; 2]> {
    if transaction.tls || transaction.recipients.is_empty() {
        return None;
    }
    let (helo, sender) = (transaction.helo.as_deref()?, transaction.mail_from.as_deref()?);
    let (local, domain) = sender.rsplit_once('@').unwrap_or((sender, ""));
    let (octets, chunked) = transaction.data.as_ref().map_or((0, false), |data| (data.octets, data.chunked));
    let recipients = transaction.recipients.len() as u32 + transaction.recipients_left_out;
    let [a, b, c, d] = recipients.to_le_bytes();
    let half_octave = half_octave(octets);
    let flags = u8::from(chunked) | u8::from(transaction.declared_size.is_some()) << 1;
    let (helo, local) = ([kinds(helo), labels(helo)], [kinds(local), labels(domain)]);
    Some([0, 1].map(|shift| {
        let size = [(half_octave + shift) / 2, flags | shift << 2];
        let form = [helo, local, [a, b], [c, d], size];
        SipHasher13::new_with_key(key).hash(form.as_flattened())
    }))
}

/// Which kinds of characters a text has, a bit for each.
fn kinds(text: &str) -> u8 {
    text.bytes().fold(u8::from(text.is_empty()), |kinds, octet| {
        kinds
            | match octet {
                b'a'..=b'z' => 2,
                b'A'..=b'Z' => 4,
                b'0'..=b'9' => 8,
                b'.' => 16,
                b'-' | b'_' => 32,
                b'[' | b']' | b':' => 64,
                _ => 128,
            }
    })
}

fn labels(name: &str) -> u8 {
    name.split('.').take(16).count() as u8
}

/// Twice the binary logarithm, rounded down.
fn half_octave(octets: u64) -> u8 {
    let Some(log) = octets.checked_ilog2() else { return 0 };
    // 2^(log + ½), compared without roots: octets² ≥ 2^(2 log + 1).
    let above = u128::from(octets) * u128::from(octets) >= 1 << (2 * log + 1);
    (1 + 2 * log) as u8 + u8::from(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::hosts::testing::{Message, server};

    #[test]
    fn names_do_not_make_a_shape_and_form_does() {
        let base = Message::default();
        let key = [7; 16];
        let of = |message: &Message| shapes(&message.transaction(server(1)), &key).unwrap();
        let same = [
            Message { sender: "someone@elsewhere.example".into(), ..base.clone() },
            Message { recipients: vec!["other@place.example".into()], ..base.clone() },
            Message { octets: base.octets + 10, ..base.clone() },
        ];
        for message in same {
            assert_eq!(of(&message), of(&base), "{message:?}");
        }
        let others = [
            Message { sender: String::new(), ..base.clone() },
            Message { sender: "some.one@elsewhere.example".into(), ..base.clone() },
            Message { sender: "someone@mail.elsewhere.example".into(), ..base.clone() },
            Message { helo: "localhost".into(), ..base.clone() },
            Message { octets: base.octets * 2, ..base.clone() },
            Message { recipients: vec!["a@b.example".into(), "c@d.example".into()], ..base.clone() },
        ];
        for message in others {
            assert!(of(&message).iter().all(|shape| !of(&base).contains(shape)), "{message:?}");
        }
        let tls = Transaction { tls: true, ..base.transaction(server(1)) };
        assert_eq!(shapes(&tls, &key), None);
        assert_ne!(shapes(&base.transaction(server(1)), &[8; 16]), Some(of(&base)));
    }

    #[test]
    fn sizes_that_are_near_have_a_shape_in_common_wherever_they_are() {
        let of = |octets| {
            shapes(&Message { octets, ..Message::default() }.transaction(server(1)), &[7; 16]).unwrap()
        };
        for octets in [1000, 1447, 1448, 2047, 2048, 2896, 4095, 4096, 1 << 40] {
            let (less, more) = (of(octets), of(octets + octets / 10));
            assert!(less.iter().any(|shape| more.contains(shape)), "{octets}");
        }
    }

    #[test]
    fn sizes_are_told_to_within_a_factor() {
        let steps: Vec<u8> = [0, 1, 2, 3, 4, 5, 6, 1024, 1447, 1449, 2047, u64::MAX].map(half_octave).into();
        assert_eq!(steps, [0, 1, 3, 4, 5, 5, 6, 21, 21, 22, 22, 128]);
    }
}
