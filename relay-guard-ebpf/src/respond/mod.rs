//! Answering a frame in its receiver's place: the frame itself becomes the reply.
//!
//! [`request`] (what it says) → `relay-guard-common`'s `respond` (what is answered) → [`may`] (whether it may be) →
//! [`send`] (writing the reply over the frame), on one of two kinds of frames ([`medium`]).

mod may;
mod medium;
mod request;
mod send;
mod text;

pub(crate) use medium::{Medium, Skb, XdpFrame};
use relay_guard_common::{
    action::Action,
    parse::Flags,
    respond::{
        cookie::DOES_NOT_FIT,
        question::Question,
        reply::{self, Reply, Spoken, Way},
        response::Stage,
        step::Step,
        verb::Verb,
    },
};
pub(crate) use request::Request;

use crate::{
    maps::{cookies, counters, envelopes, respond as maps},
    packet::unknown,
};

/// Answers a frame, as a [`Question`]'s word says. What the frame is afterwards says the [`Way`]: what it was, a reply to
/// send back, or something else to send on.
///
/// A function of its own: it is followed once for each program, whatever leads there, and its frame on the stack is not that
/// of the packets that are not answered.
#[inline(never)]
pub(crate) fn respond<M: Medium>(medium: &M, word: u64) -> Way {
    let question = Question::unpack(word);
    let Some(request) = request::read(medium, &question) else { return Way::Nowhere };
    let flags = request.heard.flags;
    if !reply::is_answerable(flags) || question.fragmented {
        if flags.0 & Flags::RST == 0 && (flags.is_contradictory() || question.fragmented) {
            count(&question, Step::Capped);
        }
        return Way::Nowhere;
    }
    let Some(response) = maps::response(question.param) else { return Way::Nowhere };
    if !maps::answering().is_some_and(|answering| answering.keys.is_set()) {
        count(&question, Step::Capped);
        return Way::Nowhere;
    }
    let stage = if response.stage == Stage::Greeting as u8 { Stage::Greeting } else { Stage::Recipient };
    let mut spoken = Spoken { verb: Verb::Other, len: 0 };
    let mut reply = Reply::NOTHING;
    plan(medium, &question, &request, stage, &mut Plan { reply: &mut reply, spoken: &mut spoken });
    if matches!(reply.way, Way::Nowhere) {
        return Way::Nowhere;
    }
    // From here on the verifier shall not follow each reply by itself.
    let reply = Reply::unpack(unknown(reply.pack()), reply.sequence, reply.acknowledgment);
    spoken.verb = Verb::from_u8(unknown(spoken.verb as u64) as u8).unwrap_or(Verb::Other);
    if !question.quiet && !may::answer(medium, &question, &request.tuple) {
        count(&question, Step::Capped);
        return Way::Nowhere;
    }
    if !question.quiet && matches!(spoken.verb, Verb::Hello | Verb::Mail | Verb::Rcpt) {
        envelopes::tell(medium, &question, &request, spoken.verb, spoken.len);
    }
    if !send::send(medium, &question, &request, &reply, response) {
        count(&question, Step::Unsent);
        return Way::Nowhere;
    }
    if let Some(step) = Step::from_u8(reply.step) {
        count(&question, step);
    }
    reply.way
}

/// What [`plan`] comes to.
struct Plan<'a> {
    reply: &'a mut Reply,
    spoken: &'a mut Spoken,
}

/// What is answered. A function of its own, for the stack's sake.
#[inline(never)]
fn plan<M: Medium>(medium: &M, question: &Question, request: &Request, stage: Stage, plan: &mut Plan<'_>) {
    *plan.reply = reply(medium, question, request, stage, plan.spoken);
}

#[inline(always)]
fn reply<M: Medium>(
    medium: &M,
    question: &Question,
    request: &Request,
    stage: Stage,
    spoken: &mut Spoken,
) -> Reply {
    let Request { tuple, heard, .. } = request;
    let Question { action, .. } = *question;
    if heard.flags.is_syn() {
        return reply::to_syn(action, heard, cookies::issue(tuple));
    }
    let mut offset = DOES_NOT_FIT;
    if !matches!(action, Action::Reset) && heard.flags.0 & Flags::SYN == 0 {
        offset = cookies::offset(tuple, heard.acknowledgment);
    }
    if offset == DOES_NOT_FIT {
        return reply::to_stranger(heard, maps::turn(cookies::issue(tuple)));
    }
    if heard.payload_len == 0 {
        return reply::to_silence(action, stage, heard, offset);
    }
    if reply::listens(action, stage) {
        spoken.len = unknown(text::line_len(medium, request.payload_offset, heard.payload_len).into()) as u32;
        if spoken.len != 0 {
            spoken.verb = text::verb(medium, request.payload_offset);
        }
    }
    reply::to_payload(action, stage, heard, *spoken)
}

#[inline(always)]
fn count(question: &Question, step: Step) {
    if !question.quiet {
        counters::count_step(question.class, step);
    }
}
