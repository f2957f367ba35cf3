//! What bots do.
//!
//! Figures are those of what is seen in the wild, roughly: bots take names and senders at random, their lists of recipients are
//! old, and they do not wait.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::UNKNOWN;
use super::visit::{Letter, Manners, Visit};
use crate::bench::Random;
use crate::lab::addresses::{self as addr, nth};

/// The `n`th of very many mail servers in the lab's internet, of the family of `source`.
pub(super) fn server(source: IpAddr, n: u32) -> SocketAddr {
    // The lab's remote servers are too few for IPv4.
    let address =
        if source.is_ipv4() { nth(addr::SPARE_V4, n + 1) } else { nth(addr::REMOTE_SERVERS_V6, n + 1) };
    SocketAddr::new(address, addr::SMTP)
}

/// A recipient at the domain of the `n`th server, of whom one in `unknown` does not exist.
pub(super) fn recipient(random: &mut Random, n: u32, unknown: usize) -> String {
    let who = if random.below(unknown) == 0 { UNKNOWN } else { "user" };
    format!("{who}{}@domain{n}.example", random.below(100_000))
}

fn name(random: &mut Random) -> String {
    let letters = (0..6 + random.below(6)).map(|_| char::from(b'a' + random.below(26) as u8));
    letters.collect()
}

/// A bot that sends as fast as it can: this many visits, `per_second` of them in a second, each to another server, in another
/// name, with forged senders and bad manners.
#[must_use]
pub fn flood(source: IpAddr, visits: u32, per_second: u32) -> Vec<Visit> {
    let mut random = Random::new(1);
    let pace = Duration::from_secs(1) / per_second;
    let visit = |n| {
        let from = format!("{}@{}.example", name(&mut random), name(&mut random));
        let to: Vec<_> = (0..5).map(|_| recipient(&mut random, n, 3)).collect();
        let helo = name(&mut random);
        let manners = Manners { leaves_silently: n % 2 == 0, ..Manners::default() };
        Visit::new(pace * n, source, server(source, n), &helo).letter(&from, &to).manners(manners)
    };
    (0..visits).map(visit).collect()
}

/// A bot that keeps below what is counted in a minute: a visit every `pace`, give or take a third, each to another server.
#[must_use]
pub fn low_and_slow(source: IpAddr, visits: u32, pace: Duration) -> Vec<Visit> {
    let mut random = Random::new(2);
    let visit = |n| {
        let from = format!("{}@{}.example", name(&mut random), name(&mut random));
        let to: Vec<_> = (0..1 + random.below(2)).map(|_| recipient(&mut random, n, 3)).collect();
        let at = pace * n + pace.mul_f64(random.below(1000) as f64 / 3000.0);
        Visit::new(at, source, server(source, n), &name(&mut random)).letter(&from, &to)
    };
    (0..visits).map(visit).collect()
}

/// A bot that does nothing odd but to write to ever other servers: the right name, one sender, recipients who exist.
#[must_use]
pub fn careful(source: IpAddr, visits: u32, pace: Duration) -> Vec<Visit> {
    let mut random = Random::new(7);
    let visit = |n| {
        let at = pace * n + pace.mul_f64(random.below(1000) as f64 / 1100.0);
        let to = [format!("user{}@domain{n}.example", random.below(100_000))];
        Visit::new(at, source, server(source, 6_000 + n), "pc.sender.example")
            .letter("somebody@sender.example", &to)
    };
    (0..visits).map(visit).collect()
}

/// Many hosts that send the same in turns, so that none of them sends much: each of them makes this many visits, one every `pace`.
/// In the order of time.
#[must_use]
pub fn snowshoe(hosts: &[IpAddr], visits: u32, pace: Duration) -> Vec<Visit> {
    let mut random = Random::new(3);
    let step = pace / hosts.len().max(1) as u32;
    let mut all = Vec::new();
    for round in 0..visits {
        for (number, &source) in (0..).zip(hosts) {
            let n = round * hosts.len() as u32 + number;
            let to: Vec<_> = (0..3).map(|_| recipient(&mut random, n, 8)).collect();
            let letter = Letter { from: format!("deal{n}@offers.example"), to, octets: 2_000 };
            let mut visit = Visit::new(
                pace * round + step * number,
                source,
                server(source, n),
                &format!("mail{number}.offers.example"),
            );
            visit.letters.push(letter);
            all.push(visit);
        }
    }
    all
}

/// What a declared mail server sends when somebody has the password of one of its accounts: this many letters, one every `pace`, each
/// to twenty recipients of whom many do not exist.
#[must_use]
pub fn compromised(server_address: IpAddr, letters: u32, pace: Duration) -> Vec<Visit> {
    let mut random = Random::new(4);
    let visit = |n| {
        let to: Vec<_> = (0..20).map(|_| recipient(&mut random, n, 3)).collect();
        Visit::new(pace * n, server_address, server(server_address, 4_000 + n), "mail.guarded.example")
            .letter("alice@guarded.example", &to)
    };
    (0..letters).map(visit).collect()
}
