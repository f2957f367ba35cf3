//! What rbldnsd answers for an entry: an A value, and a template for the TXT record.

use std::net::IpAddr;

use super::ZoneCause;
use super::token;

/// The longest template and the longest TXT record, in bytes. rbldnsd cuts what is longer.
const MAX_TEMPLATE: usize = 255;
const MAX_TEXT: usize = 254;

/// Substitution variables of a data set: `$0` to `$9`, and the base template `$=`.
pub(super) const VARIABLES: usize = 11;
pub(super) const BASE: usize = 10;
pub(super) type Variables = [Option<Vec<u8>>; VARIABLES];

/// An A value, an address as an integer in host byte order, and a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'t> {
    pub(super) address: u32,
    pub(super) template: &'t [u8],
}

/// What an entry has if nothing is said: 127.0.0.2, no text.
pub(super) const DEFAULT: Value<'static> = Value { address: 0x7f00_0002, template: b"" };

/// Reads what stands behind an entry, or a default line: `:5`, `:5:text`, `:5:` (no text), `text`.
pub(super) fn parse<'t>(text: &'t [u8], default: Value<'t>) -> Result<Value<'t>, ZoneCause> {
    let text = text.trim_ascii();
    let Some(value) = text.strip_prefix(b":") else {
        return Ok(match text {
            [] | [b'#' | b';', ..] => default,
            template => Value { template: cut(template), ..default },
        });
    };
    let (address, rest) = token::value(value).ok_or(ZoneCause::Value)?;
    match rest.trim_ascii_start() {
        [] => Ok(Value { address, ..default }),
        [b':', template @ ..] => Ok(Value { address, template: cut(template.trim_ascii_start()) }),
        _ => Err(ZoneCause::Value),
    }
}

fn cut(template: &[u8]) -> &[u8] {
    &template[..template.len().min(MAX_TEMPLATE)]
}

/// The TXT record for `address`: `$` is the address, `$$` a dollar, `$1` a variable. With a base template, that one is
/// filled in, and `$=` in it is the entry's own text or, if there is none, the address; a text that begins with `=` stands
/// for itself.
pub(super) fn substitute(template: &[u8], variables: &Variables, address: Option<IpAddr>) -> Vec<u8> {
    let written = address.map_or("$".to_owned(), |address| address.to_string());
    let written = written.as_bytes();
    let (mut text, own) = match (template, &variables[BASE]) {
        ([b'=', text @ ..], _) => (text, text),
        ([], Some(base)) => (base.as_slice(), written),
        (own, Some(base)) => (base.as_slice(), own),
        (own, None) => (own, own),
    };
    let mut out = Vec::new();
    while let Some(dollar) = text.iter().position(|b| *b == b'$') {
        out.extend_from_slice(&text[..dollar]);
        text = &text[dollar + 1..];
        let (put, taken): (&[u8], usize) = match text {
            [b'$', ..] => (b"$", 1),
            [b'=', ..] => (own, 1),
            [digit @ b'0'..=b'9', ..] => match &variables[usize::from(digit - b'0')] {
                Some(value) => (value.as_slice(), 1),
                None => {
                    out.extend_from_slice(&[b'$', *digit]);
                    (b"", 1)
                }
            },
            _ => (written, 0),
        };
        out.extend_from_slice(put);
        text = &text[taken..];
    }
    out.extend_from_slice(text);
    out.truncate(MAX_TEXT);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_defaults() {
        let default = Value { address: 9, template: b"why" };
        for (text, expected) in [
            ("", Ok((9, "why"))),
            (" # comment", Ok((9, "why"))),
            ("; comment", Ok((9, "why"))),
            (" :5", Ok((0x7f00_0005, "why"))),
            (" :5:", Ok((0x7f00_0005, ""))),
            (":127.0.1.5: because", Ok((0x7f00_0105, "because"))),
            ("because # of it", Ok((9, "because # of it"))),
            (":0:x", Err(ZoneCause::Value)),
            (":5 x", Err(ZoneCause::Value)),
            (":x:", Err(ZoneCause::Value)),
        ] {
            let read = parse(text.as_bytes(), default);
            let expected =
                expected.map(|(address, template)| Value { address, template: str::as_bytes(template) });
            assert_eq!(read, expected, "{text:?}");
        }
        let long = [b'x'; 300];
        assert_eq!(parse(&long, DEFAULT).map(|value| value.template.len()), Ok(255));
    }

    #[test]
    fn templates_are_filled_in() {
        let mut variables = Variables::default();
        variables[1] = Some(b"one".to_vec());
        let address = "192.0.2.1".parse().ok();
        let fill = |template: &[u8], variables: &Variables| {
            String::from_utf8(substitute(template, variables, address)).expect("UTF-8")
        };
        for (template, plain, with_base) in [
            ("see $", "see 192.0.2.1", "<see $> 192.0.2.1"),
            ("$$1 $1$2$", "$1 one$2192.0.2.1", "<$$1 $1$2$> 192.0.2.1"),
            ("", "", "<192.0.2.1> 192.0.2.1"),
            ("=own $", "own 192.0.2.1", "own 192.0.2.1"),
            ("$=", "$=", "<$=> 192.0.2.1"),
        ] {
            assert_eq!(fill(template.as_bytes(), &variables), plain, "{template}");
            let mut based = variables.clone();
            based[BASE] = Some(b"<$=> $".to_vec());
            assert_eq!(fill(template.as_bytes(), &based), with_base, "{template}");
        }
        assert_eq!(substitute(&[b'x'; 255], &variables, address).len(), 254);
        assert_eq!(substitute(b"$ $", &variables, None), b"$ $");
    }
}
