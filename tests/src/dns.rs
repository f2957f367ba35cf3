//! Questions to a DNS server, as a mail server asks a blocklist: one UDP packet there, one back.
//!
//! Knows nothing of caches, retries and trust; answers are given as they come.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::namespace::Namespace;

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What a blocklist says of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whether there is such a name.
    pub exists: bool,
    /// The A records.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// The TXT records.
    pub texts: BTreeSet<String>,
}

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    socket: UdpSocket,
    next_id: u16,
}

impl Client {
    /// A client in `namespace` of the server at `server`.
    ///
    /// # Errors
    /// When there is no route to it.
    pub fn new(namespace: &Namespace, server: SocketAddr) -> Result<Self> {
        let socket = namespace.run(|| {
            let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
            let socket = UdpSocket::bind((any, 0))?;
            socket.connect(server)?;
            socket.set_read_timeout(Some(ANSWER_LIMIT))?;
            std::io::Result::Ok(socket)
        })?;
        Ok(Self { socket, next_id: 1 })
    }

    /// Asks what the blocklist `zone` says of `address`, by its A records or by its TXT records.
    ///
    /// # Errors
    /// Without an answer, or with one that is neither positive nor "no such name".
    pub fn listed(&mut self, address: IpAddr, zone: &str, by: RecordType) -> Result<Answer> {
        let name = format!("{}.{zone}.", reversed(address));
        let mut message = Message::new(self.next_id, MessageType::Query, OpCode::Query);
        self.next_id = self.next_id.wrapping_add(1);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(&name)?, by));
        self.socket.send(&message.to_vec()?)?;
        let mut buffer = [0; 4096];
        let length = self.socket.recv(&mut buffer).with_context(|| format!("no answer about {name}"))?;
        let answer = Message::from_vec(&buffer[..length])?;
        ensure!(answer.id == message.id, "an answer to another question than {name}");
        read(&answer).with_context(|| format!("about {name}"))
    }
}

fn read(message: &Message) -> Result<Answer> {
    let code = message.response_code;
    ensure!(matches!(code, ResponseCode::NoError | ResponseCode::NXDomain), "the answer is {code}");
    let mut answer = Answer { exists: code == ResponseCode::NoError, ..Answer::default() };
    for record in &message.answers {
        match &record.data {
            RData::A(address) => {
                answer.addresses.insert(address.0);
            }
            RData::TXT(text) => {
                let text = text.txt_data.concat();
                answer.texts.insert(String::from_utf8_lossy(&text).into_owned());
            }
            _ => {}
        }
    }
    Ok(answer)
}

/// The address that a name below a blocklist's zone stands for; `name` is what comes before the zone, without a dot at its
/// end.
#[must_use]
pub fn address_of(name: &str) -> Option<IpAddr> {
    let labels: Vec<&str> = name.split('.').rev().collect();
    let numbers = |radix| labels.iter().map(|label| u8::from_str_radix(label, radix).ok()).collect();
    if labels.len() == 4 {
        let octets: Option<Vec<u8>> = numbers(10);
        return Some(<[u8; 4]>::try_from(octets?).ok()?.into());
    }
    let nibbles: Option<Vec<u8>> = numbers(16);
    let nibbles = nibbles.filter(|nibbles| nibbles.iter().all(|nibble| *nibble < 16))?;
    let (pairs, []) = nibbles.as_chunks() else { return None };
    let octets: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
    Some(<[u8; 16]>::try_from(octets).ok()?.into())
}

/// The name below a blocklist's zone that stands for an address (RFC 5782 §2.1, §2.4).
#[must_use]
pub fn reversed(address: IpAddr) -> String {
    let labels: Vec<String> = match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(ToString::to_string).collect(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|octet| [octet & 0xf, octet >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect()
        }
    };
    labels.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_addresses_and_back() {
        for (address, name) in [
            ("192.0.2.99", "99.2.0.192"),
            ("2001:db8:1:2:3:4:567:89ab", "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(reversed(address), name);
            assert_eq!(address_of(name), Some(address));
        }
        for name in ["", "2.0.192", "1.2.3.4.5", "256.2.0.192", "www", "10.0.0.0.0.0.0.0"] {
            assert_eq!(address_of(name), None, "{name}");
        }
    }
}
