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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The verb as one would write it with strings.
    fn naive(first: [u8; 5]) -> Verb {
        if !b" \t\r\n".contains(&first[4]) {
            return Verb::Other;
        }
        match first[..4].to_ascii_uppercase().as_slice() {
            b"EHLO" | b"HELO" => Verb::Hello,
            b"MAIL" => Verb::Mail,
            b"RCPT" => Verb::Rcpt,
            b"DATA" => Verb::Data,
            b"RSET" => Verb::Rset,
            b"NOOP" => Verb::Noop,
            b"QUIT" => Verb::Quit,
            _ => Verb::Other,
        }
    }

    #[test]
    fn lines_are_known_by_their_verb() {
        for (line, verb, answer) in [
            ("EHLO mx.example.org\r\n", Verb::Hello, LineId::Hello),
            ("helo x\r\n", Verb::Hello, LineId::Hello),
            ("Mail From:<a@example.org>\r\n", Verb::Mail, LineId::Sender),
            ("RCPT TO:<b@example.com>\r\n", Verb::Rcpt, LineId::Recipient),
            ("rCpT\tTO:<b@example.com>\n", Verb::Rcpt, LineId::Recipient),
            ("DATA\r\n", Verb::Data, LineId::Data),
            ("RSET\r\n", Verb::Rset, LineId::Done),
            ("NOOP\n", Verb::Noop, LineId::Done),
            ("QUIT\r\n", Verb::Quit, LineId::Bye),
            ("QUITE\r\n", Verb::Other, LineId::Unknown),
            ("MAIL:<a@example.org>\r\n", Verb::Other, LineId::Unknown),
            (" QUIT\r\n", Verb::Other, LineId::Unknown),
            ("QUIT", Verb::Other, LineId::Unknown),
            ("STARTTLS\r\n", Verb::Other, LineId::Unknown),
            ("AUTH PLAIN\r\n", Verb::Other, LineId::Unknown),
            ("BDAT 5 LAST\r\n", Verb::Other, LineId::Unknown),
            ("\r\n", Verb::Other, LineId::Unknown),
            ("\n", Verb::Other, LineId::Unknown),
            ("", Verb::Other, LineId::Unknown),
        ] {
            let first: [u8; 5] =
                core::array::from_fn(|index| line.as_bytes().get(index).copied().unwrap_or(0));
            assert_eq!(Verb::of(first), verb, "{line:?}");
            assert_eq!(Verb::of(first).line(), answer, "{line:?}");
        }
    }

    #[test]
    fn no_octet_passes_for_another() {
        for line in
            [*b"EHLO ", *b"helo\r", *b"MaIl\n", *b"RCPT\t", *b"DATA ", *b"RSET ", *b"NOOP ", *b"QUIT "]
        {
            for place in 0..5 {
                for octet in 0..=255 {
                    let mut first = line;
                    first[place] = octet;
                    assert_eq!(Verb::of(first), naive(first), "{first:?}");
                }
            }
        }
    }

    #[test]
    fn numbers_and_names_round_trip() {
        for (number, verb) in Verb::ALL.into_iter().enumerate() {
            assert_eq!(Verb::from_u8(number as u8), Some(verb));
            assert_eq!(verb as usize, number, "{}", verb.name());
        }
        assert_eq!(Verb::from_u8(Verb::ALL.len() as u8), None);
    }

    proptest! {
        #[test]
        fn agrees_with_strings(
            first: [u8; 5],
            known in proptest::sample::select(b"EHLOHELOMAILRCPTDATARSETNOOPQUITVRFY".as_chunks::<4>().0),
            other_case: [bool; 4],
            end in proptest::sample::select(b" \t\r\n:\0".as_slice()),
        ) {
            prop_assert_eq!(Verb::of(first), naive(first));
            let [a, b, c, d] = core::array::from_fn(|index| known[index] ^ (u8::from(other_case[index]) << 5));
            prop_assert_eq!(Verb::of([a, b, c, d, end]), naive([a, b, c, d, end]));
        }
    }
}
