//! Filters of DNSBL answers: [`AnswerFilter::parse`] against a reader that cuts the text into pieces.
//!
//! Invariant: it accepts four octets with dots between, each a number or numbers and ranges in brackets, where a listing can
//! match, and nothing else; it matches what stands there, and reads the same again from its own words. A fault's place is in
//! the text or right behind it.

use std::net::Ipv4Addr;

use relay_guard::dnsbl::filter::{AnswerFilter, MAX_FILTER_LEN, NO_LISTINGS};

/// The values that each octet may have.
type Octets = [Vec<u8>; 4];

/// Holds the invariant against one text.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let expected = octets(text).filter(can_match);
    match AnswerFilter::parse(text) {
        Ok(filter) => {
            let octets = expected.unwrap_or_else(|| panic!("{text:?} is no filter"));
            matches_only(&filter, &octets);
            let shown = filter.to_string();
            if shown.len() <= MAX_FILTER_LEN {
                assert_eq!(AnswerFilter::parse(&shown).as_ref(), Ok(&filter), "{text:?} became {shown:?}");
            }
        }
        Err(error) => {
            assert!(expected.is_none(), "{text:?}: {error}");
            let end = text.chars().count().min(MAX_FILTER_LEN) + 1;
            assert!((1..=end).contains(&error.place), "{text:?}: {error}");
        }
    }
}

/// What the text says, piece by piece.
fn octets(text: &str) -> Option<Octets> {
    let mut rest = text;
    let mut octets = Octets::default();
    for (index, octet) in octets.iter_mut().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('.')?;
        }
        let (values, behind) = match rest.strip_prefix('[') {
            Some(bracketed) => bracketed.split_once(']')?,
            None => rest.split_at(rest.find('.').unwrap_or(rest.len())),
        };
        let is_list = rest.starts_with('[');
        *octet = if is_list { list(values)? } else { vec![number(values)?] };
        rest = behind;
    }
    (rest.is_empty() && text.len() <= MAX_FILTER_LEN).then_some(octets)
}

fn list(values: &str) -> Option<Vec<u8>> {
    let ranges = values.split(';').map(|range| {
        let (first, last) = range.split_once("..").unwrap_or((range, range));
        let (first, last) = (number(first)?, number(last)?);
        (first <= last).then_some(first..=last)
    });
    Some(ranges.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Digits alone, without a leading zero.
fn number(digits: &str) -> Option<u8> {
    let number: u8 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Whether there is an answer that is a listing.
fn can_match([first, second, third, fourth]: &Octets) -> bool {
    let listings =
        second.iter().flat_map(|b| third.iter().flat_map(move |c| fourth.iter().map(move |d| (b, c, d))));
    let mut answers = listings.map(|(b, c, d)| Ipv4Addr::new(127, *b, *c, *d));
    // At most as many as there are that say something else come before one.
    first.contains(&127) && answers.any(|answer| !NO_LISTINGS.contains(&answer))
}

/// Each octet by itself, with the first values of the others.
fn matches_only(filter: &AnswerFilter, octets: &Octets) {
    let base: [u8; 4] = std::array::from_fn(|index| octets[index][0]);
    for (index, values) in octets.iter().enumerate() {
        for value in 0..=u8::MAX {
            let mut answer = base;
            answer[index] = value;
            let expected = values.contains(&value);
            assert_eq!(filter.matches(answer.into()), expected, "{filter} and {answer:?}");
        }
    }
}
