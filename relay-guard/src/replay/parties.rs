//! Who opened a connection: its client sent the SYN.
//!
//! Where no SYN was seen, the server is who has the SMTP port. Only connections for which that is not enough are remembered:
//! those between two SMTP ports, and those that an SMTP port opened. These are rare, so the usual one takes no memory.

use std::collections::HashMap;

use relay_guard_common::{
    address::Address,
    flow::{FlowKey, Party},
    parse::Flags,
};

use super::tcp::TcpSegment;

/// Connections that are remembered, at most; the oldest half goes when it is full.
const MAX_REMEMBERED: usize = 65_536;

/// An address and a port.
type End = (Address, u16);

/// The ports on which servers of SMTP are.
#[derive(Clone, Debug)]
pub(super) struct SmtpPorts(Box<[bool; 65_536]>);

impl SmtpPorts {
    pub(super) fn new(ports: impl IntoIterator<Item = u16>) -> Self {
        let mut flags = Box::new([false; 65_536]);
        for port in ports {
            flags[usize::from(port)] = true;
        }
        Self(flags)
    }

    fn holds(&self, port: u16) -> bool {
        self.0[usize::from(port)]
    }
}

/// Who opened which connection.
#[derive(Debug)]
pub(super) struct Parties {
    ports: SmtpPorts,
    /// The client of each remembered connection, by both its ends in order.
    recent: HashMap<(End, End), End>,
    older: HashMap<(End, End), End>,
}

impl Parties {
    pub(super) fn new(ports: SmtpPorts) -> Self {
        Self { ports, recent: HashMap::new(), older: HashMap::new() }
    }

    /// Whether a segment can be one of SMTP's at all.
    pub(super) fn concern(&self, segment: &TcpSegment<'_>) -> bool {
        self.ports.holds(segment.source.1) || self.ports.holds(segment.destination.1)
    }

    /// The connection of a segment with an SMTP server, and who sent the segment. None if the port is none of SMTP's.
    pub(super) fn of(&mut self, segment: &TcpSegment<'_>) -> Option<(FlowKey, Party)> {
        let TcpSegment { source, destination, .. } = *segment;
        let client = self.client(source, destination, segment.flags);
        let (server, from) =
            if client == source { (destination, Party::Client) } else { (source, Party::Server) };
        self.ports.holds(server.1).then(|| (FlowKey::new(client, server), from))
    }

    fn client(&mut self, source: End, destination: End, flags: Flags) -> End {
        let ends = (source.min(destination), source.max(destination));
        let opener = if flags.is_syn() {
            Some(source)
        } else if flags.is_syn_ack() {
            Some(destination)
        } else {
            None
        };
        if let Some(client) = opener {
            self.remember(ends, client);
            return client;
        }
        if let Some(client) = self.recent.get(&ends).or_else(|| self.older.get(&ends)) {
            return *client;
        }
        match (self.ports.holds(source.1), self.ports.holds(destination.1)) {
            (true, false) => destination,
            (false, _) => source,
            // Both: who is seen first, for want of anything better; but the same one from then on.
            (true, true) => {
                self.remember(ends, source);
                source
            }
        }
    }

    /// Remembers a client, if its port makes it look like a server.
    fn remember(&mut self, ends: (End, End), client: End) {
        if !self.ports.holds(client.1) {
            self.recent.remove(&ends);
            self.older.remove(&ends);
            return;
        }
        if self.recent.len() >= MAX_REMEMBERED / 2 {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(ends, client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Address = Address::v4([192, 0, 2, 1]);
    const B: Address = Address::v4([192, 0, 2, 2]);
    const SYN: u8 = Flags::SYN;
    const SYN_ACK: u8 = Flags::SYN | Flags::ACK;
    const ACK: u8 = Flags::ACK;

    fn parties() -> Parties {
        Parties::new(SmtpPorts::new([25, 587]))
    }

    fn of(parties: &mut Parties, source: End, destination: End, flags: u8) -> Option<(End, Party)> {
        let segment = TcpSegment {
            source,
            destination,
            sequence: 0,
            acknowledgment: None,
            flags: Flags(flags),
            len: 0,
            payload: &[],
        };
        let (flow, from) = parties.of(&segment)?;
        assert_eq!(FlowKey::new(source, destination) == flow, from == Party::Client);
        Some(((flow.client, flow.client_port), from))
    }

    #[test]
    fn the_client_sent_the_syn_and_the_server_has_the_port() {
        let (high, smtp) = ((A, 40_000), (B, 25));
        for flags in [SYN, ACK, SYN_ACK] {
            let mut parties = parties();
            // An SMTP server that is accepted by port 40000 is none.
            let expected = (flags != SYN_ACK).then_some((high, Party::Client));
            assert_eq!(of(&mut parties, high, smtp, flags), expected, "{flags}");
        }
        let mut parties = parties();
        assert_eq!(of(&mut parties, smtp, high, ACK), Some((high, Party::Server)));
        assert_eq!(of(&mut parties, smtp, high, SYN_ACK), Some((high, Party::Server)));
        assert_eq!(of(&mut parties, high, (B, 80), ACK), None);
        assert!(parties.recent.is_empty(), "the usual connection takes no memory");
    }

    #[test]
    fn between_two_smtp_ports_the_syn_decides() {
        for (flags, client, server) in [(SYN, (A, 25), (B, 587)), (SYN_ACK, (A, 25), (B, 25))] {
            let mut parties = parties();
            let (source, destination) = if flags == SYN { (client, server) } else { (server, client) };
            of(&mut parties, source, destination, flags);
            assert_eq!(of(&mut parties, client, server, ACK), Some((client, Party::Client)));
            assert_eq!(of(&mut parties, server, client, ACK), Some((client, Party::Server)));
        }
        // Without one it is who is seen first.
        let mut parties = parties();
        assert_eq!(of(&mut parties, (B, 25), (A, 25), ACK), Some(((B, 25), Party::Client)));
        assert_eq!(of(&mut parties, (A, 25), (B, 25), ACK), Some(((B, 25), Party::Server)));
        // Until there is one.
        assert_eq!(of(&mut parties, (A, 25), (B, 25), SYN), Some(((A, 25), Party::Client)));
        assert_eq!(of(&mut parties, (A, 25), (B, 25), ACK), Some(((A, 25), Party::Client)));
    }

    #[test]
    fn what_an_smtp_port_opens_elsewhere_is_no_smtp() {
        let mut parties = parties();
        let (smtp, web) = ((A, 25), (B, 80));
        assert_eq!(of(&mut parties, smtp, web, SYN), None);
        assert_eq!(of(&mut parties, web, smtp, ACK), None);
        assert_eq!(of(&mut parties, smtp, web, ACK), None);
        // The same ends in another connection.
        assert_eq!(of(&mut parties, web, smtp, SYN), Some((web, Party::Client)));
        assert_eq!(of(&mut parties, smtp, web, ACK), Some((web, Party::Server)));
        assert!(parties.recent.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut parties = parties();
        for number in 0..200_000_u32 {
            let client = (Address::v4(number.to_be_bytes()), 25);
            of(&mut parties, client, (B, 25), SYN);
            assert!(parties.recent.len() + parties.older.len() <= MAX_REMEMBERED);
        }
        let last = (Address::v4(199_999_u32.to_be_bytes()), 25);
        assert_eq!(of(&mut parties, (B, 25), last, ACK), Some((last, Party::Server)));
    }
}
