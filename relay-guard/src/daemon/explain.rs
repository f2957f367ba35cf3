//! Why an address is treated as it is: the loaded program's answer, and where it comes from.

use std::{
    fs::File,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use relay_guard_common::role::Side;

use super::{LoadedList, report::verdict, state::State};
use crate::{
    control::api,
    datapath::ProbeQuestion,
    lists::source,
    policy::{
        ListSlot,
        compile::{Declaration, declaration},
    },
};

/// The longest text of a list's line that is shown, characters.
const TEXT_LIMIT: usize = 200;

impl State {
    /// Explains an address as a source of SMTP from outside and from inside.
    pub(super) fn explain(&mut self, address: IpAddr, port: Option<u16>) -> Result<api::Explanation, String> {
        let address = address.to_canonical();
        let port = port.or_else(|| self.config.ports.guarded.first().copied()).unwrap_or(25);
        let inbound = self.judgement(Side::Outside, address, port)?;
        let outbound = self.judgement(Side::Inside, address, port)?;
        Ok(api::Explanation {
            address,
            port,
            mode: self.config.mode.name().to_owned(),
            inbound,
            outbound,
            verdicts: self.verdicts.store().covering(address).map(verdict).collect(),
            declared: declaration(&self.config.hosts, address).map(|declaration| {
                match declaration {
                    Declaration::MailServer => "mail-server",
                    Declaration::Excepted => "excepted",
                    Declaration::OwnServer => "own-server",
                }
                .to_owned()
            }),
            contained_until: self.engine.contained_until(address).map(|until| self.verdicts.to_unix(until)),
        })
    }

    fn judgement(&mut self, side: Side, source: IpAddr, port: u16) -> Result<Option<api::Judgement>, String> {
        // Any destination does: sources are judged. These are for documentation (RFC 5737, RFC 3849).
        let destination = match source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, 25)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x25)),
        };
        let question = ProbeQuestion { side, source, destination, port };
        let answer = self.datapath.probe(&question).map_err(|error| error.to_string())?;
        Ok(answer.map(|answer| api::Judgement {
            action: answer.action.name().to_owned(),
            reason: answer.reason.name().to_owned(),
            effect: answer.effect.name().to_owned(),
            class: answer.class,
            lists: ListSlot::in_set(self.published.lists_of(answer.class))
                .filter_map(|slot| self.lists.at(slot))
                .map(|list| listing(list, source))
                .collect(),
        }))
    }
}

fn listing(list: &LoadedList, address: IpAddr) -> api::Listing {
    let line = list.content.origin(address).first().map(|origin| origin.line);
    api::Listing {
        list: list.config.name.clone(),
        action: list.config.action.name().to_owned(),
        file: list.config.file.display().to_string(),
        line,
        text: line.and_then(|line| text_of(list, line)),
    }
}

/// A line's text, if the file is still the one that is in force.
fn text_of(list: &LoadedList, line: u32) -> Option<String> {
    if source::Fingerprint::of(&list.config.file).ok()? != list.fingerprint {
        return None;
    }
    let file = BufReader::new(File::open(&list.config.file).ok()?);
    let text = file.lines().nth(line as usize - 1)?.ok()?;
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(TEXT_LIMIT).collect();
    Some(text)
}
