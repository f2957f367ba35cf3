//! What a visitor says next, by what it heard. No sockets, no clock.

use super::visit::{Letter, Visit};

/// The visitor's end of a session.
#[derive(Debug)]
pub struct Talker<'a> {
    visit: &'a Visit,
    waits: Waits,
    letter: usize,
    /// Recipients of the letter that were taken.
    taken: usize,
    /// Hellos said so far.
    hellos: usize,
    /// Letters that the server has taken.
    delivered: usize,
}

/// For the reply to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    Greeting,
    /// The greeting, with the hello said already.
    LateGreeting,
    Hello,
    Mail,
    /// To this recipient.
    Recipient(usize),
    Data,
    Content,
    Reset,
    Quit,
}

impl<'a> Talker<'a> {
    /// One that has said nothing yet.
    #[must_use]
    pub fn new(visit: &'a Visit) -> Self {
        Self { visit, waits: Waits::Greeting, letter: 0, taken: 0, hellos: 0, delivered: 0 }
    }

    /// What it says before it hears anything.
    pub fn begins(&mut self) -> Option<String> {
        if !self.visit.manners.talks_first {
            return None;
        }
        let hello = self.hello();
        self.waits = Waits::LateGreeting;
        Some(hello)
    }

    /// Letters that the server has taken so far.
    #[must_use]
    pub const fn delivered(&self) -> usize {
        self.delivered
    }

    /// What it says to a reply. Nothing is said to a greeting that comes late; otherwise, nothing means that it leaves.
    pub fn hears(&mut self, code: u16) -> Answer {
        let fine = code < 400;
        let text = match self.waits {
            Waits::LateGreeting if fine => {
                self.waits = Waits::Hello;
                return Answer::Waits;
            }
            Waits::Quit => return Answer::Leaves,
            Waits::Greeting if fine => self.hello(),
            Waits::Hello if fine => self.begin_letter(),
            Waits::Greeting | Waits::LateGreeting | Waits::Hello => self.quit(),
            Waits::Mail if fine => self.recipient(0),
            Waits::Recipient(number) => {
                self.taken += usize::from(fine);
                self.recipient(number + 1)
            }
            Waits::Data if fine => {
                self.waits = Waits::Content;
                let letter = self.visit.letters.get(self.letter);
                letter.map_or_else(String::new, |letter| letter.content(self.end())) + "." + self.end()
            }
            Waits::Content => {
                self.delivered += usize::from(fine);
                self.next_letter()
            }
            Waits::Data => self.reset(),
            Waits::Mail | Waits::Reset => self.next_letter(),
        };
        if self.waits == Waits::Quit && self.visit.manners.leaves_silently {
            Answer::Leaves
        } else {
            Answer::Says(text)
        }
    }

    fn end(&self) -> &'static str {
        if self.visit.manners.bare_lf { "\n" } else { "\r\n" }
    }

    fn line(&self, text: &str) -> String {
        format!("{text}{}", self.end())
    }

    fn hello(&mut self) -> String {
        self.waits = Waits::Hello;
        let verb = if self.visit.manners.plain_helo { "HELO" } else { "EHLO" };
        let helo = &self.visit.helo;
        self.hellos += 1;
        match self.hellos {
            1 => self.line(&format!("{verb} {helo}")),
            number => self.line(&format!("{verb} {number}.{helo}")),
        }
    }

    fn current(&self) -> Option<&'a Letter> {
        self.visit.letters.get(self.letter)
    }

    fn begin_letter(&mut self) -> String {
        self.taken = 0;
        match self.current() {
            Some(letter) => {
                self.waits = Waits::Mail;
                self.line(&format!("MAIL FROM:<{}>", letter.from))
            }
            None => self.quit(),
        }
    }

    fn recipient(&mut self, number: usize) -> String {
        match self.current().and_then(|letter| letter.to.get(number)) {
            Some(to) => {
                self.waits = Waits::Recipient(number);
                self.line(&format!("RCPT TO:<{to}>"))
            }
            None if self.taken > 0 => {
                self.waits = Waits::Data;
                self.line("DATA")
            }
            None => self.reset(),
        }
    }

    fn reset(&mut self) -> String {
        self.waits = Waits::Reset;
        self.line("RSET")
    }

    fn next_letter(&mut self) -> String {
        self.letter += 1;
        if self.visit.manners.changes_helo && self.current().is_some() {
            self.hello()
        } else {
            self.begin_letter()
        }
    }

    fn quit(&mut self) -> String {
        self.waits = Waits::Quit;
        self.line("QUIT")
    }
}

/// What a [`Talker`] does when it has heard a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It sends this.
    Says(String),
    /// It has spoken already, and waits for the next reply.
    Waits,
    /// It closes the connection.
    Leaves,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bot::Manners;

    fn visit(manners: Manners, letters: &[&[&str]]) -> Visit {
        let visit =
            Visit::new(Duration::ZERO, [10, 0, 1, 66].into(), ([203, 0, 113, 1], 25).into(), "bot.example");
        let letters = letters.iter().map(|to| to.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
        letters.fold(visit, |visit, to| visit.letter("a@b.example", &to)).manners(manners)
    }

    /// First lines of all that is said, with a server that has these replies.
    fn said(visit: &Visit, replies: &[u16]) -> Vec<String> {
        let mut talker = Talker::new(visit);
        let mut all: Vec<String> = talker.begins().into_iter().collect();
        for code in replies {
            match talker.hears(*code) {
                Answer::Says(text) => all.push(text),
                Answer::Waits => {}
                Answer::Leaves => all.push("bye".to_owned()),
            }
        }
        all.iter().map(|text| text.lines().next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_polite_visitor_delivers_what_is_taken() {
        let visit = visit(Manners::default(), &[&["c@d", "e@f"], &["g@h"]]);
        let replies = [220, 250, 250, 250, 550, 354, 250, 250, 550, 250, 221];
        let expected = [
            "EHLO bot.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<c@d>",
            "RCPT TO:<e@f>",
            "DATA",
            "From: a@b.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<g@h>",
            "RSET",
            "QUIT",
            "bye",
        ];
        assert_eq!(said(&visit, &replies), expected);
    }

    #[test]
    fn bad_manners_are_kept() {
        let manners = Manners {
            talks_first: true,
            changes_helo: true,
            plain_helo: true,
            leaves_silently: true,
            bare_lf: true,
        };
        let visit = visit(manners, &[&["c@d"], &["e@f"]]);
        let replies = [220, 250, 250, 250, 354, 250, 250, 550];
        let expected = [
            "HELO bot.example",
            "MAIL FROM:<a@b.example>",
            "RCPT TO:<c@d>",
            "DATA",
            "From: a@b.example",
            "HELO 2.bot.example",
            "MAIL FROM:<a@b.example>",
            "bye",
        ];
        assert_eq!(said(&visit, &replies), expected);
        assert!(Talker::new(&visit).begins().is_some_and(|hello| !hello.contains('\r')));
    }
}
