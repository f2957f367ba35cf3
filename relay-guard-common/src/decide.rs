//! The decision: policy's answer for one address.

use crate::{
    action::Action,
    address::Address,
    class::{CLEAN, Class},
    counter::Effect,
    reason::Reason,
    verdict::{Steering, Verdict},
};

/// Where the decision finds policy: BPF maps in the kernel, memory in userspace.
///
/// Methods are asked in the order of precedence and only as far as needed, because each costs a lookup.
pub trait Policy {
    /// Now, nanoseconds of `CLOCK_MONOTONIC`, coarse is enough. Asked only when an entry has times.
    fn now_ns(&self) -> u64;
    /// The entry of `VERDICTS` for exactly this address.
    fn verdict(&self, address: Address) -> Option<Verdict>;
    /// The longest match in `PREFIXES`.
    fn prefix(&self, address: Address) -> Option<Steering>;
    /// The address's class in the table; [`CLEAN`] if no list holds it.
    fn class_of(&self, address: Address) -> u32;
    /// The entry of `CLASSES`.
    fn class(&self, class: u32) -> Option<Class>;
}

/// What is to be done, why, and by which class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What policy wants.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// The class that decided, [`CLEAN`] if none did.
    pub class: u32,
}

impl Decision {
    /// A decision that no class took part in.
    #[inline(always)]
    #[must_use]
    pub const fn new(action: Action, reason: Reason) -> Self {
        Self { action, reason, class: CLEAN }
    }

    /// What really happens: nothing but counting unless `enforce`.
    #[inline(always)]
    #[must_use]
    pub const fn effect(&self, enforce: bool) -> Effect {
        match self.action {
            Action::Pass => Effect::Passed,
            Action::Observe => Effect::Observed,
            // The answering actions stop the packet too; until they can answer, they drop.
            Action::Drop | Action::Reset | Action::Refuse | Action::Tarpit | Action::Limit => {
                if enforce {
                    Effect::Stopped
                } else {
                    Effect::Observed
                }
            }
        }
    }
}

/// Judges an inbound source. Precedence: administrator's allow > administrator's block > protected networks and
/// allow lists > bans > lists > default.
#[inline(always)]
#[must_use]
pub fn decide_inbound<P: Policy>(policy: &P, source: Address) -> Decision {
    let ban = match steered(policy, source) {
        Ok(ban) => ban,
        Err(decision) => return decision,
    };
    let class = policy.class_of(source);
    let entry = if class == CLEAN { None } else { policy.class(class) };
    match (entry, ban) {
        (Some(entry), _) if entry.protects() => of_class(&entry, class),
        (_, Some(ban)) => ban,
        (Some(entry), None) => of_class(&entry, class),
        (None, None) => Decision::new(Action::Pass, Reason::Clean),
    }
}

/// Judges the source of outbound SMTP: an inside host, or the gateway. The same precedence, but being listed
/// does not stop a host of our own from sending: only the administrator and bans do.
#[inline(always)]
#[must_use]
pub fn decide_outbound<P: Policy>(policy: &P, host: Address) -> Decision {
    let ban = match steered(policy, host) {
        Ok(Some(ban)) => ban,
        Ok(None) => return Decision::new(Action::Pass, Reason::Clean),
        Err(decision) => return decision,
    };
    let class = policy.class_of(host);
    match policy.class(class) {
        Some(entry) if class != CLEAN && entry.protects() => of_class(&entry, class),
        _ => ban,
    }
}

/// Whether an address is one of our own servers (or otherwise protected): mail that goes there does not leave.
#[inline(always)]
#[must_use]
pub fn is_own<P: Policy>(policy: &P, address: Address) -> bool {
    let class = policy.class_of(address);
    class != CLEAN && policy.class(class).is_some_and(|entry| entry.reason == Reason::Protected as u8)
}

/// The administrator's word as `Err`, else the ban on the address, if any.
#[inline(always)]
fn steered<P: Policy>(policy: &P, address: Address) -> Result<Option<Decision>, Decision> {
    let verdict = policy.verdict(address);
    let prefix = policy.prefix(address);
    if verdict.is_none() && prefix.is_none() {
        return Ok(None);
    }
    let now = policy.now_ns();
    let verdict = verdict.unwrap_or_default();
    let prefix = prefix.unwrap_or_default();
    if verdict.steering.allow_until > now || prefix.allow_until > now {
        return Err(Decision::new(Action::Pass, Reason::AdminAllow));
    }
    if verdict.steering.block_until > now || prefix.block_until > now {
        return Err(Decision::new(Action::Drop, Reason::AdminBlock));
    }
    if verdict.until <= now {
        return Ok(None);
    }
    match (Action::from_u8(verdict.action), Reason::from_u8(verdict.reason)) {
        (Some(action), Some(reason)) => Ok(Some(Decision::new(action, reason))),
        // Numbers that this program does not know: a newer daemon's; fail open.
        _ => Ok(None),
    }
}

#[inline(always)]
fn of_class(entry: &Class, class: u32) -> Decision {
    match (Action::from_u8(entry.action), Reason::from_u8(entry.reason)) {
        (Some(action), Some(reason)) => Decision { action, reason, class },
        _ => Decision::new(Action::Pass, Reason::Clean),
    }
}
