//! Against naive models.

use proptest::{collection::vec, prelude::*};

use super::{
    super::{
        by_use::{ByUse, Queue},
        shares::{Share, Shares},
    },
    *,
};

proptest! {
    #[test]
    fn sessions_are_in_order_of_use(steps in vec((0..3_u8, 0..12_u32, any::<bool>()), 0..200)) {
        let mut by_use = ByUse::<Queue>::default();
        let mut model: [Vec<u32>; 2] = Default::default();
        for (step, slot, half_closed) in steps {
            let queue = if half_closed { Queue::HalfClosed } else { Queue::Open };
            let is_there = model.iter().flatten().any(|other| *other == slot);
            model.iter_mut().for_each(|slots| slots.retain(|other| *other != slot));
            match (is_there, step) {
                (true, 0) => by_use.remove(slot),
                (true, _) => by_use.touch(slot, queue),
                (false, _) => by_use.insert(slot, queue),
            }
            if !is_there || step != 0 {
                model[queue as usize].push(slot);
            }
            for queue in [Queue::Open, Queue::HalfClosed] {
                prop_assert_eq!(by_use.oldest(queue), model[queue as usize].first().copied());
            }
        }
        for queue in [Queue::Open, Queue::HalfClosed] {
            for slot in &model[queue as usize] {
                prop_assert_eq!(by_use.oldest(queue), Some(*slot));
                by_use.remove(*slot);
            }
        }
    }

    #[test]
    fn shares_are_what_their_sessions_are(steps in vec((0..4_u8, 0..10_u32, 0..3_u8, 0..50_usize), 0..200)) {
        let mut shares = Shares::default();
        // In order of use: whose, its slot, and its octets.
        let mut model: Vec<(Address, u32, usize)> = Vec::new();
        for (step, slot, client, bytes) in steps {
            let client = Address::v4([192, 0, 2, client]);
            let found = model.iter().position(|(_, other, _)| *other == slot);
            match (found, step) {
                (None, _) => {
                    shares.insert(slot, client);
                    model.push((client, slot, 0));
                }
                (Some(at), 0) => {
                    let (client, slot, bytes) = model.remove(at);
                    shares.remove(slot, client, bytes);
                }
                (Some(at), 1) => {
                    shares.resize(slot, model[at].2, bytes);
                    model[at].2 = bytes;
                }
                (Some(at), _) => {
                    shares.touch(slot);
                    let used = model.remove(at);
                    model.push(used);
                }
            }
            for client in (0..3).map(|client| Address::v4([192, 0, 2, client])) {
                let of = || model.iter().filter(|(whose, ..)| *whose == client);
                let share = Share { sessions: of().count(), bytes: of().map(|(.., bytes)| bytes).sum() };
                let oldest = of().next().map(|(_, slot, _)| *slot);
                prop_assert_eq!(shares.of_client(client), (share, oldest));
                if let Some(slot) = oldest {
                    prop_assert_eq!(shares.of_session(slot), (share, oldest));
                }
            }
        }
        for (client, slot, bytes) in model {
            shares.remove(slot, client, bytes);
        }
        prop_assert!(shares.is_empty());
    }

    /// Any segments of a few connections: the books are always right, and all is given back in the end.
    #[test]
    fn the_books_are_right_whatever_comes(
        segments in vec((0..4_u16, any::<bool>(), 0..60_u32, 0..20_usize, 0..60_u32, 0..40_u8, 0..9_u8, 0..40_u64), 0..120),
        (sessions, parts) in (1..4_usize, 1..4_usize),
    ) {
        let mut scene = Scene::with(Limits { sessions, bytes: 5_000, parts, ..Limits::default() });
        let words = "TLS x".repeat(4);
        for (port, is_client, at, len, acknowledged, flags, other, wait) in segments {
            let from = if is_client { Client } else { Server };
            let flags = if flags < 5 { 1 << flags } else { 0 };
            let plain = segment(from, at, &words[at as usize % 4..][..len.min(16)], acknowledged);
            scene.take([Segment {
                flow: flow(port),
                opening: (other == 0).then_some(OPENING),
                skipped_own: other == 1,
                skipped_other: other == 2,
                acknowledgment: plain.acknowledgment.filter(|_| other != 3),
                ..flagged(plain, flags)
            }]);
            scene.wait(if wait > 30 { wait * wait * SECOND / 4 } else { 0 });
            prop_assert!(scene.flows.len() <= sessions);
        }
        scene.finish().wait(1_000 * SECOND);
        prop_assert_eq!((scene.flows.len(), scene.flows.next_expiry()), (0, None));
        prop_assert_eq!(scene.counters().octets.pending, 0);
    }
}
