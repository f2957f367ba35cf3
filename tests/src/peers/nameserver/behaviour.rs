//! What a scripted nameserver knows, and how it behaves.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_proto::op::ResponseCode;
use ipnet::IpNet;

/// Seconds that answers and denials are good for, if a test says nothing else.
const TTL_S: u32 = 60;

/// How questions about a zone are answered.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// As its content says.
    Honest,
    /// Not at all.
    Silent,
    /// As its content says, after this time.
    Slow(Duration),
    /// With nothing but this code.
    Code(ResponseCode),
    /// Over UDP only with the word that there is more; over TCP as its content says.
    Truncated,
    /// Over UDP only with the word that there is more; over TCP not at all.
    TruncatedForGood,
    /// With these addresses, whatever the name.
    Always(Vec<Ipv4Addr>),
    /// As its content says, but that names that do not exist have this address.
    Rewritten(Ipv4Addr),
    /// With bytes that are no answer.
    Garbage,
    /// In turns with each of these, from the first one on and again.
    Turns(Vec<Behaviour>),
}

/// A zone's content: networks with their A records and a text, and the test entries of RFC 5782 §5.
#[derive(Clone, Debug)]
pub struct Content {
    entries: Vec<(IpNet, Vec<Ipv4Addr>, String)>,
    pub(super) ttl: u32,
    pub(super) negative_ttl: u32,
}

impl Default for Content {
    /// The test entries of both families.
    fn default() -> Self {
        let content = Self { entries: Vec::new(), ttl: TTL_S, negative_ttl: TTL_S };
        let v4 = IpNet::from(IpAddr::from([127, 0, 0, 2]));
        let v6 = IpNet::from(IpAddr::from([0, 0, 0, 0, 0, 0xffff, 0x7f00, 2]));
        content.list(v4, &[[127, 0, 0, 2]], "test entry").list(v6, &[[127, 0, 0, 2]], "test entry")
    }
}

impl Content {
    /// Without any test entries.
    #[must_use]
    pub fn bare() -> Self {
        Self { entries: Vec::new(), ..Self::default() }
    }

    /// The same with a network that has these A records and this text. Of several that hold an address, the last one counts.
    #[must_use]
    pub fn list(mut self, net: impl Into<IpNet>, answers: &[[u8; 4]], text: &str) -> Self {
        let answers = answers.iter().copied().map(Ipv4Addr::from).collect();
        self.entries.push((net.into(), answers, text.to_owned()));
        self
    }

    /// The same with other times: seconds that answers, and denials, are good for.
    #[must_use]
    pub fn ttl(mut self, ttl: u32, negative_ttl: u32) -> Self {
        (self.ttl, self.negative_ttl) = (ttl, negative_ttl);
        self
    }

    /// The records of an address.
    pub(super) fn of(&self, address: IpAddr) -> Option<(&[Ipv4Addr], &str)> {
        let entry = self.entries.iter().rfind(|(net, ..)| net.contains(&address));
        entry.map(|(_, answers, text)| (answers.as_slice(), text.as_str()))
    }
}

/// A question that a nameserver was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name, in lower case, without a dot at its end.
    pub name: String,
    /// The zone, if it is one that the server has.
    pub zone: Option<String>,
    /// The address that the name stands for.
    pub address: Option<IpAddr>,
    /// `A`, `TXT` and so on.
    pub kind: String,
    /// Whether it came over TCP.
    pub tcp: bool,
    /// Whether it said that it takes long answers over UDP (EDNS).
    pub edns: bool,
}
