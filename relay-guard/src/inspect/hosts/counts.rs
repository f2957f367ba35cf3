//! What was counted of a host in the last two hours, in slots of ten minutes, and in the configured window.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Count {
    Transactions,
    Recipients,
    /// Those of whom the server spoke one by one: see [`super::detail`].
    JudgedRecipients,
    RefusedRecipients,
    Messages,
    RefusedMessages,
    NullSenders,
    NewServers,
    HeloChanges,
    HeloNoName,
    HeloBareAddress,
    HeloOfOthers,
    TalksFirst,
    Slips,
    Unreadable,
    Listed,
}

const COUNTS: usize = Count::Listed as usize + 1;
/// Twelve that are over, and the running one.
const SLOTS: usize = 13;
/// Ticks ([`super::seen`]) of a slot.
const SLOT_TICKS: u32 = 600 / super::seen::TICK_S as u32;

/// The number of a tick's slot since the clock began.
pub const fn slot(tick: u32) -> u32 {
    tick / SLOT_TICKS
}

/// Counts of the last two hours; each slot stops at 65,535.
#[derive(Clone, Debug)]
pub struct Counts {
    slots: [[u16; COUNTS]; SLOTS],
    /// The number of the running slot since the clock began.
    running: u32,
}

impl Counts {
    pub const fn new(tick: u32) -> Self {
        Self { slots: [[0; COUNTS]; SLOTS], running: slot(tick) }
    }

    /// Counts so many more.
    pub fn add(&mut self, count: Count, more: u32, tick: u32) {
        self.turn(tick);
        let slot = &mut self.slots[self.running as usize % SLOTS][count as usize];
        *slot = slot.saturating_add(u16::try_from(more).unwrap_or(u16::MAX));
    }

    /// The sums of two hours, and of what of the running slot is over.
    pub fn sums(&self, tick: u32) -> Sums {
        let (running, mut sums) = (slot(tick), [0; COUNTS]);
        let recent = (0..SLOTS as u32)
            .filter_map(|back| self.running.checked_sub(back))
            .take_while(|number| running.saturating_sub(*number) < SLOTS as u32);
        for number in recent {
            for (sum, count) in sums.iter_mut().zip(&self.slots[number as usize % SLOTS]) {
                *sum += u32::from(*count);
            }
        }
        Sums(sums)
    }

    fn turn(&mut self, tick: u32) {
        let running = slot(tick);
        let over = running.saturating_sub(self.running);
        for number in 1..=over.min(SLOTS as u32) {
            self.slots[(self.running + number) as usize % SLOTS] = [0; COUNTS];
        }
        // Beyond all slots every one is empty, so it does not matter which is the running one.
        self.running = self.running.max(running);
    }
}

/// What was counted, summed up.
#[derive(Clone, Copy, Debug)]
pub struct Sums([u32; COUNTS]);

impl Sums {
    pub const fn of(&self, count: Count) -> u32 {
        self.0[count as usize]
    }
}

/// Slots of the configured window: six that are over, and the running one.
const PARTS: usize = 7;

/// Sessions of the last window.
#[derive(Clone, Debug)]
pub struct Rate {
    parts: [u16; PARTS],
    running: u64,
}

impl Rate {
    pub const fn new() -> Self {
        Self { parts: [0; PARTS], running: 0 }
    }

    fn part(window_ns: u64, now_ns: u64) -> u64 {
        now_ns / (window_ns / (PARTS as u64 - 1)).max(1)
    }

    /// Counts one.
    pub fn add(&mut self, window_ns: u64, now_ns: u64) {
        let running = Self::part(window_ns, now_ns);
        let over = running.saturating_sub(self.running).min(PARTS as u64);
        for number in 1..=over {
            self.parts[((self.running + number) % PARTS as u64) as usize] = 0;
        }
        if over == PARTS as u64 {
            self.parts = [0; PARTS];
        }
        self.running = self.running.max(running);
        let part = &mut self.parts[(self.running % PARTS as u64) as usize];
        *part = part.saturating_add(1);
    }

    /// How many there were in the last window, and what of the running part is over.
    pub fn count(&self, window_ns: u64, now_ns: u64) -> u32 {
        let running = Self::part(window_ns, now_ns);
        (0..PARTS as u64)
            .filter_map(|back| self.running.checked_sub(back))
            .filter(|number| running.saturating_sub(*number) < PARTS as u64)
            .map(|number| u32::from(self.parts[(number % PARTS as u64) as usize]))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a list of events: what is counted is what came in the slots of the last two hours.
        #[test]
        fn sums_are_those_of_two_hours(events in proptest::collection::vec((0_u32..9, 0_u32..5), 1..200)) {
            let mut counts = Counts::new(500);
            let mut model: Vec<(u32, u32)> = Vec::new();
            let mut tick = 500;
            for (pause, more) in events {
                tick += [0, 1, 1, 20, 59, 60, 61, 400, 5000][pause as usize];
                counts.add(Count::Slips, more, tick);
                model.push((tick / SLOT_TICKS, more));
                for later in [0, 59, 300, 719, 720, 781, 100_000] {
                    let now = tick + later;
                    let recent = model.iter().filter(|(slot, _)| now / SLOT_TICKS - slot < SLOTS as u32);
                    prop_assert_eq!(counts.sums(now).of(Count::Slips), recent.map(|(_, more)| more).sum::<u32>());
                    prop_assert_eq!(counts.sums(now).of(Count::Listed), 0);
                }
            }
        }

        #[test]
        fn rates_are_those_of_the_window(pauses in proptest::collection::vec(0_u64..120, 1..200)) {
            let (window, part) = (60, 10);
            let mut rate = Rate::new();
            let mut model = Vec::new();
            let mut now = 1000;
            for pause in pauses {
                now += if pause < 100 { pause / 10 } else { pause };
                rate.add(window, now);
                model.push(now / part);
                for later in [0, 9, 10, 59, 60, 70, 1000] {
                    let now = now + later;
                    let recent = model.iter().filter(|at| now / part - **at < PARTS as u64).count();
                    prop_assert_eq!(rate.count(window, now) as usize, recent);
                }
            }
        }
    }

    #[test]
    fn a_slot_stops_when_it_is_full() {
        let mut counts = Counts::new(0);
        counts.add(Count::Recipients, 70_000, 0);
        counts.add(Count::Recipients, 1, 0);
        assert_eq!(counts.sums(0).of(Count::Recipients), 65_535);
    }
}
