//! Why an address is treated as it is: the loaded program's answer, and where it comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use relay_guard_common::{action::Action, decide::Half, role::Side};

use super::{
    LoadedList,
    lists::Bounds,
    report::{exchange, verdict},
    state::State,
};
use crate::{
    control::api,
    datapath::ProbeQuestion,
    intake::describe_line,
    lists::{Entry, Origin},
    policy::{
        ListSlot, ProtectedKind,
        compile::{Declaration, declaration},
        special::special_block,
    },
};

impl State {
    /// Explains an address as a source of SMTP from outside and from inside, and as where SMTP from inside goes.
    pub(super) fn explain(&mut self, address: IpAddr, port: Option<u16>) -> Result<api::Explanation, String> {
        let address = address.to_canonical();
        let port = port.or_else(|| self.config.ports.guarded.first().copied()).unwrap_or(25);
        let inbound = self.judgement(Side::Outside, Half::Both, address, port)?;
        let outbound = self.judgement(Side::Inside, Half::Host, address, port)?;
        let destination = self.judgement(Side::Inside, Half::Destination, address, port)?;
        let containment = self.verdicts.containment(address);
        Ok(api::Explanation {
            address,
            port,
            mode: self.config.mode.name().to_owned(),
            inbound,
            outbound,
            destination,
            dnsbl: self.dnsbl_word(address, port),
            protected: self.protection(address),
            verdicts: self.verdicts.store().covering(address).map(verdict).collect(),
            declared: declaration(&self.config.hosts, address).map(|declaration| {
                match declaration {
                    Declaration::MailServer => "mail-server",
                    Declaration::Excepted => "excepted",
                    Declaration::OwnServer => "own-server",
                }
                .to_owned()
            }),
            contained_until: containment.map(|containment| self.verdicts.to_unix(containment.until_ns)),
            contained_by: containment.and_then(|containment| self.step_name(containment.step)),
        })
    }

    /// What a step of containment does.
    pub(super) fn step_name(&self, step: usize) -> Option<String> {
        self.config.inspection.steps.get(step).map(|step| step.action.name().to_owned())
    }

    fn protection(&self, address: IpAddr) -> Vec<api::Protection> {
        let note = |kind| {
            let block = special_block(address).filter(|_| kind == ProtectedKind::SpecialPurpose)?;
            Some(format!("{}, {}", block.name, block.source))
        };
        let told = |(kind, net)| api::Protection {
            kind: ProtectedKind::name(kind).to_owned(),
            net,
            note: note(kind),
        };
        self.published.protected().covering(address).map(told).collect()
    }

    fn judgement(
        &mut self,
        side: Side,
        half: Half,
        address: IpAddr,
        port: u16,
    ) -> Result<Option<api::Judgement>, String> {
        // Any peer does: it is not what is judged. These are for documentation (RFC 5737, RFC 3849).
        let peer = match address {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x25)),
        };
        let (source, destination) = if half == Half::Destination { (peer, address) } else { (address, peer) };
        let question = ProbeQuestion { side, source, destination, port, half };
        let answer = self.datapath.probe(&question).map_err(|error| error.to_string())?;
        let Some(answer) = answer else { return Ok(None) };
        let gets = if is_answered(answer.action) { self.answer(&question)? } else { None };
        Ok(Some(api::Judgement {
            action: answer.action.name().to_owned(),
            reason: answer.reason.name().to_owned(),
            effect: answer.effect.name().to_owned(),
            class: answer.class,
            lists: ListSlot::in_set(self.published.lists_of(answer.class))
                .filter_map(|slot| self.lists.at(slot))
                .flat_map(|list| listings(list, self.lists.bounds(), address))
                .collect(),
            answer: gets,
        }))
    }

    /// What the loaded program says to such a sender.
    fn answer(&mut self, question: &ProbeQuestion) -> Result<Option<api::Answer>, String> {
        let exchanges = self.datapath.probe_answer(question).map_err(|error| error.to_string())?;
        let dialogue: Vec<_> = exchanges.iter().map(exchange).collect();
        Ok(if dialogue.is_empty() { None } else { Some(api::Answer { dialogue }) })
    }
}

/// Whether a sender may be told something, rather than nothing at all.
const fn is_answered(action: Action) -> bool {
    match action {
        Action::Reset | Action::Refuse | Action::Tarpit | Action::Limit => true,
        Action::Pass | Action::Observe | Action::Drop => false,
    }
}

/// Where a list names an address: once for each value that it has there; what it says is that of its last good copy.
fn listings(list: &LoadedList, bounds: &Bounds, address: IpAddr) -> Vec<api::Listing> {
    let listing = |action: &str, file: String| api::Listing {
        list: list.config.name.clone(),
        action: action.to_owned(),
        file,
        line: None,
        text: None,
        note: None,
        value: None,
    };
    let origins = list.content.origin(address);
    if origins.is_empty() {
        return vec![listing(list.config.action.name(), list.config.source.to_string())];
    }
    let told = |origin: &Origin<'_>| {
        let action = list.part_of(origin.value).map_or(list.config.action, |part| part.rule.action);
        let entry = entry(list, bounds, origin, address);
        let (text, note) = entry.map_or((None, None), |entry| (Some(entry.text), entry.note));
        api::Listing {
            line: Some(origin.line),
            text,
            note,
            value: origin.value,
            ..listing(action.name(), origin.document.to_owned())
        }
    };
    origins.iter().map(told).collect()
}

fn entry(list: &LoadedList, bounds: &Bounds, origin: &Origin<'_>, address: IpAddr) -> Option<Entry> {
    if list.unkept.is_some() {
        return None;
    }
    let read = describe_line(&bounds.cache, &list.config, bounds.list_bytes, origin.global_line, address);
    read.unwrap_or_else(|error| {
        tracing::debug!(list = list.config.name, "{error}");
        None
    })
}
