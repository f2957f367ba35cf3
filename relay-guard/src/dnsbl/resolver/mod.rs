//! Questions to the resolvers: asked once more if there is no answer, in time or not at all, and never cached.
//!
//! hickory does the wire: messages, sockets, and TCP after a truncated answer. What it has above that is not for these
//! questions, nearly all of which are about names that do not exist: its pool takes such an answer for a failure of the
//! server, whom it then waits for ever longer, and gives the whole time to the first server. Whom to ask and when is
//! here (`servers`, and the two tries in this file); what an answer says is in `answer`.
//!
//! Knows nothing of zones, scores and health. A question's name may hold a key, so nothing here shows names: hickory's
//! own log lines do, and are off (`cli/run.rs`).

mod answer;
mod exchange;
mod servers;
mod sockets;
mod system;
#[cfg(test)]
pub(crate) mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::proto::op::{DnsResponse, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use super::question::{Fault, Question, RecordKind, Records, Reply};
use crate::config::Lookups;
use exchange::Server;
use servers::Servers;

pub use answer::{MAX_TEXT_BYTES, MAX_TEXTS, sanitised};
pub use sockets::MAX_SOCKETS;

/// After which part of the time a question is asked once more: half a second of the default two, so that the answer to
/// the second is there before a held sender comes back, which is after one second.
const SECOND_TRY: u32 = 4;

/// Which part of the time a question may wait for a socket: what is left is enough to tell whether somebody answers.
const SOCKET_WAIT: u32 = 2;

/// Which part of all sockets is reserved for questions that do not wait for others, up to [`MAX_RESERVED`].
const RESERVED_PART: usize = 8;

/// As many as tests of all zones at once may need.
const MAX_RESERVED: usize = 8 * crate::config::MAX_ZONES;

/// Asks the resolvers. Clones share everything.
#[derive(Clone, Debug)]
pub struct Resolver {
    servers: Arc<Servers>,
    sockets: Arc<Sockets>,
    timeout: Duration,
}

/// How many sockets there may be at once, in permits.
#[derive(Debug)]
struct Sockets {
    /// For all questions.
    all: Semaphore,
    /// For those that do not wait for others.
    reserved: Semaphore,
}

/// What a try has come to.
type Tried = Result<Records, Fault>;

/// Leave to have sockets; none if there is no limit any more, which does not happen.
type Permit<'a> = Option<SemaphorePermit<'a>>;

impl Resolver {
    /// A resolver that asks whom `lookups` names, or whom the system asks. Without any, every question is a fault that
    /// says so: there may be some later ([`Resolver::refresh`]).
    #[must_use]
    pub fn new(lookups: &Lookups) -> Self {
        Self::with_sockets(lookups, sockets::limit())
    }

    fn with_sockets(lookups: &Lookups, limit: usize) -> Self {
        let reserved = (limit / RESERVED_PART).clamp(2, MAX_RESERVED);
        let all = limit.saturating_sub(reserved).max(2);
        let sockets = Arc::new(Sockets { all: Semaphore::new(all), reserved: Semaphore::new(reserved) });
        Self { servers: Arc::new(Servers::new(&lookups.resolvers)), sockets, timeout: lookups.timeout }
    }

    /// Looks who the system's resolvers are, if it is them who are asked; whether these are others now.
    pub fn refresh(&self) -> bool {
        self.servers.refresh()
    }

    /// Who is asked.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.addresses()
    }

    /// Asks one question; there is a reply after the timeout at the latest.
    pub async fn ask(&self, question: Question) -> Reply {
        self.reply(question, self.any_socket()).await
    }

    /// The same, but before all that wait for a socket: for tests of zones, which a flood of sources must not keep from
    /// being made.
    pub async fn ask_first(&self, question: Question) -> Reply {
        self.reply(question, self.reserved_socket()).await
    }

    async fn reply(&self, question: Question, socket: impl Future<Output = Permit<'_>>) -> Reply {
        let start = Instant::now();
        let result = self.result(&question, start, socket).await;
        Reply { id: question.id, result, took: start.elapsed() }
    }

    /// The permit is for both tries, of which the first may still be waiting when the second goes out.
    async fn any_socket(&self) -> Permit<'_> {
        self.sockets.all.acquire_many(2).await.ok()
    }

    async fn reserved_socket(&self) -> Permit<'_> {
        match self.sockets.all.try_acquire_many(2) {
            Ok(permit) => Some(permit),
            Err(_) => self.sockets.reserved.acquire_many(2).await.ok(),
        }
    }

    async fn result(
        &self,
        question: &Question,
        start: Instant,
        socket: impl Future<Output = Permit<'_>>,
    ) -> Tried {
        let query = query(question)?;
        let (first, second) = self.servers.two()?;
        let patience = start + self.timeout / SOCKET_WAIT;
        let _permit = timeout_at(patience, socket).await.map_err(|_| Fault::Busy)?;
        let result = self.tries(&query, &first, second.as_ref(), start).await;
        if result.as_ref().is_err_and(Fault::is_silence) {
            self.servers.pass(&first);
        }
        result
    }

    /// Asks the first server, then the second one, or the first once more. Both may still answer until the time is over.
    async fn tries(
        &self,
        query: &Query,
        first: &Arc<Server>,
        second: Option<&Arc<Server>>,
        start: Instant,
    ) -> Tried {
        let (again, deadline) = (start + self.timeout / SECOND_TRY, start + self.timeout);
        let mut one = std::pin::pin!(self.one(first, query, deadline));
        let early = match timeout_at(again, &mut one).await {
            Ok(Ok(records)) => return Ok(records),
            Ok(Err(fault)) if second.is_none() && is_last_word(&fault) => return Err(fault),
            Ok(Err(fault)) => Some(fault),
            Err(_) => None,
        };
        if early.is_some() && second.is_none() {
            tokio::time::sleep_until(again).await;
        }
        let other = second.unwrap_or(first);
        let two = std::pin::pin!(self.one(other, query, deadline));
        let (result, of_second) = match early {
            Some(early) => (two.await.map_err(|late| more_telling(early, late)), true),
            None => first_answer(one, two).await,
        };
        // Of two that have failed none is better, and what one cannot find out is no reason to leave it.
        if of_second && result.is_ok() && second.is_some() {
            self.servers.prefer(other);
        }
        result
    }

    async fn one(&self, server: &Server, query: &Query, deadline: Instant) -> Tried {
        answer::read(query, server.ask(query, deadline).await)
    }
}

/// Whether the same server would say the same again: it has said something.
fn is_last_word(fault: &Fault) -> bool {
    !matches!(fault, Fault::Network(_) | Fault::Busy)
}

/// An answer says more than that something is not there, that more than that nothing has come, and that more than that
/// nothing was asked.
fn more_telling(early: Fault, late: Fault) -> Fault {
    let tells = |fault: &Fault| match fault {
        Fault::Busy => 0,
        Fault::Timeout => 1,
        Fault::Network(_) => 2,
        _ => 3,
    };
    if tells(&late) < tells(&early) { early } else { late }
}

/// What comes first from either, and whether it is from the second; a fault waits for the other one.
async fn first_answer(
    one: impl Future<Output = Tried> + Unpin,
    two: impl Future<Output = Tried> + Unpin,
) -> (Tried, bool) {
    match select(one, two).await {
        Either::Left((Ok(records), _)) => (Ok(records), false),
        Either::Right((Ok(records), _)) => (Ok(records), true),
        Either::Left((Err(early), two)) => (two.await.map_err(|late| more_telling(early, late)), true),
        Either::Right((Err(early), one)) => (one.await.map_err(|late| more_telling(early, late)), false),
    }
}

/// Reads a message as if it had come for a question: for those who have it from elsewhere.
///
/// # Errors
/// Why it is no answer to it, in words that do not hold its name.
pub fn read(question: &Question, message: &[u8]) -> Result<Records, Fault> {
    let came = DnsResponse::from_buffer(message.to_vec()).map_err(Into::into);
    answer::read(&query(question)?, came)
}

fn query(question: &Question) -> Result<Query, Fault> {
    let name = Name::from_ascii(&question.name)
        .map_err(|_| Fault::Malformed("its name is too long to be asked about".to_owned()))?;
    let kind = match question.kind {
        RecordKind::A => RecordType::A,
        RecordKind::Txt => RecordType::TXT,
    };
    Ok(Query::query(name, kind))
}
