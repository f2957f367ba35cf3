//! The decision: policy's answer for one address.

use crate::{
    action::Action,
    address::Address,
    class::{CLEAN, Class, Rule},
    counter::Effect,
    reason::Reason,
    respond::IMPLICIT_TLS_PORT,
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
    fn class(&self, class: u32) -> Option<&Class>;
    /// The group of a port (host byte order) for inbound SMTP, 0 to 3. Asked only for sources with a verdict or on a list.
    fn inbound_group(&self, port: u16) -> usize;
    /// The group of a port (host byte order) for outbound SMTP, 0 to 3. Asked only for listed destinations.
    fn outbound_group(&self, port: u16) -> usize;
    /// Whether any list judges destinations; if not, they are not looked up.
    fn judges_destinations(&self) -> bool;
    /// The answer of [`decide_destination`], for a policy that has a shorter way to it.
    #[inline(always)]
    fn destination(&self, destination: Address, port: u16) -> Decision
    where
        Self: Sized,
    {
        decide_destination(self, destination, port)
    }
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
    /// Which entry of `RESPONSES` says how it is answered or limited.
    pub param: u16,
}

impl Decision {
    /// The decision in one word, for where it cannot be handed over as it is.
    #[inline(always)]
    #[must_use]
    pub const fn pack(self) -> u64 {
        (self.class as u64) << 32 | (self.param as u64) << 16 | (self.reason as u64) << 8 | self.action as u64
    }

    /// The decision in a word of [`Decision::pack`].
    #[inline(always)]
    #[must_use]
    pub const fn unpack(word: u64) -> Self {
        match (Action::from_u8(word as u8), Reason::from_u8((word >> 8) as u8)) {
            (Some(action), Some(reason)) => {
                Self { action, reason, class: (word >> 32) as u32, param: (word >> 16) as u16 }
            }
            _ => Self::NOTHING_KNOWN,
        }
    }

    /// The same as it is carried out at a port (host byte order): where SMTP begins with TLS, nobody could read a refusal.
    #[inline(always)]
    #[must_use]
    pub const fn at_port(self, port: u16) -> Self {
        match self.action {
            Action::Refuse if port == IMPLICIT_TLS_PORT => Self { action: Action::Reset, ..self },
            _ => self,
        }
    }

    /// Whether its action is to answer in the receiver's place.
    #[inline(always)]
    #[must_use]
    pub const fn is_answered(&self) -> bool {
        matches!(self.action, Action::Reset | Action::Refuse | Action::Tarpit)
    }

    /// A decision that no class took part in.
    #[inline(always)]
    #[must_use]
    pub const fn new(action: Action, reason: Reason) -> Self {
        Self { action, reason, class: CLEAN, param: 0 }
    }

    /// Whether it is what DNSBLs say.
    #[inline(always)]
    const fn is_of_dnsbl(&self) -> bool {
        matches!(self.reason, Reason::DnsblListed | Reason::DnsblClean | Reason::DnsblUnknown)
    }

    /// Whether its action lets everything through.
    #[inline(always)]
    const fn stops_nothing(&self) -> bool {
        matches!(self.action, Action::Pass | Action::Observe)
    }

    /// Nothing is known against the address.
    const NOTHING_KNOWN: Self = Self::new(Action::Pass, Reason::Clean);

    /// What really happens: nothing but counting unless `enforce`.
    #[inline(always)]
    #[must_use]
    pub const fn effect(&self, enforce: bool) -> Effect {
        match self.action {
            Action::Observe => Effect::Observed,
            // A limit: within it; what is over it gets the limit's second action before this is asked.
            Action::Pass | Action::Limit => Effect::Passed,
            Action::Drop | Action::Reset | Action::Refuse | Action::Tarpit => {
                if enforce {
                    Effect::Stopped
                } else {
                    Effect::Observed
                }
            }
        }
    }
}

/// Which half of an outbound judgement is asked for; numbers are part of the [probe](crate::probe)'s question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Half {
    /// Both: what real packets get.
    #[default]
    Both = 0,
    /// Who sends, alone.
    Host = 1,
    /// Where to, alone.
    Destination = 2,
}

impl Half {
    /// The half with this number; [`Half::Both`] for others.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Self {
        match number {
            1 => Self::Host,
            2 => Self::Destination,
            _ => Self::Both,
        }
    }
}

/// Judges the source of inbound SMTP to a port (host byte order). Precedence: administrator's allow > administrator's
/// block > protected networks and allow lists > bans and what DNSBLs say > lists > default.
///
/// What DNSBLs say goes before lists only where it stops or slows something: that they know nothing against a source, or
/// only observe it, leaves it to the lists that do.
#[inline(always)]
#[must_use]
pub fn decide_inbound<P: Policy>(policy: &P, source: Address, port: u16) -> Decision {
    let said = match steered(policy, source, Some(port)) {
        Ok(said) => said,
        Err(decision) => return decision,
    };
    let class = policy.class_of(source);
    let mut rule = Rule::NONE;
    if class != CLEAN
        && let Some(entry) = policy.class(class)
    {
        rule = entry.source_rule(policy.inbound_group(port));
    }
    let listed = of_rule(rule, class);
    let unsaid = matches!(said.reason, Reason::Clean);
    let yields = said.stops_nothing() && said.is_of_dnsbl() && !matches!(listed.action, Action::Pass);
    if unsaid || rule.protects() || yields { listed } else { said }
}

/// Judges outbound SMTP to a port (host byte order): who sends, an inside host or the gateway, and then where to.
///
/// Being listed does not stop a host of our own from sending: only the administrator and bans do. Bans spare declared
/// servers and allow lists. A destination is stopped by lists that judge destinations, whoever sends, but for what the
/// administrator allows at either end.
#[inline(always)]
#[must_use]
pub fn decide_outbound<P: Policy>(
    policy: &P,
    host: Address,
    destination: Address,
    port: u16,
    half: Half,
) -> Decision {
    let mut decision = Decision::NOTHING_KNOWN;
    if !matches!(half, Half::Destination) {
        match decide_host(policy, host) {
            Ok(sends) => decision = sends,
            Err(last_word) => return last_word,
        }
    }
    if matches!(half, Half::Host) || !policy.judges_destinations() {
        return decision;
    }
    match policy.destination(destination, port) {
        Decision { reason: Reason::Clean, .. } => decision,
        judged => judged,
    }
}

/// Judges the destination of outbound SMTP to a port (host byte order): protected networks and allow lists >
/// administrator's allow > lists > default.
#[inline(always)]
#[must_use]
pub fn decide_destination<P: Policy>(policy: &P, destination: Address, port: u16) -> Decision {
    let class = policy.class_of(destination);
    if class == CLEAN {
        return Decision::NOTHING_KNOWN;
    }
    let Some(entry) = policy.class(class) else { return Decision::NOTHING_KNOWN };
    let rule = entry.destination_rule(policy.outbound_group(port));
    if !rule.is_none() && rule.action != Action::Pass as u8 && is_allowed(policy, destination) {
        return Decision::new(Action::Pass, Reason::AdminAllow);
    }
    of_rule(rule, class)
}

/// Whether an address is one of our own servers, or an excepted host: mail that goes there does not leave.
#[inline(always)]
#[must_use]
pub fn is_own<P: Policy>(policy: &P, address: Address) -> bool {
    let class = policy.class_of(address);
    class != CLEAN && policy.class(class).is_some_and(|entry| entry.flags & Class::OWN != 0)
}

/// Who sends: the last word on it as `Err`, else what is known so far.
#[inline(always)]
fn decide_host<P: Policy>(policy: &P, host: Address) -> Result<Decision, Decision> {
    let ban = steered(policy, host, None)?;
    // What DNSBLs say is about sources of inbound SMTP.
    if matches!(ban.reason, Reason::Clean) || ban.is_of_dnsbl() {
        return Ok(Decision::NOTHING_KNOWN);
    }
    let class = policy.class_of(host);
    match policy.class(class) {
        Some(entry) if class != CLEAN && !entry.spared.is_none() => Ok(of_rule(entry.spared, class)),
        _ => Err(ban),
    }
}

/// The administrator's word as `Err`, else what the verdict says: at a port (host byte order) for a source of inbound SMTP, the
/// first for a host that sends.
#[inline(always)]
fn steered<P: Policy>(policy: &P, address: Address, port: Option<u16>) -> Result<Decision, Decision> {
    // What is not there says the same as what has no time: nothing. Asking first whether both are there leaves LLVM to copy
    // words that it knows to be unused, which the verifier refuses to read.
    let verdict = policy.verdict(address).unwrap_or_default();
    let prefix = policy.prefix(address).unwrap_or_default();
    let Steering { allow_until, block_until } = verdict.steering;
    if verdict.until | allow_until | block_until | prefix.allow_until | prefix.block_until == 0 {
        return Ok(Decision::NOTHING_KNOWN);
    }
    let now = policy.now_ns();
    if allow_until > now || prefix.allow_until > now {
        return Err(Decision::new(Action::Pass, Reason::AdminAllow));
    }
    if block_until > now || prefix.block_until > now {
        return Err(Decision::new(Action::Drop, Reason::AdminBlock));
    }
    if verdict.until <= now {
        return Ok(Decision::NOTHING_KNOWN);
    }
    let rule = match port {
        Some(port) => verdict.rule(policy.inbound_group(port)),
        None => verdict.rules[0],
    };
    Ok(of_rule(rule, CLEAN))
}

/// Whether the administrator allows the address.
#[inline(always)]
fn is_allowed<P: Policy>(policy: &P, address: Address) -> bool {
    let verdict = policy.verdict(address);
    let prefix = policy.prefix(address);
    if verdict.is_none() && prefix.is_none() {
        return false;
    }
    let now = policy.now_ns();
    verdict.unwrap_or_default().steering.allow_until > now || prefix.unwrap_or_default().allow_until > now
}

/// What a class's rule says; numbers that this program does not know, and no rule, say nothing.
#[inline(always)]
fn of_rule(rule: Rule, class: u32) -> Decision {
    if rule.is_none() {
        return Decision::NOTHING_KNOWN;
    }
    match (Action::from_u8(rule.action), Reason::from_u8(rule.reason)) {
        (Some(action), Some(reason)) => Decision { action, reason, class, param: rule.param },
        _ => Decision::NOTHING_KNOWN,
    }
}

#[cfg(test)]
mod tests;
