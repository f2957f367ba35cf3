//! What an answer of a zone means: a listing, none, or that the zone cannot be believed (RFC 5782 §2.1, RFC 6471 §3).

use std::net::Ipv4Addr;

use super::question::{Fault, Records};

/// What an answer means. Times are in seconds, as the answer had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Listed: at least one of the addresses [is a listing](is_listing).
    Listed {
        /// All that the zone answered.
        answers: &'a [Ipv4Addr],
        /// For how long.
        ttl_s: u32,
    },
    /// Not listed.
    NotListed {
        /// For how long.
        ttl_s: u32,
    },
    /// Nothing is known.
    Fault(Fault),
}

/// Whether an answer is a listing: inside of 127/8, not 127.0.0.1, and none of the codes for "you may not ask".
#[must_use]
pub fn is_listing(answer: Ipv4Addr) -> bool {
    answer.is_loopback() && answer != Ipv4Addr::LOCALHOST && fault_of(answer).is_none()
}

/// What is wrong with a zone, or with the way to it, that gives such an answer.
#[must_use]
pub fn fault_of(answer: Ipv4Addr) -> Option<Fault> {
    match answer.octets() {
        [127, 255, 255, 252] => Some(Fault::Mistyped),
        [127, 255, 255, 254] => Some(Fault::PublicResolver),
        [127, 255, 255, 255] => Some(Fault::Quota(answer)),
        [127, ..] => None,
        _ => Some(Fault::Rewritten(answer)),
    }
}

/// What the result of a question for A records means. `quota` are answers by which this zone says that it was asked too
/// often.
#[must_use]
pub fn of<'a>(result: &'a Result<Records, Fault>, quota: &[Ipv4Addr]) -> Meaning<'a> {
    match result {
        Ok(Records::A { addresses, ttl_s }) => match addresses.iter().find(|answer| quota.contains(answer)) {
            Some(answer) => Meaning::Fault(Fault::Quota(*answer)),
            None => of_addresses(addresses, *ttl_s),
        },
        Ok(Records::None { ttl_s }) => Meaning::NotListed { ttl_s: *ttl_s },
        Ok(Records::Txt(_)) => Meaning::Fault(Fault::Malformed("texts instead of addresses".to_owned())),
        Err(fault) => Meaning::Fault(fault.clone()),
    }
}

fn of_addresses(answers: &[Ipv4Addr], ttl_s: u32) -> Meaning<'_> {
    if let Some(fault) = answers.iter().find_map(|answer| fault_of(*answer)) {
        return Meaning::Fault(fault);
    }
    if answers.iter().any(|answer| is_listing(*answer)) {
        Meaning::Listed { answers, ttl_s }
    } else {
        Meaning::NotListed { ttl_s }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meaning(answers: &[[u8; 4]]) -> String {
        let addresses = answers.iter().copied().map(Ipv4Addr::from).collect();
        match of(&Ok(Records::A { addresses, ttl_s: 7 }), &[Ipv4Addr::new(127, 0, 0, 255)]) {
            Meaning::Listed { answers, ttl_s } => format!("listed {} {ttl_s}", answers.len()),
            Meaning::NotListed { ttl_s } => format!("not listed {ttl_s}"),
            Meaning::Fault(fault) => fault.to_string(),
        }
    }

    #[test]
    fn listings_are_inside_of_127_and_no_codes() {
        let cases: [(&[[u8; 4]], &str); 13] = [
            (&[[127, 0, 0, 2]], "listed 1 7"),
            (&[[127, 0, 0, 2], [127, 0, 0, 1]], "listed 2 7"),
            (&[[127, 255, 255, 253]], "listed 1 7"),
            (&[[127, 0, 0, 1]], "not listed 7"),
            (&[], "not listed 7"),
            (&[[127, 255, 255, 252]], "answers 127.255.255.252"),
            (&[[127, 0, 0, 2], [127, 255, 255, 254]], "answers 127.255.255.254"),
            (&[[127, 255, 255, 255]], "answers 127.255.255.255"),
            (&[[127, 0, 0, 255]], "answers 127.0.0.255: more questions"),
            (&[[127, 0, 0, 2], [127, 0, 0, 255]], "answers 127.0.0.255"),
            (&[[203, 0, 113, 9]], "answers 203.0.113.9"),
            (&[[127, 0, 0, 2], [0, 0, 0, 0]], "answers 0.0.0.0"),
            (&[[128, 0, 0, 2]], "answers 128.0.0.2"),
        ];
        for (answers, expected) in cases {
            let found = meaning(answers);
            assert!(found.starts_with(expected), "{answers:?}: {found}");
        }
    }

    #[test]
    fn what_was_not_answered_is_neither() {
        let fault = |result| matches!(of(&result, &[]), Meaning::Fault(_));
        assert!(fault(Err(Fault::Timeout)) && fault(Err(Fault::ServFail)) && fault(Err(Fault::Refused)));
        assert!(fault(Ok(Records::Txt(vec!["listed".to_owned()]))));
        assert_eq!(of(&Ok(Records::None { ttl_s: 9 }), &[]), Meaning::NotListed { ttl_s: 9 });
    }

    proptest! {
        #[test]
        fn an_answer_is_a_listing_a_fault_or_127_0_0_1(answer in any::<[u8; 4]>().prop_map(Ipv4Addr::from)) {
            let kinds = [is_listing(answer), fault_of(answer).is_some(), answer == Ipv4Addr::LOCALHOST];
            prop_assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1);
            prop_assert_eq!(answer.octets()[0] != 127, matches!(fault_of(answer), Some(Fault::Rewritten(_))));
        }
    }
}
