//! Connections put together again: [`Dialogue`] and [`Flows`] on any segments.
//!
//! Invariant: octets in = delivered + duplicate + dropped + pending; delivered octets are those that were sent with their numbers, in
//! order, with a gap for each that is missing; nothing takes more room than it may; in the end nothing is left.

mod segments;
mod told;

use relay_guard::inspect::{
    flows::{Flows, Limits},
    reassembly::{Dialogue, MAX_DIALOGUE_BYTES, Octets, Piece},
    segment::Opening,
};
use relay_guard_common::flow::Party;

use self::{
    segments::{Step, steps},
    told::{Told, octet_of},
};

/// Sessions that the table has room for: fewer than there are connections.
const SESSIONS: usize = 3;

/// Octets that it has room for: fewer than may wait.
const BYTES: usize = 100_000;

/// Holds the invariant against segments.
///
/// # Panics
/// If it does not hold.
pub fn check(input: &[u8]) {
    let steps: Vec<Step> = steps(input).collect();
    dialogue(&steps);
    table(&steps);
}

/// All segments as one connection's.
fn dialogue(steps: &[Step]) {
    let first = steps.first().map_or(Opening { client: 0, server: 0 }, Step::opening);
    let mut dialogue = Dialogue::new(Some(first.client), Some(first.server), 0);
    let mut octets = Octets::default();
    let mut numbers = [first.client, first.server];
    let mut seen_ns = 0;
    let mut sink = |from, now_ns, piece: Piece<'_>| {
        assert!(now_ns >= seen_ns, "time goes back");
        seen_ns = now_ns;
        is_true(from, piece, &mut numbers);
    };
    let mut received = 0;
    for step in steps {
        let payload = step.payload();
        let segment = step.segment(&payload);
        received += segment.payload.len() as u64;
        dialogue.take(&segment, &mut octets, &mut sink);
        dialogue.overdue(step.time_ns, &mut octets, &mut sink);
        assert!(dialogue.deadline().is_none_or(|deadline| deadline > step.time_ns), "something is overdue");
        assert!(dialogue.memory() <= MAX_DIALOGUE_BYTES, "{} octets", dialogue.memory());
        adds_up(&octets, received);
    }
    dialogue.flush(&mut octets, &mut sink);
    adds_up(&octets, received);
    assert_eq!((octets.pending, dialogue.memory(), dialogue.deadline()), (0, 0, None), "something is left");
    assert_eq!(dialogue.next(), Opening { client: numbers[0], server: numbers[1] });
}

/// A piece is what was sent with these numbers.
fn is_true(from: Party, piece: Piece<'_>, numbers: &mut [u32; 2]) {
    let number = &mut numbers[from as usize];
    if let Piece::Data(data) = piece {
        for (index, octet) in (0..).zip(data) {
            assert_eq!(*octet, octet_of(from, number.wrapping_add(index)), "{piece:?}");
        }
    }
    assert_ne!(piece.octets(), 0, "nothing is no piece");
    *number = number.wrapping_add(piece.octets() as u32);
}

fn adds_up(octets: &Octets, received: u64) {
    let Octets { delivered, duplicate, dropped, pending, .. } = *octets;
    assert_eq!(octets.received, received, "{octets:?}");
    assert_eq!(received, delivered + duplicate + dropped + pending, "{octets:?}");
}

/// Segments of several connections.
fn table(steps: &[Step]) {
    let limits = Limits { sessions: SESSIONS, bytes: BYTES, parts: 1, ..Limits::default() };
    let mut flows: Flows<Told> = Flows::new(limits);
    let mut told = Vec::new();
    let mut received = 0;
    for step in steps {
        let payload = step.payload();
        let segment = step.segment(&payload);
        received += segment.payload.len() as u64;
        flows.handle(&segment, &mut told);
        adds_up(&flows.counters().octets, received);
        assert!(flows.len() <= SESSIONS, "{} sessions", flows.len());
        let most = BYTES + Flows::<Told>::MAX_FLOW_BYTES + SESSIONS * 1_000;
        assert!(flows.memory() <= most, "{} octets", flows.memory());
        assert!(flows.commands().count() <= 2 * (SESSIONS + 1), "more commands than sessions can cause");
    }
    flows.finish(u64::MAX, &mut told);
    assert_eq!((flows.len(), flows.next_expiry()), (0, None), "something is left");
    let counters = flows.counters();
    assert_eq!(counters.octets.pending, 0);
    assert_eq!(counters.octets.delivered, told.iter().map(|octets| octets.delivered).sum::<u64>());
    assert_eq!(counters.octets.lost, told.iter().map(|octets| octets.lost).sum::<u64>());
    assert_eq!(counters.octets.skipped, told.iter().map(|octets| octets.skipped).sum::<u64>());
    assert_eq!(counters.begun, told.len() as u64, "each session ends once");
}
