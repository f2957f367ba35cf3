//! `hosts.deny` of TCP wrappers, as far as it names addresses: `ALL: 192.168.0.0/16`.
//!
//! A line is `services : clients [: options]`; IPv6 addresses stand in brackets (hosts_access(5)). Read are lines for
//! `ALL` and for mail services ([`MAIL_SERVICES`]). Left out and counted are lines for other services, clients that are
//! names, and the wildcards for host names (`PARANOID` and the like). Refused is what would turn the meaning around or
//! deny everybody: `EXCEPT`, the option `allow`, `ALL` as a client, continued lines, and short forms (`192.168.`).

use super::address::AddressError;
use super::collect::Collector;
use super::error::LineCause;
use super::extent::Extent;
use super::lines::{self, Fault, trim};

/// The services whose lines concern mail.
pub(super) const MAIL_SERVICES: [&str; 12] = [
    "all",
    "sendmail",
    "mail",
    "smtp",
    "smtpd",
    "smtps",
    "submission",
    "postfix",
    "exim",
    "exim4",
    "qmail-smtpd",
    "courier",
];

/// Client patterns that stand for properties of host names, not for addresses.
const WILDCARDS: [&[u8]; 4] = [b"local", b"known", b"unknown", b"paranoid"];

/// Reads all lines of a document.
pub(super) fn parse(text: &[u8], out: &mut Collector<'_>) {
    lines::each_trimmed(text, out, |line, number, out| {
        if line.starts_with(b"#") {
            out.summary.comments += 1;
            return Ok(());
        }
        rule(line, number, out)
    });
}

fn rule<'t>(line: &'t [u8], number: u32, out: &mut Collector<'_>) -> Result<(), Fault<'t>> {
    if line.ends_with(b"\\") {
        return Err((line, LineCause::ContinuedLine));
    }
    let parts = fields(line);
    let [services, clients, options @ ..] = parts.as_slice() else {
        return Err((line, LineCause::HostsDenyColon));
    };
    for word in words(services).chain(words(clients)) {
        if word.eq_ignore_ascii_case(b"except") {
            return Err((word, LineCause::HostsDenyExcept));
        }
    }
    if options.iter().any(|option| option.eq_ignore_ascii_case(b"allow")) {
        return Err((line, LineCause::HostsDenyAllow));
    }
    let concerns = |word: &[u8]| MAIL_SERVICES.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    if !words(services).any(|word| concerns(word.split(|b| *b == b'@').next().unwrap_or_default())) {
        out.skip(number, line, "for other services than mail");
        return Ok(());
    }
    for word in words(clients) {
        client(word, number, out).map_err(|cause| (word, cause))?;
    }
    Ok(())
}

fn client(word: &[u8], number: u32, out: &mut Collector<'_>) -> Result<(), LineCause> {
    if word.eq_ignore_ascii_case(b"all") {
        return Err(LineCause::HostsDenyEverybody);
    }
    if WILDCARDS.iter().any(|wildcard| word.eq_ignore_ascii_case(wildcard)) {
        out.skip(number, word, "wildcards for host names");
        return Ok(());
    }
    match Extent::parse(&unbracketed(word)) {
        Ok(extent) => out.add_extent(number, word, extent),
        Err(AddressError::NotAnAddress) if is_name(word) => {
            out.skip(number, word, "names");
            Ok(())
        }
        Err(cause) => Err(cause.into()),
    }
}

/// `[2001:db8::]/32` as `2001:db8::/32`.
fn unbracketed(word: &[u8]) -> Vec<u8> {
    match word.strip_prefix(b"[").and_then(|rest| rest.iter().position(|b| *b == b']').map(|at| (rest, at))) {
        Some((rest, at)) => [&rest[..at], &rest[at + 1..]].concat(),
        None => word.to_owned(),
    }
}

/// Whether a client pattern is about names: `.example.net`, `host.example.net`, `*.example.net`, `@netgroup`.
fn is_name(word: &[u8]) -> bool {
    let last = word.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let letters = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'*' | b'?' | b'@');
    word.iter().all(letters) && last.iter().any(u8::is_ascii_alphabetic)
}

/// Splits at colons outside of brackets.
fn fields(line: &[u8]) -> Vec<&[u8]> {
    let mut inside = false;
    let split = line.split(|b| {
        inside = match b {
            b'[' => true,
            b']' => false,
            _ => inside,
        };
        *b == b':' && !inside
    });
    split.map(trim).collect()
}

fn words(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|b| matches!(b, b' ' | b'\t' | b',')).filter(|word| !word.is_empty())
}

/// Whether a line is a rule for mail with a client that is an address.
pub(super) fn is_rule(line: &[u8]) -> bool {
    let parts = fields(line);
    let [services, clients, ..] = parts.as_slice() else { return false };
    let service =
        |word: &[u8]| word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    !services.is_empty()
        && words(services).all(service)
        && words(clients)
            .next()
            .is_some_and(|word| matches!(Extent::parse(&unbracketed(word)), Ok(Extent::Network(_))))
}
