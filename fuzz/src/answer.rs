//! Answers of zones: [`resolver::read`] on what a server may send, and texts of listings.
//!
//! Invariant: what is read is an answer to the question, with at least one address, or few and short texts of printable ASCII
//! in one line. What is no answer is told in one line without the question's name, which may hold a key.

use relay_guard::dnsbl::question::{Question, RecordKind, Records};
use relay_guard::dnsbl::resolver::{self, MAX_TEXT_BYTES, MAX_TEXTS};

/// What was asked; messages of the corpus are about it.
const NAME: &str = "2.0.0.127.k3y.test.";

/// The part of it that nobody may see.
const KEY: &str = "k3y";

/// Holds the invariant against one message.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    is_fit_to_be_shown(&resolver::sanitised(input));
    for kind in [RecordKind::A, RecordKind::Txt] {
        match resolver::read(&Question { id: 1, name: NAME.to_owned(), kind }, input) {
            Ok(Records::A { addresses, .. }) => {
                assert!(kind == RecordKind::A && !addresses.is_empty(), "{addresses:?}");
            }
            Ok(Records::Txt(texts)) => {
                assert!(kind == RecordKind::Txt && texts.len() <= MAX_TEXTS, "{texts:?}");
                texts.iter().for_each(|text| is_fit_to_be_shown(text));
            }
            Ok(Records::None { .. }) => {}
            Err(fault) => {
                let words = fault.to_string();
                assert!(!words.contains(KEY) && !words.contains(char::is_control), "{words:?}");
            }
        }
    }
}

fn is_fit_to_be_shown(text: &str) {
    let is_shown = |c: char| c == ' ' || c.is_ascii_graphic();
    assert!(text.len() <= MAX_TEXT_BYTES && text.chars().all(is_shown), "{text:?}");
}
