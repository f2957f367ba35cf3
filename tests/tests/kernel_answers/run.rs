//! Running cases through every program that may meet their frames.

use relay_guard::datapath::ActionRow;
use relay_guard_common::action::Action;
use relay_guard_common::counter::Effect;
use relay_guard_common::respond::step::{Step, Steps};
use relay_guard_common::role::Direction;

use super::case::Case;
use super::connection::{Connection, Program};
use super::reaction::Reaction;
use super::support::kernel::{GUARDED, Kernel};
use super::world::World;

/// Ports of clients, so that no two connections are the same.
#[derive(Debug)]
pub struct Ports(u16);

impl Default for Ports {
    fn default() -> Self {
        Self(10_000)
    }
}

impl Ports {
    pub fn next(&mut self) -> u16 {
        self.0 += 1;
        self.0
    }
}

/// Runs all cases, and says of each that fails what came instead.
pub fn all(world: &mut World<'_>, cases: &[Case]) {
    let mut ports = Ports::default();
    let failures: Vec<String> = cases.iter().flat_map(|case| one(world, &mut ports, case)).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn one(world: &mut World<'_>, ports: &mut Ports, case: &Case) -> Vec<String> {
    let mut failures = Vec::new();
    for &v6 in case.families {
        for program in Program::ALL {
            let mut connection = Connection::inbound(program, case.who.client(v6), ports.next(), case.port);
            connection.wrapping = case.wrapping;
            if !fits(&connection, case) {
                continue;
            }
            let connection = connection.open(world.kernel).settle(world.kernel);
            if let Err(failure) = through(world, &connection, case) {
                failures.push(format!("{} ({program:?}, {}): {failure}", case.what, connection.client.ip()));
            }
        }
    }
    failures
}

/// Test-runs of tc take less than XDP's, and tags without Ethernet before them are no packet.
fn fits(connection: &Connection, case: &Case) -> bool {
    const TC_LEN: usize = 3000;
    let request = connection.request(&case.segment);
    let version = if connection.client.is_ipv4() { 4 } else { 6 };
    match connection.program {
        Program::Xdp => true,
        Program::Tc | Program::Own => request.len() <= TC_LEN,
        Program::TcBare | Program::OwnBare => request.len() <= TC_LEN && request[0] >> 4 == version,
    }
}

fn through(world: &mut World<'_>, connection: &Connection, case: &Case) -> Result<(), String> {
    let class = world.class(case.who);
    let before = Counted::now(world.kernel, class);
    let reaction = connection.send(world.kernel, &case.segment)?;
    let moved = Counted::now(world.kernel, class).since(&before);
    if reaction != case.expect {
        return Err(format!("\n  wanted {:?}\n  got    {reaction:?}", case.expect));
    }
    let effect = if reaction == Reaction::Passed { Effect::Passed } else { Effect::Stopped };
    let action = case.who.action();
    let is_judged = action != Action::Pass && GUARDED.contains(&case.port);
    let counted = is_judged.then_some((action, Direction::Inbound, effect, 1));
    let expected = Moved { steps: sorted(&case.steps), actions: counted.into_iter().collect() };
    if moved == expected { Ok(()) } else { Err(format!("\n  to count {expected:?}\n  counted  {moved:?}")) }
}

/// Counters of a class and of actions.
#[derive(Clone, Debug)]
pub struct Counted {
    steps: Steps,
    actions: Vec<ActionRow>,
}

/// By how much they moved: packets for actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Each as often as it was made, in the order of their numbers.
    pub steps: Vec<Step>,
    pub actions: Vec<(Action, Direction, Effect, u64)>,
}

impl Counted {
    pub fn now(kernel: &Kernel, class: u32) -> Self {
        let steps = kernel.datapath.steps(class).expect("steps are read");
        let actions = kernel.datapath.action_counters().expect("counters are read");
        Self { steps, actions }
    }

    pub fn since(&self, before: &Self) -> Moved {
        let steps = Step::ALL.into_iter().flat_map(|step| {
            let count = self.steps[step as usize] - before.steps[step as usize];
            std::iter::repeat_n(step, usize::try_from(count).expect("few steps"))
        });
        let packets = |rows: &[ActionRow], row: &ActionRow| {
            let key = |row: &ActionRow| (row.action, row.direction, row.effect);
            rows.iter().find(|other| key(other) == key(row)).map_or(0, |row| row.count.packets)
        };
        let actions = self.actions.iter().map(|row| {
            let count = row.count.packets - packets(&before.actions, row);
            (row.action, row.direction, row.effect, count)
        });
        Moved { steps: steps.collect(), actions: actions.filter(|(.., count)| *count > 0).collect() }
    }
}

/// In the order of their numbers.
pub fn sorted(steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    steps.sort_unstable();
    steps
}
