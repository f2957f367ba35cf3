//! The verb of a command line (RFC 5321 §4.1.1): all that is looked at.

/// What a client wants. Numbers are part of [`EnvelopeLine`](super::envelope::EnvelopeLine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verb {
    /// Anything that is none of the others.
    Other = 0,
    /// EHLO or HELO.
    Hello = 1,
    /// MAIL.
    Mail = 2,
    /// RCPT.
    Rcpt = 3,
    /// DATA.
    Data = 4,
    /// RSET.
    Rset = 5,
    /// NOOP.
    Noop = 6,
    /// QUIT.
    Quit = 7,
}
