//! The thread with a server behind it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use relay_guard_common::action::Action;
use tokio::sync::mpsc::Receiver;

use super::*;
use crate::config::{Dnsbl, Lookups, Threshold, ZoneConfig};
use crate::dnsbl::resolver::tests::server::{Server, Way, a, asked_name, reply, wire};
use crate::dnsbl::score::Kind;
use crate::dnsbl::testing::weighing;

const LISTED: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 66));
const CLEAN: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));

/// A zone that lists its test point and one source.
fn zone(question: &Message, _: Way, _: usize) -> Vec<Vec<u8>> {
    let name = asked_name(question).to_string();
    let listed = ["2.0.0.127.bl.test.", "66.100.51.198.bl.test."].contains(&name.as_str());
    let mut reply = reply(question, if listed { ResponseCode::NoError } else { ResponseCode::NXDomain });
    if listed {
        reply.answers = vec![a(asked_name(question), 300, [127, 0, 0, 2])];
    }
    vec![wire(&reply)]
}

fn plan(server: &Server, score: i32) -> Arc<Plan> {
    let zone = ZoneConfig { name: "bl".to_owned(), ..weighing("bl.test", 2) };
    let lookups =
        Lookups { resolvers: vec![server.address], timeout: Duration::from_secs(20), ..Lookups::default() };
    let thresholds = vec![Threshold { score, action: Action::Drop, answers: Vec::new() }];
    Arc::new(Plan::new(&Dnsbl { lookups, zones: vec![zone], thresholds }, &[vec![25]]))
}

fn ask(handle: &Handle, address: IpAddr) {
    handle.ask(vec![Asked { address, asked_ns: crate::daemon::monotonic_ns() }]);
}

/// The next output for which there is a `T`, and by which plan it is.
async fn next<T>(batches: &mut Receiver<Batch>, wanted: impl Fn(&Output) -> Option<T>) -> (u64, T) {
    loop {
        let batch = batches.recv().await.expect("the thread has ended");
        if let Some(found) = batch.outputs.iter().find_map(&wanted) {
            return (batch.plan, found);
        }
    }
}

async fn verdict(batches: &mut Receiver<Batch>) -> (u64, IpAddr, Kind) {
    let verdict = |output: &Output| match output {
        Output::Verdict(scored) => Some((scored.address, scored.kind)),
        _ => None,
    };
    let (plan, (address, kind)) = next(batches, verdict).await;
    (plan, address, kind)
}

/// Waits until the zone has passed its tests.
async fn ready(batches: &mut Receiver<Batch>) -> u64 {
    let bits = |output: &Output| matches!(output, Output::AskBits(bits) if *bits != 0).then_some(());
    next(batches, bits).await.0
}

#[tokio::test]
async fn sources_are_asked_about_kept_restored_and_forgotten() {
    let server = Server::start(zone).await;
    let (handle, mut batches) = start(plan(&server, 2), Vec::new()).unwrap();
    assert_eq!(ready(&mut batches).await, 0);
    ask(&handle, LISTED);
    assert_eq!(verdict(&mut batches).await, (0, LISTED, Kind::Listed));
    ask(&handle, CLEAN);
    assert_eq!(verdict(&mut batches).await, (0, CLEAN, Kind::Clean));
    let report = handle.report().await.unwrap();
    assert_eq!((report.view.asks.answered, report.asks_lost), (2, 0));
    assert_eq!(report.resolvers, [server.address]);
    assert_eq!(handle.verdict(CLEAN).await.unwrap().unwrap().kind, Kind::Clean);

    let saved = handle.saved().await.unwrap();
    drop(handle);
    while batches.recv().await.is_some() {}
    let (handle, mut batches) = start(plan(&server, 2), saved).unwrap();
    assert_eq!(verdict(&mut batches).await.1, LISTED);
    assert_eq!(handle.forget(Some(LISTED)).await, Ok(1));
    assert_eq!(handle.forget(Some(LISTED)).await, Ok(0));
    let forgotten = |output: &Output| matches!(output, Output::Forget(LISTED)).then_some(());
    next(&mut batches, forgotten).await;
    assert_eq!(handle.forget(None).await, Ok(1));
    assert_eq!(handle.verdict(CLEAN).await, Ok(None));
}

#[tokio::test]
async fn another_plan_judges_anew_under_its_own_number() {
    let server = Server::start(zone).await;
    let (handle, mut batches) = start(plan(&server, 2), Vec::new()).unwrap();
    ready(&mut batches).await;
    ask(&handle, LISTED);
    assert_eq!(verdict(&mut batches).await, (0, LISTED, Kind::Listed));
    // Nothing comes to 3, so nobody is asked any more, and whoever was listed is not.
    assert_eq!(handle.set_plan(plan(&server, 3)), Ok(1));
    assert_eq!(verdict(&mut batches).await, (1, LISTED, Kind::Clean));
    assert_eq!(handle.set_plan(plan(&server, 1)), Ok(2));
    let (number, outputs) = loop {
        let batch = batches.recv().await.unwrap();
        if batch.plan == 2 {
            break (batch.plan, batch.outputs);
        }
    };
    assert_eq!(number, 2);
    assert!(
        matches!(outputs[..], [Output::Verdict(scored), Output::AskBits(1)] if scored.kind == Kind::Listed),
        "{outputs:?}"
    );
}

#[tokio::test]
async fn asks_without_room_are_counted() {
    let (asks, mut taken) = mpsc::channel(2);
    let (requests, gone) = mpsc::channel(1);
    let handle = Handle { asks, requests, lost: AtomicU64::new(0), plan: AtomicU64::new(0) };
    let asked = Asked { address: CLEAN, asked_ns: 1 };
    handle.ask(vec![]);
    handle.ask(vec![asked; 2 * ASKS_AT_ONCE + 3]);
    assert_eq!(handle.lost.load(Ordering::Relaxed), 3);
    assert_eq!(taken.recv().await.unwrap().len(), ASKS_AT_ONCE);
    drop(gone);
    assert_eq!(handle.forget(None).await, Err(Gone));
}

#[tokio::test]
async fn whom_to_ask_is_told_with_each_plan() {
    let server = Server::start(zone).await;
    let (handle, mut batches) = start(plan(&server, 2), Vec::new()).unwrap();
    ready(&mut batches).await;
    for number in 1..=2 {
        assert_eq!(handle.set_plan(plan(&server, 2)), Ok(number));
        let told = |output: &Output| matches!(output, Output::AskBits(1)).then_some(());
        assert_eq!(next(&mut batches, told).await.0, number);
    }
}
