//! Running frames through the loaded programs (`BPF_PROG_TEST_RUN`), for probes and tests.

use std::time::Duration;

use aya::programs::{ProgramError, ProgramFd, SchedClassifier, TestRun, TestRunOptions, TestRunResult, Xdp};
use aya_obj::programs::XdpAttachType;

use super::{Datapath, DatapathError, load};

/// How many bytes a frame may grow by in a test-run: more than a line of text takes.
const GROWTH: usize = 1024;

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRun {
    /// The program's return code (`XDP_*` or `TC_ACT_*`).
    pub code: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
    /// Mean time per run that the kernel measured.
    pub duration: Duration,
}

/// The tc programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcProgram {
    /// On ingress, frames with an Ethernet header.
    Ingress,
    /// On ingress, packets without one.
    IngressL3,
    /// On egress, frames with an Ethernet header.
    Egress,
    /// On egress, packets without one.
    EgressL3,
}

impl TcProgram {
    const fn symbol(self) -> &'static str {
        match self {
            Self::Ingress => load::INGRESS,
            Self::IngressL3 => load::INGRESS_L3,
            Self::Egress => load::EGRESS,
            Self::EgressL3 => load::EGRESS_L3,
        }
    }
}

/// From where a tc program sees a frame. Interfaces are those of the caller's network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcSight {
    /// Index of the interface of the hook.
    pub ifindex: u32,
    /// Index of the interface on which the packet came in; 0 for the machine's own.
    pub ingress_ifindex: u32,
}

/// A handle of its own on the loaded XDP program, for running frames while the [`Datapath`] is written to.
#[derive(Debug)]
pub struct FrameRunner(Xdp);

impl FrameRunner {
    /// See [`Datapath::run_frame_on`].
    ///
    /// # Errors
    /// If the test-run fails.
    pub fn run(&self, frame: &[u8], ifindex: Option<u32>) -> Result<FrameRun, DatapathError> {
        run_xdp(&self.0, frame, ifindex)
    }
}

impl Datapath {
    /// The loaded XDP program, for a program of the caller's own to call.
    ///
    /// # Errors
    /// If it is not loaded.
    #[doc(hidden)]
    pub fn xdp_fd(&mut self) -> Result<&ProgramFd, DatapathError> {
        self.xdp()?.fd().map_err(|error| DatapathError::program(load::XDP, &error))
    }

    /// A second handle on the loaded XDP program.
    ///
    /// # Errors
    /// If the kernel does not give one.
    pub fn frame_runner(&mut self) -> Result<FrameRunner, DatapathError> {
        let refused = |error: ProgramError| DatapathError::Probe(error.to_string());
        let info = self.xdp()?.info().map_err(refused)?;
        let program = Xdp::from_program_info(info, load::XDP.into(), XdpAttachType::Interface);
        Ok(FrameRunner(program.map_err(refused)?))
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
        run_xdp(self.xdp()?, frame, ifindex)
    }

    /// Runs a frame through a loaded tc program. The kernel reads the first 14 bytes as an Ethernet header whatever the
    /// program takes them for, and wants that many.
    ///
    /// # Errors
    /// If the test-run fails.
    pub fn run_tc(
        &mut self,
        program: TcProgram,
        frame: &[u8],
        sight: TcSight,
    ) -> Result<FrameRun, DatapathError> {
        // The first 11 fields of struct __sk_buff: the last two are ingress_ifindex and ifindex.
        let fields = [0, 0, 0, 0, 0, 0, 0, 0, 0, sight.ingress_ifindex, sight.ifindex];
        run::<SchedClassifier>(self.tc(program.symbol())?, frame, Some(&bytes(&fields)))
    }
}

fn run_xdp(program: &Xdp, frame: &[u8], ifindex: Option<u32>) -> Result<FrameRun, DatapathError> {
    // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
    let context = ifindex.map(|ifindex| bytes(&[0, frame.len() as u32, 0, ifindex, 0, 0]));
    run(program, frame, context.as_deref())
}

fn run<P>(program: &P, frame: &[u8], context: Option<&[u8]>) -> Result<FrameRun, DatapathError>
where
    P: for<'a> TestRun<Opts<'a> = TestRunOptions<'a>, Result = TestRunResult>,
{
    let mut out = vec![0; frame.len() + GROWTH];
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.data_out = Some(&mut out);
    options.ctx_in = context;
    let result = program.test_run(options).map_err(|error| DatapathError::Probe(error.to_string()))?;
    out.truncate(result.data_size_out as usize);
    Ok(FrameRun { code: result.return_value, frame: out, duration: result.duration })
}

fn bytes(fields: &[u32]) -> Vec<u8> {
    fields.iter().flat_map(|field| field.to_ne_bytes()).collect()
}
