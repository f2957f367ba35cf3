//! Groups of ports: those that the same lists judge. A class has one rule for each group, not for each port.

use relay_guard_common::{class::MAX_PORT_GROUPS, ports::PortGroups};
use thiserror::Error;

use super::{
    ranges::Lists,
    rules::{PlacedList, slots},
};
use crate::config::Ports;

/// The lists' ports do not fit the groups that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "lists use more than {MAX_PORT_GROUPS} different groups of ports for {direction} mail; let lists that judge there have \
     the same ports"
)]
pub struct TooManyPortGroups {
    /// `inbound` or `outbound`.
    direction: &'static str,
}

/// Groups of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Groups {
    /// Each judged port with its group.
    of_port: Vec<(u16, u8)>,
    /// The lists that judge at the ports of each group.
    judging: Vec<Lists>,
}

impl Groups {
    fn new(
        ports: &[u16],
        judging_at: impl Fn(u16) -> Lists,
        direction: &'static str,
    ) -> Result<Self, TooManyPortGroups> {
        let mut groups = Self::default();
        for &port in ports {
            let judging = judging_at(port);
            let known = groups.judging.iter().position(|known| *known == judging);
            let group = known.unwrap_or(groups.judging.len());
            if group == MAX_PORT_GROUPS {
                return Err(TooManyPortGroups { direction });
            }
            if known.is_none() {
                groups.judging.push(judging);
            }
            groups.of_port.push((port, group as u8));
        }
        Ok(groups)
    }

    fn judging(&self, group: usize) -> Lists {
        self.judging.get(group).copied().unwrap_or(0)
    }
}

/// Which ports are judged by the same lists, in each direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortPlan {
    inbound: Groups,
    outbound: Groups,
}

impl PortPlan {
    /// The groups that lists make of the guarded and watched ports. Ports of lists that are neither are left out.
    ///
    /// # Errors
    /// [`TooManyPortGroups`] if there are more than [`MAX_PORT_GROUPS`] in one direction.
    pub fn new(lists: &[PlacedList<'_>], ports: &Ports) -> Result<Self, TooManyPortGroups> {
        let inbound = |port| slots(lists, |rule| rule.applies.to_inbound() && rule.ports.holds(port));
        let outbound = |port| slots(lists, |rule| rule.applies.to_outbound() && rule.ports.holds(port));
        Ok(Self {
            inbound: Groups::new(&ports.guarded, inbound, "inbound")?,
            outbound: Groups::new(&ports.watched, outbound, "outbound")?,
        })
    }

    /// The lists that judge sources of inbound SMTP at the ports of a group.
    pub(super) fn inbound(&self, group: usize) -> Lists {
        self.inbound.judging(group)
    }

    /// The lists that judge destinations of outbound SMTP at the ports of a group.
    pub(super) fn outbound(&self, group: usize) -> Lists {
        self.outbound.judging(group)
    }

    /// Whether any list judges destinations.
    #[must_use]
    pub fn judges_destinations(&self) -> bool {
        self.outbound.judging.iter().any(|lists| *lists != 0)
    }

    /// What the kernel is told. Ports that are not judged keep the group that they have in `before`: for a moment they
    /// may still be judged as they were.
    #[must_use]
    pub fn kernel_groups(&self, before: &PortGroups) -> PortGroups {
        let mut groups = *before;
        for &(port, group) in &self.inbound.of_port {
            groups.set_inbound(port, group);
        }
        for &(port, group) in &self.outbound.of_port {
            groups.set_outbound(port, group);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::ListAction,
        policy::{
            ListSlot,
            rules::{Applies, ListRule, PortChoice},
        },
    };

    fn plan(lists: &[(Applies, &[u16])]) -> Result<PortPlan, TooManyPortGroups> {
        let ports = Ports { guarded: vec![25, 465, 587, 2525, 2526], watched: vec![25, 26, 587] };
        let rule = |(applies, ports): &(Applies, &[u16])| ListRule {
            action: ListAction::Drop,
            applies: *applies,
            ports: if ports.is_empty() { PortChoice::All } else { PortChoice::Only(ports.to_vec()) },
            ..ListRule::default()
        };
        let rules: Vec<ListRule> = lists.iter().map(rule).collect();
        let placed = |(number, rule)| {
            let slot = ListSlot::new(number).expect("a place");
            PlacedList { slot, rule, v4: &[], v6: &[] }
        };
        PortPlan::new(&(0..).zip(&rules).map(placed).collect::<Vec<_>>(), &ports)
    }

    #[test]
    fn ports_that_the_same_lists_judge_are_one_group() {
        let plan = plan(&[
            (Applies::Inbound, &[]),
            (Applies::Both, &[25, 587]),
            (Applies::Inbound, &[587, 80]),
            (Applies::Outbound, &[26]),
        ])
        .expect("few groups");
        let mut before = PortGroups::ONE;
        before.set_inbound(110, 3);
        let groups = plan.kernel_groups(&before);
        let inbound = [25, 465, 587, 2525, 2526].map(|port| plan.inbound(groups.inbound(port)));
        assert_eq!(inbound, [0b011, 0b001, 0b111, 0b001, 0b001]);
        assert_eq!(groups.inbound(465), groups.inbound(2526));
        let outbound = [25, 26, 587].map(|port| plan.outbound(groups.outbound(port)));
        assert_eq!(outbound, [0b0010, 0b1000, 0b0010]);
        assert_eq!((groups.inbound(80), groups.inbound(110)), (0, 3), "not judged");
        assert!(plan.judges_destinations());
    }

    #[test]
    fn groups_are_counted_for_each_direction() {
        let five: [(Applies, &[u16]); 4] = [
            (Applies::Inbound, &[25]),
            (Applies::Inbound, &[465]),
            (Applies::Inbound, &[587]),
            (Applies::Inbound, &[2525]),
        ];
        let error = plan(&five).expect_err("2526 is the fifth").to_string();
        assert!(error.contains("more than 4 different groups of ports for inbound mail"), "{error}");
        assert!(plan(&five[..3]).is_ok_and(|plan| !plan.judges_destinations()));
        let both = plan(&[(Applies::Both, &[25]), (Applies::Both, &[465]), (Applies::Both, &[587])]);
        assert!(both.is_ok_and(|plan| plan.judges_destinations()));
        assert_eq!(plan(&[]).map(|plan| plan.judges_destinations()), Ok(false));
    }
}
