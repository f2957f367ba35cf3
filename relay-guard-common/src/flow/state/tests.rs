use proptest::prelude::*;

use super::*;
use Party::{Client, Server};

const BUDGETS: Budgets = Budgets { turn: 100, client: 250, server: 60, reserved: 0 };
const NONE: Flags = Flags(Flags::ACK);
const FIN: Flags = Flags(Flags::FIN | Flags::ACK);
const RST: Flags = Flags(Flags::RST);

fn state(record: FlowRecord) -> FlowState {
    FlowState {
        marks: SharedU64::new(record.marks),
        client: SharedU64::new(record.client),
        server: SharedU64::new(record.server),
        opening: SharedU64::new(record.opening),
        last_seen_ns: SharedU64::new(record.last_seen_ns),
    }
}

fn fresh() -> FlowState {
    state(FlowRecord::new(None, &BUDGETS, 1))
}

fn record(state: &FlowState) -> FlowRecord {
    FlowRecord {
        marks: state.marks.load(),
        client: state.client.load(),
        server: state.server.load(),
        opening: state.opening.load(),
        last_seen_ns: state.last_seen_ns.load(),
    }
}

/// A segment whose record, if there is one, finds room or does not: its share, and the marks of its record.
fn say(state: &FlowState, from: Party, len: u32, go_ahead: bool, flags: Flags, room: bool) -> (Share, u8) {
    let share = match from {
        Client => state.on_client(len, flags, 2),
        Server => state.on_server(len, go_ahead, flags, &BUDGETS, 2),
    };
    let marks = state.record_marks(from);
    if share.is_told && room {
        state.on_told(from, flags, share.octets < len);
    } else if share.is_told {
        state.on_lost(from);
    }
    (share, marks)
}

#[test]
fn ends_are_told_once_each() {
    let state = fresh();
    for flags in [FIN, RST, Flags(Flags::FIN | Flags::RST)] {
        for from in [Client, Server] {
            let state = fresh();
            assert!(say(&state, from, 0, false, flags, false).0.is_told);
            assert!(say(&state, from, 0, false, flags, true).0.is_told, "it was lost");
            assert!(!say(&state, from, 0, false, flags, true).0.is_told);
            assert!(say(&state, from.other(), 0, false, flags, true).0.is_told);
        }
    }
    assert!(say(&state, Client, 0, false, FIN, true).0.is_told);
    assert!(say(&state, Client, 0, false, RST, true).0.is_told, "an end of another kind");
    assert!(!say(&state, Client, 0, false, NONE, true).0.is_told);
}

#[test]
fn a_new_connection_has_everything() {
    let state = fresh();
    say(&state, Client, 1000, false, FIN, true);
    say(&state, Server, 1000, false, FIN, true);
    state.on_lost(Client);
    let opening = Numbers { client: 7, server: 9 };
    state.restart(opening, &BUDGETS, 5);
    assert_eq!(record(&state), FlowRecord::new(Some(opening), &BUDGETS, 5));
    assert_eq!((record(&state).opening(), state.opening()), (Some(opening), opening));
    assert_eq!(state.record_marks(Client), CaptureHeader::OPENED);
}

#[test]
fn orders_say_what_is_captured() {
    let new = FlowRecord::new(None, &BUDGETS, 1);
    assert_eq!((new.order(), new.opening()), (Order::Watch, None));
    for (orders, order, watched, ends) in [
        (&[Order::Watch][..], Order::Watch, true, false),
        (&[Order::Enough], Order::Enough, false, false),
        (&[Order::End], Order::End, true, true),
        (&[Order::Enough, Order::End], Order::End, false, true),
        (&[Order::End, Order::Enough], Order::Enough, false, false),
        (&[Order::Enough, Order::End, Order::Watch], Order::Watch, true, false),
    ] {
        let ordered = orders.iter().fold(new, |record, order| record.ordered(*order));
        let state = state(ordered);
        assert_eq!(ordered.order(), order, "{orders:?}");
        assert_eq!((state.is_watched(), state.is_to_end()), (watched, ends), "{orders:?}");
        assert_eq!(say(&state, Client, 10, false, NONE, true).0.octets, if watched { 10 } else { 0 });
        assert_eq!(record(&state).last_seen_ns, 2);
    }
}

/// A session is kept by that.
#[test]
fn what_is_not_captured_is_seen_all_the_same() {
    let nothing = Budgets { turn: 0, client: 0, server: 0, reserved: 0 };
    for from in [Client, Server] {
        let state = state(FlowRecord::new(None, &nothing, 1));
        assert_eq!(say(&state, from, 10, false, NONE, true).0, Share { octets: 0, is_told: false });
        assert_eq!(record(&state).last_seen_ns, 2, "{from:?}");
    }
}

#[test]
fn an_end_is_told_once() {
    let state = fresh();
    assert!(state.is_end_untold());
    state.on_end_told();
    assert!(!state.is_end_untold());
}

/// What a naive model keeps of one party's payload, for its own records and for the other's.
#[derive(Clone, Copy, Default)]
struct Missing {
    skipped: bool,
    lost: bool,
}

/// The same as [`FlowState`], without bits.
struct Model {
    turn: u32,
    left: [u32; 2],
    /// By whose payload, and by whose records.
    missing: [[Missing; 2]; 2],
}

impl Model {
    fn new() -> Self {
        Self { turn: BUDGETS.turn, left: [BUDGETS.client, BUDGETS.server], missing: Default::default() }
    }

    fn say(&mut self, from: Party, len: u32, go_ahead: bool, room: bool) -> (Share, [bool; 2]) {
        let own = from as usize;
        let mut octets = len.min(self.left[own]);
        match from {
            Client => {
                octets = octets.min(self.turn);
                self.turn -= octets;
            }
            Server if len > 0 => self.turn = if go_ahead { 0 } else { BUDGETS.turn },
            Server => {}
        }
        self.left[own] -= octets;
        let says = |missing: Missing| missing.skipped && !missing.lost;
        let told = [says(self.missing[own][own]), says(self.missing[1 - own][own])];
        let note = |missing: &mut [Missing; 2], lost: bool| {
            for missing in missing {
                missing.lost |= lost;
                missing.skipped |= !lost;
            }
        };
        if octets > 0 && room {
            self.missing[own][own] = Missing::default();
            self.missing[1 - own][own] = Missing::default();
            if octets < len {
                note(&mut self.missing[own], false);
            }
        } else if octets > 0 {
            note(&mut self.missing[own], true);
        } else if len > 0 {
            note(&mut self.missing[own], false);
        }
        (Share { octets, is_told: octets > 0 }, told)
    }
}

proptest! {
    #[test]
    fn agrees_with_the_model(
        segments in prop::collection::vec((any::<bool>(), 0..60_u32, prop::bool::weighted(0.2), prop::bool::weighted(0.8)), 1..80)
    ) {
        let (state, mut model) = (fresh(), Model::new());
        for (is_client, len, go_ahead, room) in segments {
            let from = if is_client { Client } else { Server };
            let (share, marks) = say(&state, from, len, go_ahead, NONE, room);
            let (expected, told) = model.say(from, len, go_ahead, room);
            prop_assert_eq!(share, expected);
            if share.is_told {
                let own = marks & CaptureHeader::SKIPPED_OWN != 0;
                let other = marks & CaptureHeader::SKIPPED_OTHER != 0;
                prop_assert_eq!([own, other], told);
            }
        }
    }

    /// However large a segment and a budget are, no more is captured than either.
    #[test]
    fn no_more_than_the_budgets(turn: u32, client: u32, server: u32, lens in prop::collection::vec(any::<u32>(), 1..10)) {
        let budgets = Budgets { turn, client, server, reserved: 0 };
        let state = state(FlowRecord::new(None, &budgets, 1));
        let (mut of_client, mut of_server) = (0_u64, 0_u64);
        for len in lens {
            let octets = state.on_client(len, NONE, 2).octets;
            prop_assert!(octets <= len && octets <= turn);
            of_client += u64::from(octets);
            let octets = state.on_server(len, false, NONE, &budgets, 2).octets;
            prop_assert!(octets <= len);
            of_server += u64::from(octets);
        }
        prop_assert!(of_client <= client.into() && of_server <= server.into());
    }
}
