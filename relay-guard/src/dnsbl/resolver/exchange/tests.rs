//! Connections that say nothing, or do not come about.

use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::RecordType;
use tokio::net::{TcpSocket, TcpStream};

use super::super::tests::server::{Script, Server as Scripted, Way, a, asked_name, name, reply, wire};
use super::*;

fn query() -> Query {
    Query::query(name("2.0.0.127.bl.test."), RecordType::A)
}

fn answer(question: &Message, way: Way) -> Vec<Vec<u8>> {
    let mut reply = reply(question, ResponseCode::NoError);
    reply.metadata.truncation = way == Way::Udp;
    reply.answers = vec![a(asked_name(question), 300, [127, 0, 0, 2])];
    vec![wire(&reply)]
}

#[tokio::test]
async fn a_connection_that_says_nothing_any_more_is_replaced() {
    let scripted = Scripted::start_forgotten(|question, way, _| answer(question, way)).await;
    let server = Server::new(scripted.address);
    for _ in 0..3 {
        let deadline = Instant::now() + Duration::from_secs(4);
        assert!(server.ask(&query(), deadline).await.is_ok());
    }
    let tcp = scripted.asked().into_iter().filter(|(way, ..)| *way == Way::Tcp);
    let ports: Vec<u16> = tcp.map(|(_, _, port)| port).collect();
    assert!(
        matches!(ports[..], [first, kept, second, again, third]
        if first == kept && second == again && first != second && second != third),
        "{ports:?}"
    );
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_any_more_takes_its_connection_along() {
    let silent: Script = |question, way, _| if way == Way::Udp { answer(question, way) } else { Vec::new() };
    let scripted = Scripted::start_forgotten(silent).await;
    let server = Server::new(scripted.address);
    let (query, deadline) = (query(), Instant::now() + Duration::from_secs(20));
    let mut asked = Box::pin(server.ask(&query, deadline));
    while !scripted.ways().contains(&Way::Tcp) {
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut asked).await.is_err());
    }
    assert!(server.tcp().exchange.is_some());
    drop(asked);
    assert!(server.tcp().exchange.is_none());
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_does_not_take_all_the_time() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: what does not fit into the queue any more is not answered.
    let mut queued = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        queued.push(stream);
    }
    let server = Server::new(address);
    let deadline = Instant::now() + Duration::from_secs(4);
    let failed = server.connection(deadline).await.err();
    assert!(matches!(failed, Some(NetError::Timeout)), "{failed:?}");
    assert!(Instant::now() < deadline, "the next one has time left for another try");
}
