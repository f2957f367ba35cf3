//! The ladder: from a host's score to what is done about it, step by step and with an end.
//!
//! - A step is reached when the score is at least its own, and one that only reports is left below half of that.
//! - A step that limits or stops lasts for its time. What led to it is spent by then: only what the host does meanwhile, and what is
//!   left of its points, counts. If that is half of the step's score or more when the time is over, or would be a step's again, it
//!   lasts as long again, and then nothing but what the host does in that time counts. If not, the host is released.
//! - Who reaches any step again within a day after that gets the one after the last one, for twice the time, up to a day.

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
        /// Whether the same step lasts as long again: nothing is left of its points.
        again: bool,
    },
    /// It may send again.
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
            match steps.get(usize::from(step)).filter(|rule| rule.contains && may_contain) {
                Some(rule) => self.go_contained(steps, (step, rule), score, now_ns, &mut out),
                // The configuration has fewer steps than it had, or the host another kind.
                None => self.release(None, out),
            }
            return;
        }
        // Anew at its whole score, in any state.
        let anew = reached(steps, score, None);
        if may_contain && let Some(step) = anew.and_then(|step| self.containing(steps, step, now_ns)) {
            self.begin(steps, step, now_ns, &mut out);
            return;
        }
        let to = reached(steps, score, self.state.step()).map_or(HostState::Quiet, HostState::Reported);
        if to != self.state {
            self.change(to, &mut out);
        }
    }

    fn go_contained(
        &mut self,
        steps: &[Step],
        (step, rule): (u8, &Step),
        score: f32,
        now_ns: u64,
        out: &mut impl FnMut(Move),
    ) {
        let is_over = now_ns >= self.until_ns;
        let higher = reached(steps, score, None)
            .filter(|higher| *higher > step && steps[usize::from(*higher)].contains);
        match higher {
            Some(higher) => self.contain(steps, higher, now_ns, out),
            None if is_over && is_calm(steps, rule, score) => self.release(Some(now_ns), out),
            None if is_over => self.contain(steps, step, now_ns, out),
            None => {}
        }
    }

    /// The step that contains a host that reached one: that, or on a relapse the one after the last.
    fn containing(&self, steps: &[Step], reached: u8, now_ns: u64) -> Option<u8> {
        let contains = |step: u8| steps.get(usize::from(step)).is_some_and(|rule| rule.contains);
        let relapse = self.relapse(now_ns).map(|last| if contains(last + 1) { last + 1 } else { last });
        [Some(reached), relapse].into_iter().flatten().filter(|step| contains(*step)).max()
    }

    /// The step that it was released from, if that is not long ago.
    fn relapse(&self, now_ns: u64) -> Option<u8> {
        let recent = self.released.filter(|(_, at_ns)| now_ns.saturating_sub(*at_ns) <= DAY_NS);
        recent.map(|(step, _)| step)
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

    /// A containment begins; for a relapse it is for twice the time.
    fn begin(&mut self, steps: &[Step], step: u8, now_ns: u64, out: &mut impl FnMut(Move)) {
        if self.relapse(now_ns).is_some() {
            self.relapses = self.relapses.saturating_add(1);
            self.lasted_ns = self.lasted_ns.saturating_mul(2).min(DAY_NS);
        } else {
            (self.relapses, self.lasted_ns) = (0, 0);
        }
        self.released = None;
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
        let again = self.state == HostState::Contained(step);
        if !again {
            self.change(HostState::Contained(step), out);
        }
        out(Move::Contain { step, until_ns: self.until_ns, ends_sessions, again });
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

/// Whether a host with this score may leave a step: at half of its score. Nor must it come to any step at once, which would be a
/// relapse.
fn is_calm(steps: &[Step], rule: &Step, score: f32) -> bool {
    score < rule.score as f32 / 2.0 && reached(steps, score, None).is_none()
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
