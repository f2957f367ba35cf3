//! What the log says, and what it must not.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_resolver::proto::op::{Message, ResponseCode};
use tracing::Dispatch;

use super::*;
use crate::config::Lookups;
use crate::dnsbl::question::{Question, RecordKind};
use crate::dnsbl::resolver::Resolver;
use crate::dnsbl::resolver::tests::server::{Server, Way, name, reply, wire};

const KEY: &str = "s3cr3tk3y";

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A forged answer first, which hickory warns of; then one that is cut off, so that TCP is asked too.
fn script(question: &Message, way: Way, _: usize) -> Vec<Vec<u8>> {
    let mut forged = reply(question, ResponseCode::NXDomain);
    forged.queries[0].set_name(name("2.0.0.127.forged.test."));
    let mut answer = reply(question, ResponseCode::NXDomain);
    answer.metadata.truncation = way == Way::Udp;
    match way {
        Way::Udp => vec![wire(&forged), wire(&answer)],
        Way::Tcp => vec![wire(&answer)],
    }
}

/// What is logged while a zone with a key is asked.
async fn logged(log: impl FnOnce(Written) -> Dispatch) -> String {
    let written = Written::default();
    let _log = tracing::dispatcher::set_default(&log(written.clone()));
    let server = Server::start(script).await;
    let timeout = Duration::from_secs(20);
    let resolver = Resolver::new(&Lookups { resolvers: vec![server.address], timeout, ..Lookups::default() });
    let name = format!("2.0.0.127.{KEY}.zen.dq.test.");
    assert!(resolver.ask(Question { id: 1, name, kind: RecordKind::A }).await.result.is_ok());
    assert_eq!(server.ways(), [Way::Udp, Way::Tcp]);
    tracing::error!("the end");
    written.text()
}

#[tokio::test]
async fn keys_are_not_logged_whatever_the_environment_asks_for() {
    let open = |written: Written| {
        let lines = fmt::layer().with_writer(move || written.clone());
        Dispatch::new(registry().with(EnvFilter::new("trace")).with(lines))
    };
    assert!(logged(open).await.contains(KEY), "this test would see it");
    for asked in
        ["trace", "hickory_net::udp=debug", "hickory_net::udp::udp_client_stream[{}]=trace,hickory=trace"]
    {
        let quiet = |written: Written| {
            Dispatch::new(log(EnvFilter::new(asked), false, true, move || written.clone()))
        };
        let text = logged(quiet).await;
        assert!(!text.contains(KEY) && !text.contains("forged"), "{asked}: {text}");
        assert_eq!(text.contains("the end"), asked == "trace", "{asked}: {text}");
    }
}

#[test]
fn the_journal_brings_the_time() {
    let line = |timed: bool| {
        let written = Written::default();
        let to = written.clone();
        tracing::subscriber::with_default(
            log(EnvFilter::new("info"), false, timed, move || to.clone()),
            || {
                tracing::info!("here");
                tracing::debug!("not here");
            },
        );
        written.text()
    };
    assert_eq!(line(false), " INFO here\n");
    assert!(line(true).ends_with("Z  INFO here\n"));
}
