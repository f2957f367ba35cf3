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

/// So many of the last ones are enough to be certain.
const CERTAIN: u32 = 256;

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
    suspicion: Option<Suspicion>,
}

/// The last ones since before a jump seemed to begin.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    counted: u32,
    listed: u32,
    /// Percent of those before.
    before: u32,
}

impl Suspicion {
    const fn why(self) -> Why {
        Why::Jump { now: self.listed * 100 / self.counted, before: self.before }
    }
}

/// What answers make believe of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// The share seems to have jumped: worth a test.
    Suspected,
    /// It has.
    Jumped(Why),
}

impl Share {
    /// Counts an answer, and says what to make of it.
    pub fn count(&mut self, listed: bool) -> Option<Sign> {
        if self.in_recent == RECENT {
            self.keep(self.recent >> (RECENT - 1) == 1);
        } else {
            self.in_recent += 1;
        }
        self.recent = self.recent << 1 | u64::from(listed);
        let Some(suspicion) = &mut self.suspicion else {
            self.suspicion = self.suspect();
            return self.suspicion.map(|_| Sign::Suspected);
        };
        suspicion.counted += 1;
        suspicion.listed += u32::from(listed);
        if suspicion.counted < CERTAIN {
            return None;
        }
        let suspicion = self.suspicion.take()?;
        jumped(suspicion.listed * 100 / CERTAIN, suspicion.before).then(|| Sign::Jumped(suspicion.why()))
    }

    /// The jump that there seems to be.
    pub fn suspicion(&self) -> Option<Why> {
        self.suspicion.map(Suspicion::why)
    }

    fn keep(&mut self, listed: bool) {
        if self.counted == FORGET_AT {
            self.counted /= 2;
            self.listed /= 2;
        }
        self.counted += 1;
        self.listed += u32::from(listed);
    }

    fn suspect(&self) -> Option<Suspicion> {
        if self.in_recent < RECENT || self.counted < KNOWN {
            return None;
        }
        let listed = self.recent.count_ones();
        let before = (self.listed * 100).div_ceil(self.counted);
        jumped(listed * 100 / RECENT, before).then_some(Suspicion { counted: RECENT, listed, before })
    }
}

/// Whether so many percent are many, and many more than before.
const fn jumped(now: u32, before: u32) -> bool {
    now >= MUCH_PERCENT && now >= before + JUMP_POINTS
}
