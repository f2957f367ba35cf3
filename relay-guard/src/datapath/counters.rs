//! What the kernel counted, summed over CPUs.

use aya::{
    Pod,
    maps::{MapData, PerCpuArray},
};
use relay_guard_common::{
    action::Action,
    class::CLEAN,
    counter::{Counter, Effect, Loss, action_index, counter_index},
    reason::Reason,
    respond::step::{Step, Steps},
    role::Direction,
};

use super::{Datapath, DatapathError};

/// One counter with what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterRow {
    /// Why.
    pub reason: Reason,
    /// Which way.
    pub direction: Direction,
    /// What happened.
    pub effect: Effect,
    /// How much.
    pub count: Counter,
}

/// Packets for which policy wanted an action other than to let them pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRow {
    /// What it wanted.
    pub action: Action,
    /// Which way.
    pub direction: Direction,
    /// What happened.
    pub effect: Effect,
    /// How much.
    pub count: Counter,
}

/// What a class came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that it decided.
    pub count: Counter,
    /// Steps of answering them.
    pub steps: Steps,
}

impl Tally {
    /// Adds another tally, for sums over classes.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.count = self.count.plus(other.count);
        self.steps.iter_mut().zip(other.steps).for_each(|(sum, steps)| *sum = sum.wrapping_add(steps));
        self
    }
}

/// How often something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LossRow {
    /// What.
    pub loss: Loss,
    /// How often.
    pub count: u64,
}

impl Datapath {
    /// All counters that are not zero.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn counters(&self) -> Result<Vec<CounterRow>, DatapathError> {
        let mut rows = Vec::new();
        for &reason in Reason::ALL {
            for direction in Direction::ALL {
                for effect in Effect::ALL {
                    let index = counter_index(reason, direction, effect);
                    let values = self.counters.get(&index, 0).map_err(DatapathError::map("read counters"))?;
                    let count = values.iter().copied().fold(Counter::default(), Counter::plus);
                    if count != Counter::default() {
                        rows.push(CounterRow { reason, direction, effect, count });
                    }
                }
            }
        }
        Ok(rows)
    }

    /// All counters of actions that are not zero.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn action_counters(&self) -> Result<Vec<ActionRow>, DatapathError> {
        let mut rows = Vec::new();
        for action in Action::ALL {
            for direction in Direction::ALL {
                for effect in Effect::ALL {
                    let index = action_index(action, direction, effect);
                    let values =
                        self.action_counters.get(&index, 0).map_err(DatapathError::map("read counters"))?;
                    let count = values.iter().copied().fold(Counter::default(), Counter::plus);
                    if count != Counter::default() {
                        rows.push(ActionRow { action, direction, effect, count });
                    }
                }
            }
        }
        Ok(rows)
    }

    /// What a class decided.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn class_counter(&self, class: u32) -> Result<Counter, DatapathError> {
        let values = self.class_counters.get(&class, 0).map_err(DatapathError::map("read class counters"))?;
        Ok(values.iter().copied().fold(Counter::default(), Counter::plus))
    }

    /// What a class came to.
    ///
    /// # Errors
    /// If a map cannot be read.
    pub fn tally(&self, class: u32) -> Result<Tally, DatapathError> {
        Ok(Tally { count: self.class_counter(class)?, steps: self.steps(class)? })
    }

    /// Clears a class's meaning and counters, once no table names it any more.
    ///
    /// # Errors
    /// If the kernel refuses a write.
    pub fn clear_class(&mut self, class: u32) -> Result<(), DatapathError> {
        debug_assert!(class != CLEAN);
        clear(&mut self.class_counters, class, Counter::default())?;
        clear(&mut self.steps, class, [0; Step::ALL.len()])?;
        self.set_class(class, relay_guard_common::class::Class::default())
    }

    /// All losses.
    ///
    /// # Errors
    /// If the map cannot be read.
    pub fn losses(&self) -> Result<Vec<LossRow>, DatapathError> {
        let row = |loss: Loss| {
            let values = self.losses.get(&(loss as u32), 0).map_err(DatapathError::map("read losses"))?;
            Ok(LossRow { loss, count: values.iter().sum() })
        };
        Loss::ALL.into_iter().map(row).collect()
    }
}

/// Writes `empty` into the entry of every CPU.
fn clear<T: Pod>(map: &mut PerCpuArray<MapData, T>, class: u32, empty: T) -> Result<(), DatapathError> {
    let failed = DatapathError::map("clear a class's counters");
    let cpus = map.get(&class, 0).map_err(failed)?.len();
    let values = vec![empty; cpus].try_into().map_err(|error: std::io::Error| DatapathError::Map {
        what: "clear a class's counters",
        error: error.to_string(),
    })?;
    map.set(class, values, 0).map_err(DatapathError::map("clear a class's counters"))
}
