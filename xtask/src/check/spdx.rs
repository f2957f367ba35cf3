//! Licence expressions (SPDX specification, annex "SPDX license expressions"): enough to tell whether a set of
//! licences satisfies one. `/` is read as `OR`, as older manifests mean it.

use std::fmt;

/// Why an expression cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// It ends too early.
    Ended,
    /// This word is in the wrong place.
    Unexpected(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended => f.write_str("ends where a licence should be"),
            Self::Unexpected(word) => write!(f, "unexpected {word:?}"),
        }
    }
}

/// Whether the licences that are `allowed` satisfy `expression`: all of an `AND`, one of an `OR`. A licence
/// `WITH` an exception is asked for as a whole, `Apache-2.0 WITH LLVM-exception`, and then without it, since
/// an exception only permits more.
///
/// # Errors
///
/// When the expression is malformed.
pub(crate) fn allows(expression: &str, allowed: impl Fn(&str) -> bool) -> Result<bool, Malformed> {
    let mut parser = Parser { words: words(expression), next: 0, allowed };
    let answer = parser.any()?;
    match parser.peek() {
        None => Ok(answer),
        Some(word) => Err(Malformed::Unexpected(word.to_owned())),
    }
}

fn words(expression: &str) -> Vec<String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

struct Parser<A> {
    words: Vec<String>,
    next: usize,
    allowed: A,
}

impl<A: Fn(&str) -> bool> Parser<A> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.next).map(String::as_str)
    }

    fn take(&mut self) -> Option<String> {
        let word = self.words.get(self.next).cloned();
        self.next += 1;
        word
    }

    /// Goes past `word` if it comes next.
    fn skip(&mut self, word: &str) -> bool {
        let is_next = self.peek() == Some(word);
        self.next += usize::from(is_next);
        is_next
    }

    /// `OR` binds least.
    fn any(&mut self) -> Result<bool, Malformed> {
        let mut answer = self.all()?;
        while self.skip("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    fn all(&mut self) -> Result<bool, Malformed> {
        let mut answer = self.one()?;
        while self.skip("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> Result<bool, Malformed> {
        if self.skip("(") {
            let answer = self.any()?;
            return match self.take() {
                Some(word) if word == ")" => Ok(answer),
                Some(word) => Err(Malformed::Unexpected(word)),
                None => Err(Malformed::Ended),
            };
        }
        let licence = self.name()?;
        if !self.skip("WITH") {
            return Ok((self.allowed)(&licence));
        }
        let exception = self.name()?;
        Ok((self.allowed)(&format!("{licence} WITH {exception}")) || (self.allowed)(&licence))
    }

    fn name(&mut self) -> Result<String, Malformed> {
        match self.take() {
            None => Err(Malformed::Ended),
            Some(word) if ["AND", "OR", "WITH", "(", ")"].contains(&word.as_str()) => {
                Err(Malformed::Unexpected(word))
            }
            Some(word) => Ok(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_mit_and_bsd(expression: &str) -> Result<bool, Malformed> {
        allows(expression, |licence| ["MIT", "BSD-3-Clause", "Zlib WITH X-exception"].contains(&licence))
    }

    #[test]
    fn expressions_are_satisfied_or_not() {
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-2.0-only", false),
            ("MIT OR GPL-2.0-only", true),
            ("GPL-2.0-only OR MIT", true),
            ("MIT AND GPL-2.0-only", false),
            ("MIT AND BSD-3-Clause", true),
            ("GPL-2.0-only/MIT", true),
            ("GPL-2.0-only / MIT", true),
            // AND binds tighter than OR.
            ("MIT OR GPL-2.0-only AND ISC", true),
            ("GPL-2.0-only AND ISC OR MIT", true),
            ("(MIT OR GPL-2.0-only) AND ISC", false),
            ("(ISC OR (MIT)) AND (BSD-3-Clause OR ISC)", true),
            ("Zlib WITH X-exception", true),
            ("Zlib", false),
            ("MIT WITH any-exception", true),
            ("ISC WITH any-exception OR MIT", true),
        ] {
            assert_eq!(with_mit_and_bsd(expression), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn malformed_expressions_are_refused_even_where_a_part_is_allowed() {
        let unexpected = |word: &str| Err(Malformed::Unexpected(word.to_owned()));
        for (expression, expected) in [
            ("", Err(Malformed::Ended)),
            ("MIT OR", Err(Malformed::Ended)),
            ("(MIT", Err(Malformed::Ended)),
            ("MIT WITH", Err(Malformed::Ended)),
            ("MIT)", unexpected(")")),
            ("MIT ISC", unexpected("ISC")),
            ("(MIT ISC)", unexpected("ISC")),
            ("OR MIT", unexpected("OR")),
            ("MIT WITH (", unexpected("(")),
        ] {
            assert_eq!(with_mit_and_bsd(expression), expected, "{expression}");
        }
    }
}
