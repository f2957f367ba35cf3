//! What a program did with a frame: its return code, and the one counter that moved.

use relay_guard::datapath::CounterRow;
use relay_guard_common::counter::Effect;
use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;

use super::support::kernel::Kernel;

/// As what a frame is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub reason: Reason,
    pub direction: Direction,
    pub effect: Effect,
}

/// The return codes of a kind of program.
#[derive(Clone, Copy, Debug)]
pub struct Codes {
    pass: u32,
    stop: u32,
}

impl Codes {
    /// `XDP_PASS`, `XDP_DROP`.
    pub const XDP: Self = Self { pass: 2, stop: 1 };
    /// `TC_ACT_UNSPEC` (-1: later filters have their say), `TC_ACT_SHOT`.
    pub const TC: Self = Self { pass: u32::MAX, stop: 2 };

    /// The one for an effect.
    pub fn of(self, effect: Effect) -> u32 {
        if effect == Effect::Stopped { self.stop } else { self.pass }
    }
}

/// All counters of the kernel.
pub fn counters(kernel: &Kernel) -> Vec<CounterRow> {
    kernel.datapath.counters().expect("counters are read")
}

/// Counters that differ: what they count, and by how many packets and bytes.
pub fn moved(before: &[CounterRow], after: &[CounterRow]) -> Vec<(Outcome, u64, u64)> {
    let mut moved = Vec::new();
    for row in after {
        let CounterRow { reason, direction, effect, count } = *row;
        let same = |row: &&CounterRow| (row.reason, row.direction, row.effect) == (reason, direction, effect);
        let old = before.iter().find(same).map_or((0, 0), |row| (row.count.packets, row.count.bytes));
        if old != (count.packets, count.bytes) {
            let outcome = Outcome { reason, direction, effect };
            moved.push((outcome, count.packets - old.0, count.bytes - old.1));
        }
    }
    moved
}

/// Frames up to this length are in one piece, with all that the kernel puts around them.
pub const LINEAR_LEN: usize = 3000;

/// Whether a test-run of a tc program takes a frame: it has a payload, as long as an IP header where one is announced,
/// and all of it is in one piece.
pub fn tc_takes(frame: &[u8]) -> bool {
    let Some((&[.., high, low], payload)) = frame.split_first_chunk::<14>() else { return false };
    let shortest = match [high, low] {
        [0x08, 0x00] => 20,
        [0x86, 0xdd] => 40,
        _ => 1,
    };
    payload.len() >= shortest && frame.len() <= LINEAR_LEN
}
