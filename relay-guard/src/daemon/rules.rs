//! What the kernel holds of the lists' rules, and how it gets from one configuration's to the next one's.

use std::collections::{BTreeMap, BTreeSet};

use relay_guard_common::{
    class::Class,
    ports::{GUARDED, PortGroups, PortSet},
    respond::response::Response,
};

use super::verdicts::Verdicts;
use crate::{
    config::Ports,
    datapath::{Datapath, DatapathError},
    policy::{
        compile::CompiledRules,
        meaning::{weaker, weakest},
        response_places::{Placement, ResponsePlaces, TooManyResponses},
    },
};

/// Where rules take effect.
pub trait RuleSink {
    /// Removes verdicts that have rules by groups of ports, and asks about nobody: ports are about to change groups.
    ///
    /// # Errors
    /// If it is refused.
    fn withdraw(&mut self) -> Result<(), DatapathError>;
    /// Writes what rules that name a place answer.
    ///
    /// # Errors
    /// If it is refused.
    fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError>;
    /// Writes what a class means.
    ///
    /// # Errors
    /// If it is refused.
    fn set_class(&mut self, number: u32, class: Class) -> Result<(), DatapathError>;
    /// Writes which group of each class's rules holds at which port.
    ///
    /// # Errors
    /// If it is refused.
    fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError>;
    /// Writes which ports are judged.
    ///
    /// # Errors
    /// If it is refused.
    fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError>;
}

/// The kernel, and whose verdicts it has.
#[derive(Debug)]
pub struct Kernel<'a> {
    /// Its maps.
    pub datapath: &'a mut Datapath,
    /// What they hold of verdicts.
    pub verdicts: &'a mut Verdicts,
}

impl RuleSink for Kernel<'_> {
    fn withdraw(&mut self) -> Result<(), DatapathError> {
        self.datapath.ask_nobody()?;
        self.verdicts.withdraw_scores(self.datapath)
    }

    fn set_response(&mut self, place: u16, response: &Response) -> Result<(), DatapathError> {
        self.datapath.set_response(place, response)
    }

    fn set_class(&mut self, number: u32, class: Class) -> Result<(), DatapathError> {
        self.datapath.set_class(number, class)
    }

    fn set_port_groups(&mut self, groups: &PortGroups) -> Result<(), DatapathError> {
        self.datapath.set_port_groups(groups)
    }

    fn set_ports(&mut self, ports: &PortSet) -> Result<(), DatapathError> {
        self.datapath.set_ports(ports)
    }
}

/// The rules that the kernel holds.
#[derive(Debug)]
pub struct KernelRules {
    /// Classes with a meaning.
    pub classes: BTreeMap<u32, Class>,
    ports: Box<PortSet>,
    groups: Box<PortGroups>,
    responses: ResponsePlaces,
}

impl KernelRules {
    /// What was found there.
    #[must_use]
    pub fn new(classes: BTreeMap<u32, Class>, ports: PortSet, groups: PortGroups) -> Self {
        let responses = ResponsePlaces::default();
        Self { classes, ports: Box::new(ports), groups: Box::new(groups), responses }
    }

    /// Places for responses, such that no rule that the kernel holds says something else on the way; `named` are places
    /// that others than rules name.
    ///
    /// # Errors
    /// [`TooManyResponses`].
    pub fn place(&self, wanted: &[Response], named: &BTreeSet<u16>) -> Result<Placement, TooManyResponses> {
        let rules = self.classes.values().flat_map(|class| class.inbound.into_iter().chain(class.outbound));
        let in_use = rules.map(|rule| rule.param).chain(named.iter().copied()).collect();
        self.responses.place(wanted, &in_use)
    }

    /// Whether with these rules and ports inbound SMTP is judged at other ports, or at one by another group.
    fn regroups_inbound(&self, rules: &CompiledRules, ports: &Ports) -> bool {
        let groups = rules.ports.kernel_groups(&self.groups);
        let judged = PortSet::new(&ports.guarded, &[]);
        let group = |ports: &PortSet, groups: &PortGroups, port| {
            (ports.flags(port) & GUARDED != 0).then(|| groups.inbound(port))
        };
        (0..=u16::MAX).any(|port| group(&self.ports, &self.groups, port) != group(&judged, &groups, port))
    }

    /// Makes these the rules. Responses come before the rules that name them.
    ///
    /// Where ports change, a class is for a moment read by the groups of the other configuration. So that no packet is
    /// stopped that neither of them stops, classes first get the weaker of their old and new rules, then ports their
    /// groups, then classes their new rules. A port is judged only once it has its group. Verdicts by groups are withdrawn
    /// before; their writer writes them anew.
    ///
    /// # Errors
    /// If the sink refuses a write; what was written is remembered.
    pub fn write(
        &mut self,
        rules: &CompiledRules,
        responses: &[(u16, Box<Response>)],
        ports: &Ports,
        sink: &mut impl RuleSink,
    ) -> Result<(), DatapathError> {
        for (place, response) in responses {
            self.responses.writing(*place);
            sink.set_response(*place, response)?;
            self.responses.wrote(*place, response);
        }
        let groups = rules.ports.kernel_groups(&self.groups);
        let judged = PortSet::new(&ports.guarded, &ports.watched);
        if groups != *self.groups || judged != *self.ports {
            if self.regroups_inbound(rules, ports) {
                sink.withdraw()?;
            }
            self.write_classes(&self.between(rules), sink)?;
            sink.set_port_groups(&groups)?;
            *self.groups = groups;
            sink.set_ports(&judged)?;
            *self.ports = judged;
        }
        self.write_classes(&rules.classes, sink)
    }

    /// Writes the classes that differ from what the kernel has.
    fn write_classes(
        &mut self,
        classes: &[(u32, Class)],
        sink: &mut impl RuleSink,
    ) -> Result<(), DatapathError> {
        for (number, class) in classes {
            if self.classes.get(number) != Some(class) {
                sink.set_class(*number, *class)?;
                self.classes.insert(*number, *class);
            }
        }
        Ok(())
    }

    /// Classes that stop no more than both those in force and those of `rules` do. What the sets of an earlier daemon's
    /// classes were is not known: they stop what they stop at every port.
    fn between(&self, rules: &CompiledRules) -> Vec<(u32, Class)> {
        let after: BTreeMap<u32, &Class> =
            rules.classes.iter().map(|(number, class)| (*number, class)).collect();
        let between = |(number, before): (&u32, &Class)| {
            let class = after.get(number).map_or_else(|| weakest(before), |after| weaker(before, after));
            (*number, class)
        };
        self.classes.iter().map(between).collect()
    }
}

#[cfg(test)]
mod tests;
