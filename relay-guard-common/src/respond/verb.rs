//! The verb of a command line (RFC 5321 §4.1.1): all that is looked at.

use super::response::LineId;

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

/// Sets the bit that tells a lower-case letter from its upper case. No octet but a letter becomes a letter by it.
const LOWER_CASE: u32 = 0x2020_2020;

const EHLO: u32 = u32::from_be_bytes(*b"ehlo");
const HELO: u32 = u32::from_be_bytes(*b"helo");
const MAIL: u32 = u32::from_be_bytes(*b"mail");
const RCPT: u32 = u32::from_be_bytes(*b"rcpt");
const DATA: u32 = u32::from_be_bytes(*b"data");
const RSET: u32 = u32::from_be_bytes(*b"rset");
const NOOP: u32 = u32::from_be_bytes(*b"noop");
const QUIT: u32 = u32::from_be_bytes(*b"quit");

impl Verb {
    /// All verbs, in the order of their numbers.
    pub const ALL: [Self; 8] =
        [Self::Other, Self::Hello, Self::Mail, Self::Rcpt, Self::Data, Self::Rset, Self::Noop, Self::Quit];

    /// The verb of a line by its first five octets; those that a shorter line has not are 0.
    ///
    /// Letters of either case (RFC 5321 §2.4), then a space, a tab or the line's end, which may be a bare LF.
    #[inline(always)]
    #[must_use]
    pub const fn of(first: [u8; 5]) -> Self {
        let [a, b, c, d, end] = first;
        if !matches!(end, b' ' | b'\t' | b'\r' | b'\n') {
            return Self::Other;
        }
        match u32::from_be_bytes([a, b, c, d]) | LOWER_CASE {
            EHLO | HELO => Self::Hello,
            MAIL => Self::Mail,
            RCPT => Self::Rcpt,
            DATA => Self::Data,
            RSET => Self::Rset,
            NOOP => Self::Noop,
            QUIT => Self::Quit,
            _ => Self::Other,
        }
    }

    /// The verb with this number, if there is one.
    #[inline(always)]
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Other,
            1 => Self::Hello,
            2 => Self::Mail,
            3 => Self::Rcpt,
            4 => Self::Data,
            5 => Self::Rset,
            6 => Self::Noop,
            7 => Self::Quit,
            _ => return None,
        })
    }

    /// The word for it in output and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Hello => "helo",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Rset => "rset",
            Self::Noop => "noop",
            Self::Quit => "quit",
        }
    }

    /// The line that answers it.
    #[inline(always)]
    #[must_use]
    pub const fn line(self) -> LineId {
        match self {
            Self::Other => LineId::Unknown,
            Self::Hello => LineId::Hello,
            Self::Mail => LineId::Sender,
            Self::Rcpt => LineId::Recipient,
            Self::Data => LineId::Data,
            Self::Rset | Self::Noop => LineId::Done,
            Self::Quit => LineId::Bye,
        }
    }
}
