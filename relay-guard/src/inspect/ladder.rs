//! The ladder: from a host's score to what is done about it, step by step and with an end.
//!
//! - A step is reached when the score is at least its own, and one that only reports is left below half of that.
//! - A step that limits or stops lasts for its time. If the score is still at half of the step's when that is over, it lasts as long
//!   again; if not, the host is released, and what it did is forgiven.
//! - Who reaches such a step again within a day after that gets the step after the last one, for twice the time, up to a day.

/// Nanoseconds of a day: how long a relapse is one, and how long a step may grow to last.
pub const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// A step, as the ladder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The score, above 0.
    pub score: u32,
    /// Whether it limits or stops; else it reports.
    pub contains: bool,
    /// Whether it stops, so that sessions in flight end.
    pub stops: bool,
    /// For how long, nanoseconds.
    pub lasts_ns: u64,
}

/// Where a host stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HostState {
    /// Nothing to say.
    #[default]
    Quiet,
    /// It reached this step, counted from 0, which reports, or which must not contain it.
    Reported(u8),
    /// It reached this step, which limits or stops it.
    Contained(u8),
}

impl HostState {
    /// The word for it in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Reported(_) => "reported",
            Self::Contained(_) => "contained",
        }
    }

    /// The step, counted from 0.
    #[must_use]
    pub const fn step(self) -> Option<u8> {
        match self {
            Self::Quiet => None,
            Self::Reported(step) | Self::Contained(step) => Some(step),
        }
    }
}

/// What a host's ladder remembers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Where it stands.
    pub state: HostState,
    /// Until when it is contained, nanoseconds.
    pub until_ns: u64,
    /// For how long it was contained last, nanoseconds.
    pub lasted_ns: u64,
    /// The step that contained it last, if it was released from that by itself, and when.
    pub released: Option<(u8, u64)>,
    /// Relapses in a row.
    pub relapses: u32,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The host stands elsewhere than before: tell.
    Changed {
        /// Where it stood.
        from: HostState,
        /// Where it stands.
        to: HostState,
    },
    /// It is contained until then, by this step; anew, or for longer.
    Contain {
        /// The step, counted from 0.
        step: u8,
        /// Until when, nanoseconds.
        until_ns: u64,
        /// Whether its sessions end now: a step that stops begins.
        ends_sessions: bool,
    },
    /// It may send again; what it did is forgiven.
    Release,
}

impl Standing {
    /// Where it goes with this score. `may_contain`: whether it may be contained at all.
    pub fn go(
        &mut self,
        steps: &[Step],
        score: f32,
        may_contain: bool,
        now_ns: u64,
        mut out: impl FnMut(Move),
    ) {
        if let HostState::Contained(step) = self.state {
            // The configuration may have fewer steps than it had, or the host another kind.
            let Some(rule) = steps.get(usize::from(step)).filter(|rule| rule.contains && may_contain) else {
                self.release(None, &mut out);
                return;
            };
            if now_ns >= self.until_ns && score < rule.score as f32 / 2.0 {
                self.release(Some(now_ns), &mut out);
                return;
            }
        }
        let Some(reached) = reached(steps, score, self.state.step()) else {
            if self.state != HostState::Quiet {
                self.change(HostState::Quiet, &mut out);
            }
            return;
        };
        match self.state {
            HostState::Contained(step) if now_ns >= self.until_ns => {
                self.contain(steps, step.max(reached), now_ns, &mut out);
            }
            HostState::Contained(step) if reached > step => self.contain(steps, reached, now_ns, &mut out),
            HostState::Contained(_) => {}
            _ if may_contain
                && self::reached(steps, score, None)
                    .is_some_and(|step| steps[usize::from(step)].contains) =>
            {
                self.begin(steps, reached, now_ns, &mut out);
            }
            state if state == HostState::Reported(reached) => {}
            _ => self.change(HostState::Reported(reached), &mut out),
        }
    }

    /// Ends a containment by the administrator's word: what was is forgotten.
    pub fn pardon(&mut self, out: impl FnMut(Move)) {
        self.relapses = 0;
        self.lasted_ns = 0;
        match self.state {
            HostState::Contained(_) => self.release(None, out),
            _ => (self.state, self.released) = (HostState::Quiet, None),
        }
    }

    /// A containment begins; for a relapse, one step higher and for twice the time.
    fn begin(&mut self, steps: &[Step], reached: u8, now_ns: u64, out: &mut impl FnMut(Move)) {
        let relapse = self.released.take().filter(|(_, at_ns)| now_ns.saturating_sub(*at_ns) <= DAY_NS);
        let Some((last, _)) = relapse else {
            (self.relapses, self.lasted_ns) = (0, 0);
            self.contain(steps, reached, now_ns, out);
            return;
        };
        self.relapses = self.relapses.saturating_add(1);
        let next = (last + 1).min(steps.len().saturating_sub(1) as u8);
        // The step after the last one may be one that only reports, where the file has them so.
        let next = if steps[usize::from(next)].contains { next } else { last };
        let step = if steps.get(usize::from(next)).is_some_and(|rule| rule.contains) {
            reached.max(next)
        } else {
            reached
        };
        self.lasted_ns = self.lasted_ns.saturating_mul(2).min(DAY_NS);
        self.contain(steps, step, now_ns, out);
    }

    /// Contains by a step, for its time or for as long as the last time if that was longer.
    fn contain(&mut self, steps: &[Step], step: u8, now_ns: u64, out: &mut impl FnMut(Move)) {
        let Some(rule) = steps.get(usize::from(step)).filter(|rule| rule.contains) else { return };
        let stopped_before = match self.state {
            HostState::Contained(before) => steps.get(usize::from(before)).is_some_and(|before| before.stops),
            _ => false,
        };
        self.lasted_ns = self.lasted_ns.max(rule.lasts_ns);
        self.until_ns = now_ns.saturating_add(self.lasted_ns);
        let ends_sessions = rule.stops && !stopped_before;
        if self.state != HostState::Contained(step) {
            self.change(HostState::Contained(step), out);
        }
        out(Move::Contain { step, until_ns: self.until_ns, ends_sessions });
    }

    /// `at_ns`: when, if that counts for a relapse.
    fn release(&mut self, at_ns: Option<u64>, mut out: impl FnMut(Move)) {
        self.released = self.state.step().zip(at_ns);
        self.until_ns = 0;
        out(Move::Release);
        self.change(HostState::Quiet, &mut out);
    }

    fn change(&mut self, to: HostState, out: &mut impl FnMut(Move)) {
        let from = std::mem::replace(&mut self.state, to);
        out(Move::Changed { from, to });
    }
}

/// The highest step that the score reaches; the one where it stands, and those below, already at half of theirs.
fn reached(steps: &[Step], score: f32, stands: Option<u8>) -> Option<u8> {
    let reaches = |(at, step): (usize, &Step)| {
        let held = stands.is_some_and(|stands| at <= usize::from(stands));
        score >= step.score as f32 / if held { 2.0 } else { 1.0 }
    };
    (0..steps.len()).rev().find(|at| reaches((*at, &steps[*at]))).map(|at| at as u8)
}

#[cfg(test)]
mod tests;
