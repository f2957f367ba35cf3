//! The message itself, as the client sends it: behind DATA, or in chunks.

use super::content::{Content, Scanned};
use super::pending::Kind;
use super::{GoAhead, Reading, Session};
use crate::inspect::observation::Observation;

impl Session {
    pub(super) fn data(&mut self, now_ns: u64, behind_cr: bool, out: &mut Vec<Observation>) {
        let depth = self.depth(now_ns, out);
        if let Some(open) = self.transactions.get(depth) {
            open.data(false);
            self.facts.seen.slips.out_of_order += u32::from(open.is_intact && open.has_no_recipients());
        }
        self.reading =
            Reading::Content { content: Content::new(behind_cr), depth, go_ahead: GoAhead::Awaited };
        self.wait(Kind::Data, depth);
    }

    pub(super) fn content<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let Reading::Content { content, depth, go_ahead } = &mut self.reading else { return octets };
        if *go_ahead == GoAhead::Awaited && content.octets() == 0 {
            self.facts.seen.slips.unoffered_pipelining += 1;
        }
        let Scanned::End(rest) = content.scan(octets) else { return &[] };
        let (depth, was_answered) = (*depth, *go_ahead == GoAhead::Answered);
        let (octets, lines) = (content.octets(), content.lines());
        // It may have ended in a gap, been answered in the other one, and this is the end of another message.
        let may_be_another = *go_ahead == GoAhead::Unclear && content.has_gap();
        self.reading = Reading::Commands;
        let mut replies = 1;
        if let Some(open) = self.transactions.get(depth) {
            let data = open.data(false);
            (data.octets, data.whole) = (octets, !may_be_another);
            open.is_sent = true;
            open.is_intact &= !may_be_another;
            if self.facts.is_lmtp {
                replies = open.accepted_recipients();
            }
        }
        if !was_answered {
            self.find_step();
            self.wait(Kind::DataEnd { lines, replies }, depth);
        }
        rest
    }

    /// At the end, or where content is interrupted: what is known of it.
    pub(super) fn note_content(&mut self) {
        if let Reading::Content { content, depth, .. } = &self.reading
            && let Some(open) = self.transactions.get(*depth)
        {
            open.data(false).octets = content.octets();
            open.is_sent |= content.has_gap() || content.loose_end().is_some();
        }
    }

    pub(super) fn begin_chunk(
        &mut self,
        now_ns: u64,
        octets: u64,
        is_last: bool,
        out: &mut Vec<Observation>,
    ) {
        let depth = self.depth(now_ns, out);
        if let Some(open) = self.transactions.get(depth) {
            open.data(true);
        }
        self.reading = Reading::Chunk { left: octets, depth, is_last };
        self.wait(Kind::Chunk { is_last }, depth);
        self.chunk(0);
    }

    /// So many octets of the chunk have come.
    pub(super) fn chunk(&mut self, octets: u64) {
        let Reading::Chunk { left, depth, is_last } = &mut self.reading else { return };
        *left -= octets;
        let (is_whole, depth, is_last) = (*left == 0, *depth, *is_last);
        if let Some(open) = self.transactions.get(depth) {
            let data = open.data(true);
            data.octets = data.octets.saturating_add(octets);
            data.whole = is_whole && is_last;
            open.is_sent |= is_whole && is_last;
        }
        if is_whole {
            self.reading = Reading::Commands;
        }
    }
}
