//! Hosts that send, servers that answer, and a clock of their own: naive models for tests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use relay_guard_common::address::Address;
use relay_guard_common::flow::FlowKey;

use super::{Command, Engine, Reading, Rules};
use crate::config;
use crate::inspect::HostKind;
use crate::inspect::ladder::HostState;
use crate::inspect::observation::{
    Data, Ended, Observation, Outcome, Protocol, Recipient, Reply, Session, Slips, Transaction, Unseen,
};
use crate::inspect::signals::Signal;

pub const SECOND: u64 = 1_000_000_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

/// An inside host.
pub fn host(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

/// A server on the internet.
pub fn server(number: u32) -> Address {
    Address::v4((0xc633_0000 + number).to_be_bytes())
}

/// The rules of a configuration that enforces.
pub fn rules(text: &str) -> Rules {
    let text = format!("mode = \"enforce\"\ninterfaces.inside = [\"eth0\"]\n{text}");
    let config = config::parse(&text, Path::new("/guard.toml")).expect("a good configuration");
    Rules::of(&config, [7; 16], vec![IpAddr::from([203, 0, 113, 5])])
}

/// A generator of numbers that are good enough, and always the same.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// A message, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Message {
    pub helo: String,
    pub sender: String,
    pub recipients: Vec<String>,
    pub octets: u64,
    /// What each of the recipients is told; an empty text is "250 ok".
    pub to_recipients: String,
    /// What the message is told, if a recipient was taken.
    pub to_data: String,
    pub greeting: String,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            helo: "ws.example.com".into(),
            sender: "jane@example.com".into(),
            recipients: vec!["joe@there.example".into()],
            octets: 3000,
            to_recipients: String::new(),
            to_data: String::new(),
            greeting: "220 mx.there.example ESMTP".into(),
        }
    }
}

fn reply(text: &str) -> Reply {
    let text = if text.is_empty() { "250 ok" } else { text };
    Reply { code: text[..3].parse().expect("a code"), text: text[4..].into() }
}

impl Message {
    pub fn transaction(&self, to: Address) -> Transaction {
        self.transaction_of(FlowKey::new((Address::from(host(1)), 40_000), (to, 25)), SECOND)
    }

    pub fn transaction_of(&self, flow: FlowKey, now_ns: u64) -> Transaction {
        let said = reply(&self.to_recipients);
        let recipients = self.recipients.iter();
        let recipients = recipients
            .map(|to| Recipient { address: to.as_str().into(), reply: Some(said.clone()) })
            .collect();
        let to_data = (!said.is_negative()).then(|| reply(&self.to_data));
        let last = to_data.clone().unwrap_or(said);
        Transaction {
            flow,
            depth: 1,
            began_ns: now_ns,
            ended_ns: now_ns,
            helo: Some(self.helo.as_str().into()),
            mail_from: Some(self.sender.as_str().into()),
            declared_size: None,
            mail_reply: Some(reply("")),
            recipients,
            recipients_left_out: 0,
            data: to_data.map(|said| Data {
                octets: self.octets,
                chunked: false,
                whole: true,
                go_ahead: Some(reply("354 go")),
                reply: Some(said),
            }),
            outcome: if last.is_negative() { Outcome::Refused } else { Outcome::Accepted },
            last_reply: Some(last),
            tls: false,
            complete: true,
        }
    }

    pub fn session_of(&self, flow: FlowKey, now_ns: u64) -> Session {
        let greeting = reply(&self.greeting);
        let said = [&self.to_recipients, &self.to_data].map(|text| reply(text));
        let refused_with: Vec<Reply> = said.into_iter().filter(Reply::is_negative).collect();
        Session {
            flow,
            began_ns: now_ns,
            last_ns: now_ns,
            ended: Some(Ended::Orderly),
            again: false,
            protocol: Protocol::Smtp,
            helo: (!greeting.is_negative()).then(|| self.helo.as_str().into()),
            transactions: u32::from(!greeting.is_negative()),
            greeting: Some(greeting),
            plain_helo: false,
            helo_changes: 0,
            extensions: Vec::new(),
            talked_first: false,
            auth: None,
            tls: None,
            refusals: [0; 2],
            refused_with,
            slips: Slips::default(),
            client_octets: 0,
            server_octets: 0,
            unseen: Unseen::default(),
            complete: true,
        }
    }
}

/// An engine, its clock, and what it said.
pub struct World {
    pub engine: Engine,
    pub now: u64,
    pub kinds: HashMap<IpAddr, HostKind>,
    pub said: Vec<(u64, Command)>,
    port: u16,
}

impl World {
    pub fn new(text: &str) -> Self {
        Self::of(Engine::new(rules(text)), 1000 * DAY)
    }

    pub fn of(engine: Engine, now: u64) -> Self {
        Self { engine, now, kinds: HashMap::new(), said: Vec::new(), port: 1024 }
    }

    /// Lets the engine do what is due, and the clock go on.
    pub fn until(&mut self, end: u64) {
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.poll();
        }
        self.now = self.now.max(end);
        self.poll();
    }

    pub fn poll(&mut self) {
        let now = self.now;
        self.said.extend(self.engine.poll(now).into_iter().map(|command| (now, command)));
    }

    pub fn flow(&mut self, from: IpAddr, to: Address) -> FlowKey {
        self.port = self.port.checked_add(1).unwrap_or(1024);
        FlowKey::new((Address::from(from), self.port), (to, 25))
    }

    pub fn observe(&mut self, observation: &Observation) {
        let kinds = &self.kinds;
        let kind_of = |address: IpAddr| kinds.get(&address).copied().unwrap_or(HostKind::Host);
        self.engine.observe(observation, kind_of, self.now);
    }

    /// A session with one message.
    pub fn send(&mut self, from: IpAddr, to: Address, message: &Message) {
        let flow = self.flow(from, to);
        let session = message.session_of(flow, self.now);
        if session.transactions > 0 {
            self.observe(&Observation::Transaction(Box::new(message.transaction_of(flow, self.now))));
        }
        self.observe(&Observation::Session(Box::new(session)));
    }

    /// A session as somebody made it.
    pub fn session(&mut self, from: IpAddr, to: Address, change: impl FnOnce(&mut Session)) {
        let flow = self.flow(from, to);
        let mut session = Message::default().session_of(flow, self.now);
        session.transactions = 0;
        change(&mut session);
        self.observe(&Observation::Session(Box::new(session)));
    }

    pub fn state(&self, of: IpAddr) -> HostState {
        self.engine.view(of, self.now).map_or(HostState::Quiet, |detail| detail.view.state)
    }

    pub fn score(&self, of: IpAddr) -> u32 {
        self.engine.view(of, self.now).map_or(0, |detail| detail.view.score)
    }

    pub fn reading(&self, of: IpAddr, signal: Signal) -> Option<Reading> {
        let detail = self.engine.view(of, self.now)?;
        detail.view.signals.into_iter().find(|reading| reading.signal == signal)
    }

    /// A signal's figure by now, also where points of a former one are left.
    pub fn figure(&self, of: IpAddr, signal: Signal) -> u32 {
        let host = self.engine.slot_of(of).and_then(|slot| self.engine.hosts.get(slot));
        let detail = host.and_then(|host| Some((host, self.engine.details.get(host.detail?)?)));
        detail.map_or(0, |(host, detail)| self.engine.figures_of(host, detail, self.now).of(signal))
    }

    /// Names of the signals that give a host points.
    pub fn speaking(&self, of: IpAddr) -> Vec<&'static str> {
        let detail = self.engine.view(of, self.now);
        let signals = detail.map(|detail| detail.view.signals).unwrap_or_default();
        signals.iter().filter(|reading| reading.points >= 0.5).map(|reading| reading.signal.name()).collect()
    }

    /// When a host was first told of, and when it was first contained.
    pub fn found(&self, of: IpAddr) -> (Option<u64>, Option<u64>) {
        let first = |is: &dyn Fn(&Command) -> bool| {
            self.said.iter().find(|(_, command)| is(command)).map(|(at, _)| *at)
        };
        let told = first(&|command| matches!(command, Command::Changed { address, .. } if *address == of));
        let contained =
            first(&|command| matches!(command, Command::Contain { address, .. } if *address == of));
        (told, contained)
    }

    /// Whoever was contained.
    pub fn contained(&self) -> Vec<IpAddr> {
        let of = |command: &Command| match command {
            Command::Contain { address, .. } => Some(*address),
            _ => None,
        };
        self.said.iter().filter_map(|(_, command)| of(command)).collect()
    }
}
