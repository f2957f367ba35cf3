use proptest::prelude::*;

use super::*;

#[test]
fn the_table_is_in_the_order_of_numbers_and_its_names_are_its_own() {
    for (number, signal) in Signal::ALL.into_iter().enumerate() {
        assert_eq!(signal as usize, number, "{}", signal.name());
        assert_eq!(Signal::named(signal.name()), Some(signal));
        let Rule { weight, from, at } = signal.default_rule();
        assert!(weight > 0 && from < at, "{}", signal.name());
        assert!(signal.unit() == Unit::Count || at <= 100, "{}", signal.name());
    }
    assert_eq!(Signal::named("Attempts"), None);
}

#[test]
fn the_documentation_has_the_table() {
    const DOCS: &str = include_str!("../../../../docs/signals.md");
    for signal in Signal::ALL {
        let Rule { weight, from, at } = signal.default_rule();
        let unit = if signal.unit() == Unit::Percent { " %" } else { "" };
        let span = match signal.span() {
            Span::Window => "`window`",
            Span::TwoHours => "2 h",
            Span::Day => "1 day",
        };
        let declared = if signal.is_of_mail_servers() { "yes" } else { "no" };
        let figures = format!("| {weight} | {from}{unit} – {at}{unit} | {span} | {declared} |");
        let row = DOCS.lines().find(|line| line.starts_with(&format!("| `{}` |", signal.name())));
        assert!(row.is_some_and(|row| row.contains(&figures)), "{}: {figures}", signal.name());
    }
}

#[test]
fn points_rise_from_nothing_to_the_weight() {
    let rule = Rule { weight: 40, from: 10, at: 30 };
    for (figure, points) in
        [(0, 0.0), (10, 0.0), (11, 2.0), (20, 20.0), (30, 40.0), (31, 40.0), (u32::MAX, 40.0)]
    {
        assert_eq!(rule.points(figure), points, "{figure}");
    }
    assert_eq!(Rule { weight: 0, ..rule }.points(1000), 0.0);
    let edge = Rule { weight: 7, from: u32::MAX - 1, at: u32::MAX };
    assert_eq!((edge.points(u32::MAX - 1), edge.points(u32::MAX)), (0.0, 7.0));
}

#[test]
fn weights_are_kept_by_signal() {
    let mut weights = Weights::default();
    let most = weights.highest_score();
    let rule = Rule { weight: 1, from: 2, at: 3 };
    let was = weights.of(Signal::SharedShape);
    weights.set(Signal::SharedShape, rule);
    assert_eq!(weights.of(Signal::SharedShape), rule);
    assert_eq!(weights.of(Signal::Attempts), Signal::Attempts.default_rule());
    assert_eq!(weights.highest_score(), most - was.weight + 1);
}

proptest! {
    #[test]
    fn more_is_never_less(weight: u16, from: u32, range in 1_u32.., a: u32, b: u32) {
        let rule = Rule { weight: weight.into(), from, at: from.saturating_add(range) };
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(rule.points(low) <= rule.points(high));
        prop_assert!((0.0..=f32::from(weight)).contains(&rule.points(high)));
    }
}
