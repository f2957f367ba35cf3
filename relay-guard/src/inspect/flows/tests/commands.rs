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
    assert_eq!(scene.commands(), [FlowCommand::Enough(flow(PORT))]);
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
        assert_eq!(scene.commands(), [FlowCommand::Forget(flow(PORT))]);
    }
}

#[test]
fn a_connection_that_is_given_up_is_forgotten() {
    let mut scene = Scene::with(Limits { sessions: 1, ..Limits::default() });
    scene.take([server(0, "220", 0), on(7, server(0, "220", 0))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(flow(PORT))]);
    scene.wait(900 * SECOND);
    assert_eq!(scene.commands(), [FlowCommand::Forget(flow(7))]);
}

#[test]
fn a_segment_that_begins_nothing_leaves_nothing_in_the_kernel() {
    let mut scene = Scene::new();
    scene.take([fin(client(0, "", 0))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(flow(PORT))]);
    scene.take([server(0, "220", 0), reset(client(0, "", 3))]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(flow(PORT))]);
    scene.take([server(0, "220", 0)]);
    assert_eq!(scene.commands(), [FlowCommand::Forget(flow(PORT))], "late payload made a flow");
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
    assert_eq!(ended, [flow(PORT), flow(7)].map(FlowCommand::End));
    assert_eq!(scene.flows.end_sessions(Address::v4([192, 0, 2, 1])), 0, "once is enough");
    scene.heard();
    scene.take([client(500, "more", 3)]).wait(60 * SECOND);
    let heard = scene.heard();
    assert_eq!(heard.last(), Some(&over(Ended::Reset)));
    assert_eq!((scene.flows.len(), scene.counters().stray), (1, 0), "{heard:?}");
    assert_eq!(scene.commands().len(), 2);
}
