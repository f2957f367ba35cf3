//! Frames of any number on a wire, as fast as a CPU sends them: prepared ones, in a circle, by a kernel program that is run with
//! live frames.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::Ebpf;
use aya::maps::{Array, MapData};
use aya::programs::{TestRun as _, TestRunAttrs, TestRunOptions};

use super::wire::Wire;
use super::{take, xdp};

/// Sends the next prepared frame.
pub const FEED: &str = "respond_feed";
/// Doublewords of a prepared frame.
const FRAME_DOUBLES: usize = 12;
/// Bytes that a frame may have.
pub const MAX_FRAME: usize = FRAME_DOUBLES * 8;
/// How many frames are prepared: all elements of the map `FRAMES`.
pub const FRAME_COUNT: u32 = 1 << 16;

/// Length of the frame that the feeding program is given: it cuts off what it does not need.
const FEED_LEN: usize = 128;
/// Frames that are on their way at once: they fit into a device's queue (256).
const IN_FLIGHT: u32 = 64;

/// An element of the map `FRAMES`.
type Prepared = [u64; FRAME_DOUBLES];

/// The element of the map `FEED`: which frame is next, and how much shorter all are than [`FEED_LEN`].
type Feed = [u32; 2];

/// Frames of one length.
#[derive(Debug)]
pub struct Batch {
    frames: Vec<Prepared>,
    /// Bytes of each.
    length: u32,
}

impl Batch {
    /// Of these, at most [`FRAME_COUNT`].
    ///
    /// # Errors
    /// When one is longer than [`MAX_FRAME`].
    pub fn new(frames: impl Iterator<Item = Vec<u8>>) -> Result<Self> {
        let mut length = 0;
        let frames = frames.map(|frame| {
            length = frame.len() as u32;
            prepared(&frame)
        });
        let frames = frames.collect::<Option<_>>().context("a frame is too long to be prepared")?;
        Ok(Self { frames, length })
    }
}

fn prepared(frame: &[u8]) -> Option<Prepared> {
    let mut bytes = [0; MAX_FRAME];
    bytes.get_mut(..frame.len())?.copy_from_slice(frame);
    let mut doubles = Prepared::default();
    for (double, bytes) in doubles.iter_mut().zip(bytes.as_chunks().0) {
        *double = u64::from_ne_bytes(*bytes);
    }
    Some(doubles)
}

/// The clients' end of a wire, sending.
pub struct Feeder {
    frames: Array<MapData, Prepared>,
    feed: Array<MapData, Feed>,
}

impl Feeder {
    /// Takes its maps out of the object, of which [`FEED`] must be loaded.
    ///
    /// # Errors
    /// When they are not there.
    pub fn new(object: &mut Ebpf) -> Result<Self> {
        Ok(Self { frames: take(object, "FRAMES")?, feed: take(object, "FEED")? })
    }

    /// Prepares what is sent.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn prepare(&mut self, batch: &Batch) -> Result<()> {
        for (index, frame) in (0..).zip(&batch.frames) {
            self.frames.set(index, frame, 0)?;
        }
        Ok(self.feed.set(0, [0, FEED_LEN as u32 - batch.length], 0)?)
    }

    /// Sends so many of the prepared frames, in a circle from where it was, and returns how long it took until all had arrived and
    /// been dealt with. To be called in [`Wire::on_one_cpu`], so that all of it happens there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn send(&self, wire: &Wire, object: &mut Ebpf, frames: u32) -> Result<Duration> {
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context = [0, FEED_LEN as u32, 0, wire.client_index, 0, 0];
        let context: Vec<u8> = context.into_iter().flat_map(u32::to_ne_bytes).collect();
        let mut options = TestRunOptions::new();
        options.data_in = Some(&[0; FEED_LEN]);
        options.ctx_in = Some(&context);
        options.repeat = frames;
        options.attrs = TestRunAttrs::new().xdp_live_frames(IN_FLIGHT.min(frames));
        let program = xdp(object, FEED)?;
        let start = Instant::now();
        program.test_run(options).context("the test-run with live frames failed")?;
        Ok(start.elapsed())
    }
}
