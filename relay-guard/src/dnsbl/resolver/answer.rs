//! What an answer says: records, none, or a fault.

use hickory_resolver::net::NetError;
use hickory_resolver::proto::op::{DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use rustix::io::Errno;

use crate::dnsbl::question::{Fault, Records};

/// The most aliases that are followed from one name to the next.
const MAX_ALIASES: usize = 8;

/// The most texts of a listing that are kept.
pub const MAX_TEXTS: usize = 4;

/// The most bytes of one text that are kept.
pub const MAX_TEXT_BYTES: usize = 255;

/// Reads what came for a question.
///
/// # Errors
/// What kept it from being an answer, in words that do not hold the question's name.
pub fn read(query: &Query, came: Result<DnsResponse, NetError>) -> Result<Records, Fault> {
    let response = came.map_err(|error| fault(&error))?;
    if response.queries.as_slice() != std::slice::from_ref(query) {
        return Err(malformed("it is about another question"));
    }
    if response.truncation {
        return Err(malformed("it is cut off, even over TCP"));
    }
    match response.response_code {
        ResponseCode::NoError => records(query, &response),
        ResponseCode::NXDomain => Ok(none(&response)),
        ResponseCode::ServFail => Err(Fault::ServFail),
        // A server that is not responsible for the zone any more says either.
        ResponseCode::Refused | ResponseCode::NotAuth => Err(Fault::Refused),
        code => Err(Fault::Malformed(format!("the server says \"{code}\""))),
    }
}

fn records(query: &Query, response: &DnsResponse) -> Result<Records, Fault> {
    let (owner, alias_ttl) = owner(query, &response.answers);
    let wanted = || {
        let of_owner = |record: &&Record| record.record_type() == query.query_type() && record.name == *owner;
        response.answers.iter().filter(of_owner)
    };
    let Some(ttl_s) = wanted().map(|record| record.ttl).min() else {
        return if is_referral(response) {
            Err(malformed("the server only names others to ask; is it a resolver?"))
        } else {
            Ok(none(response))
        };
    };
    if query.query_type() == RecordType::TXT {
        let texts = wanted().filter_map(|record| match &record.data {
            RData::TXT(text) => Some(sanitised(&text.txt_data.concat())),
            _ => None,
        });
        return Ok(Records::Txt(texts.take(MAX_TEXTS).collect()));
    }
    let addresses = wanted().filter_map(|record| match &record.data {
        RData::A(address) => Some(address.0),
        _ => None,
    });
    Ok(Records::A { addresses: addresses.collect(), ttl_s: ttl_s.min(alias_ttl) })
}

/// The name that the question's name stands for in the end, and the smallest time to live of the aliases on the way.
fn owner<'a>(query: &'a Query, answers: &'a [Record]) -> (&'a Name, u32) {
    let mut owner = query.name();
    let mut ttl = u32::MAX;
    for _ in 0..MAX_ALIASES {
        let alias = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *owner => Some((&target.0, record.ttl)),
            _ => None,
        });
        let Some((target, alias_ttl)) = alias else { break };
        owner = target;
        ttl = ttl.min(alias_ttl);
    }
    (owner, ttl)
}

/// Nothing but the names of other servers: no answer of a resolver, and no denial either (RFC 2308 §2.2).
fn is_referral(response: &DnsResponse) -> bool {
    let of = |kind| response.authorities.iter().any(|record| record.record_type() == kind);
    response.answers.is_empty() && !response.authoritative && of(RecordType::NS) && !of(RecordType::SOA)
}

fn none(response: &DnsResponse) -> Records {
    Records::None { ttl_s: response.negative_ttl().unwrap_or(0) }
}

fn malformed(cause: &str) -> Fault {
    Fault::Malformed(cause.to_owned())
}

/// hickory's own words may hold the question's name, so they are not used.
fn fault(error: &NetError) -> Fault {
    match error {
        NetError::Timeout => Fault::Timeout,
        NetError::Busy => Fault::Busy,
        NetError::Io(cause) if is_shortage(cause) => Fault::Busy,
        NetError::Io(cause) => Fault::Network(crate::lists::source::os_words(cause)),
        NetError::Proto(_) => malformed("it is no DNS message"),
        _ => Fault::Network("the exchange with the server failed".to_owned()),
    }
}

/// Whether it is this machine that lacks something: files, or memory.
fn is_shortage(cause: &std::io::Error) -> bool {
    let errno = Errno::from_io_error(cause);
    errno.is_some_and(|errno| matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM))
}

/// A text for people as it may be shown: printable ASCII in one line, everything else a question mark, not too long.
#[must_use]
pub fn sanitised(text: &[u8]) -> String {
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '?' };
    text.iter().take(MAX_TEXT_BYTES).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_this_machine_lacks_is_no_fault_of_the_network() {
        for (errno, own) in [
            (Errno::MFILE, true),
            (Errno::NFILE, true),
            (Errno::NOBUFS, true),
            (Errno::NOMEM, true),
            (Errno::CONNREFUSED, false),
            (Errno::NETUNREACH, false),
        ] {
            let fault = fault(&NetError::Io(Arc::new(io::Error::from(errno))));
            assert_eq!(fault.is_our_own(), own, "{fault}");
            assert_eq!(fault.is_silence(), !own, "{fault}");
        }
        assert_eq!(fault(&NetError::Busy), Fault::Busy);
    }
}
