//! Who sends much, or oddly, and is no bot.

use std::net::IpAddr;
use std::time::Duration;

use super::behaviour::{recipient, server};
use super::visit::Visit;
use crate::bench::Random;

/// A newsletter that a declared mail server sends: this many letters, one every `pace`, each to a few subscribers at another
/// server, hardly any of whom is gone.
#[must_use]
pub fn newsletter(mail_server: IpAddr, letters: u32, pace: Duration) -> Vec<Visit> {
    let mut random = Random::new(5);
    let visit = |n| {
        let to: Vec<_> = (0..1 + random.below(8)).map(|_| recipient(&mut random, n, 100)).collect();
        Visit::new(pace * n, mail_server, server(mail_server, 10_000 + n), "mail.guarded.example")
            .letter("news-bounces@guarded.example", &to)
    };
    (0..letters).map(visit).collect()
}

/// What people write from a host or a mail server of theirs: `senders` people, this many letters in all, one every `pace`, to some
/// servers again and again.
#[must_use]
pub fn correspondence(
    source: IpAddr,
    helo: &str,
    senders: usize,
    letters: u32,
    pace: Duration,
) -> Vec<Visit> {
    let mut random = Random::new(6);
    let visit = |n| {
        let at = pace * n + pace.mul_f64(random.below(1000) as f64 / 1100.0);
        let from = format!("person{}@guarded.example", random.below(senders));
        let place = random.below(40) as u32;
        let to = [recipient(&mut random, place, 60)];
        Visit::new(at, source, server(source, 20_000 + place), helo).letter(&from, &to)
    };
    (0..letters).map(visit).collect()
}

/// A monitoring host: asks each of `servers` servers, every `pace`, whether it still greets, `rounds` times.
#[must_use]
pub fn monitoring(source: IpAddr, servers: u32, rounds: u32, pace: Duration) -> Vec<Visit> {
    let visit = |round: u32, n: u32| {
        let at = pace * round + pace / servers.max(1) * n;
        Visit::new(at, source, server(source, 30_000 + n), "monitor.guarded.example")
    };
    (0..rounds).flat_map(|round| (0..servers).map(move |n| visit(round, n))).collect()
}
