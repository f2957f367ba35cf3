//! Postfix's postscreen with the same zone: clients that it lists, each from an address of its own, connect and are turned
//! away. What ends with the zone's name is a verdict.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::{Judge, Postscreen};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use super::report::Screened;
use super::stage::Stage;
use super::zone::ZONE;

/// Clients at once that are tried, of which the best number counts. Each waits for a second at least.
const AT_ONCE: [u32; 3] = [1_000, 4_000, 12_000];
/// Until all have come once.
const START: Duration = Duration::from_secs(3);
/// How long a client waits for its verdict.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Tally {
    next: AtomicU32,
    verdicts: AtomicU64,
}

/// Verdicts in a second.
pub(crate) fn measure(stage: &Stage, sample: Duration) -> Result<Vec<Screened>> {
    let mut tried = Vec::new();
    let tally = Arc::new(Tally::default());
    for at_once in AT_ONCE {
        let server = Postscreen::start(&stage.lab.gateway, Judge::Dnsbl(ZONE))?;
        let per_second = stage.lab.internet.run(|| crowd(at_once, sample, &tally));
        let per_second =
            per_second.with_context(|| server.log_text().chars().take(2000).collect::<String>())?;
        tried.push(Screened { at_once, per_second });
    }
    Ok(tried)
}

/// So many clients at once, each of which is followed by another when it has ended.
fn crowd(at_once: u32, sample: Duration, tally: &Arc<Tally>) -> Result<f64> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for _ in 0..at_once {
            let tally = Arc::clone(tally);
            tokio::spawn(async move {
                loop {
                    let source = nth(addr::SPARE_V4, tally.next.fetch_add(1, Ordering::Relaxed));
                    match timeout(PATIENCE, client(source)).await {
                        Ok(Ok(true)) => drop(tally.verdicts.fetch_add(1, Ordering::Relaxed)),
                        // Too many at once: the next one may have more luck.
                        _ => sleep(Duration::from_millis(10)).await,
                    }
                }
            });
        }
        sleep(START).await;
        let (first, begun) = (tally.verdicts.load(Ordering::Relaxed), Instant::now());
        sleep(sample).await;
        let verdicts = tally.verdicts.load(Ordering::Relaxed) - first;
        ensure!(verdicts > 0, "postscreen has turned nobody away because of the zone");
        Ok(verdicts as f64 / begun.elapsed().as_secs_f64())
    })
}

/// Whether the zone's name is in what the server says.
async fn client(source: IpAddr) -> Result<bool> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    let server = SocketAddr::new(addr::GATEWAY.v4.into(), addr::SMTP);
    let mut stream = socket.connect(server).await?;
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await?;
    Ok(String::from_utf8_lossy(&said).contains(ZONE))
}
