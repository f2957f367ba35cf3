//! Asking the loaded program what it would do, by test-run: what it decides, and what a sender would get.

mod dialogue;
mod segment;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use relay_guard_common::{
    action::Action, counter::Effect, decide::Half, probe::ProbeAnswer, reason::Reason, role::Side,
};

pub use dialogue::Exchange;
pub use segment::Segment;

use self::{
    dialogue::converse,
    segment::{SYN, Wanted},
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
        let syn = Segment { seq: 1, flags: SYN, window: u16::MAX, ..Segment::default() };
        let run = self.run_frame(&syn.frame(question, Wanted::Decision))?;
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
    /// Goes through an SMTP dialogue with the loaded XDP program, as a sender would whose connection it answers in the
    /// server's place. Nothing is counted, and no rate is used up. Nothing if it does not answer such connections.
    ///
    /// # Errors
    /// If a test-run fails, or what comes back cannot be read.
    pub fn probe_answer(&mut self, question: &ProbeQuestion) -> Result<Vec<Exchange>, DatapathError> {
        converse(question, |frame| self.run_frame(frame))
    }
}
