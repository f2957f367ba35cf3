//! What is where on the screen; made for 80 columns and 24 lines, and no worse with more.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, LineGauge, Paragraph, Row as TableRow, Table};

use crate::demo::flow::Role;
use crate::demo::snapshot::{Row, Snapshot};

/// Role, senders, attempts, delivered, blocked, refused, state.
const COLUMNS: [Constraint; 7] = [
    Constraint::Length(15),
    Constraint::Length(18),
    Constraint::Length(6),
    Constraint::Length(9),
    Constraint::Length(7),
    Constraint::Length(7),
    Constraint::Min(9),
];

pub(super) fn draw(frame: &mut Frame<'_>, snapshot: &Snapshot) {
    let (inbound, outbound): (Vec<_>, Vec<_>) = snapshot.rows.iter().partition(|row| row.role.is_inbound());
    let [title, time, top, middle, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        table_height(&inbound),
        table_height(&outbound),
        Constraint::Min(3),
    ])
    .areas(frame.area());
    frame.render_widget(title_line(snapshot), title);
    frame.render_widget(gauge(snapshot), time);
    frame.render_widget(table("Internet to mail server", &inbound), top);
    frame.render_widget(table("Inside to internet", &outbound), middle);
    frame.render_widget(events(snapshot, bottom.height), bottom);
}

/// Rows, a header, two borders.
fn table_height(rows: &[&Row]) -> Constraint {
    Constraint::Length(u16::try_from(rows.len() + 3).unwrap_or(u16::MAX))
}

fn title_line(snapshot: &Snapshot) -> Line<'static> {
    let attached = format!("  gateway: {}", snapshot.attached);
    Line::from(vec![Span::from(" relay-guard demo").bold(), attached.into(), "  (q: stop)".dim()])
}

fn gauge(snapshot: &Snapshot) -> LineGauge<'static> {
    let (elapsed, total) = (snapshot.elapsed.as_secs_f64(), snapshot.total.as_secs_f64());
    LineGauge::default()
        .label(format!(" {elapsed:4.1} s of {total:.0} s"))
        .ratio((elapsed / total).clamp(0.0, 1.0))
        .filled_style(Style::new().fg(Color::Cyan))
}

fn table(title: &'static str, rows: &[&Row]) -> Table<'static> {
    let figures = ["tried", "delivered", "blocked", "refused"].map(right);
    let header = ["sender", ""].map(Text::from).into_iter().chain(figures);
    let header = TableRow::new(header).dim();
    Table::new(rows.iter().map(|row| table_row(row)), COLUMNS)
        .header(header)
        .block(Block::bordered().title(title))
}

fn right(text: impl Into<Text<'static>>) -> Text<'static> {
    text.into().right_aligned()
}

fn table_row(row: &Row) -> TableRow<'static> {
    let (state, style) = if row.is_wrong() {
        ("WRONG", Style::new().fg(Color::Red).bold())
    } else if row.contained {
        ("contained", Style::new().fg(Color::Yellow))
    } else if row.attempts == 0 {
        ("asleep", Style::new().dim())
    } else {
        match row.role {
            Role::Listed => ("kept out", Style::new().fg(Color::Yellow)),
            Role::Refused => ("told why", Style::new().fg(Color::Yellow)),
            Role::Zombie => ("at large", Style::new().fg(Color::Magenta)),
            Role::Clean | Role::Declared | Role::Excepted | Role::Workstation => {
                ("fine", Style::new().fg(Color::Green))
            }
        }
    };
    let names = [row.role.name().to_owned(), row.senders.clone()].map(Text::from);
    let figures = [row.attempts, row.delivered, row.blocked, row.refused];
    let figures = figures.map(|figure| right(figure.to_string()));
    let cells = names.into_iter().chain(figures).chain([Text::from(state)]);
    TableRow::new(cells).style(style)
}

fn events(snapshot: &Snapshot, height: u16) -> Paragraph<'static> {
    let room = usize::from(height.saturating_sub(2));
    let first = snapshot.events.len().saturating_sub(room);
    let lines = snapshot.events[first..].iter();
    let lines: Vec<Line<'_>> =
        lines.map(|event| Line::from(format!("{:5.1} s  {}", event.at.as_secs_f64(), event.text))).collect();
    Paragraph::new(lines).block(Block::bordered().title("Events"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::demo::display::EVENT_WIDTH;
    use crate::demo::observer::Observation;
    use crate::demo::scenario::flows;
    use crate::demo::snapshot::Event;

    #[test]
    fn everything_fits_into_80_by_24() {
        let observation = Observation::default();
        let snapshot = Snapshot {
            elapsed: Duration::from_secs(9),
            total: Duration::from_secs(24),
            rows: flows().iter().map(|flow| Row::new(flow, &observation)).collect(),
            attached: "in0 native, out0 generic, srv0 tc".to_owned(),
            events: vec![Event {
                at: Duration::from_secs(4),
                text: format!("{}wakes", "-".repeat(EVENT_WIDTH - 5)),
            }],
        };
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).expect("a terminal in memory");
        terminal.draw(|frame| draw(frame, &snapshot)).expect("drawn");
        let screen = terminal.backend().to_string();
        for text in [
            "9.0 s of 24 s",
            "srv0 tc",
            "2001:db8:c1ea::/48",
            "refused sender  198.19.66.0/24",
            "delivered blocked refused",
            "2001:db8:2::25",
            "10.0.1.66",
            "asleep",
            "wakes",
        ] {
            assert!(screen.contains(text), "{text} is not on the screen:\n{screen}");
        }
    }
}
