//! What is held, once, and only while somebody hears the question.

use relay_guard::datapath::{Adoption, Datapath, LoadOptions};
use relay_guard_common::ask::mark::{ASKED_LATELY_MS, HELD_BEFORE_MS, KEPT_MS};
use relay_guard_common::counter::Loss;
use relay_guard_common::settings::{HEARTBEAT_LIFE_NS, Settings};

use super::memory::{Memory, pin_dir};
use super::support::kernel::At;
use super::world::{Came, PASSED, Program, UNKNOWN, UNKNOWN_V6, holding, ip, now_ns, syn, with_world};

#[test]
fn a_source_is_held_once() {
    with_world(|mut world| {
        for source in [UNKNOWN, UNKNOWN_V6] {
            assert_eq!(world.syn(source, 25), Came::Held);
            // It comes again, and others of its connections come, at whatever port and by whatever program.
            for (port, program) in [(25, Program::Xdp), (587, Program::Tc), (465, Program::TcPacket)] {
                assert_eq!(world.send(&syn(ip(source), port), At::Outside, program), Ok(PASSED));
            }
            // Its mark grows older: it is asked about again, and passes. That makes its mark new.
            for age_ms in [ASKED_LATELY_MS, 2 * ASKED_LATELY_MS, HELD_BEFORE_MS - 10_000] {
                world.memory.age(ip(source), age_ms);
                assert_eq!(world.syn(source, 25), Came::Asked, "{source}, {age_ms} ms");
                assert_eq!(world.syn(source, 25), PASSED, "{source}, {age_ms} ms");
            }
            world.memory.age(ip(source), HELD_BEFORE_MS);
            assert_eq!(world.syn(source, 25), Came::Held);
        }
    });
}

/// What asks names the source and the port.
#[test]
fn a_question_says_who_and_where() {
    with_world(|mut world| {
        for (source, port) in [(UNKNOWN, 25), (UNKNOWN_V6, 465)] {
            let run = world.run(&syn(ip(source), port), At::Outside, Program::Xdp);
            let asked = world.asked();
            assert_eq!(asked.len(), 1);
            assert_eq!((asked[0].source, asked[0].port, asked[0].held), (ip(source).into(), port, 1));
            assert_eq!(run.frame, syn(ip(source), port).build(), "the frame is as it came");
        }
    });
}

#[test]
fn nothing_is_held_for_a_daemon_that_is_gone_or_does_not_want_it() {
    with_world(|mut world| {
        let now = now_ns();
        for (what, settings, expected) in [
            ("it lives", holding(), Came::Held),
            (
                "it has been gone for long enough",
                Settings { heartbeat_ns: now - HEARTBEAT_LIFE_NS, ..holding() },
                Came::Asked,
            ),
            ("it has been gone for years", Settings { heartbeat_ns: 1, ..holding() }, Came::Asked),
            ("there never was one", Settings { heartbeat_ns: 0, ..holding() }, Came::Asked),
            ("it wants nothing held", Settings { ask: super::world::ALL, ..holding() }, Came::Asked),
        ] {
            world.set(settings);
            for source in [UNKNOWN, UNKNOWN_V6] {
                assert_eq!(world.syn(source, 25), expected, "{what}");
                // It is remembered as one that was asked about.
                assert_eq!(world.syn(source, 25), PASSED, "{what}");
                world.memory.forget(ip(source));
            }
        }
        assert_eq!(world.losses(Loss::HoldTableFull), 0);
    });
}

#[test]
fn who_finds_no_place_is_asked_about_and_not_held() {
    with_world(|mut world| {
        for source in [UNKNOWN, UNKNOWN_V6].map(ip) {
            let syn = |world: &mut super::world::World<'_>| {
                world.send(&syn(source, 25), At::Outside, Program::Xdp).expect("one outcome")
            };
            let lost = world.losses(Loss::HoldTableFull);
            world.memory.occupy(source, [0, KEPT_MS / 2]);
            let occupied = world.memory.of(source);
            // Nobody remembers, so each is asked about.
            for more in 1..=2 {
                assert_eq!(syn(&mut world), Came::Asked);
                assert_eq!(world.losses(Loss::HoldTableFull), lost + more);
            }
            assert_eq!(world.memory.of(source), occupied, "others' places are theirs");
            // That it was not held is no loss where it would not have been.
            world.set(Settings { ask: super::world::ALL, ..holding() });
            assert_eq!(syn(&mut world), Came::Asked);
            assert_eq!(world.losses(Loss::HoldTableFull), lost + 2);
            world.set(holding());
            // The older of the two places is free in the end.
            // The kernel's clock is coarse.
            world.memory.occupy(source, [0, KEPT_MS + 100]);
            let [others, _] = world.memory.of(source);
            assert_eq!(syn(&mut world), Came::Held);
            assert_eq!(world.memory.of(source)[0], others);
            assert_eq!(syn(&mut world), PASSED);
        }
    });
}

/// A daemon that takes over finds who was held before.
#[test]
fn marks_outlive_the_daemon() {
    with_world(|mut world| {
        let key = world.memory.key;
        assert_ne!(key, [0, 0]);
        assert_eq!(world.syn(UNKNOWN, 25), Came::Held);
        let marks = world.memory.of(ip(UNKNOWN));
        world.asked();
        let options = LoadOptions { pin_dir: Some(pin_dir()), ..LoadOptions::default() };
        let mut next = Datapath::load(&options).expect("the programs load");
        assert_eq!(next.adoption(), Adoption::Adopted);
        let memory = Memory::open();
        assert_eq!((memory.key, memory.of(ip(UNKNOWN))), (key, marks));
        // Loading takes a while: it may be asked about again, and is not held again.
        let frame = syn(ip(UNKNOWN), 25).build();
        let run = next.run_frame_on(&frame, Some(world.kernel.ifindex(At::Outside))).expect("a test-run");
        assert_eq!(run.code, 2, "it passes");
        assert!(world.asked().iter().all(|ask| ask.held == 0));
    });
}
