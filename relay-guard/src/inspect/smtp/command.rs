//! One line of a client's (RFC 5321 §4.1 and the extensions that add commands).

use super::path::{self, Envelope};
use super::text::{decimal, first_word, trimmed};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// EHLO, HELO or LHLO (RFC 2033), with the client's name.
    Hello { name: &'a [u8], greets: Greets },
    /// MAIL.
    Mail(Envelope<'a>),
    /// RCPT.
    Recipient(Envelope<'a>),
    /// DATA.
    Data,
    /// BDAT (RFC 3030).
    Chunk { octets: u64, is_last: bool },
    /// RSET.
    Reset,
    /// QUIT.
    Quit,
    /// AUTH (RFC 4954), with the mechanism's name if it is one.
    Auth { mechanism: &'static str },
    /// STARTTLS (RFC 3207).
    StartTls,
    /// A command that changes nothing that is of interest here, or one with arguments that no server takes.
    Other,
    /// None that a server knows.
    Unknown,
}

/// Which kind of greeting it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Greets {
    /// HELO.
    Plainly,
    /// EHLO.
    Extended,
    /// LHLO: each recipient has its own reply to the message.
    Lmtp,
}

/// Commands that are known, and of no further interest.
const OTHERS: [&[u8]; 14] = [
    b"NOOP",
    b"VRFY",
    b"EXPN",
    b"HELP",
    b"ETRN",
    b"TURN",
    b"ATRN",
    b"SEND",
    b"SOML",
    b"SAML",
    b"BURL",
    b"XCLIENT",
    b"XFORWARD",
    b"XEXCH50",
];

/// Mechanisms by name: what else stands there may be a secret in the wrong place.
const MECHANISMS: [&str; 23] = [
    "PLAIN",
    "LOGIN",
    "CRAM-MD5",
    "DIGEST-MD5",
    "NTLM",
    "GSSAPI",
    "GSS-SPNEGO",
    "GS2-KRB5",
    "GS2-IAKERB",
    "KERBEROS_V4",
    "EXTERNAL",
    "ANONYMOUS",
    "OTP",
    "SECURID",
    "SCRAM-SHA-1",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512",
    "SCRAM-SHA-512-PLUS",
    "XOAUTH",
    "XOAUTH2",
    "OAUTHBEARER",
];

/// The name that stands for a mechanism that is none of the known ones.
const OTHER_MECHANISM: &str = "OTHER";

/// Reads a line without its end; and whether its arguments are as they should be.
pub(super) fn read(line: &[u8]) -> (Command<'_>, bool) {
    let start = line.trim_ascii_start();
    let (verb, arguments) = first_word(start);
    let (command, is_well_formed) = by_verb(verb, trimmed(arguments));
    (command, is_well_formed && start.len() == line.len())
}

fn by_verb<'a>(verb: &[u8], arguments: &'a [u8]) -> (Command<'a>, bool) {
    let is = |name: &[u8]| verb.eq_ignore_ascii_case(name);
    let bare = |command| (command, arguments.is_empty());
    match verb.len() {
        4 if is(b"RCPT") => envelope(arguments, b"TO", Command::Recipient),
        4 if is(b"MAIL") => envelope(arguments, b"FROM", Command::Mail),
        4 if is(b"EHLO") => hello(arguments, Greets::Extended),
        4 if is(b"HELO") => hello(arguments, Greets::Plainly),
        4 if is(b"DATA") => bare(Command::Data),
        4 if is(b"QUIT") => bare(Command::Quit),
        4 if is(b"RSET") => bare(Command::Reset),
        4 if is(b"BDAT") => chunk(arguments),
        4 if is(b"AUTH") => auth(arguments),
        4 if is(b"LHLO") => hello(arguments, Greets::Lmtp),
        8 if is(b"STARTTLS") => bare(Command::StartTls),
        _ if OTHERS.iter().any(|name| is(name)) => (Command::Other, true),
        _ => (Command::Unknown, true),
    }
}

/// What a line is of which only the beginning is known.
pub(super) fn read_beginning(line: &[u8]) -> Command<'_> {
    match read(line) {
        (auth @ Command::Auth { .. }, _) => auth,
        _ => Command::Unknown,
    }
}

fn hello(name: &[u8], greets: Greets) -> (Command<'_>, bool) {
    let is_one_word = !name.is_empty() && !name.iter().any(u8::is_ascii_whitespace);
    (Command::Hello { name, greets }, is_one_word)
}

fn envelope<'a>(
    arguments: &'a [u8],
    keyword: &[u8],
    command: fn(Envelope<'a>) -> Command<'a>,
) -> (Command<'a>, bool) {
    match path::read(arguments, keyword) {
        Some(envelope) => (command(envelope), !envelope.is_sloppy),
        None => (Command::Other, false),
    }
}

fn chunk(arguments: &[u8]) -> (Command<'_>, bool) {
    let (octets, rest) = first_word(arguments);
    let rest = trimmed(rest);
    match decimal(octets) {
        Some(octets) if rest.is_empty() => (Command::Chunk { octets, is_last: false }, true),
        Some(octets) if rest.eq_ignore_ascii_case(b"LAST") => {
            (Command::Chunk { octets, is_last: true }, true)
        }
        _ => (Command::Other, false),
    }
}

fn auth(arguments: &[u8]) -> (Command<'_>, bool) {
    let (name, _) = first_word(arguments);
    let known = MECHANISMS.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name));
    (Command::Auth { mechanism: known.copied().unwrap_or(OTHER_MECHANISM) }, !name.is_empty())
}
