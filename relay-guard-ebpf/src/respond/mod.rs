//! Answering a frame in its receiver's place: the frame itself becomes the reply.
//!
//! [`request`] (what it says) → `relay-guard-common`'s `respond` (what is answered) → [`may`] (whether it may be) →
//! [`send`] (writing the reply over the frame), on one of two kinds of frames ([`medium`]).

mod may;
mod medium;
mod request;
mod send;
mod text;

use core::hint::black_box;

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

pub(crate) use medium::{Medium, Skb, XdpFrame};
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
    let mut request = Request::EMPTY;
    if !request::read(medium, word, &mut request) {
        count(word, Step::Unsent);
        return Way::Nowhere;
    }
    forget_request(&raw mut request);
    let question = Question::unpack(word);
    let flags = request.heard.flags;
    if !reply::is_answerable(flags) || question.fragmented {
        if flags.0 & Flags::RST == 0 && (flags.is_contradictory() || question.fragmented) {
            count(word, Step::Capped);
        }
        return Way::Nowhere;
    }
    let mut reply = Reply::NOTHING;
    let spoken = plan(medium, word, &request, &mut reply);
    if matches!(reply.way, Way::Nowhere) {
        return Way::Nowhere;
    }
    // From here on the verifier shall not follow each reply by itself.
    reply = Reply::unpack(unknown(reply.pack()), reply.sequence, reply.acknowledgment);
    forget_reply(&raw mut reply);
    if !question.quiet {
        if !may::answer(medium, &question, &request.tuple) {
            count(word, Step::Capped);
            return Way::Nowhere;
        }
        tell(medium, word, &request, unknown(spoken));
    }
    if !send::send(medium, word, &request, &reply) {
        count(word, Step::Unsent);
        return Way::Nowhere;
    }
    if let Some(step) = Step::from_u8(reply.step) {
        count(word, step);
    }
    if reply.completes {
        count(word, Step::Completed);
    }
    reply.way
}

/// Global functions that do nothing: of what they could have written the verifier knows nothing any more.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn forget_request(request: *mut Request) -> u32 {
    black_box(request);
    0
}

/// See [`forget_request`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn forget_reply(reply: *mut Reply) -> u32 {
    black_box(reply);
    0
}

/// What is answered, and what was said: the verb's number above the line's length.
#[inline(never)]
fn plan<M: Medium>(medium: &M, word: u64, request: &Request, planned: &mut Reply) -> u64 {
    let Question { action, param, .. } = Question::unpack(word);
    let Request { tuple, heard, payload_offset, .. } = request;
    let (Some(answering), Some(response)) = (maps::answering(), maps::response(param)) else { return 0 };
    if !answering.keys.is_set() {
        count(word, Step::Capped);
        return 0;
    }
    let stage = if response.stage == Stage::Greeting as u8 { Stage::Greeting } else { Stage::Recipient };
    if heard.flags.is_syn() {
        *planned = reply::to_syn(action, heard, cookies::issue(tuple));
        return 0;
    }
    let mut offset = DOES_NOT_FIT;
    if !matches!(action, Action::Reset) && heard.flags.0 & Flags::SYN == 0 {
        offset = cookies::offset(tuple, heard.acknowledgment);
    }
    if offset == DOES_NOT_FIT {
        *planned = reply::to_stranger(heard, maps::turn(cookies::issue(tuple)));
        return 0;
    }
    if heard.payload_len == 0 {
        *planned = reply::to_silence(action, stage, heard, offset);
        return 0;
    }
    let mut spoken = Spoken { verb: Verb::Other, len: 0 };
    if reply::listens(action, stage) {
        spoken = text::first_line(medium, *payload_offset, heard.payload_len);
    }
    *planned = reply::to_payload(action, stage, heard, spoken);
    (spoken.verb as u64) << 32 | u64::from(spoken.len)
}

/// Tells userspace of a line of an envelope.
#[inline(always)]
fn tell<M: Medium>(medium: &M, word: u64, request: &Request, spoken: u64) {
    const ENVELOPE: [u64; 3] = [Verb::Hello as u64, Verb::Mail as u64, Verb::Rcpt as u64];
    if ENVELOPE.contains(&(spoken >> 32)) {
        envelopes::tell(medium, word, request, spoken);
    }
}

#[inline(always)]
fn count(word: u64, step: Step) {
    let Question { quiet, class, .. } = Question::unpack(word);
    if !quiet {
        counters::count_step(class, step);
    }
}
