//! Against naive models: a receiver that puts octets into their places one by one; a conversation in one piece.

use proptest::{collection::vec, prelude::*};

use super::{super::PATIENCE_NS, *};

/// Octets in places, as far as they have come.
#[derive(Default)]
struct Receiver {
    places: Vec<Option<u8>>,
}

impl Receiver {
    /// The first copy of an octet counts.
    fn take(&mut self, at: usize, payload: &[u8]) {
        self.places.resize(self.places.len().max(at + payload.len()), None);
        for (place, octet) in self.places[at..].iter_mut().zip(payload) {
            place.get_or_insert(*octet);
        }
    }

    /// What is there without a hole.
    fn in_order(&self) -> Vec<u8> {
        self.places.iter().map_while(|place| *place).collect()
    }

    /// All of it, with holes.
    fn all(&self) -> Vec<Heard> {
        let mut heard = Vec::new();
        for place in &self.places {
            match place {
                Some(octet) => note(&mut heard, Client, Piece::Data(&[*octet])),
                None => note(&mut heard, Client, Piece::Gap { octets: 1, skipped: false }),
            }
        }
        heard
    }
}

/// Octets of which each tells its party and its number, so that one in a wrong place is seen.
fn octet_of(from: Party, number: u32) -> u8 {
    (number.wrapping_mul(2_654_435_761) >> 13) as u8 ^ if from == Client { 0x55 } else { 0 }
}

/// Turns of a conversation: who speaks, and how many octets each segment has.
fn turns() -> impl Strategy<Value = Vec<Vec<u16>>> {
    vec(vec(1..40_u16, 1..4), 1..12)
}

/// A segment of a conversation: from whom, where, how long, and how much of the other's its sender had received.
#[derive(Clone, Copy, Debug)]
struct Said {
    from: Party,
    at: u32,
    len: u32,
    needs: u32,
}

/// The server begins, and they take turns.
fn conversation(turns: &[Vec<u16>]) -> Vec<Said> {
    let mut said = Vec::new();
    let mut positions = [0, 0];
    for (turn, segments) in turns.iter().enumerate() {
        let from = if turn % 2 == 0 { Server } else { Client };
        for len in segments {
            let [at, needs] = [positions[from as usize], positions[from.other() as usize]];
            let len = u32::from(*len);
            said.push(Said { from, at, len, needs });
            positions[from as usize] += len;
        }
    }
    said
}

fn payload(said: Said) -> Vec<u8> {
    let base = if said.from == Client { CLIENT } else { SERVER };
    (0..said.len).map(|index| octet_of(said.from, base.wrapping_add(said.at + index))).collect()
}

fn say(scene: &mut Scene, said: Said) {
    let payload = payload(said);
    scene.take(acknowledging(segment(said.from, said.at, &payload), said.needs));
}

/// A conversation as it is heard without loss, neighbours of one party together.
fn in_one_piece(conversation: &[Said]) -> Vec<Heard> {
    let mut heard = Vec::new();
    conversation.iter().for_each(|said| note(&mut heard, said.from, Piece::Data(&payload(*said))));
    heard
}

/// Octets are those that were said, and come behind all that their sender had received.
fn keeps_the_order(heard: &[Heard], conversation: &[Said]) {
    let mut positions = [0, 0];
    for piece in heard {
        let (from, data) = match piece {
            Heard::Gap(from, octets, _) => {
                positions[*from as usize] += *octets as u32;
                continue;
            }
            Heard::Data(from, data) => (*from, data),
        };
        let base = if from == Client { CLIENT } else { SERVER };
        for octet in data {
            let at = positions[from as usize];
            let is_said = |said: &&Said| said.from == from && (said.at..said.at + said.len).contains(&at);
            let needs = conversation.iter().find(is_said).map(|said| said.needs);
            assert!(needs <= Some(positions[from.other() as usize]), "{at}: {heard:?}");
            assert_eq!(*octet, octet_of(from, base.wrapping_add(at)), "{at}: {heard:?}");
            positions[from as usize] += 1;
        }
    }
}

/// Each element some places off.
fn disordered<T: Clone>(items: &[T], offsets: &[usize]) -> Vec<T> {
    let mut keyed: Vec<(usize, T)> = items
        .iter()
        .enumerate()
        .map(|(index, item)| (index + offsets.get(index % offsets.len().max(1)).unwrap_or(&0), item.clone()))
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}

proptest! {
    #[test]
    fn a_stream_is_what_a_naive_receiver_has(segments in vec((0..300_usize, vec(any::<u8>(), 1..40)), 0..60)) {
        let (mut scene, mut receiver) = (Scene::new(), Receiver::default());
        let mut in_order = Vec::new();
        for (at, payload) in &segments {
            scene.take(acknowledging(segment(Client, *at as u32, payload), 0));
            receiver.take(*at, payload);
            for heard in scene.heard() {
                let Heard::Data(Client, data) = heard else { panic!("{heard:?}") };
                in_order.extend(data);
            }
            prop_assert_eq!(&in_order, &receiver.in_order());
        }
        note(&mut scene.heard, Client, Piece::Data(&in_order));
        scene.flush();
        let heard: Vec<Heard> = scene.heard().into_iter().filter(|heard| *heard != client("")).collect();
        prop_assert_eq!(heard, receiver.all());
        let holes = receiver.places.iter().filter(|place| place.is_none()).count();
        prop_assert_eq!(scene.octets.lost, holes as u64);
    }

    #[test]
    fn a_conversation_is_heard_as_it_was_held(
        turns in turns(),
        offsets in vec(0..9_usize, 1..30),
        copies in vec(any::<bool>(), 1..30),
    ) {
        let conversation = conversation(&turns);
        let twice = |(index, said): (usize, &Said)| vec![*said; 1 + usize::from(copies[index % copies.len()])];
        let sent: Vec<Said> = conversation.iter().enumerate().flat_map(twice).collect();
        let mut scene = Scene::new();
        disordered(&sent, &offsets).into_iter().for_each(|said| say(&mut scene, said));
        prop_assert_eq!(scene.heard(), in_one_piece(&conversation));
        prop_assert_eq!((scene.octets.lost, scene.octets.skipped, scene.octets.dropped), (0, 0, 0));
    }

    #[test]
    fn what_is_lost_leaves_gaps_and_nothing_else(
        turns in turns(),
        offsets in vec(0..5_usize, 1..30),
        losses in vec(prop::bool::weighted(0.3), 1..40),
        waits in vec(prop::bool::weighted(0.2), 1..40),
    ) {
        let conversation = conversation(&turns);
        let is_lost = |index: usize| losses[index % losses.len()];
        let arrived: Vec<Said> =
            conversation.iter().enumerate().filter(|(index, _)| !is_lost(*index)).map(|(_, said)| *said).collect();
        let mut scene = Scene::new();
        for (index, said) in disordered(&arrived, &offsets).into_iter().enumerate() {
            say(&mut scene, said);
            if offsets.iter().all(|offset| *offset == 0) && waits[index % waits.len()] {
                scene.wait(PATIENCE_NS);
            }
        }
        scene.flush();
        let heard = scene.heard();
        keeps_the_order(&heard, &conversation);
        let delivered: u64 = arrived.iter().map(|said| u64::from(said.len)).sum();
        prop_assert_eq!((scene.octets.delivered, scene.octets.dropped), (delivered, 0));
    }

    /// Whatever comes: octets that are handed on are those that were sent with these numbers, and all are accounted for.
    #[test]
    fn no_octet_is_invented(
        segments in vec((any::<bool>(), 0..4_000_u32, 0..200_u32, 0..200_usize, 0..4_000_u32, 0..64_u8, 0..8_u8, 0..3_u32), 0..200),
    ) {
        let mut scene = Scene::new();
        let mut numbers = [CLIENT, SERVER];
        for (is_client, at, len, captured, needs, flags, skipped, wait) in segments {
            let from = if is_client { Client } else { Server };
            // Mostly plain segments, or all would be over soon.
            let flags = if flags < 3 { Flags::ACK | 1 << flags } else { Flags::ACK };
            let sequence = numbers[from as usize].wrapping_add(at).wrapping_sub(500);
            let payload: Vec<u8> = (0..len)
                .map(|index| octet_of(from, sequence.wrapping_add(u32::from(flags & Flags::SYN != 0) + index)))
                .collect();
            scene.take(Segment {
                sequence,
                len,
                flags: Flags(flags),
                skipped_own: skipped == 1,
                skipped_other: skipped == 2,
                acknowledgment: Some(numbers[from.other() as usize].wrapping_add(needs).wrapping_sub(3_000)),
                ..segment(from, 0, &payload[..captured.min(payload.len())])
            });
            scene.wait(u64::from(wait) * PATIENCE_NS);
            are_true(&scene.heard(), &mut numbers);
        }
        scene.flush();
        are_true(&scene.heard(), &mut numbers);
        prop_assert_eq!(scene.dialogue.next().client, numbers[0]);
        prop_assert_eq!(scene.dialogue.next().server, numbers[1]);
    }
}

/// Holds what was handed on against what was sent.
fn are_true(heard: &[Heard], numbers: &mut [u32; 2]) {
    for piece in heard {
        match piece {
            Heard::Gap(from, octets, _) => {
                numbers[*from as usize] = numbers[*from as usize].wrapping_add(*octets as u32);
            }
            Heard::Data(from, data) => {
                for octet in data {
                    assert_eq!(*octet, octet_of(*from, numbers[*from as usize]), "{piece:?}");
                    numbers[*from as usize] = numbers[*from as usize].wrapping_add(1);
                }
            }
        }
    }
}
