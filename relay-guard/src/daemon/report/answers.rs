//! What is answered in the servers' place: taken from the kernel, and told in the words of the control socket.

use std::net::IpAddr;

use relay_guard_common::{
    class::CLEAN,
    counter::Loss,
    respond::{
        envelope::EnvelopeLine,
        step::{Step, Steps},
    },
};

use crate::{
    control::api,
    daemon::state::State,
    datapath::{ActionRow, DatapathError, Exchange, Segment, Tally},
    inspect::{MAX_REFUSED, Refused},
    policy::ListSlot,
};

impl State {
    /// What actions came to.
    pub(in crate::daemon) fn actions(&self) -> Result<Vec<api::ActionCount>, DatapathError> {
        Ok(self.datapath.action_counters()?.iter().map(action).collect())
    }

    /// Steps of answering: for all classes, those that are gone, and what no class decided.
    pub(in crate::daemon) fn answers(&self) -> Result<api::Steps, DatapathError> {
        let classes = self.published.classes().map(|(class, _)| class);
        let all = classes.chain([CLEAN]).try_fold(self.published.gone(), |sum, class| {
            Ok::<_, DatapathError>(sum.plus(Tally { steps: self.datapath.steps(class)?, ..Tally::default() }))
        })?;
        Ok(steps(&all.steps))
    }

    /// Takes a line of a refused sender's envelope.
    pub(in crate::daemon) fn note_envelope(&mut self, line: &EnvelopeLine) {
        let mut refused = std::mem::take(&mut self.refused);
        if let Some(sender) = refused.take(line, || self.names_of(line.class, line.source.into())) {
            tracing::debug!(
                source = %sender.source(),
                helo = sender.helo,
                from = sender.from,
                to = sender.recipients.last(),
                recipients = sender.recipients_total,
                "refused sender"
            );
        }
        self.refused = refused;
    }

    /// Whom the kernel refused, the newest first.
    pub(in crate::daemon) fn refused_senders(&self) -> Result<api::RefusedSenders, DatapathError> {
        let is_of_envelopes = |loss: Loss| matches!(loss, Loss::EnvelopeRingFull | Loss::EnvelopeRateLimited);
        let losses = self.datapath.losses()?;
        Ok(api::RefusedSenders {
            connections: self.refused.iter().map(|refused| self.refused_sender(refused)).collect(),
            kept_at_most: MAX_REFUSED as u64,
            lines_lost: losses.iter().filter(|row| is_of_envelopes(row.loss)).map(|row| row.count).sum(),
        })
    }

    fn refused_sender(&self, refused: &Refused) -> api::RefusedSender {
        let (source_port, port) = refused.ports();
        api::RefusedSender {
            first: self.verdicts.to_unix(refused.first_ns),
            last: self.verdicts.to_unix(refused.last_ns),
            source: refused.source(),
            source_port,
            destination: refused.destination(),
            port,
            interface: self.interfaces.name_of(refused.ifindex).map(str::to_owned),
            direction: refused.direction.name().to_owned(),
            reason: refused.reason.name().to_owned(),
            lists: refused.lists.clone(),
            helo: refused.helo.clone(),
            from: refused.from.clone(),
            recipients: refused.recipients.clone(),
            recipients_total: refused.recipients_total,
        }
    }

    /// Names of the lists of a class.
    pub(in crate::daemon) fn names_of(&self, class: u32, source: IpAddr) -> Vec<String> {
        if class == CLEAN {
            return self.zones_of(source);
        }
        let lists = ListSlot::in_set(self.published.lists_of(class)).filter_map(|slot| self.lists.at(slot));
        lists.map(|list| list.config.name.clone()).collect()
    }
}

fn action(row: &ActionRow) -> api::ActionCount {
    api::ActionCount {
        action: row.action.name().to_owned(),
        direction: row.direction.name().to_owned(),
        effect: row.effect.name().to_owned(),
        packets: row.count.packets,
        bytes: row.count.bytes,
    }
}

/// Steps by name, those that were made.
pub(super) fn steps(steps: &Steps) -> api::Steps {
    let made = Step::ALL.into_iter().zip(steps).filter(|(_, count)| **count > 0);
    made.map(|(step, count)| (step.name().to_owned(), *count)).collect()
}

/// A part of a dialogue in words.
pub(in crate::daemon) fn exchange(exchange: &Exchange) -> api::Exchange {
    let server = exchange.server.as_ref();
    api::Exchange {
        client: said(&exchange.client),
        server: server.map(said),
        bytes: server.map_or_else(String::new, |segment| String::from_utf8_lossy(&segment.payload).into()),
        closes: server.is_some_and(Segment::closes),
        window: server.filter(|segment| !segment.resets()).map(|segment| segment.window),
    }
}

/// What a segment says: its line, or else the flag that matters.
fn said(segment: &Segment) -> String {
    if !segment.payload.is_empty() {
        return String::from_utf8_lossy(&segment.payload).trim_end().to_owned();
    }
    let word = match (segment.resets(), segment.opens(), segment.acknowledges(), segment.closes()) {
        (true, ..) => "RST",
        (_, true, false, _) => "SYN",
        (_, true, true, _) => "SYN-ACK",
        (.., true) => "FIN",
        _ => "ACK",
    };
    word.to_owned()
}
