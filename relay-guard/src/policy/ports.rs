//! Groups of ports: those that the same lists judge, and for sources the same DNSBL zones. A class, or a DNSBL verdict, has
//! one rule for each group, not for each port.

use relay_guard_common::{class::MAX_PORT_GROUPS, ports::PortGroups};
use thiserror::Error;

use super::{
    ranges::Lists,
    rules::{PlacedList, PortChoice, slots},
};
use crate::config::Ports;

/// The ports of lists and DNSBL zones do not fit the groups that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{users} use more than {MAX_PORT_GROUPS} different groups of ports for {direction} mail; let those that judge there have \
     the same ports"
)]
pub struct TooManyPortGroups {
    /// `lists`, or `lists and DNSBL zones`.
    users: &'static str,
    /// `inbound` or `outbound`.
    direction: &'static str,
}

/// Where SMTP is judged, and where zones count.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The ports that are judged.
    pub ports: &'a Ports,
    /// The ports of each DNSBL zone, at most 32.
    pub zones: &'a [PortChoice],
}

/// Who judges at a port: lists, and for inbound SMTP zones, a bit each.
type Judging = (Lists, u32);

/// Groups of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Groups {
    /// Each judged port with its group.
    of_port: Vec<(u16, u8)>,
    /// Who judges at the ports of each group.
    judging: Vec<Judging>,
}

impl Groups {
    fn new(
        ports: &[u16],
        judging_at: impl Fn(u16) -> Judging,
        too_many: TooManyPortGroups,
    ) -> Result<Self, TooManyPortGroups> {
        let mut groups = Self::default();
        for &port in ports {
            let judging = judging_at(port);
            let known = groups.judging.iter().position(|known| *known == judging);
            let group = known.unwrap_or(groups.judging.len());
            if group == MAX_PORT_GROUPS {
                return Err(too_many);
            }
            if known.is_none() {
                groups.judging.push(judging);
            }
            groups.of_port.push((port, group as u8));
        }
        Ok(groups)
    }

    fn judging(&self, group: usize) -> Lists {
        self.judging.get(group).map_or(0, |(lists, _)| *lists)
    }
}

/// Which ports are judged by the same lists (and zones), in each direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortPlan {
    inbound: Groups,
    outbound: Groups,
}

impl PortPlan {
    /// The groups that lists and zones make of the guarded and watched ports. Ports of theirs that are neither are left out.
    ///
    /// # Errors
    /// [`TooManyPortGroups`] if there are more than [`MAX_PORT_GROUPS`] in one direction.
    pub fn new(lists: &[PlacedList<'_>], judged: Judged<'_>) -> Result<Self, TooManyPortGroups> {
        let inbound = |port| {
            let lists = slots(lists, |rule| rule.applies.to_inbound() && rule.ports.holds(port));
            let zones = judged.zones.iter().enumerate().filter(|(_, ports)| ports.holds(port));
            (lists, zones.fold(0_u32, |set, (zone, _)| set | 1 << (zone % 32)))
        };
        let outbound = |port| (slots(lists, |rule| rule.applies.to_outbound() && rule.ports.holds(port)), 0);
        let users = if judged.zones.is_empty() { "lists" } else { "lists and DNSBL zones" };
        let too_many = |users, direction| TooManyPortGroups { users, direction };
        Ok(Self {
            inbound: Groups::new(&judged.ports.guarded, inbound, too_many(users, "inbound"))?,
            outbound: Groups::new(&judged.ports.watched, outbound, too_many("lists", "outbound"))?,
        })
    }

    /// The guarded ports of each group for inbound SMTP, by its number: no group is empty, and all of them are there.
    #[must_use]
    pub fn inbound_groups(&self) -> Vec<Vec<u16>> {
        let mut groups = vec![Vec::new(); self.inbound.judging.len()];
        for &(port, group) in &self.inbound.of_port {
            groups[usize::from(group)].push(port);
        }
        groups
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
        self.outbound.judging.iter().any(|(lists, _)| *lists != 0)
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
        plan_with(lists, &[])
    }

    fn plan_with(lists: &[(Applies, &[u16])], zones: &[&[u16]]) -> Result<PortPlan, TooManyPortGroups> {
        let ports = Ports { guarded: vec![25, 465, 587, 2525, 2526], watched: vec![25, 26, 587] };
        let choice = |ports: &[u16]| match ports {
            [] => PortChoice::All,
            some => PortChoice::Only(some.to_vec()),
        };
        let rule = |(applies, ports): &(Applies, &[u16])| ListRule {
            action: ListAction::Drop,
            applies: *applies,
            ports: choice(ports),
            ..ListRule::default()
        };
        let rules: Vec<ListRule> = lists.iter().map(rule).collect();
        let placed = |(number, rule)| {
            let slot = ListSlot::new(number).expect("a place");
            PlacedList { slot, rule, v4: &[], v6: &[] }
        };
        let zones: Vec<PortChoice> = zones.iter().map(|ports| choice(ports)).collect();
        let lists: Vec<_> = (0..).zip(&rules).map(placed).collect();
        PortPlan::new(&lists, Judged { ports: &ports, zones: &zones })
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

    #[test]
    fn zones_make_groups_of_inbound_ports_alone() {
        let lists: [(Applies, &[u16]); 1] = [(Applies::Both, &[25, 465])];
        let plan = plan_with(&lists, &[&[], &[25], &[25, 587, 7], &[]]).expect("few groups");
        assert_eq!(plan.inbound_groups(), [vec![25], vec![465], vec![587], vec![2525, 2526]]);
        let groups = plan.kernel_groups(&PortGroups::ONE);
        for (number, ports) in plan.inbound_groups().iter().enumerate() {
            assert!(ports.iter().all(|port| groups.inbound(*port) == number), "{number}: {ports:?}");
        }
        assert_eq!(plan.inbound(groups.inbound(587)), 0, "zones are no lists");
        let outbound = [25, 26, 587].map(|port| groups.outbound(port));
        assert_eq!(outbound, [0, 1, 1]);
        let alone = plan_with(&[], &[&[], &[]]).expect("one group");
        assert_eq!(alone.inbound_groups(), [vec![25, 465, 587, 2525, 2526]]);
        assert!(!alone.judges_destinations());
        let error = plan_with(&lists, &[&[25], &[587], &[2525]]).expect_err("five groups").to_string();
        assert!(error.starts_with("lists and DNSBL zones use more than 4"), "{error}");
    }
}
