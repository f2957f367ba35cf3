use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn url() -> Text {
    Text::new("https://example.org/?ip={address}", Words::default()).expect("a URL")
}

fn all(url: &Text) -> Words<'_> {
    Words { list: Some("my-list"), url: Some(url), contact: Some("postmaster@example.com") }
}

#[test]
fn templates_are_filled() {
    let url = url();
    for (template, expected) in [
        ("go away", "go away"),
        ("{address}", "192.0.2.1"),
        ("{address} is on {list}", "192.0.2.1 is on my-list"),
        ("see {url}, {contact}", "see https://example.org/?ip=192.0.2.1, postmaster@example.com"),
        ("{address}{address}{url}", "192.0.2.1192.0.2.1https://example.org/?ip=192.0.2.1"),
        ("{{address}} }}{{ {{{list}}}", "{address} }{ {my-list}"),
    ] {
        let text = Text::new(template, all(&url)).expect(template);
        assert_eq!(text.with("192.0.2.1"), expected, "{template}");
    }
}

#[test]
fn faults_are_named() {
    let url = url();
    for (template, expected) in [
        ("", "there is no text"),
        ("  ", "there is no text"),
        ("a\r\nRSET", "character 2 is '\\r'; a text is one line of printable ASCII"),
        ("a\nb", "character 2 is '\\n'"),
        ("\tb", "character 1 is '\\t'"),
        ("a\0", "character 2 is '\\0'"),
        ("caf\u{e9}", "character 4 is 'é'"),
        ("\u{7f}", "character 1 is '\\u{7f}'"),
        ("{adress}", "unknown placeholder {adress}; known are {address}, {list}, {url} and {contact}"),
        ("{}", "unknown placeholder {}; known"),
        ("{Address}", "unknown placeholder {Address}"),
        ("{ address}", "unknown placeholder { address}"),
        ("a { b", "'{' stands alone; write a placeholder such as {address}, or {{ for the character"),
        ("a } b", "'}' stands alone"),
        ("{list}}", "'}' stands alone"),
        ("{address}{address}{url}{address}", "{address} stands in it 4 times; 3 times at most"),
    ] {
        let error = Text::new(template, all(&url)).expect_err(template).to_string();
        assert!(error.starts_with(expected), "{template:?}: {error}");
    }
    for (template, placeholder) in
        [("{list}", Placeholder::List), ("a {url}", Placeholder::Url), ("{contact}", Placeholder::Contact)]
    {
        assert_eq!(Text::new(template, Words::default()), Err(TextError::Missing(placeholder)));
    }
}

#[test]
fn a_line_is_512_octets_at_most() {
    for (addresses, literal) in [(0, 499), (1, 461), (2, 422), (3, 383)] {
        let template = |octets: usize| "{address}".repeat(addresses) + &"x".repeat(octets);
        let fits = Text::new(&template(literal), Words::default()).expect("512 octets");
        assert_eq!(fits.longest() + CODE_LEN + 2, MAX_LINE_LEN - usize::from(addresses == 0));
        for beyond in [1, 7] {
            let error = Text::new(&template(literal + beyond), Words::default()).expect_err("too long");
            assert_eq!(error, TextError::TooLong { beyond });
            assert!(error.to_string().starts_with(&format!("{beyond} octets too long")), "{error}");
        }
    }
    // What is filled in counts.
    let long = Text::new(&"u".repeat(499), Words::default()).expect("fits");
    let words = Words { url: Some(&long), ..Words::default() };
    assert_eq!(Text::new("{url}xyz", words), Err(TextError::TooLong { beyond: 3 }));
}

#[test]
fn what_is_filled_in_is_no_template() {
    let words = Words { contact: Some("{address} {nobody}"), ..Words::default() };
    let text = Text::new("to {contact}", words).expect("a text");
    assert_eq!((text.addresses(), text.with("x")), (0, "to {address} {nobody}".to_owned()));
    let words = Words { contact: Some("a\r\nb"), ..Words::default() };
    assert!(matches!(Text::new("{contact}", words), Err(TextError::Character { .. })));
}

/// Bits of templates with what they come to.
fn bits() -> impl Strategy<Value = Vec<(String, String)>> {
    let known = select(vec![
        ("{address}", "2001:db8::1"),
        ("{list}", "my-list"),
        ("{url}", "https://example.org/?ip=2001:db8::1"),
        ("{contact}", "postmaster@example.com"),
        ("{{", "{"),
        ("}}", "}"),
    ])
    .prop_map(|(bit, filled)| (bit.to_owned(), filled.to_owned()));
    let literal = "[ -z|~]{1,40}".prop_map(|literal| (literal.clone(), literal));
    prop::collection::vec(prop_oneof![known, literal], 1..12)
}

proptest! {
    #[test]
    fn a_text_is_what_each_bit_comes_to(bits in bits()) {
        let template: String = bits.iter().map(|(bit, _)| bit.as_str()).collect();
        let naive: String = bits.iter().map(|(_, filled)| filled.as_str()).collect();
        let addresses = bits.iter().filter(|(bit, _)| bit == "{address}" || bit == "{url}").count();
        // As long as with an address of 39 octets.
        let longest = naive.len() + addresses * (MAX_ADDRESS_LEN - "2001:db8::1".len());
        let url = url();
        match Text::new(&template, all(&url)) {
            Ok(text) => {
                prop_assert_eq!(text.with("2001:db8::1"), naive);
                prop_assert_eq!((text.addresses(), text.longest()), (addresses, longest));
                prop_assert!(addresses <= 3 && longest <= 500);
            }
            Err(TextError::Addresses(found)) => prop_assert!(found == addresses && found > 3),
            Err(TextError::TooLong { beyond }) => {
                prop_assert_eq!(longest, if addresses == 0 { 499 } else { 500 } + beyond);
            }
            Err(TextError::Empty) => prop_assert!(template.trim().is_empty()),
            Err(other) => prop_assert!(false, "{template:?}: {other}"),
        }
    }

    #[test]
    fn whatever_is_written_a_reply_stays_one_line_of_ascii(template in "\\PC{0,40}|[{}a-z\r\n \u{80}]{0,40}") {
        let url = url();
        if let Ok(text) = Text::new(&template, all(&url)) {
            let told = text.with("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
            prop_assert!(told.bytes().all(|octet| matches!(octet, b' '..=b'~')), "{told:?}");
            prop_assert!(told.len() <= MAX_TEXT_LEN);
        }
    }
}
