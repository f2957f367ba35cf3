//! A client's connection through one of the programs.

use std::net::{IpAddr, SocketAddr};

use relay_guard::datapath::{FrameRun, TcProgram, TcSight};
use relay_guard_tests::frames::{Frame, Reading};

use super::reaction::{Codes, Reaction, read};
use super::segment::{NEVER_SENT, Segment};
use super::support::kernel::{At, Kernel};
use super::world::server;

/// The programs that may meet a client's segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Xdp,
    /// tc on ingress, where XDP cannot attach.
    Tc,
    /// The same for devices without an Ethernet header.
    TcBare,
    /// tc on egress, for what the gateway itself sends.
    Own,
    /// The same for devices without an Ethernet header.
    OwnBare,
}

impl Program {
    /// Those that see what comes in.
    pub const ALL: [Self; 3] = [Self::Xdp, Self::Tc, Self::TcBare];
    /// Those that see what the gateway itself sends.
    pub const OWN: [Self; 2] = [Self::Own, Self::OwnBare];

    pub fn codes(self) -> Codes {
        match self {
            Self::Xdp => Codes::XDP,
            _ => Codes::TC,
        }
    }

    /// Whether it sees Ethernet headers.
    pub fn has_ethernet(self) -> bool {
        !matches!(self, Self::TcBare | Self::OwnBare)
    }

    /// Runs a frame at a device.
    pub fn run(self, kernel: &mut Kernel, frame: &[u8], at: At) -> FrameRun {
        let ifindex = kernel.ifindex(at);
        let sight = TcSight { ifindex, ingress_ifindex: ifindex };
        let own = TcSight { ifindex, ingress_ifindex: 0 };
        let run = match self {
            Self::Xdp => kernel.datapath.run_frame_on(frame, Some(ifindex)),
            Self::Tc => kernel.datapath.run_tc(TcProgram::Ingress, frame, sight),
            Self::TcBare => kernel.datapath.run_tc(TcProgram::IngressL3, frame, sight),
            Self::Own => kernel.datapath.run_tc(TcProgram::Egress, frame, own),
            Self::OwnBare => kernel.datapath.run_tc(TcProgram::EgressL3, frame, own),
        };
        run.unwrap_or_else(|error| panic!("{self:?}, {} octets: {error}", frame.len()))
    }
}

/// What is around and between the headers of a client's frames.
pub type Wrapping = fn(Frame) -> Frame;

/// Both ends, and what is between them and us.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub program: Program,
    pub at: At,
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub wrapping: Wrapping,
    /// Our first sequence number, once [`Connection::open`] has asked.
    pub cookie: u32,
}

/// What stands for the cookie where there is none: a server's number.
const SERVERS_OWN: u32 = 0x5eed_0000;

impl Connection {
    /// A connection to our mail server that comes in on the outside.
    pub fn inbound(program: Program, client: IpAddr, client_port: u16, port: u16) -> Self {
        Self {
            program,
            at: At::Outside,
            client: (client, client_port).into(),
            server: server(client, port),
            wrapping: |frame| frame,
            cookie: SERVERS_OWN,
        }
    }

    /// Sends a SYN, and keeps the number that the answer begins with.
    pub fn open(mut self, kernel: &mut Kernel) -> Self {
        let run = self.program.run(kernel, &self.request(&Segment::syn()), self.at);
        let reading = if self.program.has_ethernet() { Reading::of_frame } else { Reading::of_packet };
        if let Ok(Reading { flags: 0x12, sequence, .. }) = reading(&run.frame) {
            self.cookie = sequence;
        }
        self
    }

    /// Makes it the server's turn to be told that a connection is not ours. Turns are a bit for many connections, and
    /// another one may have left it.
    pub fn settle(self, kernel: &mut Kernel) -> Self {
        let stranger = Segment::ack(NEVER_SENT);
        for _ in 0..2 {
            if self.send(kernel, &stranger) != Ok(Reaction::ServerReset) {
                break;
            }
        }
        self
    }

    /// A segment's frame, for the program.
    pub fn request(&self, segment: &Segment) -> Vec<u8> {
        let frame = (self.wrapping)(segment.frame(self.client, self.server, self.cookie));
        match self.program.has_ethernet() {
            true => frame.build(),
            false => frame.without_ethernet().build(),
        }
    }

    /// What becomes of a segment.
    ///
    /// # Errors
    /// What is wrong with the answer, whatever it should have been.
    pub fn send(&self, kernel: &mut Kernel, segment: &Segment) -> Result<Reaction, String> {
        let request = self.request(segment);
        let run = self.program.run(kernel, &request, self.at);
        // A SYN's answer proves itself where the number is not known yet; every other one begins where it must.
        read(&request, self.program.has_ethernet(), self.cookie, segment, &run, self.program.codes())
    }
}
