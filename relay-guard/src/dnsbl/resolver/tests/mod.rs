//! The resolver against a server that does what servers do, and should not do.

pub(crate) mod server;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use hickory_resolver::proto::op::{Message, ResponseCode};

use super::*;
use server::{Script, Server, Way, a, asked_name, cname, name, ns, reply, soa, txt, wire};

/// Far more than any answer takes on the loopback; no test waits for it that passes.
const LONG: Duration = Duration::from_secs(20);

/// For tests in which nobody answers.
const SHORT: Duration = Duration::from_millis(400);

fn resolver(servers: &[SocketAddr], timeout: Duration) -> Resolver {
    Resolver::new(&Lookups { resolvers: servers.to_vec(), timeout, ..Lookups::default() })
}

fn question(kind: RecordKind) -> Question {
    Question { id: 7, name: "2.0.0.127.bl.test.".to_owned(), kind }
}

async fn ask(script: Script, kind: RecordKind, timeout: Duration) -> (Result<Records, Fault>, Server) {
    let server = Server::start(script).await;
    let reply = resolver(&[server.address], timeout).ask(question(kind)).await;
    assert_eq!(reply.id, 7);
    (reply.result, server)
}

fn addresses(addresses: &[[u8; 4]], ttl_s: u32) -> Result<Records, Fault> {
    Ok(Records::A { addresses: addresses.iter().copied().map(Into::into).collect(), ttl_s })
}

fn malformed(cause: &str) -> Result<Records, Fault> {
    Err(Fault::Malformed(cause.to_owned()))
}

fn one(message: &Message) -> Vec<Vec<u8>> {
    vec![wire(message)]
}

fn listed(question: &Message, _: Way, _: usize) -> Vec<Vec<u8>> {
    let mut reply = reply(question, ResponseCode::NoError);
    reply.answers = vec![a(asked_name(question), 300, [127, 0, 0, 2])];
    one(&reply)
}

fn silent(_: &Message, _: Way, _: usize) -> Vec<Vec<u8>> {
    Vec::new()
}

fn code<const CODE: u16>(question: &Message, _: Way, _: usize) -> Vec<Vec<u8>> {
    one(&reply(question, ResponseCode::from(0, CODE as u8)))
}

#[tokio::test]
async fn answers_about_addresses() {
    let cases: [(&str, Script, Result<Records, Fault>); 12] = [
        ("one address", listed, addresses(&[[127, 0, 0, 2]], 300)),
        (
            "several, of which the first to expire counts",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                let owner = asked_name(question);
                reply.answers = vec![
                    a(owner.clone(), 300, [127, 0, 0, 4]),
                    a(owner.clone(), 60, [127, 0, 0, 2]),
                    a(owner, 90, [10, 1, 2, 3]),
                ];
                one(&reply)
            },
            addresses(&[[127, 0, 0, 4], [127, 0, 0, 2], [10, 1, 2, 3]], 60),
        ),
        (
            "behind aliases, which expire too, and in any case",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                reply.answers = vec![
                    cname(asked_name(question), 500, "One.alias.test."),
                    cname(name("one.ALIAS.test."), 40, "two.alias.test."),
                    a(name("two.alias.test."), 300, [127, 0, 0, 3]),
                ];
                one(&reply)
            },
            addresses(&[[127, 0, 0, 3]], 40),
        ),
        (
            "aliases in a circle",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                reply.answers = vec![
                    cname(asked_name(question), 500, "one.test."),
                    cname(name("one.test."), 500, "two.test."),
                    cname(name("two.test."), 500, "one.test."),
                ];
                one(&reply)
            },
            Ok(Records::None { ttl_s: 0 }),
        ),
        (
            "addresses of names that nobody asked about",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                reply.answers = vec![a(name("3.0.0.127.bl.test."), 300, [127, 0, 0, 2])];
                reply.authorities = vec![soa(900, 700)];
                one(&reply)
            },
            Ok(Records::None { ttl_s: 700 }),
        ),
        (
            "no such name, for as long as the record lives",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NXDomain);
                reply.authorities = vec![soa(120, 700)];
                one(&reply)
            },
            Ok(Records::None { ttl_s: 120 }),
        ),
        (
            "no data, for as long as the zone says",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                reply.authorities = vec![ns(), soa(900, 150)];
                one(&reply)
            },
            Ok(Records::None { ttl_s: 150 }),
        ),
        ("no such name, without a word for how long", code::<3>, Ok(Records::None { ttl_s: 0 })),
        (
            "others who may know",
            |question, _, _| {
                let mut reply = reply(question, ResponseCode::NoError);
                reply.authorities = vec![ns()];
                one(&reply)
            },
            malformed("the server only names others to ask; is it a resolver?"),
        ),
        ("SERVFAIL", code::<2>, Err(Fault::ServFail)),
        ("REFUSED", code::<5>, Err(Fault::Refused)),
        ("not responsible", code::<9>, Err(Fault::Refused)),
    ];
    for (what, script, expected) in cases {
        let (result, server) = ask(script, RecordKind::A, LONG).await;
        assert_eq!(result, expected, "{what}");
        assert_eq!(server.ways(), [Way::Udp], "{what}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_waited_over() {
    let (result, _) = ask(
        |question, way, number| {
            let mut forged = reply(question, ResponseCode::NXDomain);
            forged.metadata.id = question.id.wrapping_add(1);
            let mut other = reply(question, ResponseCode::NXDomain);
            other.queries[0].set_name(name("3.0.0.127.bl.test."));
            let mut answers = vec![vec![], vec![0], wire(&forged), wire(&other)];
            answers.extend(listed(question, way, number));
            answers
        },
        RecordKind::A,
        LONG,
    )
    .await;
    assert_eq!(result, addresses(&[[127, 0, 0, 2]], 300));
}

#[tokio::test]
async fn garbage_is_a_fault() {
    let garbage: Script = |question, _, _| vec![[&question.id.to_be_bytes()[..], &[0xff; 9]].concat()];
    for (script, cause, tries) in
        [(garbage, "it is no DNS message", 1), (code::<1>, "the server says \"Form Error\"", 2)]
    {
        let (result, server) = ask(script, RecordKind::A, LONG).await;
        assert_eq!(result, malformed(cause));
        assert_eq!(server.ways(), [Way::Udp].repeat(tries));
    }
}

#[tokio::test]
async fn what_is_cut_off_is_asked_for_over_tcp() {
    fn cut_off(question: &Message, code: ResponseCode) -> Vec<Vec<u8>> {
        let mut reply = reply(question, code);
        reply.metadata.truncation = true;
        one(&reply)
    }
    let many: Script = |question, way, _| {
        if way == Way::Udp {
            return cut_off(question, ResponseCode::NoError);
        }
        let mut reply = reply(question, ResponseCode::NoError);
        reply.answers = (0..200).map(|last| a(asked_name(question), 300, [127, 0, 1, last])).collect();
        one(&reply)
    };
    let server = Server::start(many).await;
    let resolver = resolver(&[server.address], LONG);
    // The server closes the connection after each answer, which is no fault when there is another question.
    for _ in 0..3 {
        let result = resolver.ask(question(RecordKind::A)).await.result;
        let Ok(Records::A { addresses, ttl_s: 300 }) = result else { panic!("{result:?}") };
        assert_eq!(addresses.len(), 200);
    }
    assert_eq!(server.ways(), [Way::Udp, Way::Tcp].repeat(3));

    let always: Script = |question, _, _| cut_off(question, ResponseCode::NoError);
    assert_eq!(ask(always, RecordKind::A, SHORT).await.0, malformed("it is cut off, even over TCP"));
    let unlisted: Script = |question, way, _| match way {
        Way::Udp => cut_off(question, ResponseCode::NXDomain),
        Way::Tcp => one(&reply(question, ResponseCode::NXDomain)),
    };
    assert_eq!(ask(unlisted, RecordKind::A, LONG).await.0, Ok(Records::None { ttl_s: 0 }));
}

#[tokio::test]
async fn texts_are_few_short_and_printable() {
    let (result, _) = ask(
        |question, _, _| {
            let mut reply = reply(question, ResponseCode::NoError);
            let owner = asked_name(question);
            let long = [b'x'; 200];
            reply.answers = vec![
                txt(owner.clone(), &[b"see https://bl.test/", b"?ip=\x1b[31m\r\n\xc3\xa4\0"]),
                txt(owner.clone(), &[&long, &long]),
                txt(owner.clone(), &[b""]),
                txt(owner.clone(), &[b"four"]),
                txt(owner, &[b"five"]),
            ];
            one(&reply)
        },
        RecordKind::Txt,
        LONG,
    )
    .await;
    let texts =
        ["see https://bl.test/?ip=?[31m?????".to_owned(), "x".repeat(255), String::new(), "four".to_owned()];
    assert_eq!(result, Ok(Records::Txt(texts.to_vec())));
}

#[tokio::test]
async fn nobody_answers() {
    let (result, server) = ask(silent, RecordKind::A, SHORT).await;
    assert_eq!(result, Err(Fault::Timeout));
    assert_eq!(server.ways(), [Way::Udp; 2]);
    let ports: HashSet<u16> = server.asked().iter().map(|(_, _, port)| *port).collect();
    let ids: HashSet<u16> = server.asked().iter().map(|(_, question, _)| question.id).collect();
    assert_eq!((ports.len(), ids.len()), (2, 2), "each try has a port and a number of its own");
    let (_, message, _) = &server.asked()[0];
    assert!(message.recursion_desired && message.edns.is_some());
}

#[tokio::test]
async fn a_lost_packet_is_made_up_for() {
    let second: Script =
        |question, way, number| if number == 1 { vec![] } else { listed(question, way, number) };
    assert_eq!(ask(second, RecordKind::A, SHORT).await.0, addresses(&[[127, 0, 0, 2]], 300));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_fault_of_the_network() {
    let gone = Server::start(silent).await.address;
    let reply = resolver(&[gone], SHORT).ask(question(RecordKind::A)).await;
    assert_eq!(reply.result, Err(Fault::Network("Connection refused".to_owned())));
}

#[tokio::test]
async fn another_server_answers_for_one_that_does_not() {
    let scripts: [Script; 4] = [silent, code::<2>, code::<5>, |question, _, _| {
        let mut other = reply(question, ResponseCode::NoError);
        other.metadata.truncation = true;
        vec![wire(&other)]
    }];
    for script in scripts {
        let (bad, good) = (Server::start(script).await, Server::start(listed).await);
        let resolver = resolver(&[bad.address, good.address], Duration::from_secs(4));
        let before = bad.asked().len();
        assert_eq!(resolver.ask(question(RecordKind::A)).await.result, addresses(&[[127, 0, 0, 2]], 300));
        let asked = bad.asked().len();
        assert!(asked > before);
        // From then on the other one is asked first, and nobody waits.
        for _ in 0..5 {
            assert_eq!(resolver.ask(question(RecordKind::A)).await.result, addresses(&[[127, 0, 0, 2]], 300));
        }
        assert_eq!(bad.asked().len(), asked);
    }
}

#[tokio::test]
async fn of_two_faults_the_more_telling_one_is_told() {
    let (dumb, failing) = (Server::start(silent).await, Server::start(code::<2>).await);
    for servers in [[dumb.address, failing.address], [failing.address, dumb.address]] {
        let reply = resolver(&servers, SHORT).ask(question(RecordKind::A)).await;
        assert_eq!(reply.result, Err(Fault::ServFail));
    }
}

#[tokio::test]
async fn questions_that_cannot_be_asked_are_faults_that_do_not_show_them() {
    let server = Server::start(listed).await;
    let resolver = resolver(&[server.address], LONG);
    for bad in [format!("{}.test.", "secret".repeat(20)), "secret.".repeat(60)] {
        let result = resolver.ask(Question { id: 1, name: bad, kind: RecordKind::A }).await.result;
        let Err(fault @ Fault::Malformed(_)) = result else { panic!("{result:?}") };
        assert!(!fault.to_string().contains("secret"), "{fault}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn many_questions_at_once_are_all_answered() {
    let echo: Script = |question, _, _| {
        let mut reply = reply(question, ResponseCode::NoError);
        let label: u16 = asked_name(question).to_string().split('.').next().unwrap().parse().unwrap();
        let [high, low] = label.to_be_bytes();
        reply.answers = vec![a(asked_name(question), 60, [127, 1, high, low])];
        one(&reply)
    };
    let server = Server::start(echo).await;
    let resolver = resolver(&[server.address], LONG);
    let asks = (0..1000_u16).map(|number| {
        let question =
            Question { id: number.into(), name: format!("{number}.bl.test."), kind: RecordKind::A };
        resolver.ask(question)
    });
    for reply in futures_util::future::join_all(asks).await {
        let [high, low] = u16::try_from(reply.id).unwrap().to_be_bytes();
        assert_eq!(reply.result, addresses(&[[127, 1, high, low]], 60));
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without() {
    fn plain<const CODE: u16>(question: &Message, way: Way, number: usize) -> Vec<Vec<u8>> {
        if question.edns.is_some() {
            code::<CODE>(question, way, number)
        } else {
            listed(question, way, number)
        }
    }
    for script in [plain::<1> as Script, plain::<4>] {
        let server = Server::start(script).await;
        let resolver = resolver(&[server.address], LONG);
        for _ in 0..2 {
            let result = resolver.ask(question(RecordKind::A)).await.result;
            assert_eq!(result, addresses(&[[127, 0, 0, 2]], 300));
        }
        let edns: Vec<bool> = server.asked().iter().map(|(_, question, _)| question.edns.is_some()).collect();
        assert_eq!(edns, [true, false, false], "it is remembered");
    }
}

#[tokio::test]
async fn a_third_server_is_asked_after_two_that_are_dead() {
    let (one, two) = (Server::start(silent).await, Server::start(silent).await);
    let three = Server::start(listed).await;
    let resolver = resolver(&[one.address, two.address, three.address], SHORT);
    let faults = futures_util::future::join_all((0..4).map(|_| resolver.ask(question(RecordKind::A)))).await;
    assert!(faults.iter().all(|reply| reply.result == Err(Fault::Timeout)), "{faults:?}");
    for _ in 0..3 {
        assert_eq!(resolver.ask(question(RecordKind::A)).await.result, addresses(&[[127, 0, 0, 2]], 300));
    }
}

#[tokio::test]
async fn what_is_not_asked_for_want_of_sockets_is_our_own_fault_and_tests_do_not_wait() {
    let server = Server::start(silent).await;
    let lookups = Lookups { resolvers: vec![server.address], timeout: SHORT, ..Lookups::default() };
    let resolver = Resolver::with_sockets(&lookups, 4);
    let all = resolver.sockets.all.acquire_many(2).await.unwrap();
    let asked = || question(RecordKind::A);
    let [source, test, other] = futures_util::future::join_all([
        resolver.ask(asked()).boxed(),
        resolver.ask_first(asked()).boxed(),
        resolver.ask_first(asked()).boxed(),
    ])
    .await
    .try_into()
    .unwrap();
    assert_eq!(source.result, Err(Fault::Busy));
    assert_eq!(test.result, Err(Fault::Timeout), "it was asked");
    assert_eq!(other.result, Err(Fault::Busy), "no more are reserved");
    assert!(Fault::Busy.is_our_own());
    drop(all);
    assert_eq!(resolver.ask(asked()).await.result, Err(Fault::Timeout));
}

#[test]
fn an_answer_tells_more_than_silence() {
    let order = [Fault::Busy, Fault::Timeout, Fault::Network("gone".to_owned()), Fault::ServFail];
    for (place, low) in order.iter().enumerate() {
        for high in &order[place..] {
            assert_eq!(more_telling(low.clone(), high.clone()), *high);
            assert_eq!(more_telling(high.clone(), low.clone()), *high);
        }
    }
}
