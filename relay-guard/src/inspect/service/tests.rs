//! The thread with a kernel that is none.

mod beginnings;
mod connections;

use std::path::Path;
use std::sync::Mutex;

use relay_guard_common::{
    flow::{FlowKey, Party},
    host::HostRecord,
    parse::Flags,
};
use tokio::sync::mpsc::{Receiver, Sender};

use super::tables::Reading;
use super::*;
use crate::daemon::monotonic_ns;
use crate::inspect::{HostKind, hosts::Change, ladder::HostState, segment::Opening};

const ZOMBIE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 66));
const HOUR_NS: u64 = 3_600_000_000_000;

/// A segment, with its payload.
struct Sent {
    flow: FlowKey,
    from: Party,
    direction: Direction,
    sequence: u32,
    acknowledgment: u32,
    flags: u8,
    payload: Vec<u8>,
}

/// What was done to the kernel.
#[derive(Clone, Debug, PartialEq)]
enum Done {
    Ordered(Connection, Order),
    FlowForgotten(Connection),
    HostForgotten(IpAddr),
}

struct Fake {
    segments: Receiver<Sent>,
    /// One that was waited for.
    first: Option<Sent>,
    done: Arc<Mutex<Vec<Done>>>,
}

impl Kernel for Fake {
    async fn ready(&mut self) -> io::Result<()> {
        if self.first.is_none() {
            match self.segments.recv().await {
                Some(sent) => self.first = Some(sent),
                None => std::future::pending().await,
            }
        }
        Ok(())
    }

    fn drain(&mut self, most: usize, take: &mut dyn FnMut(&Segment<'_>, Direction)) -> usize {
        for taken in 0..most {
            let Some(sent) = self.first.take().or_else(|| self.segments.try_recv().ok()) else {
                return taken;
            };
            let segment = Segment {
                time_ns: monotonic_ns(),
                flow: sent.flow,
                from: sent.from,
                sequence: sent.sequence,
                acknowledgment: Some(sent.acknowledgment),
                flags: Flags(sent.flags),
                len: sent.payload.len() as u32,
                payload: &sent.payload,
                opening: OPENED,
                skipped_own: false,
                skipped_other: false,
            };
            take(&segment, sent.direction);
        }
        most
    }

    fn order(&mut self, connection: &Connection, order: Order) {
        self.done.lock().expect("sound").push(Done::Ordered(*connection, order));
    }

    fn forget_flow(&mut self, connection: &Connection) {
        self.done.lock().expect("sound").push(Done::FlowForgotten(*connection));
    }

    fn forget_host(&mut self, address: Address) {
        self.done.lock().expect("sound").push(Done::HostForgotten(address.into()));
    }
}

struct World {
    handle: Handle,
    batches: Receiver<Batch>,
    segments: Sender<Sent>,
    readings: Sender<Reading>,
    done: Arc<Mutex<Vec<Done>>>,
}

fn rules(text: &str) -> Rules {
    let text = format!("mode = \"enforce\"\ninterfaces.inside = [\"eth0\"]\n{text}");
    let config = crate::config::parse(&text, Path::new("/guard.toml")).expect("a configuration");
    Rules::of(&config, [7; 16], Vec::new())
}

fn beginning(text: &str) -> Beginning {
    Beginning {
        rules: rules(text),
        kinds: Arc::new(Kinds::default()),
        sessions: 100,
        saved: Saved::default(),
        contained: Vec::new(),
    }
}

fn world(beginning: Beginning) -> World {
    let (segments, taken) = mpsc::channel(1024);
    let (readings, read) = mpsc::channel(4);
    let done = Arc::new(Mutex::new(Vec::new()));
    let kernel = Fake { segments: taken, first: None, done: Arc::clone(&done) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (handle, batches) = begin(runtime, kernel, read, beginning).expect("a thread");
    World { handle, batches, segments, readings, done }
}

/// The next output for which there is a `T`, and by which rules it is.
async fn next<T>(batches: &mut Receiver<Batch>, wanted: impl Fn(&Output) -> Option<T>) -> (u64, T) {
    loop {
        let batch = batches.recv().await.expect("the thread has ended");
        if let Some(found) = batch.outputs.iter().find_map(&wanted) {
            return (batch.rules, found);
        }
    }
}

fn contained(output: &Output) -> Option<Vec<(IpAddr, u8)>> {
    match output {
        Output::Contained(all) => Some(all.iter().map(|one| (one.address, one.step)).collect()),
        Output::Command(_) => None,
    }
}

fn contain(output: &Output) -> Option<(IpAddr, u8)> {
    match output {
        Output::Command(Command::Contain { address, step, .. }) => Some((*address, *step)),
        _ => None,
    }
}

/// What the kernel counted of a host that writes to everybody.
fn flood() -> Reading {
    let mut record = HostRecord::new(monotonic_ns());
    (record.attempts, record.current.attempts) = (900, 900);
    record.current.sketch = [u64::MAX; 16];
    Reading::Hosts(vec![(ZOMBIE.into(), record)], 1)
}

#[tokio::test]
async fn a_flood_is_contained_until_it_is_released() {
    let mut world = world(beginning(""));
    assert_eq!(next(&mut world.batches, contained).await, (0, Vec::new()), "nobody is, at the start");
    world.readings.send(flood()).await.expect("it reads");
    let (rules, changed) = next(&mut world.batches, |output| match output {
        Output::Command(Command::Changed { address, change, .. }) => Some((*address, change.clone())),
        _ => None,
    })
    .await;
    assert_eq!((rules, changed.0), (0, ZOMBIE));
    assert!(matches!(changed.1.to, HostState::Contained(_)) && !changed.1.signals.is_empty(), "{changed:?}");
    let (total, hosts) = world.handle.hosts(10).await.expect("it lives").known;
    assert_eq!((total, hosts.len(), hosts[0].address), (1, 1, ZOMBIE));
    let report = world.handle.report().await.expect("it lives");
    assert_eq!((report.hosts, report.standing), (1, (0, 1)));
    assert_eq!(world.handle.saved().await.expect("it lives").hosts.len(), 1);

    assert_eq!(world.handle.release(ZOMBIE).await, Ok(true));
    let released = |output: &Output| matches!(output, Output::Command(Command::Release { .. })).then_some(());
    next(&mut world.batches, released).await;
    assert!(world.done.lock().expect("sound").contains(&Done::HostForgotten(ZOMBIE)), "it is counted anew");
    assert_eq!(world.handle.release("10.9.9.9".parse().expect("an address")).await, Ok(false));
    // Whoever drops the handle ends the thread.
    drop(world.handle);
    while world.batches.recv().await.is_some() {}
}

#[tokio::test]
async fn who_is_said_to_be_contained_is_so_by_the_batches_that_are_named() {
    let mut world = world(beginning(""));
    world.readings.send(flood()).await.expect("it reads");
    let AsOf { batches, .. } = loop {
        let said = world.handle.host(ZOMBIE).await.expect("it lives");
        if said.known.as_ref().is_some_and(|host| matches!(host.view.state, HostState::Contained(_))) {
            break said;
        }
        tokio::task::yield_now().await;
    };
    let mut outputs = Vec::new();
    for _ in 0..batches {
        outputs.extend(world.batches.recv().await.expect("it lives").outputs);
    }
    assert!(outputs.iter().any(|output| contain(output).is_some()), "{outputs:?}");
}

#[tokio::test]
async fn other_rules_say_anew_who_is_contained() {
    let mut world = world(beginning(""));
    world.readings.send(flood()).await.expect("it reads");
    assert_eq!(next(&mut world.batches, contain).await, (0, (ZOMBIE, 2)));
    let dropping = "[[containment]]\nscore = 10\naction = \"drop\"\n";
    assert_eq!(world.handle.set_rules(rules(dropping)), Ok(1));
    assert_eq!(next(&mut world.batches, contained).await, (1, Vec::new()), "the third step is no more");
    world.readings.send(flood()).await.expect("it reads");
    assert_eq!(next(&mut world.batches, contain).await, (1, (ZOMBIE, 0)));
    assert_eq!(world.handle.set_rules(rules("inspection.enabled = false")), Ok(2));
    assert_eq!(next(&mut world.batches, contained).await, (2, Vec::new()));
}

#[tokio::test]
async fn what_an_earlier_daemon_contained_stays_so_unless_it_is_somebody_else() {
    let left = Contained { address: ZOMBIE, step: 2, until_ns: monotonic_ns() + HOUR_NS };
    let mut world = world(Beginning { contained: vec![left], ..beginning("") });
    assert_eq!(next(&mut world.batches, contained).await, (0, vec![(ZOMBIE, 2)]));
    let declared = crate::config::Hosts { excepted: vec![ZOMBIE.into()], ..Default::default() };
    let kinds = Kinds::new(&declared, [], []);
    assert_eq!(kinds.of(ZOMBIE), HostKind::Excepted);
    assert_eq!(world.handle.set_kinds(Arc::new(kinds)), Ok(()));
    let released = |output: &Output| matches!(output, Output::Command(Command::Release { .. })).then_some(());
    next(&mut world.batches, released).await;
}

fn flow(port: u16) -> FlowKey {
    FlowKey::new((ZOMBIE.into(), port), (Address::v4([203, 0, 113, 7]), 25))
}

/// The handshake's numbers, of all connections.
const OPENED: Option<Opening> = Some(Opening { client: 1000, server: 5000 });

fn connection(port: u16) -> Connection {
    Connection { flow: flow(port), opening: OPENED }
}

/// Sends what both say, in turns: the server first. The sequence numbers that come next.
async fn say(segments: &Sender<Sent>, port: u16, direction: Direction, lines: &[&str]) -> [u32; 2] {
    let mut next = [1000_u32, 5000];
    for (turn, line) in lines.iter().enumerate() {
        let from = if turn % 2 == 0 { Party::Server } else { Party::Client };
        let sent = Sent {
            flow: flow(port),
            from,
            direction,
            sequence: next[from as usize],
            acknowledgment: next[from.other() as usize],
            flags: Flags::ACK,
            payload: line.as_bytes().to_vec(),
        };
        next[from as usize] += line.len() as u32;
        segments.send(sent).await.expect("it reads");
    }
    next
}

/// Sends what both say, and how they end.
async fn talk(segments: &Sender<Sent>, port: u16, direction: Direction, lines: &[&str]) {
    let mut next = say(segments, port, direction, lines).await;
    for (from, flags) in [(Party::Client, Flags::ACK | Flags::FIN), (Party::Server, Flags::ACK | Flags::FIN)]
    {
        let (sequence, acknowledgment) = (next[from as usize], next[from.other() as usize]);
        let payload = Vec::new();
        let sent = Sent { flow: flow(port), from, direction, sequence, acknowledgment, flags, payload };
        next[from as usize] += 1;
        segments.send(sent).await.expect("it reads");
    }
}

const MESSAGE: [&str; 11] = [
    "220 mx.example ESMTP\r\n",
    "EHLO pc.example\r\n",
    "250 mx.example\r\n",
    "MAIL FROM:<a@example.com>\r\n",
    "250 ok\r\n",
    "RCPT TO:<b@example.net>\r\n",
    "550 5.1.1 nobody\r\n",
    "RSET\r\n",
    "250 ok\r\n",
    "QUIT\r\n",
    "221 bye\r\n",
];

/// Waits until so many sessions were seen to their end, both ways.
async fn seen(handle: &Handle, sessions: u64) -> Report {
    loop {
        let report = handle.report().await.expect("it lives");
        if report.outbound.sessions + report.inbound.sessions >= sessions {
            return report;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn sessions_are_read_and_their_connections_forgotten() {
    let world = world(beginning(""));
    talk(&world.segments, 40_000, Direction::Outbound, &MESSAGE).await;
    talk(&world.segments, 40_001, Direction::Inbound, &MESSAGE).await;
    let report = seen(&world.handle, 2).await;
    let one = Seen { sessions: 1, transactions: 1 };
    assert_eq!((report.outbound, report.inbound, report.sessions), (one, one, 0));
    assert_eq!(report.segments, 2 * 13);
    let host = world.handle.host(ZOMBIE).await.expect("it lives").known.expect("it is known");
    assert_eq!((host.view.sessions, host.recent.len()), (1, 1), "strangers' sessions are not judged");
    assert_eq!((host.recent[0].sender.as_deref(), host.recent[0].refused), (Some("a@example.com"), 1));
    let done = world.done.lock().expect("sound").clone();
    for port in [40_000, 40_001] {
        assert!(done.contains(&Done::FlowForgotten(connection(port))), "{done:?}");
    }
    let stranger = world.handle.host("10.9.9.9".parse().expect("an address")).await;
    assert_eq!(stranger.expect("it lives").known, None);
}

#[tokio::test]
async fn what_is_encrypted_is_said_to_be() {
    let world = world(beginning(""));
    let hello = "\u{16}\u{3}\u{1}";
    let lines =
        ["220 mx\r\n", "EHLO pc\r\n", "250-mx\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n", hello];
    talk(&world.segments, 40_000, Direction::Outbound, &lines).await;
    seen(&world.handle, 1).await;
    let host = world.handle.host(ZOMBIE).await.expect("it lives").known.expect("it is known");
    assert!(host.recent[0].tls, "{host:?}");
}

#[tokio::test]
async fn what_is_no_mail_is_watched_no_more() {
    let world = world(beginning(""));
    say(&world.segments, 40_000, Direction::Outbound, &["good morning\r\n", "anything at all\r\n"]).await;
    let done = loop {
        let done = world.done.lock().expect("sound").clone();
        if !done.is_empty() {
            break done;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done, [Done::Ordered(connection(40_000), Order::Enough)]);
}

/// All that a thread has, without the thread: what is sent is taken when it is told to, and time is what it is told.
fn work(beginning: Beginning) -> (Work<Fake>, Sender<Sent>, Arc<Mutex<Vec<Done>>>) {
    let (segments, taken) = mpsc::channel(1024);
    let done = Arc::new(Mutex::new(Vec::new()));
    let kernel = Fake { segments: taken, first: None, done: Arc::clone(&done) };
    (Work::new(kernel, beginning), segments, done)
}

#[test]
fn containments_by_steps_of_before_are_not_said_by_rules_of_now() {
    let left = Contained { address: ZOMBIE, step: 2, until_ns: monotonic_ns() + HOUR_NS };
    let (mut work, ..) = work(Beginning { contained: vec![left], ..beginning("") });
    let change = Change {
        at_ns: 1,
        from: HostState::Quiet,
        to: HostState::Contained(2),
        score: 100,
        signals: Vec::new(),
        by_hand: false,
    };
    let changed = Output::Command(Command::Changed { address: ZOMBIE, kind: HostKind::Host, change });
    let contain = Output::Command(Command::Contain { address: ZOMBIE, step: 2, until_ns: 5 });
    work.outputs = vec![contain, changed.clone()];
    work.follow(rules("inspection.half_life = \"1h\""));
    assert_eq!(work.outputs, [changed, Output::Contained(vec![left])]);
}
