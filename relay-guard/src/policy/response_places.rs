//! Places of responses in the kernel's map, so that none is rewritten while a rule or verdict names it.

use std::collections::BTreeSet;

use relay_guard_common::{
    action::Action,
    class::MAX_LISTS,
    respond::response::{MAX_RESPONSES, Response},
};
use thiserror::Error;

use super::{
    Answer, HostName, ListSlot, PlacedList, ThresholdRules,
    responses::{compose, generic},
};
use crate::config::Threshold;

/// There are more responses than places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "lists, DNSBL thresholds and containment answer in more than {} different ways, counting those still in use; let them share texts \
     and limits",
    MAX_RESPONSES - 1
)]
pub struct TooManyResponses;

/// The places of the responses of parts of lists, by slot: what their rules name. 0 where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerPlaces([Named; MAX_LISTS]);

/// What a part names in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Named {
    inbound: u16,
    outbound: u16,
}

impl Default for AnswerPlaces {
    fn default() -> Self {
        Self([Named::default(); MAX_LISTS])
    }
}

impl AnswerPlaces {
    /// What a part names for sources of inbound mail.
    #[must_use]
    pub const fn inbound(&self, slot: ListSlot) -> u16 {
        self.0[slot.number() as usize].inbound
    }

    /// What a part names for inside hosts that write to its destinations.
    #[must_use]
    pub const fn outbound(&self, slot: ListSlot) -> u16 {
        self.0[slot.number() as usize].outbound
    }

    /// The same, with what a part names.
    pub const fn set(&mut self, slot: ListSlot, inbound: u16, outbound: u16) {
        self.0[slot.number() as usize] = Named { inbound, outbound };
    }
}

/// The responses that lists, containment and DNSBL thresholds want.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What they are, some perhaps more than once.
    pub responses: Vec<Response>,
    /// Which of them parts of lists want, inbound and outbound.
    parts: Vec<(ListSlot, Option<usize>, Option<usize>)>,
    /// What each step of containment does, and which of them it wants.
    containment: Vec<(Action, Option<usize>)>,
    /// What each threshold does, and which of them it wants in the name of each zone.
    thresholds: Vec<(Action, Vec<Option<usize>>)>,
}

/// What everybody names who wanted a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Parts of lists.
    pub lists: AnswerPlaces,
    /// Steps of containment: what each does, and the place of what it says.
    pub containment: Vec<(Action, u16)>,
    /// Thresholds.
    pub thresholds: ThresholdRules,
}

impl Wanted {
    /// What these lists, steps of containment (what each does, and what it says) and thresholds want in the name of this host.
    #[must_use]
    pub fn of(
        lists: &[PlacedList<'_>],
        containment: &[(Action, &Answer)],
        thresholds: &[Threshold],
        name: &HostName,
    ) -> Self {
        let mut wanted = Self {
            responses: Vec::new(),
            parts: Vec::new(),
            containment: Vec::new(),
            thresholds: Vec::new(),
        };
        for (action, answer) in containment {
            let response = wanted.add(*action, answer, name);
            wanted.containment.push((*action, response));
        }
        for PlacedList { slot, rule, .. } in lists {
            // A part has as many places as groups of entries.
            if wanted.parts.last().is_some_and(|(last, ..)| last == slot) {
                continue;
            }
            let Some(action) = rule.action.acts() else { continue };
            let (inbound, outbound) = (rule.applies.to_inbound(), rule.applies.to_outbound());
            let inbound = inbound.then(|| wanted.add(action, &rule.answers.inbound, name)).flatten();
            let outbound = outbound.then(|| wanted.add(action, &rule.answers.outbound, name)).flatten();
            wanted.parts.push((*slot, inbound, outbound));
        }
        for Threshold { action, answers, .. } in thresholds {
            let of_zones = answers.iter().map(|answer| wanted.add(*action, answer, name)).collect();
            wanted.thresholds.push((*action, of_zones));
        }
        wanted
    }

    fn add(&mut self, action: Action, answer: &Answer, name: &HostName) -> Option<usize> {
        self.responses.push(compose(action, answer, name)?);
        Some(self.responses.len() - 1)
    }

    /// What they name when their responses are at these places.
    #[must_use]
    pub fn at(&self, places: &[u16]) -> Given {
        let place = |wanted: Option<usize>| wanted.and_then(|index| places.get(index)).copied().unwrap_or(0);
        let mut lists = AnswerPlaces::default();
        for (slot, inbound, outbound) in &self.parts {
            lists.set(*slot, place(*inbound), place(*outbound));
        }
        let containment = self.containment.iter().map(|(action, wanted)| (*action, place(*wanted)));
        let of_zones = |zones: &[Option<usize>]| zones.iter().map(|zone| place(*zone)).collect();
        let thresholds = self.thresholds.iter().map(|(action, zones)| (*action, of_zones(zones)));
        Given {
            lists,
            containment: containment.collect(),
            thresholds: ThresholdRules::new(thresholds.collect()),
        }
    }
}

/// What the kernel's map of responses holds.
#[derive(Debug)]
pub struct ResponsePlaces {
    /// What is known to be written, by place.
    written: Vec<Option<Box<Response>>>,
    /// Where the next free place is looked for: a place is not used again soon.
    next: usize,
}

impl Default for ResponsePlaces {
    fn default() -> Self {
        Self { written: vec![None; MAX_RESPONSES], next: 1 }
    }
}

/// Where wanted responses go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The place of each wanted response, in their order.
    pub places: Vec<u16>,
    /// What has to be written before rules name these places.
    pub writes: Vec<(u16, Box<Response>)>,
}

impl ResponsePlaces {
    /// A place for each of `wanted`. Content that is there already stays where it is; other content gets a place that
    /// neither `in_use`, the places that rules and verdicts name at this moment, nor `wanted` has. Place 0 is written
    /// first if it never was. Nothing is changed by asking.
    ///
    /// # Errors
    /// [`TooManyResponses`].
    pub fn place(&self, wanted: &[Response], in_use: &BTreeSet<u16>) -> Result<Placement, TooManyResponses> {
        let mut placed: Vec<Option<u16>> = wanted.iter().map(|response| self.place_of(response)).collect();
        let mut taken = in_use.clone();
        taken.extend(placed.iter().flatten());
        let mut writes: Vec<(u16, Box<Response>)> = Vec::new();
        if self.written[0].is_none() {
            writes.push((0, Box::new(generic())));
        }
        for (place, response) in placed.iter_mut().zip(wanted).filter(|(place, _)| place.is_none()) {
            if let Some((known, _)) =
                writes.iter().find(|(known, content)| *known != 0 && **content == *response)
            {
                *place = Some(*known);
                continue;
            }
            let free = self.free(&taken).ok_or(TooManyResponses)?;
            taken.insert(free);
            writes.push((free, Box::new(*response)));
            *place = Some(free);
        }
        Ok(Placement { places: placed.into_iter().flatten().collect(), writes })
    }

    /// Where this content is, if it is anywhere but at place 0, which everybody shares.
    fn place_of(&self, response: &Response) -> Option<u16> {
        let is = |written: &Option<Box<Response>>| written.as_deref() == Some(response);
        self.written.iter().skip(1).position(is).map(|index| index as u16 + 1)
    }

    /// The first place after the last one given that nobody has taken; never 0.
    fn free(&self, taken: &BTreeSet<u16>) -> Option<u16> {
        (self.next..MAX_RESPONSES)
            .chain(1..self.next)
            .map(|place| place as u16)
            .find(|place| !taken.contains(place))
    }

    /// Notes that a place is about to be written: what it holds is unknown until [`wrote`](Self::wrote).
    pub fn writing(&mut self, place: u16) {
        if let Some(written) = self.written.get_mut(usize::from(place)) {
            *written = None;
        }
    }

    /// Notes what was written.
    pub fn wrote(&mut self, place: u16, response: &Response) {
        if let Some(written) = self.written.get_mut(usize::from(place)) {
            *written = Some(Box::new(*response));
            self.next = usize::from(place) % (MAX_RESPONSES - 1) + 1;
        }
    }
}

#[cfg(test)]
mod tests;
