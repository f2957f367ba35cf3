//! The score: points of all signals, added up. Points rise with a figure at once, and fall by half in a half-life when the figure
//! does.

use super::signals::{Signal, Weights};

/// A figure for each signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures([u32; Signal::COUNT]);

impl Default for Figures {
    fn default() -> Self {
        Self([0; Signal::COUNT])
    }
}

impl Figures {
    /// The figure of a signal.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> u32 {
        self.0[signal as usize]
    }

    /// Says what a signal's figure is.
    pub const fn set(&mut self, signal: Signal, figure: u32) {
        self.0[signal as usize] = figure;
    }
}

/// A host's points, by signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    points: [f32; Signal::COUNT],
    /// The figures that they were given for: what is left of points outlives those.
    figures: Figures,
    /// When they were these, nanoseconds.
    at_ns: u64,
}

impl Points {
    /// No points.
    #[must_use]
    pub const fn none(now_ns: u64) -> Self {
        Self { points: [0.0; Signal::COUNT], figures: Figures([0; Signal::COUNT]), at_ns: now_ns }
    }

    /// Brings them up to date: the higher of what is left and of what figures come to. `counts` says of which signals any.
    pub fn update(
        &mut self,
        figures: &Figures,
        weights: &Weights,
        half_life_ns: u64,
        now_ns: u64,
        counts: impl Fn(Signal) -> bool,
    ) {
        let left = self.left(half_life_ns, now_ns);
        for signal in Signal::ALL {
            let rule = weights.of(signal);
            let points = &mut self.points[signal as usize];
            // A weight may have been lowered since.
            let kept = (*points * left).min(rule.weight as f32);
            let (figure, given) = (figures.of(signal), rule.points(figures.of(signal)));
            match counts(signal) {
                true if given < kept => *points = kept,
                true => (*points, self.figures.0[signal as usize]) = (given, figure),
                false => (*points, self.figures.0[signal as usize]) = (0.0, 0),
            }
        }
        self.at_ns = self.at_ns.max(now_ns);
    }

    /// The points of a signal by now.
    #[must_use]
    pub fn of(&self, signal: Signal, half_life_ns: u64, now_ns: u64) -> f32 {
        self.points[signal as usize] * self.left(half_life_ns, now_ns)
    }

    /// The figure that a signal's points were given for, which may have fallen since.
    #[must_use]
    pub const fn figure(&self, signal: Signal) -> u32 {
        self.figures.of(signal)
    }

    /// All of them together, by now.
    #[must_use]
    pub fn score(&self, half_life_ns: u64, now_ns: u64) -> f32 {
        self.points.iter().sum::<f32>() * self.left(half_life_ns, now_ns)
    }

    /// Which share is left of points that were given when these were.
    fn left(&self, half_life_ns: u64, now_ns: u64) -> f32 {
        if now_ns <= self.at_ns {
            return 1.0;
        }
        let half_lives = now_ns.saturating_sub(self.at_ns) as f64 / half_life_ns.max(1) as f64;
        (-half_lives).exp2() as f32
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HALF_LIFE: u64 = 1_800_000_000_000;

    fn figures(of: &[u32]) -> Figures {
        let mut figures = Figures::default();
        Signal::ALL.into_iter().zip(of).for_each(|(signal, figure)| figures.set(signal, *figure));
        figures
    }

    fn score(of: &[u32]) -> f32 {
        let mut points = Points::none(0);
        points.update(&figures(of), &Weights::default(), HALF_LIFE, 0, |_| true);
        points.score(HALF_LIFE, 0)
    }

    proptest! {
        #[test]
        fn a_higher_figure_is_never_a_lower_score(
            figures in proptest::collection::vec(0_u32..300, Signal::COUNT), at in 0..Signal::COUNT, more in 0_u32..300,
        ) {
            let mut higher = figures.clone();
            higher[at] += more;
            prop_assert!(score(&higher) >= score(&figures));
            prop_assert!(score(&higher) <= Weights::default().highest_score() as f32);
        }

        /// In whatever steps it is looked at, half is left after a half-life.
        #[test]
        fn points_fall_by_half_in_a_half_life(steps in proptest::collection::vec(1_u64..HALF_LIFE, 1..20)) {
            let mut points = Points::none(0);
            let weights = Weights::default();
            points.update(&figures(&[1000; Signal::COUNT]), &weights, HALF_LIFE, 0, |_| true);
            let begun = points.score(HALF_LIFE, 0);
            let mut now = 0;
            for step in steps {
                now += step;
                let expected = f64::from(begun) * (-(now as f64) / HALF_LIFE as f64).exp2();
                prop_assert!((f64::from(points.score(HALF_LIFE, now)) - expected).abs() < 0.01 * f64::from(begun));
                points.update(&Figures::default(), &weights, HALF_LIFE, now, |_| true);
                prop_assert!((f64::from(points.score(HALF_LIFE, now)) - expected).abs() < 0.01 * f64::from(begun));
            }
        }
    }

    #[test]
    fn what_does_not_count_has_no_points() {
        let mut points = Points::none(0);
        let all = figures(&[1000; Signal::COUNT]);
        points.update(&all, &Weights::default(), HALF_LIFE, 0, |signal| signal == Signal::HeloChanges);
        assert_eq!(points.score(HALF_LIFE, 0), Signal::HeloChanges.default_rule().weight as f32);
        points.update(&all, &Weights::default(), HALF_LIFE, 0, |_| false);
        assert_eq!(points.score(HALF_LIFE, 0), 0.0);
    }

    #[test]
    fn points_know_the_figure_that_they_were_given_for() {
        let (mut points, weights) = (Points::none(0), Weights::default());
        for (now, figure, given_for) in
            [(0, 40, 40), (1, 80, 80), (2, 70, 80), (3, 0, 80), (3 * HALF_LIFE, 75, 75)]
        {
            points.update(&figures(&[figure]), &weights, HALF_LIFE, now, |_| true);
            assert_eq!(points.figure(Signal::Attempts), given_for, "{now}");
        }
        points.update(&figures(&[75]), &weights, HALF_LIFE, 3 * HALF_LIFE, |_| false);
        assert_eq!(points.figure(Signal::Attempts), 0);
    }

    #[test]
    fn a_lower_weight_holds_at_once() {
        let mut points = Points::none(0);
        let mut weights = Weights::default();
        points.update(&figures(&[1000]), &weights, HALF_LIFE, 0, |_| true);
        weights.set(Signal::Attempts, crate::inspect::signals::Rule { weight: 0, from: 1, at: 2 });
        points.update(&figures(&[1000]), &weights, HALF_LIFE, 1, |_| true);
        assert_eq!(points.score(HALF_LIFE, 1), 0.0);
    }
}
