//! From a question to an answer.

use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::behaviour::{Asked, Behaviour, Content};
use super::{Shared, Zone, lock};
use crate::dns::address_of;

/// What goes back.
pub(super) struct Answer {
    /// Nothing: the client waits in vain.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) after: Duration,
}

impl Answer {
    const NONE: Self = Self { bytes: None, after: Duration::ZERO };

    fn now(bytes: Vec<u8>) -> Self {
        Self { bytes: Some(bytes), after: Duration::ZERO }
    }
}

/// What the size of an answer over UDP may be, as we say it.
const PAYLOAD: u16 = 1232;

impl Shared {
    /// The answer to a question as it came, which is noted.
    pub(super) fn answer(&self, question: &[u8], tcp: bool) -> Answer {
        let Ok(message) = Message::from_vec(question) else { return Answer::NONE };
        let Some(query) = message.queries.first() else { return Answer::NONE };
        let name = query.name().to_ascii().to_ascii_lowercase();
        let name = name.trim_end_matches('.').to_owned();
        let mut zones = lock(&self.zones);
        let found = zones.iter_mut().find_map(|(zone, of)| {
            let rest = name.strip_suffix(zone.as_str())?;
            (rest.is_empty() || rest.ends_with('.')).then(|| (zone.clone(), rest.trim_end_matches('.'), of))
        });
        let kind = query.query_type();
        let asked = Asked {
            zone: found.as_ref().map(|(zone, ..)| zone.clone()),
            address: found.as_ref().and_then(|(_, rest, _)| address_of(rest)),
            kind: kind.to_string(),
            tcp,
            edns: message.edns.is_some(),
            name: name.clone(),
        };
        let reply = Reply { message: &message, query, asked: &asked };
        let answer = match found {
            Some((_, _, zone)) => reply.behave(&zone.behaviour(), &zone.content),
            None => reply.code(ResponseCode::Refused),
        };
        drop(zones);
        lock(&self.asked).push(asked);
        answer
    }
}

impl Zone {
    /// How it behaves about the next question.
    fn behaviour(&mut self) -> Behaviour {
        let turn = self.turn;
        self.turn += 1;
        match &self.behaviour {
            Behaviour::Turns(turns) => {
                turns.get(turn % turns.len().max(1)).cloned().unwrap_or(Behaviour::Silent)
            }
            same => same.clone(),
        }
    }
}

/// An answer in the making.
struct Reply<'q> {
    message: &'q Message,
    query: &'q Query,
    asked: &'q Asked,
}

impl Reply<'_> {
    fn behave(&self, behaviour: &Behaviour, content: &Content) -> Answer {
        match behaviour {
            Behaviour::Slow(after) => Answer { after: *after, ..self.honest(content, None) },
            Behaviour::Code(code) => self.code(*code),
            Behaviour::Truncated | Behaviour::TruncatedForGood if !self.asked.tcp => {
                let mut message = self.head(ResponseCode::NoError);
                message.metadata.truncation = true;
                finished(&message)
            }
            Behaviour::Honest | Behaviour::Truncated => self.honest(content, None),
            Behaviour::Always(answers) => self.addresses(answers, content.ttl),
            Behaviour::Rewritten(address) => self.honest(content, Some(*address)),
            Behaviour::Garbage => Answer::now(vec![0xff; 20]),
            Behaviour::Silent | Behaviour::TruncatedForGood | Behaviour::Turns(_) => Answer::NONE,
        }
    }

    /// As the content says; names that do not exist may have an address all the same.
    fn honest(&self, content: &Content, instead: Option<Ipv4Addr>) -> Answer {
        let found = self.asked.address.and_then(|address| content.of(address));
        match (found, self.query.query_type()) {
            (Some((answers, _)), RecordType::A) => self.addresses(answers, content.ttl),
            (Some((_, text)), RecordType::TXT) => {
                let mut message = self.head(ResponseCode::NoError);
                let text = RData::TXT(TXT::new(vec![text.to_owned()]));
                message.answers.push(Record::from_rdata(self.query.name().clone(), content.ttl, text));
                finished(&message)
            }
            (Some(_), _) => self.nothing(ResponseCode::NoError, content.negative_ttl),
            (None, RecordType::A) if let Some(address) = instead => self.addresses(&[address], content.ttl),
            (None, _) => self.nothing(ResponseCode::NXDomain, content.negative_ttl),
        }
    }

    fn addresses(&self, answers: &[Ipv4Addr], ttl: u32) -> Answer {
        let mut message = self.head(ResponseCode::NoError);
        if self.query.query_type() == RecordType::A {
            let record = |address: &Ipv4Addr| {
                Record::from_rdata(self.query.name().clone(), ttl, RData::A(A(*address)))
            };
            message.answers.extend(answers.iter().map(record));
        }
        finished(&message)
    }

    /// A denial, with the record that says for how long (RFC 2308).
    fn nothing(&self, code: ResponseCode, ttl: u32) -> Answer {
        let mut message = self.head(code);
        let zone = self.asked.zone.as_deref().unwrap_or_default();
        if let (Ok(origin), Ok(server)) =
            (Name::from_ascii(format!("{zone}.")), Name::from_ascii("ns.example."))
        {
            let soa = SOA::new(server.clone(), server, 1, 600, 300, 86_400, ttl);
            message.authorities.push(Record::from_rdata(origin, ttl, RData::SOA(soa)));
        }
        finished(&message)
    }

    fn code(&self, code: ResponseCode) -> Answer {
        finished(&self.head(code))
    }

    fn head(&self, code: ResponseCode) -> Message {
        let mut message = Message::new(self.message.id, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.metadata.recursion_desired = self.message.recursion_desired;
        message.metadata.recursion_available = true;
        message.add_query(self.query.clone());
        if self.asked.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            message.edns = Some(edns);
        }
        message
    }
}

fn finished(message: &Message) -> Answer {
    message.to_vec().map_or(Answer::NONE, Answer::now)
}
