//! The content of a message behind DATA (RFC 5321 §4.1.1.4): where it ends, and how long it is. Nothing of it is kept.
//!
//! `CR LF . CR LF` ends it. A `.` line with a bare LF before or behind it ends it for some servers and not for others: since
//! 2024 Postfix, Exim and Sendmail take it for content, unlike before. So it is an end if the server answers, and content if it
//! does not.

use memchr::memchr;

/// Where in a line the next octet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// At the beginning of a line, behind CR LF.
    Start,
    /// At the beginning of a line, behind a bare LF.
    LooseStart,
    /// Behind a dot at the beginning.
    Dot { is_loose: bool },
    /// Behind a dot at the beginning and a CR.
    DotCr { is_loose: bool },
    /// Behind a CR.
    Cr,
    /// Elsewhere, or nobody knows.
    Within,
}

/// A message's content as it comes in.
#[derive(Debug)]
pub(super) struct Content {
    at: At,
    /// Octets so far.
    octets: u64,
    /// Lines so far.
    lines: u32,
    /// Octets before the last `.` line that may be an end.
    loose_end: Option<u64>,
    /// Whether a part of it is not there.
    has_gap: bool,
}

/// What became of the octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scanned<'a> {
    /// The end was among them; this comes behind.
    End(&'a [u8]),
    /// It goes on.
    More,
}

impl Content {
    /// Content that begins now; whether the line before it ended in CR LF.
    pub(super) const fn new(behind_crlf: bool) -> Self {
        let at = if behind_crlf { At::Start } else { At::LooseStart };
        Self { at, octets: 0, lines: 0, loose_end: None, has_gap: false }
    }

    /// Takes octets up to the end.
    pub(super) fn scan<'a>(&mut self, octets: &'a [u8]) -> Scanned<'a> {
        let mut rest = octets;
        while let Some(&octet) = rest.first() {
            if let At::Within = self.at {
                rest = self.skip(rest);
                continue;
            }
            rest = &rest[1..];
            self.octets += 1;
            if self.step(octet) {
                return Scanned::End(rest);
            }
        }
        Scanned::More
    }

    /// To the next LF, and behind it.
    fn skip<'a>(&mut self, octets: &'a [u8]) -> &'a [u8] {
        let Some(lf) = memchr(b'\n', octets) else {
            self.at = if octets.last() == Some(&b'\r') { At::Cr } else { At::Within };
            self.octets += octets.len() as u64;
            return &[];
        };
        self.lines = self.lines.saturating_add(1);
        self.octets += lf as u64 + 1;
        self.at = if lf > 0 && octets[lf - 1] == b'\r' { At::Start } else { At::LooseStart };
        &octets[lf + 1..]
    }

    /// One octet where it matters; whether it is the last one.
    fn step(&mut self, octet: u8) -> bool {
        if octet == b'\n' {
            return self.line_feed();
        }
        self.at = match (self.at, octet) {
            (At::Start, b'.') => At::Dot { is_loose: false },
            (At::LooseStart, b'.') => At::Dot { is_loose: true },
            (At::Dot { is_loose }, b'\r') => At::DotCr { is_loose },
            (_, b'\r') => At::Cr,
            _ => At::Within,
        };
        false
    }

    fn line_feed(&mut self) -> bool {
        self.lines = self.lines.saturating_add(1);
        match self.at {
            At::DotCr { is_loose: false } => {
                self.octets -= 3;
                return true;
            }
            At::DotCr { is_loose: true } => self.loose_end = Some(self.octets - 3),
            At::Dot { .. } => self.loose_end = Some(self.octets - 2),
            _ => {}
        }
        let behind_cr = matches!(self.at, At::Cr | At::DotCr { .. });
        self.at = if behind_cr { At::Start } else { At::LooseStart };
        false
    }

    /// Takes octets that are not there.
    pub(super) fn gap(&mut self, octets: u64) {
        self.octets = self.octets.saturating_add(octets);
        self.at = At::Within;
        self.has_gap = true;
        self.loose_end = None;
    }

    /// Octets of content up to here, or to the end if it was found.
    pub(super) const fn octets(&self) -> u64 {
        self.octets
    }

    /// Lines up to here, the last one included.
    pub(super) const fn lines(&self) -> u32 {
        self.lines
    }

    /// Octets before what may be the end, if there was such a line and no gap since.
    pub(super) const fn loose_end(&self) -> Option<u64> {
        self.loose_end
    }

    /// Whether a part of it is not there.
    pub(super) const fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Whether a line has begun that has not ended.
    pub(super) const fn is_within_line(&self) -> bool {
        !matches!(self.at, At::Start | At::LooseStart)
    }
}
