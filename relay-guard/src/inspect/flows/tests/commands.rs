//! What is to be done about the capture.

use super::*;

#[test]
fn nothing_is_to_be_done_while_a_session_goes_on() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(0, "QUIT", 3), client(0, "QUIT", 3), fin(client(4, "", 3))]);
    assert_eq!(scene.commands(), []);
}

#[test]
fn enough_is_said_once() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(0, "TLS", 3), client(3, "secret", 3)]);
    assert_eq!(scene.commands(), [FlowCommand::Enough(connection(PORT))]);
    assert_eq!(scene.commands(), []);
}

#[test]
fn behind_enough_nothing_is_waited_for() {
    let mut scene = Scene::new();
    scene.take([server(0, "220", 0), client(0, "TLS", 3), fin(client(90_000_000, "", 700))]);
    let heard = scene.heard();
    let missing = [Event::Missing(Client, 89_999_997, true), Event::Missing(Server, 697, true)];
    assert_eq!(heard[3..], missing);
    scene.take([fin(server(800, "", 90_000_001))]);
    assert_eq!(scene.heard(), [Event::Missing(Server, 100, true), over(Ended::Orderly)]);
}

#[test]
fn a_connection_that_is_over_is_forgotten() {
    let ends: [&[Segment<'_>]; 2] =
        [&[fin(client(0, "", 3)), fin(server(3, "", 1))], &[reset(client(0, "", 3))]];
    for end in ends {
        let mut scene = Scene::new();
        scene.take([server(0, "220", 0)]).take(end.iter().copied());
        assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))]);
    }
}

#[test]
fn a_connection_that_is_given_up_is_forgotten() {
    let mut scene = Scene::with(Limits { sessions: 1, ..Limits::default() });
    scene.take([server(0, "220", 0), on(7, server(0, "220", 0))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))]);
    scene.wait(900 * SECOND);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(7))]);
}

#[test]
fn a_segment_that_begins_nothing_leaves_nothing_in_the_kernel() {
    let mut scene = Scene::new();
    scene.take([fin(client(0, "", 0))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))]);
    scene.take([server(0, "220", 0), reset(client(0, "", 3))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))]);
    scene.take([server(0, "220", 0)]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))], "late payload made a flow");
    scene.take([client(0, "", 3)]);
    assert_eq!(scene.commands(), [], "an acknowledgment makes none");
}

#[test]
fn sessions_of_a_client_can_be_ended() {
    let mut scene = Scene::new();
    let other = FlowKey { client: Address::v4([192, 0, 2, 2]), ..flow(9) };
    scene.take([
        server(0, "220", 0),
        on(7, server(0, "220", 0)),
        Segment { flow: other, ..server(0, "220", 0) },
    ]);
    assert_eq!(scene.flows.end_sessions(Address::v4([192, 0, 2, 1])), 2);
    let mut ended = scene.commands();
    ended.sort_by_key(|command| format!("{command:?}"));
    assert_eq!(ended, [connection(PORT), connection(7)].map(FlowCommand::End));
    assert_eq!(scene.flows.end_sessions(Address::v4([192, 0, 2, 1])), 0, "once is enough");
    scene.heard();
    scene.take([client(500, "more", 3)]).wait(60 * SECOND);
    let heard = scene.heard();
    assert_eq!(heard.last(), Some(&over(Ended::Reset)));
    assert_eq!((scene.flows.len(), scene.counters().stray), (1, 0), "{heard:?}");
    assert_eq!(scene.commands().len(), 2);
}

/// The same ends may have met again by now, as far as the kernel is concerned.
#[test]
fn what_is_to_be_done_is_about_the_connection_that_it_came_of() {
    let mut scene = Scene::new();
    let next = Opening { client: OPENING.client + 70_000_000, ..OPENING };
    let now = |opening| Connection { opening: Some(opening), ..connection(PORT) };
    let of_next = |segment| Segment { opening: Some(next), ..segment };
    scene.take([opened(server(0, "220", 0)), opened(client(0, "TLS", 3))]);
    assert_eq!(scene.commands(), [FlowCommand::Enough(now(OPENING))]);
    scene.take([of_next(server(0, "220", 70_000_000))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(now(OPENING))], "not the one that took its place");
    scene.flows.end_sessions(flow(PORT).client);
    assert_eq!(scene.commands(), [FlowCommand::End(now(next))]);
    scene.take([of_next(reset(client(70_000_000, "", 3)))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(now(next))]);
    scene.take([opened(fin(client(3, "", 3)))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(now(OPENING))], "an end that came late");
    scene.take([of_next(server(3, "250", 70_000_000))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(now(next))], "late payload");
}

#[test]
fn a_connection_is_known_as_the_kernel_knew_it_last() {
    let mut scene = Scene::new();
    scene.take([opened(server(0, "220", 0)), client(0, "EHLO", 3), reset(client(4, "", 3))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(connection(PORT))], "it was found again in its middle");
}
