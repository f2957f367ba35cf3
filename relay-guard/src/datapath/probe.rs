//! Asking the loaded program what it would do, by test-run.

use std::net::IpAddr;

use relay_guard_common::{
    action::Action,
    counter::Effect,
    decide::Half,
    probe::{PROBE_HALF_OFFSET, PROBE_SIDE_OFFSET, ProbeAnswer},
    reason::Reason,
    role::Side,
};

use super::{Datapath, DatapathError};

/// A connection attempt that does not happen.
#[derive(Clone, Copy, Debug)]
pub struct ProbeQuestion {
    /// The side that it comes in on.
    pub side: Side,
    /// Source.
    pub source: IpAddr,
    /// Destination, of the source's family.
    pub destination: IpAddr,
    /// Destination port, host byte order.
    pub port: u16,
    /// Of an outbound connection, whether who sends, where to, or both are judged.
    pub half: Half,
}

/// What the program would do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeResult {
    /// What policy wants.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What would really happen.
    pub effect: Effect,
    /// The class that decided, 0 if none did.
    pub class: u32,
}

impl Datapath {
    /// Runs a synthetic SYN through the loaded XDP program. Nothing is counted or remembered. `None` if the program
    /// does not judge such a connection (port, side).
    ///
    /// # Errors
    /// If the test-run fails.
    pub fn probe(&mut self, question: &ProbeQuestion) -> Result<Option<ProbeResult>, DatapathError> {
        let run = self.run_frame(&syn(question))?;
        let Some(answer) = ProbeAnswer::from_frame(&run.frame) else { return Ok(None) };
        let unknown =
            || DatapathError::Probe("it answered with a number that this version does not know".into());
        Ok(Some(ProbeResult {
            action: Action::from_u8(answer.action).ok_or_else(unknown)?,
            reason: Reason::from_u8(answer.reason).ok_or_else(unknown)?,
            effect: *Effect::ALL.get(usize::from(answer.effect)).ok_or_else(unknown)?,
            class: u32::from_ne_bytes(answer.class),
        }))
    }
}

/// An Ethernet frame with a bare SYN, its first 10 bytes zero.
fn syn(question: &ProbeQuestion) -> Vec<u8> {
    let mut frame = vec![0; 14];
    frame[PROBE_SIDE_OFFSET] = question.side as u8;
    frame[PROBE_HALF_OFFSET] = question.half as u8;
    match (question.source, question.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            frame[12..14].copy_from_slice(&[0x08, 0x00]);
            frame.extend([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
            frame.extend(source.octets());
            frame.extend(destination.octets());
        }
        (source, destination) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
                IpAddr::V6(v6) => v6.octets(),
            };
            frame[12..14].copy_from_slice(&[0x86, 0xdd]);
            frame.extend([0x60, 0, 0, 0, 0, 20, 6, 64]);
            frame.extend(octets(source));
            frame.extend(octets(destination));
        }
    }
    frame.extend(40_000_u16.to_be_bytes());
    frame.extend(question.port.to_be_bytes());
    // Sequence, acknowledgment, data offset 5, SYN, window, checksum, urgent pointer.
    frame.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
    frame
}
