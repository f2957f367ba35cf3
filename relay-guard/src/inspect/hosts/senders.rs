//! Senders of a host whose recipients are refused: a compromised account writes to addresses that are no longer there.

/// Ticks ([`super::seen`]) after which what was counted is the former hour's.
const HOUR: u32 = 3600 / super::seen::TICK_S as u32;
/// Of so many recipients, one may be gone: lists are never quite up to date.
const USUAL_SHARE: u32 = 20;

#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    hash: u32,
    /// Recipients and refused ones, of this hour and of the one before.
    recipients: [u32; 2],
    refused: [u32; 2],
}

/// Places of a row of [`Base`].
const PLACES: usize = 64;

/// Recipients of everybody, by hash: what a sender had before it was known, estimated from above (a count-min sketch of two rows).
#[derive(Clone, Debug)]
struct Base {
    /// Of this hour and of the one before; each place stops at 65,535.
    hours: [[[u16; PLACES]; 2]; 2],
}

impl Base {
    const fn new() -> Self {
        Self { hours: [[[0; PLACES]; 2]; 2] }
    }

    const fn places(hash: u32) -> [usize; 2] {
        [hash as usize % PLACES, (hash >> 16) as usize % PLACES]
    }

    fn add(&mut self, hash: u32, recipients: u32) {
        for (row, place) in self.hours[0].iter_mut().zip(Self::places(hash)) {
            row[place] = row[place].saturating_add(u16::try_from(recipients).unwrap_or(u16::MAX));
        }
    }

    fn of(&self, hash: u32) -> [u32; 2] {
        let [first, second] = Self::places(hash);
        self.hours.map(|rows| rows[0][first].min(rows[1][second]).into())
    }

    fn turn(&mut self) {
        self.hours = [[[0; PLACES]; 2], self.hours[0]];
    }
}

/// The senders, or domains of senders, with most refusals of the last hour or two; the one with the fewest makes room.
#[derive(Clone, Debug)]
pub struct Senders<const SENDERS: usize> {
    senders: [Sender; SENDERS],
    base: Base,
    hour: u32,
    /// Whether anybody is known.
    any: bool,
}

impl<const SENDERS: usize> Senders<SENDERS> {
    pub const fn new(tick: u32) -> Self {
        const NOBODY: Sender = Sender { hash: 0, recipients: [0; 2], refused: [0; 2] };
        Self { senders: [NOBODY; SENDERS], base: Base::new(), hour: tick / HOUR, any: false }
    }

    /// Counts a message's recipients. A sender is known from its first refusal on, with all recipients that it had before.
    pub fn note(&mut self, hash: u32, recipients: u32, refused: u32, tick: u32) {
        self.turn(tick);
        let known = self.senders.iter_mut().find(|sender| sender.hash == hash && !sender.is_nobody());
        self.base.add(hash, recipients);
        let sender = match known {
            Some(sender) => {
                sender.recipients[0] = sender.recipients[0].saturating_add(recipients);
                sender
            }
            None if refused == 0 => return,
            None => {
                let Some(fewest) = self.senders.iter_mut().min_by_key(|sender| sender.refused()) else {
                    return;
                };
                *fewest = Sender { hash, recipients: self.base.of(hash), ..Sender::default() };
                self.any = true;
                fewest
            }
        };
        sender.refused[0] = sender.refused[0].saturating_add(refused);
    }

    /// The most refused recipients of one sender beyond the usual share.
    pub fn excess(&self, tick: u32) -> u32 {
        if !self.any {
            return 0;
        }
        let over = (tick / HOUR).saturating_sub(self.hour);
        self.senders.iter().map(|sender| sender.excess(over)).max().unwrap_or(0)
    }

    fn turn(&mut self, tick: u32) {
        let over = (tick / HOUR).saturating_sub(self.hour);
        if over == 0 {
            return;
        }
        for _ in 0..over.min(2) {
            self.base.turn();
            for sender in &mut self.senders {
                sender.recipients = [0, sender.recipients[0]];
                sender.refused = [0, sender.refused[0]];
            }
        }
        self.any = !self.senders.iter().all(Sender::is_nobody);
        self.hour = tick / HOUR;
    }
}

impl Sender {
    const fn refused(&self) -> u32 {
        self.refused[0].saturating_add(self.refused[1])
    }

    const fn is_nobody(&self) -> bool {
        self.refused() == 0
    }

    /// As it is when so many hours are over.
    fn excess(&self, over: u32) -> u32 {
        let kept = 2_usize.saturating_sub(over as usize);
        let sum =
            |counts: &[u32; 2]| counts[..kept].iter().fold(0_u32, |sum, count| sum.saturating_add(*count));
        sum(&self.refused).saturating_sub(sum(&self.recipients) / USUAL_SHARE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relay_guard_common::address::mix;

    use super::*;

    #[test]
    fn only_what_is_beyond_the_usual_share_counts() {
        for (refused_of_100, expected) in [(0, 0), (2, 0), (5, 0), (6, 10), (30, 250)] {
            let mut senders = Senders::<16>::new(0);
            senders.note(1, 0, refused_of_100.min(1), 0);
            (0..10).for_each(|_| senders.note(1, 100, refused_of_100, 0));
            let excess = senders.excess(0);
            assert!((expected..=expected + 1).contains(&excess), "{refused_of_100}: {excess}");
        }
    }

    #[test]
    fn a_busy_sender_is_found_among_many() {
        let mut senders = Senders::<16>::new(0);
        for number in 0..10_000 {
            senders.note(1000 + number, 3, u32::from(number % 50 == 0), 0);
            if number % 50 == 0 {
                senders.note(7, 10, 3, 0);
            }
        }
        assert!(senders.excess(0) > 400, "{}", senders.excess(0));
    }

    #[test]
    fn what_a_sender_had_before_its_first_refusal_is_part_of_the_share() {
        for (before, refused, expected) in [(20_000, 60, 0), (1000, 60, 7), (200, 60, 47), (0, 60, 57)] {
            for hour in [0, HOUR] {
                let mut senders = Senders::<16>::new(0);
                for other in 0..40 {
                    senders.note(100 + other * 0x0001_0001, 3, u32::from(other % 4 == 0), 0);
                }
                (0..before / 10).for_each(|_| senders.note(7, 10, 0, 0));
                senders.note(7, 60, refused, hour);
                let excess = senders.excess(hour);
                assert!(excess.abs_diff(expected) <= 1, "{before}: {excess}");
            }
        }
        let mut senders = Senders::<16>::new(0);
        senders.note(7, 20_000, 0, 0);
        senders.note(7, 60, 60, 2 * HOUR);
        assert_eq!(senders.excess(2 * HOUR), 57, "what was two hours ago is forgotten");
    }

    proptest! {
        /// Against exact counts: nobody is held more against than there is, and of whom there is most, little less.
        #[test]
        fn excess_is_that_of_the_worst(
            messages in proptest::collection::vec((0_u32..12, 1_u32..30, 0_u32..30, 0_u32..HOUR / 40), 1..120),
        ) {
            let mut senders = Senders::<16>::new(0);
            let mut model = [(0, 0); 12];
            let mut tick = 0;
            for (who, recipients, refused, pause) in messages {
                tick = (tick + pause).min(HOUR - 1);
                let refused = if who % 3 == 0 { refused.min(recipients) } else { 0 };
                senders.note(mix(who.into()), recipients, refused, tick);
                model[who as usize].0 += recipients;
                model[who as usize].1 += refused;
            }
            let worst = model.iter().map(|(recipients, refused)| *refused - (*refused).min(recipients / 20)).max();
            prop_assert_eq!(senders.excess(tick), worst.unwrap_or(0));
        }
    }

    #[test]
    fn it_is_forgotten_after_two_hours() {
        let mut senders = Senders::<16>::new(0);
        senders.note(1, 100, 100, 10);
        assert_eq!([0, HOUR, 2 * HOUR - 1, 2 * HOUR].map(|tick| senders.excess(tick)), [95, 95, 95, 0]);
        senders.note(2, 40, 40, HOUR + 5);
        assert_eq!([HOUR + 5, 2 * HOUR, 3 * HOUR].map(|tick| senders.excess(tick)), [95, 38, 0]);
    }
}
