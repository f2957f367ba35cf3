//! Questions are kept within a rate and a ring; what is over them passes.

use std::net::{IpAddr, Ipv4Addr};

use relay_guard_common::ask::{ASK_RING_BYTES, Ask};
use relay_guard_common::counter::Loss;
use relay_guard_common::respond::response::Rate;
use relay_guard_common::settings::Settings;

use super::support::kernel::At;
use super::world::{Came, PASSED, Program, UNKNOWN, UNKNOWN_V6, holding, ip, syn, with_world};

/// Three, and no more as long as tests take.
const THREE: Rate = Rate { interval_us: 3_600_000_000, tolerance_us: 2 * 3_600_000_000 };

#[test]
fn over_the_rate_nobody_is_asked_and_everybody_passes() {
    with_world(|mut world| {
        world.set(Settings { asks: THREE, ..holding() });
        for source in ["203.0.113.1", "2001:db8::1", "203.0.113.2"] {
            assert_eq!(world.syn(source, 25), Came::Held);
        }
        // Who is not asked about takes nothing of it.
        assert_eq!(world.syn("203.0.113.1", 25), PASSED);
        assert_eq!(world.losses(Loss::AskRateLimited), 0);
        for (source, program) in [(UNKNOWN, Program::Xdp), (UNKNOWN_V6, Program::Tc), (UNKNOWN, Program::Tc)]
        {
            assert_eq!(world.send(&syn(ip(source), 25), At::Outside, program), Ok(PASSED));
            assert_eq!(world.memory.of(ip(source)), [0, 0], "nobody has asked");
        }
        assert_eq!(world.losses(Loss::AskRateLimited), 3);
        world.set(holding());
        assert_eq!(world.syn(UNKNOWN, 25), Came::Held);
    });
}

#[test]
fn where_the_ring_is_full_nobody_is_asked_and_everybody_passes() {
    const RECORD: usize = size_of::<Ask>() + 8;
    let room = ASK_RING_BYTES / RECORD;
    with_world(|mut world| {
        let source = |number: usize| IpAddr::V4(Ipv4Addr::from(0xcb00_0000 + number as u32));
        let more = 10;
        let mut passed = Vec::new();
        for number in 0..room + more {
            let run = world.run(&syn(source(number), 25), At::Outside, Program::Xdp);
            if run.code == 2 {
                passed.push(number);
            }
        }
        let full = world.losses(Loss::AskRingFull) as usize;
        let asked = world.asked();
        // A record of the ring may not go over its end, and the ring keeps a little for itself.
        assert!((more..more + 2).contains(&full), "{full}");
        assert_eq!(asked.len(), room + more - full);
        let (held, others): (Vec<&Ask>, Vec<&Ask>) = asked.iter().partition(|ask| ask.held == 1);
        let expected = (0..room + more).filter(|number| !passed.contains(number)).map(source);
        assert!(held.iter().map(|ask| IpAddr::from(ask.source)).eq(expected), "who is held is asked about");
        // Who is asked about and passes met others in both places.
        assert_eq!(others.len(), world.losses(Loss::HoldTableFull) as usize);
        let last = source(room + more - 1);
        assert_eq!(world.send(&syn(last, 25), At::Outside, Program::Xdp), Ok(Came::Held));
    });
}
