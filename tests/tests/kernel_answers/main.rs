//! Answers of the loaded programs: a client's segment goes in, the exact reply comes out.
//!
//! Each case runs in both families, through the XDP program and through tc on ingress, with and without Ethernet. A reply
//! is read back field by field ([`reaction`]), and everything that holds for all replies is judged for each: addresses
//! swapped, tags and PPPoE as they came, lengths and checksums right, nothing behind the packet. [`model`] says once more
//! in plain words what is to happen; tables are judged by it, and random dialogues.

mod addresses;
mod begun;
mod buffers;
mod caps;
mod case;
mod commands;
mod connection;
mod envelope;
mod explain;
mod flags;
mod handshake;
mod hosts;
mod keys;
mod limit;
mod link;
mod live;
mod midsession;
mod model;
mod observe;
mod random;
mod reaction;
mod run;
mod segment;
#[path = "../support/mod.rs"]
mod support;
mod tarpit;
mod texts;
mod world;

use case::Case;

fn cases() -> Vec<Case> {
    [handshake::cases(), commands::cases(), tarpit::cases(), link::cases()].concat()
}

#[test]
fn every_segment_gets_its_answer() {
    let cases = cases();
    assert!(cases.len() >= 400, "{} cases", cases.len());
    world::with_world(|mut world| {
        run::all(&mut world, &cases);
        run::all(&mut world, &link::fragments());
    });
}

#[test]
fn frames_in_several_buffers_get_their_answer() {
    world::with_world(|mut world| run::all(&mut world, &buffers::jumbo()));
}

#[test]
fn tables_say_what_the_model_says() {
    // What nobody guards is no answer's matter.
    let all = cases().into_iter().chain(buffers::jumbo());
    let judged = all.filter(|case| case.port != 26);
    let doubts: Vec<String> = judged.filter_map(|case| case.doubted()).collect();
    assert!(doubts.is_empty(), "{}", doubts.join("\n"));
}
