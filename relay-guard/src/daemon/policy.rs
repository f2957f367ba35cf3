//! Policy into the kernel: compile, publish, swap meanings, tidy up.

use relay_guard_common::class::Class;

use super::lists::ListSet;
use crate::{
    config::{Config, Hosts},
    control::api::Table,
    datapath::{Datapath, DatapathError, PreparedTable},
    policy::{ClassError, ClassInterner, compile::compile},
    table::{Plan, TableError},
};

/// Why policy could not be put into the kernel. The old one is still in force.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Too many sets of lists.
    #[error(transparent)]
    Classes(#[from] ClassError),
    /// Too many entries.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The kernel refused.
    #[error(transparent)]
    Datapath(#[from] DatapathError),
}

/// What is published, and the numbers that its classes have.
#[derive(Debug)]
pub struct Published {
    interner: ClassInterner,
    /// Classes with a meaning in the kernel.
    classes: Vec<(u32, Class)>,
    /// Figures of the live table.
    pub table: Table,
}

impl Published {
    /// What an earlier daemon left: its classes keep their meaning until the first table of this one is live.
    ///
    /// # Errors
    /// If the kernel's map cannot be read.
    pub fn adopt(datapath: &Datapath) -> Result<Self, DatapathError> {
        let used = datapath.classes_in_use()?;
        Ok(Self {
            interner: ClassInterner::with_reserved(used.iter().copied()),
            classes: used.into_iter().map(|class| (class, Class::default())).collect(),
            table: Table::default(),
        })
    }

    /// Compiles and publishes. New classes get their meaning before the table that names them is live, old ones lose
    /// theirs after no table names them.
    ///
    /// # Errors
    /// [`PublishError`]; then the old table is still live, with the classes it names.
    pub fn publish(
        &mut self,
        config: &Config,
        lists: &mut ListSet,
        datapath: &mut Datapath,
    ) -> Result<(), PublishError> {
        match self.try_publish(&config.hosts, config.limits.table_bytes, lists, datapath) {
            Ok(()) => {
                self.tidy(lists, datapath)?;
                Ok(())
            }
            Err(error) => {
                self.interner.abandon();
                Err(error)
            }
        }
    }

    fn try_publish(
        &mut self,
        hosts: &Hosts,
        limit: u64,
        lists: &ListSet,
        datapath: &mut Datapath,
    ) -> Result<(), PublishError> {
        let compiled = compile(&lists.placed(), hosts, &mut self.interner)?;
        let plan = Plan::new(&compiled.v4, &compiled.v6)?;
        // Whatever can fail comes before the first change: a class that is in use may mean something else now.
        let table = PreparedTable::new(&plan, limit)?;
        for (class, meaning) in &compiled.classes {
            datapath.set_class(*class, *meaning)?;
        }
        datapath.swap_in(&table)?;
        self.interner.retire();
        for (class, meaning) in compiled.classes {
            match self.classes.iter_mut().find(|(known, _)| *known == class) {
                Some(known) => known.1 = meaning,
                None => self.classes.push((class, meaning)),
            }
        }
        self.table = Table {
            v4_ranges: compiled.v4.len() as u64,
            v6_ranges: compiled.v6.len() as u64,
            classes: self.interner.iter().count() as u64,
            bytes: table.bytes(),
        };
        Ok(())
    }

    /// Clears classes that the live table does not name; what they counted stays with their lists.
    fn tidy(&mut self, lists: &mut ListSet, datapath: &mut Datapath) -> Result<(), DatapathError> {
        let live: Vec<u32> = self.interner.iter().map(|(class, _)| class).collect();
        let (kept, gone) =
            std::mem::take(&mut self.classes).into_iter().partition(|(class, _)| live.contains(class));
        self.classes = kept;
        for (class, meaning) in gone {
            lists.fold(meaning.lists, datapath.class_counter(class)?);
            datapath.clear_class(class)?;
        }
        Ok(())
    }

    /// The set of lists of a class.
    #[must_use]
    pub fn lists_of(&self, class: u32) -> u64 {
        self.interner.lists_of(class).unwrap_or(0)
    }

    /// Classes of the live table with their sets of lists.
    pub fn classes(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.interner.iter()
    }
}
