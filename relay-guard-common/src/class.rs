//! Classes: what an address's set of lists means.

use crate::{action::Action, assert_layout, reason::Reason};

/// How many classes there may be, clean included.
pub const MAX_CLASSES: u32 = 4096;

/// A set of lists, a bit each.
pub type Lists = u128;

/// How many lists (or parts of lists, and kinds of protected networks) there may be: the bits of a [`Lists`].
pub const MAX_LISTS: usize = Lists::BITS as usize;

/// How many groups of ports there may be in each direction; the ports of a group are judged by the same lists.
pub const MAX_PORT_GROUPS: usize = 4;

/// The class of an address that no list holds.
pub const CLEAN: u32 = 0;

/// What is done with an address at a port, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(4))]
pub struct Rule {
    /// An [`Action`]'s number.
    pub action: u8,
    /// A [`Reason`]'s number: in a class [`Reason::Listed`], [`Reason::ListedDestination`], [`Reason::Protected`] or
    /// [`Reason::AllowList`]; in a [`Verdict`](crate::verdict::Verdict) one of those that stand there; 0 where nothing is
    /// said.
    pub reason: u8,
    /// Which entry of `RESPONSES` says how it is answered or limited; 0 for actions that do neither.
    pub param: u16,
}
assert_layout!(Rule, 4, 4);

impl Rule {
    /// Nothing is said: as if no list held the address.
    pub const NONE: Self = Self { action: 0, reason: 0, param: 0 };

    /// A rule. `reason` is one of those that stand with [`Rule::reason`].
    #[must_use]
    pub const fn new(action: Action, reason: Reason) -> Self {
        Self { action: action as u8, reason: reason as u8, param: 0 }
    }

    /// The same, answered or limited as an entry of `RESPONSES` says.
    #[must_use]
    pub const fn with_param(self, param: u16) -> Self {
        Self { param, ..self }
    }

    /// Whether nothing is said.
    #[inline(always)]
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.reason == 0
    }

    /// Whether it protects from bans and lists.
    #[inline(always)]
    #[must_use]
    pub const fn protects(self) -> bool {
        self.reason == Reason::Protected as u8 || self.reason == Reason::AllowList as u8
    }
}

/// One entry of `CLASSES`: what is done with addresses of this class, and whose they are. One cache line.
///
/// Written by userspace only. Changing what a list *does* rewrites entries; the table stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Class {
    /// The lists that hold the class's addresses, lower half first; see [`Class::lists`]. For userspace only.
    pub lists: [u64; 2],
    /// As the source of inbound SMTP, by the port's group.
    pub inbound: [Rule; MAX_PORT_GROUPS],
    /// As the destination of outbound SMTP, by the port's group.
    pub outbound: [Rule; MAX_PORT_GROUPS],
    /// Why a contained host of this class sends all the same; [`Rule::NONE`] if it does not.
    pub spared: Rule,
    /// [`Class::OWN`] or 0.
    pub flags: u32,
    /// Always zero.
    pub reserved: [u32; 2],
}
assert_layout!(Class, 64, 8);

impl Class {
    /// Declared servers of our own and excepted hosts: mail that goes there does not leave.
    pub const OWN: u32 = 1;

    /// The class of addresses on these lists, of which nothing is said yet.
    #[must_use]
    pub const fn new(lists: Lists) -> Self {
        Self {
            lists: [lists as u64, (lists >> 64) as u64],
            inbound: [Rule::NONE; MAX_PORT_GROUPS],
            outbound: [Rule::NONE; MAX_PORT_GROUPS],
            spared: Rule::NONE,
            flags: 0,
            reserved: [0; 2],
        }
    }

    /// The same, with one rule for sources at all ports.
    #[must_use]
    pub const fn inbound(self, rule: Rule) -> Self {
        Self { inbound: [rule; MAX_PORT_GROUPS], ..self }
    }

    /// The lists that hold the class's addresses.
    #[must_use]
    pub const fn lists(&self) -> Lists {
        self.lists[0] as Lists | (self.lists[1] as Lists) << 64
    }

    /// What is said of sources at ports of a group, which counts modulo [`MAX_PORT_GROUPS`].
    #[inline(always)]
    #[must_use]
    pub const fn source_rule(&self, group: usize) -> Rule {
        self.inbound[group % MAX_PORT_GROUPS]
    }

    /// What is said of destinations at ports of a group, which counts modulo [`MAX_PORT_GROUPS`].
    #[inline(always)]
    #[must_use]
    pub const fn destination_rule(&self, group: usize) -> Rule {
        self.outbound[group % MAX_PORT_GROUPS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_said_is_no_reason() {
        // Reason 0 is why a packet was not looked at; no class can give it.
        assert_eq!(Reason::from_u8(0), Some(Reason::NotIp));
        assert!(Rule::NONE.is_none() && Rule::default().is_none());
        for reason in [Reason::Listed, Reason::ListedDestination, Reason::Protected, Reason::AllowList] {
            assert!(!Rule::new(Action::Pass, reason).is_none(), "{}", reason.name());
        }
    }

    #[test]
    fn lists_keep_all_their_bits() {
        for lists in [0, 1, 1 << 63, 1 << 64, 1 << 127, Lists::MAX, 0x0123_4567_89ab_cdef_u128 << 32] {
            assert_eq!(Class::new(lists).lists(), lists);
        }
    }
}
