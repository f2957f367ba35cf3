//! Policy into the kernel: compile, publish, swap meanings, tidy up.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use relay_guard_common::{
    action::Action,
    class::{Class, Lists},
    respond::response::Response,
};

use super::{
    answering::host_name,
    lists::{ListSet, Weighed},
    rules::{Kernel, KernelRules},
    verdicts::{Step, Verdicts},
};
use crate::{
    config::{Config, ContainmentStep, Ports, StepAction},
    control::api::Table,
    datapath::{Datapath, DatapathError, PreparedTable, Tally},
    policy::{
        ClassInterner, PlacedList, PortChoice, Protected, ThresholdRules,
        compile::{CompileError, CompiledRules, classes_only, compile},
        ports::Judged,
        protected::connected_networks,
        response_places::{Given, TooManyResponses, Wanted},
    },
    table::{Plan, TableError},
};

/// Why policy could not be put into the kernel. The old one is still in force.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Too many sets of lists, or groups of ports.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// Too many different answers.
    #[error(transparent)]
    Responses(#[from] TooManyResponses),
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
    rules: KernelRules,
    /// Those of its classes that an earlier daemon left: their lists were in other places.
    adopted: BTreeSet<u32>,
    judges_destinations: bool,
    containment: Vec<Step>,
    thresholds: ThresholdRules,
    /// The guarded ports of each group for inbound SMTP.
    inbound_groups: Vec<Vec<u16>>,
    protected: Protected,
    /// What classes that are gone came to.
    gone: Tally,
    /// The lists that the classes of the live table follow; none if that is uncertain, because a write was refused.
    ruled: Option<Weighed>,
    /// What was compiled last, in force or not.
    drafted: Option<(Weighed, Protected)>,
    /// Figures of the live table.
    pub table: Table,
}

/// All that a table is made of. Compiling it needs nothing else, and is done beside the loop.
#[derive(Debug)]
pub struct Draft {
    lists: Weighed,
    protected: Protected,
    ports: Ports,
    zones: Vec<PortChoice>,
    limit: u64,
    interner: ClassInterner,
}

/// A table that is ready to be swapped in.
#[derive(Debug)]
pub struct Prepared {
    interner: ClassInterner,
    table: PreparedTable,
    figures: Table,
    protected: Protected,
}

/// Rules, and what has to be written before them.
struct Rules {
    compiled: CompiledRules,
    responses: Vec<(u16, Box<Response>)>,
    containment: Vec<Step>,
    thresholds: ThresholdRules,
}

impl Draft {
    /// Compiles and fills a table that no packet sees yet. Takes long for long lists.
    ///
    /// # Errors
    /// [`PublishError`]; nothing has changed then.
    pub fn prepare(mut self) -> Result<Prepared, PublishError> {
        let judged = Judged { ports: &self.ports, zones: &self.zones };
        let compiled = compile(&self.lists.placed(), &self.protected, judged, &mut self.interner)?;
        let plan = Plan::new(&compiled.v4, &compiled.v6)?;
        let table = PreparedTable::new(&plan, self.limit)?;
        let figures = Table {
            v4_ranges: compiled.v4.len() as u64,
            v6_ranges: compiled.v6.len() as u64,
            bytes: table.bytes(),
            ..Table::default()
        };
        Ok(Prepared { interner: self.interner, table, figures, protected: self.protected })
    }
}

impl Published {
    /// What an earlier daemon left: its classes keep their meaning until the first table of this one is live.
    ///
    /// # Errors
    /// If the kernel's map cannot be read.
    pub fn adopt(datapath: &Datapath) -> Result<Self, DatapathError> {
        let classes: BTreeMap<u32, Class> = datapath.classes()?.into_iter().collect();
        Ok(Self {
            interner: ClassInterner::with_reserved(classes.keys().copied()),
            adopted: classes.keys().copied().collect(),
            rules: KernelRules::new(classes, datapath.ports()?, datapath.port_groups()?),
            judges_destinations: false,
            containment: Vec::new(),
            thresholds: ThresholdRules::default(),
            inbound_groups: Vec::new(),
            protected: Protected::default(),
            gone: Tally::default(),
            ruled: None,
            drafted: None,
            table: Table::default(),
        })
    }

    /// What is to be compiled, if lists or protected networks are others than those that were compiled last (also if
    /// that failed: it would again).
    pub fn draft(&mut self, config: &Config, lists: Weighed, protected: Protected) -> Option<Draft> {
        if self.drafted.as_ref().is_some_and(|(held, known)| lists.holds_what(held) && protected == *known) {
            return None;
        }
        self.drafted = Some((lists.clone(), protected.clone()));
        self.table.pending = true;
        Some(Draft {
            lists,
            protected,
            ports: config.ports.clone(),
            zones: config.dnsbl.ports(),
            limit: config.limits.table_bytes,
            interner: self.interner.clone(),
        })
    }

    /// The last draft was not for the lists in force: what these hold is looked at again.
    pub fn forget_draft(&mut self) {
        self.drafted = None;
        self.table.pending = false;
    }

    /// Puts a table in force. New classes get their meaning before the table that names them is live, old ones lose
    /// theirs after no table names them. What classes mean follows from what `lists` do by now.
    ///
    /// # Errors
    /// [`PublishError`]; then the old table is still live, with the classes it names. What these mean may have changed
    /// then; [`rules_are`](Self::rules_are) knows.
    pub fn install(
        &mut self,
        prepared: Prepared,
        config: &Config,
        now: u64,
        lists: &mut ListSet,
        verdicts: &mut Verdicts,
        datapath: &mut Datapath,
    ) -> Result<(), PublishError> {
        let Prepared { interner, table, figures, protected } = prepared;
        let weighed = lists.weighed(now);
        // Whatever can fail comes before the first change: a class that is in use may mean something else now.
        let rules = self.rules_of(&interner, &weighed.placed(), config, verdicts)?;
        self.write_rules(rules, config, verdicts, datapath)?;
        datapath.swap_in(&table)?;
        self.interner = interner;
        self.interner.retire();
        self.table = Table { classes: self.interner.iter().count() as u64, ..figures };
        (self.protected, self.ruled) = (protected, Some(weighed));
        self.tidy(lists, datapath)?;
        Ok(())
    }

    /// Publishes what lists do, where that is all that has changed: places and contents of lists, and what is protected,
    /// are those of the live table. Nothing is done if they do what they did.
    ///
    /// # Errors
    /// [`PublishError`], but never for the size of anything. Some rules may have changed then;
    /// [`rules_are`](Self::rules_are) knows.
    pub fn publish_rules(
        &mut self,
        config: &Config,
        lists: Weighed,
        verdicts: &mut Verdicts,
        datapath: &mut Datapath,
    ) -> Result<(), PublishError> {
        let rules = self.rules_of(&self.interner, &lists.placed(), config, verdicts)?;
        self.write_rules(rules, config, verdicts, datapath)?;
        self.ruled = Some(lists);
        Ok(())
    }

    /// Whether the kernel's rules are known: none of the last writes was refused half way.
    #[must_use]
    pub const fn is_ruled(&self) -> bool {
        self.ruled.is_some()
    }

    /// Whether lists do what the live classes say.
    #[must_use]
    pub fn rules_are(&self, lists: &Weighed) -> bool {
        self.ruled.as_ref().is_some_and(|ruled| lists.does_what(ruled))
    }

    /// What the lists' rules come to, and the responses that they name.
    fn rules_of(
        &self,
        interner: &ClassInterner,
        lists: &[PlacedList<'_>],
        config: &Config,
        verdicts: &Verdicts,
    ) -> Result<Rules, PublishError> {
        let containment: Vec<_> =
            config.inspection.steps.iter().map(|step| (does(step), &step.answer)).collect();
        let wanted = Wanted::of(lists, &containment, &config.dnsbl.thresholds, &host_name(config));
        let mut named = verdicts.responses();
        // Verdicts that name these may be written at any moment.
        named.extend(self.thresholds.places());
        let placement = self.rules.place(&wanted.responses, &named)?;
        let Given { lists: answers, containment, thresholds } = wanted.at(&placement.places);
        let judged = Judged { ports: &config.ports, zones: &config.dnsbl.ports() };
        let compiled = classes_only(interner, lists, judged, answers).map_err(CompileError::from)?;
        Ok(Rules { compiled, responses: placement.writes, containment, thresholds })
    }

    fn write_rules(
        &mut self,
        rules: Rules,
        config: &Config,
        verdicts: &mut Verdicts,
        datapath: &mut Datapath,
    ) -> Result<(), DatapathError> {
        // Refused half way, what is in force are neither the old rules nor these.
        self.ruled = None;
        let mut kernel = Kernel { datapath, verdicts };
        self.rules.write(&rules.compiled, &rules.responses, &config.ports, &mut kernel)?;
        self.judges_destinations = rules.compiled.ports.judges_destinations();
        self.containment = rules.containment;
        self.thresholds = rules.thresholds;
        self.inbound_groups = rules.compiled.ports.inbound_groups();
        Ok(())
    }

    /// Clears classes that the live table does not name; what they counted stays with their lists.
    fn tidy(&mut self, lists: &mut ListSet, datapath: &mut Datapath) -> Result<(), DatapathError> {
        let live: BTreeSet<u32> = self.interner.iter().map(|(class, _)| class).collect();
        let gone: Vec<(u32, Class)> = self
            .rules
            .classes
            .iter()
            .map(|(number, class)| (*number, *class))
            .filter(|(number, _)| !live.contains(number))
            .collect();
        for (number, class) in gone {
            let tally = datapath.tally(number)?;
            self.gone = self.gone.plus(tally);
            if !self.adopted.remove(&number) {
                lists.fold(class.lists(), tally);
            }
            datapath.clear_class(number)?;
            self.rules.classes.remove(&number);
        }
        Ok(())
    }

    /// The set of lists of a class.
    #[must_use]
    pub fn lists_of(&self, class: u32) -> Lists {
        self.interner.lists_of(class).unwrap_or(0)
    }

    /// Classes of the live table with their sets of lists.
    pub fn classes(&self) -> impl Iterator<Item = (u32, Lists)> + '_ {
        self.interner.iter()
    }

    /// What classes that are gone came to, all together.
    #[must_use]
    pub const fn gone(&self) -> Tally {
        self.gone
    }

    /// What is protected by the live table.
    #[must_use]
    pub const fn protected(&self) -> &Protected {
        &self.protected
    }

    /// What the steps of containment do, in the order of the configuration.
    #[must_use]
    pub fn containment(&self) -> &[Step] {
        &self.containment
    }

    /// What DNSBL thresholds do, and the responses that say so.
    #[must_use]
    pub const fn thresholds(&self) -> &ThresholdRules {
        &self.thresholds
    }

    /// The guarded ports of each group for inbound SMTP, by its number.
    #[must_use]
    pub fn inbound_groups(&self) -> &[Vec<u16>] {
        &self.inbound_groups
    }

    /// Whether lists judge the destinations of outbound SMTP.
    #[must_use]
    pub const fn judges_destinations(&self) -> bool {
        self.judges_destinations
    }
}

/// What a step does to connections.
const fn does(step: &ContainmentStep) -> Action {
    match step.action {
        StepAction::Report => Action::Observe,
        StepAction::Contain(action) => action,
    }
}

/// What is protected, by a configuration and this machine's addresses (with their prefix lengths and interfaces).
#[must_use]
pub fn protected(config: &Config, addresses: &[(IpNet, u32)]) -> Protected {
    let addresses: Vec<IpNet> = addresses.iter().map(|(net, _)| *net).collect();
    Protected::new(&config.hosts, &config.protected, &addresses)
}

/// Networks of interfaces that are too wide to be protected, as warnings.
pub fn too_wide(config: &Config, addresses: &[(IpNet, u32)]) -> impl Iterator<Item = String> {
    let nets: Vec<IpNet> = addresses.iter().map(|(net, _)| *net).collect();
    let (_, too_wide) = connected_networks(&nets);
    let warned = if config.protected.connected { too_wide } else { Vec::new() };
    warned.into_iter().map(|net| {
        format!("{net}: an interface has this network, too wide to be protected; see protected.networks")
    })
}
