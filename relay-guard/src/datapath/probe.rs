//! Asking the loaded program what it would do, by test-run.

use std::net::IpAddr;

use aya::programs::{TestRun as _, TestRunOptions};
use relay_guard_common::{
    action::Action,
    counter::Effect,
    probe::{PROBE_SIDE_OFFSET, ProbeAnswer},
    reason::Reason,
    role::Side,
};

use super::{Datapath, DatapathError, load};

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

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRun {
    /// The program's return code (`XDP_*` or `TC_ACT_*`).
    pub code: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
    /// Mean time per run that the kernel measured.
    pub duration: std::time::Duration,
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

    /// Runs a frame through the loaded XDP program, as if it came in on the loopback device.
    ///
    /// # Errors
    /// If the test-run fails: frames have to be 14 bytes at least.
    pub fn run_frame(&mut self, frame: &[u8]) -> Result<FrameRun, DatapathError> {
        self.run_frame_on(frame, None)
    }

    /// Runs a frame through the loaded XDP program, as if it came in on the interface with this index in the caller's
    /// network namespace.
    ///
    /// # Errors
    /// If the test-run fails.
    pub fn run_frame_on(&mut self, frame: &[u8], ifindex: Option<u32>) -> Result<FrameRun, DatapathError> {
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context = ifindex.map(|ifindex| {
            let fields = [0, frame.len() as u32, 0, ifindex, 0, 0];
            fields.into_iter().flat_map(u32::to_ne_bytes).collect::<Vec<u8>>()
        });
        let mut out = vec![0; frame.len() + 256];
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut out);
        options.ctx_in = context.as_deref();
        let result =
            self.xdp()?.test_run(options).map_err(|error| DatapathError::Probe(error.to_string()))?;
        out.truncate(result.data_size_out as usize);
        Ok(FrameRun { code: result.return_value, frame: out, duration: result.duration })
    }

    /// Runs a frame through a loaded tc program (`guard_ingress`, …), as if on the loopback device.
    ///
    /// # Errors
    /// If the test-run fails.
    pub fn run_tc(&mut self, ingress: bool, frame: &[u8]) -> Result<FrameRun, DatapathError> {
        let mut out = vec![0; frame.len() + 256];
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut out);
        let program = self.tc(if ingress { load::INGRESS } else { load::EGRESS })?;
        let result = program.test_run(options).map_err(|error| DatapathError::Probe(error.to_string()))?;
        out.truncate(result.data_size_out as usize);
        Ok(FrameRun { code: result.return_value, frame: out, duration: result.duration })
    }
}

/// An Ethernet frame with a bare SYN, its first 11 bytes zero.
fn syn(question: &ProbeQuestion) -> Vec<u8> {
    let mut frame = vec![0; 14];
    frame[PROBE_SIDE_OFFSET] = question.side as u8;
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
