//! The share of sources that a zone lists, of the last ones and of those before.

use super::Why;

/// How many are the last ones.
const RECENT: u32 = u64::BITS;

/// At least so many percent of the last ones must be listed.
const MUCH_PERCENT: u32 = 90;

/// So many points must the share have jumped.
const JUMP_POINTS: u32 = 50;

/// So many must be known from before.
const KNOWN: u32 = 200;

/// When so many are counted, both counts are halved: what was long ago weighs less.
const FORGET_AT: u32 = 4096;

/// What was answered, without the addresses.
#[derive(Clone, Debug, Default)]
pub struct Share {
    /// The last [`RECENT`], a bit each.
    recent: u64,
    in_recent: u32,
    /// Of those before.
    counted: u32,
    listed: u32,
}

impl Share {
    /// Counts an answer; if the share has jumped, how.
    pub fn count(&mut self, listed: bool) -> Option<Why> {
        if self.in_recent == RECENT {
            self.keep(self.recent >> (RECENT - 1) == 1);
        } else {
            self.in_recent += 1;
        }
        self.recent = self.recent << 1 | u64::from(listed);
        self.jump()
    }

    fn keep(&mut self, listed: bool) {
        if self.counted == FORGET_AT {
            self.counted /= 2;
            self.listed /= 2;
        }
        self.counted += 1;
        self.listed += u32::from(listed);
    }

    fn jump(&self) -> Option<Why> {
        if self.in_recent < RECENT || self.counted < KNOWN {
            return None;
        }
        let now = self.recent.count_ones() * 100 / RECENT;
        let before = (self.listed * 100).div_ceil(self.counted);
        (now >= MUCH_PERCENT && now >= before + JUMP_POINTS).then_some(Why::Jump { now, before })
    }
}
