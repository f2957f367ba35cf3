//! How often a zone may be asked: a bucket without a lock (the generic cell rate algorithm, ITU-T I.371 annex A).

const SECOND_NS: u64 = 1_000_000_000;

/// So many per second, and as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    interval_ns: u64,
    /// When the next would be due if all came evenly.
    due_ns: u64,
}

impl Bucket {
    /// A full bucket; at least one per second.
    #[must_use]
    pub const fn new(per_second: u32) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second as u64 };
        Self { interval_ns: SECOND_NS / per_second, due_ns: 0 }
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now_ns: u64) -> bool {
        let due_ns = self.due_ns.max(now_ns);
        let conforms = due_ns - now_ns <= SECOND_NS - self.interval_ns;
        if conforms {
            self.due_ns = due_ns + self.interval_ns;
        }
        conforms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_however_they_come() {
        let mut bucket = Bucket::new(10);
        let mut taken = |now_ns, tries| (0..tries).filter(|_| bucket.take(now_ns)).count();
        assert_eq!(taken(SECOND_NS, 100), 10, "a burst");
        assert_eq!(taken(SECOND_NS + SECOND_NS / 10 - 1, 100), 0);
        assert_eq!(taken(SECOND_NS + SECOND_NS / 10, 100), 1);
        assert_eq!(taken(2 * SECOND_NS, 100), 9, "the rest of the second's");
        assert_eq!(taken(60 * SECOND_NS, 100), 10, "what was not used is not kept");
        let mut slow = Bucket::new(0);
        assert_eq!((slow.take(5), slow.take(6), slow.take(5 + SECOND_NS)), (true, false, true));
    }
}
