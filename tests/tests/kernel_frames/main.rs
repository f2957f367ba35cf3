//! Frames through the loaded programs: what goes in, what comes out, and why.
//!
//! Each case runs through the XDP program and, as if on an interface where XDP cannot attach, through the tc ingress
//! program; packets also through the one for devices without an Ethernet header. All must come to the same answer.
//! What a program decided is read where the administrator reads it: from the one counter that moved.

mod case;
mod egress;
mod fragments;
mod hosts;
mod link;
mod network_v4;
mod network_v6;
#[path = "../support/outcome.rs"]
mod outcome;
mod policy;
mod probe;
mod roles;
mod rules;
mod run;
mod scene;
#[path = "../support/mod.rs"]
mod support;
mod truncated;

use case::Case;

#[test]
fn every_frame_gets_its_action_for_its_reason() {
    let cases: Vec<Case> = [
        truncated::cases(),
        link::cases(),
        network_v4::cases(),
        network_v6::cases(),
        fragments::cases(),
        roles::cases(),
        policy::cases(),
    ]
    .concat();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    scene::with_scene(|kernel| run::all(kernel, &cases));
}

#[test]
fn observing_counts_the_same_and_stops_nothing() {
    let cases: Vec<Case> = [fragments::cases(), policy::cases()].concat();
    let observed: Vec<Case> = cases.into_iter().map(Case::observed).collect();
    assert!(observed.iter().any(|case| case.expect.effect == relay_guard_common::counter::Effect::Observed));
    scene::with_scene(|kernel| {
        kernel.enforce(false);
        run::all(kernel, &observed);
    });
}
