//! Classes: what an address's set of lists means.

use crate::{action::Action, assert_layout, reason::Reason};

/// How many classes there may be, clean included.
pub const MAX_CLASSES: u32 = 4096;

/// How many lists there may be: a class names its lists in the bits of a `u64`.
pub const MAX_LISTS: usize = 64;

/// The class of an address that no list holds.
pub const CLEAN: u32 = 0;

/// One entry of `CLASSES`: what is done with addresses of this class, and whose they are.
///
/// Written by userspace only. Changing what a list *does* rewrites entries; the table stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Class {
    /// The lists that hold the class's addresses, a bit each.
    pub lists: u64,
    /// An [`Action`]'s number.
    pub action: u8,
    /// A [`Reason`]'s number: [`Reason::Listed`], [`Reason::Protected`] or [`Reason::AllowList`].
    pub reason: u8,
    /// Always zero.
    pub reserved: [u8; 6],
}
assert_layout!(Class, 16, 8);

impl Class {
    /// The class of addresses on these lists.
    #[must_use]
    pub const fn new(lists: u64, action: Action, reason: Reason) -> Self {
        Self { lists, action: action as u8, reason: reason as u8, reserved: [0; 6] }
    }

    /// Whether addresses of this class are protected from bans and lists.
    #[inline(always)]
    #[must_use]
    pub const fn protects(&self) -> bool {
        self.reason == Reason::Protected as u8 || self.reason == Reason::AllowList as u8
    }
}
