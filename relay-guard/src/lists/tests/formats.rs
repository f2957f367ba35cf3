//! What single formats must refuse or count when they are named, and what a line says for people.

use super::*;

fn refusal(format: Format, text: &str) -> String {
    read_as(text, &as_format(format)).unwrap_err().to_string()
}

#[test]
fn a_named_format_refuses_what_is_not_of_it() {
    for (format, text, expected) in [
        (Format::DropText, "1.2.3.0/24 SBL1", "drop.txt:1: \"1.2.3.0/24 SBL1\": the prefix length must"),
        (
            Format::DropText,
            "1.2.3.0/24, 1.2.4.0/24 ; x",
            "drop.txt:1: \"1.2.3.0/24, 1.2.4.0/24\": the prefix",
        ),
        (
            Format::Dshield,
            "5.61.209.0\t5.61.210.255\t24",
            "drop.txt:1: \"5.61.209.0\\t5.61.210.255\\t24\": the second",
        ),
        (
            Format::Dshield,
            "5.61.209.0 5.61.209.255 24",
            "drop.txt:1: \"5.61.209.0 5.61.209.255 24\": no row of",
        ),
        (Format::Dshield, "5.61.209.0\t5.61.209.255\tx", "drop.txt:1: \"x\": the prefix length must be"),
        (Format::P2p, "4.53.2.12-4.53.2.15", "drop.txt:1: \"4.53.2.12-4.53.2.15\": no line of a P2P list"),
        (
            Format::P2p,
            "Org:4.53.2.15-4.53.2.12",
            "drop.txt:1: \"4.53.2.15-4.53.2.12\": the range ends before",
        ),
        (Format::IpReputation, "1.1.1.1,6,128", "drop.txt:1: \"128\": not a number from 0 to 127"),
        (Format::IpReputation, "1.1.1.1,61,8", "drop.txt:1: \"61\": not a number from 0 to 60"),
        (Format::IpReputation, "1.1.1.1,6", "drop.txt:1: \"1.1.1.1,6\": no row of an IP reputation list"),
        (Format::IpReputation, "1.1.1.1,6,8,9", "drop.txt:1: \"1.1.1.1,6,8,9\": no row of an IP reputation"),
        (Format::HostsDeny, "ALL: ALL", "drop.txt:1: \"ALL\": \"ALL\" as a client denies everybody"),
        (Format::HostsDeny, "ALL EXCEPT sshd: 1.2.3.4", "drop.txt:1: \"EXCEPT\": EXCEPT is not read"),
        (Format::HostsDeny, "ALL: 192.168.", "drop.txt:1: \"192.168.\": not an address"),
        (Format::HostsDeny, "ALL: 192.168", "drop.txt:1: \"192.168\": not an IPv4 address: short forms"),
        (Format::HostsDeny, "ALL: 2001:db8::1", "drop.txt:1: \"2001\": not an IPv4 address: short forms"),
        (Format::HostsDeny, "ALL: 1.2.3.4 \\", "drop.txt:1: \"ALL: 1.2.3.4 \\\\\": a continued line"),
        (Format::HostsDeny, "1.2.3.4", "drop.txt:1: \"1.2.3.4\": no line of hosts.deny"),
        (Format::DropJson, "[]\n{}", "drop.txt:1: \"[]\": not a JSON object with the expected fields"),
        (Format::Csv, "ip\n192.0.2.1", "drop.txt: the format \"csv\" needs the field of the address: set"),
        (Format::Json, "{\"a\":1}", "drop.txt:1: \"{\\\"a\\\":1}\": not a string"),
        (Format::Rbldnsd, "$DATASET ip4trie @\n1.2.3.4-9", "drop.txt:2: \"1.2.3.4-9\": not an address"),
        (Format::Rbldnsd, "$DATASET ip4tset @\n1.2.3", "drop.txt:2: \"1.2.3\": not an address, prefix"),
        (
            Format::Rbldnsd,
            "$DATASET ip6tset @\n2001:db8:1",
            "drop.txt:2: \"2001:db8:1\": an entry of an ip6tset",
        ),
        (Format::Rbldnsd, "$DATASET ip6tset @\n2001:db8:1:2/64", "drop.txt:2: \"2001:db8:1:2/64\": an entry"),
        (Format::Rbldnsd, "$DATASET ip6tset @\n!2001:db8:1:2", "drop.txt:2: \"!2001:db8:1:2\": an exclusion"),
        (Format::Rbldnsd, "$DATASET what @\n1.2.3.4", "drop.txt:1: \"$DATASET what @\": rbldnsd has no"),
        (Format::Rbldnsd, "$NONSENSE 1\n1.2.3.4", "drop.txt:1: \"$NONSENSE 1\": not a special line"),
        (Format::Rbldnsd, "1.2.3.4x", "drop.txt:1: \"1.2.3.4x\": not an address, prefix or range as"),
        (Format::Rbldnsd, "http://1.2.3.4/0/", "drop.txt:1: \"http://1.2.3.4/0/\": not an address"),
    ] {
        let message = refusal(format, text);
        assert!(message.starts_with(expected), "{format}: {message}");
    }
}

#[test]
fn a_bad_pointer_is_told() {
    let options = ParseOptions { address_field: Some("ip".into()), ..as_format(Format::Json) };
    let message = read_as("[]", &options).unwrap_err().to_string();
    assert!(message.contains("\"ip\" is no JSON pointer: write \"/\" before"), "{message}");
}

#[test]
fn a_carriage_return_inside_a_line_is_a_fault_in_all_formats_of_lines() {
    for (format, text) in [
        (Format::DropText, "1.2.3.0/24 ; SBL1\r1.2.4.0/24"),
        (Format::P2p, "Org:1.2.3.4-1.2.3.5\rOrg:1.2.3.6-1.2.3.7"),
        (Format::HostsDeny, "ALL: 1.2.3.4\rALL: 1.2.3.5"),
        (Format::Rbldnsd, "1.2.3.4 text\r1.2.3.5"),
    ] {
        assert!(refusal(format, text).contains("a carriage return inside the line"), "{format}");
    }
}

#[test]
fn what_is_left_out_is_counted_and_told_once() {
    let list = read(
        "$DATASET dnset @\na.example\nb.example\n$DATASET ip4set @\n1.2.3.4\n$DATASET ip4set sub\n1.2.3.5\n",
    );
    let list = list.unwrap();
    let skipped: Vec<_> = list.summary.skipped.into_iter().collect();
    assert_eq!(skipped, [("names", 2), ("only in subzones", 1)]);
    let warnings: Vec<String> = list.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "drop.txt:2: \"a.example\": left out, as all such lines: names",
            "drop.txt:6: \"$DATASET ip4set sub\": not in the zone itself (@), only in subzones",
        ]
    );

    let list = read("$MAXRANGE4 256\n$MAXRANGE4 512\n10.0/16\n!10.0/16\n10.1.2\n2001:db8::/32\n").unwrap();
    assert_eq!(list.summary.skipped.into_iter().collect::<Vec<_>>(), [("larger than $MAXRANGE4", 2)]);
    assert_eq!((list.summary.entries, list.summary.exclusions), (2, 0));
    assert!(list.warnings[0].message.contains("can only shrink"), "{:?}", list.warnings);

    let list = read("$DATASET ip4set a\n1.2.3.4\n$DATASET ip4set b\n1.2.3.5\n").unwrap();
    assert_eq!(list.summary.v4, 2, "no section is for the zone itself: all are taken");
}

#[test]
fn zones_expire_at_the_earliest_of_their_times() {
    let options = ParseOptions::default();
    let inputs = [("a", "$TIMESTAMP 0 2024:03:02\n1.2.3.4"), ("b", "$TIMESTAMP 0 2024:03:01\n1.2.3.5")]
        .map(|(name, text)| Input { name, bytes: text.as_bytes() });
    assert_eq!(parse(&inputs, &options).unwrap().expires, Some(1_709_251_200));
    assert_eq!(read("$TTL 1\n1.2.3.4").unwrap().expires, None);
}

#[test]
fn exclusions_are_for_all_documents_and_defaults_for_one() {
    let inputs = [("a", "$1 one\n:5:a $1\n10.0.0.0/30\n10.0.0.0/30 :5:more"), ("b", "10.0.1.1\n!10.0.0.2\n")]
        .map(|(name, text)| Input { name, bytes: text.as_bytes() });
    let list = parse(&inputs, &ParseOptions::default()).unwrap();
    assert_eq!(
        entries(&list),
        ["10.0.1.1-10.0.1.1@5", "10.0.0.0-10.0.0.1@3", "10.0.0.3-10.0.0.3@3"],
        "the default of a does not hold in b"
    );
    let origin = &list.origin("10.0.1.1".parse().unwrap())[0];
    assert_eq!((origin.document, origin.line, origin.global_line), ("b", 1, 5));
    assert_eq!(origin.value, Some("127.0.0.2".parse().unwrap()));
    assert!(list.origin("10.0.0.2".parse().unwrap()).is_empty());
}

#[test]
fn nested_entries_of_a_zone_keep_their_values_and_lines() {
    for (text, expected) in [
        (
            "$DATASET ip6trie @\n2001:db8::/32 :3\n2001:db8:8::/45 :4\n!2001:db8:c::/46\n",
            &[
                "2001:db8::-2001:db8:7:ffff:ffff:ffff:ffff:ffff@2",
                "2001:db8:10::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff@2",
                "2001:db8:8::-2001:db8:b:ffff:ffff:ffff:ffff:ffff@3",
            ][..],
        ),
        (
            "$DATASET ip4set @\n10.0.0.0/25\n10.0.0.128/25\n!11.0.0.1\n",
            &["10.0.0.0-10.0.0.127@2", "10.0.0.128-10.0.0.255@3"],
        ),
        ("10.0.0.0/24\n!128/1\n!10.0.0.0-10.0.0.254\n", &["10.0.0.255-10.0.0.255@1"]),
        (
            "$DATASET ip4tset @\n10.0.0.1 :9\n:5:\n:6:\n10.0.0.2\n",
            &["10.0.0.1-10.0.0.1@2", "10.0.0.2-10.0.0.2@5"],
        ),
    ] {
        assert_eq!(entries(&read(text).unwrap()), expected, "{text}");
    }
    let list = read("$DATASET ip4tset @\n10.0.0.1 :9\n:5:\n:6:\n").unwrap();
    assert_eq!(list.groups[0].value, Some("127.0.0.5".parse().unwrap()), "the first default is for all");
}

#[test]
fn a_sample_that_ends_inside_a_line_is_recognised() {
    let text = "A long name of some organisation:192.0.2.1-192.0.2.9\n".repeat(2000);
    assert_eq!(read(&text).map(|list| list.format), Ok(Format::P2p));
}

#[test]
fn zones_and_other_lists_do_not_mix() {
    let zone = Input { name: "zone", bytes: b"$TTL 1\n1.2.3.4" };
    let plain = Input { name: "plain", bytes: b"1.2.3.4" };
    let options = ParseOptions::default();
    for (inputs, expected) in [
        ([zone, plain], "plain: no rbldnsd zone among documents that are rbldnsd zone; give each"),
        ([plain, zone], "zone: rbldnsd zone among documents that are no rbldnsd zone; give each"),
    ] {
        let message = parse(&inputs, &options).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn several_documents_make_one_list() {
    let inputs = [("a", "192.0.2.1\n192.0.2.2\n"), ("b", "; SBL\n1.2.3.0/24 ; SBL1"), ("c", "192.0.2.1")]
        .map(|(name, text)| Input { name, bytes: text.as_bytes() });
    let list = parse(&inputs, &ParseOptions::default()).unwrap();
    assert_eq!(list.groups.len(), 1);
    assert_eq!((list.summary.lines, list.summary.duplicates, list.addresses()), (5, 1, (258, 0)));
    let firsts: Vec<_> = list.documents.iter().map(|document| document.first_line).collect();
    assert_eq!(firsts, [1, 3, 5]);
    let origin = list.origin("1.2.3.9".parse().unwrap());
    assert_eq!((origin[0].document, origin[0].line, origin[0].global_line), ("b", 2, 4));
    let entry = describe(&inputs, &ParseOptions::default(), 4, None).unwrap();
    assert_eq!((entry.document.as_str(), entry.line), ("b", 2));
    assert_eq!((entry.text.as_str(), entry.note.as_deref()), ("1.2.3.0/24 ; SBL1", Some("SBL1")));
    assert_eq!(describe(&inputs, &ParseOptions::default(), 6, None), None);
    assert_eq!(describe(&inputs, &ParseOptions::default(), 0, None), None);

    let broken = [inputs[0], Input { name: "d", bytes: b"192.0.2.1\nx" }];
    let message = parse(&broken, &ParseOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with("d:2: \"x\": not an address"), "{message}");
    let empty = [Input { name: "e", bytes: b"" }, Input { name: "f", bytes: b"#" }];
    let message = parse(&empty, &ParseOptions::default()).unwrap_err().to_string();
    assert!(message.starts_with("e and 1 more: no entry"), "{message}");
}

#[test]
fn a_line_tells_its_note() {
    let zone = "$1 late\n:5:see $1 $\n10.0.0.0/24\n10.0.0.1 :6\n10.0.0.2 :7:\n10.0.0.3 own $2\n$2 two\n";
    let combined = "$1 common\n$DATASET ip6tset @\n:5:see $1 $\n:6:late\n2001:db8:1:2 own\n";
    let csv = "ip,why\n192.0.2.1,\"a, b\"\n";
    let json = "[{\"ip\":\"192.0.2.1\",\"why\":\"a\\tb\"}]";
    for (field, note, text, line, expected) in [
        (None, None, "192.0.2.1", 1, None),
        (None, None, "192.0.2.1 # seen", 1, Some("seen")),
        (None, None, "192.0.2.1 ; SBL1", 1, Some("SBL1")),
        (None, None, "\n192.0.2.1 in a trap // x", 2, Some("in a trap // x")),
        (None, None, "# no\n192.0.2.1", 1, None),
        (None, None, "192.0.2.1 - spammer", 1, Some("- spammer")),
        (None, None, "192.0.2.1 \u{1b}[2J", 1, Some("\\u{1b}[2J")),
        (
            None,
            None,
            "{\"cidr\":\"1.2.3.0/24\",\"sblid\":\"SBL1\",\"rir\":\"ripe\"}\n{\"type\":\"metadata\",\"records\":1}",
            1,
            Some("SBL1 ripe"),
        ),
        (None, None, "Org: A:1.2.3.4-1.2.3.5", 1, Some("Org: A")),
        (None, None, "1.1.1.0/24,6,88", 1, Some("category 6, score 88")),
        (None, None, "5.61.209.0\t5.61.209.255\t24\t7\tX", 1, Some("7\\tX")),
        (None, None, zone, 3, Some("see late 10.0.0.9")),
        (None, None, zone, 4, Some("see late 10.0.0.9")),
        (None, None, zone, 5, None),
        (None, None, zone, 6, Some("own two")),
        (None, None, combined, 5, Some("see common 10.0.0.9")),
        (Some("ip"), Some("why"), csv, 2, Some("a, b")),
        (Some("/ip"), Some("/why"), json, 1, Some("a\\tb")),
    ] {
        let options = ParseOptions {
            address_field: field.map(str::to_owned),
            note_field: note.map(str::to_owned),
            ..ParseOptions::default()
        };
        read_as(text, &options).expect(text);
        let input = Input { name: "list", bytes: text.as_bytes() };
        let entry = describe(&[input], &options, line, "10.0.0.9".parse().ok()).expect(text);
        assert_eq!(entry.note.as_deref(), expected, "{text}");
        assert_eq!(entry.line, line);
    }
    let long = format!("192.0.2.1 {}", "x".repeat(1000));
    let entry =
        describe(&[Input { name: "list", bytes: long.as_bytes() }], &ParseOptions::default(), 1, None);
    assert_eq!(entry.unwrap().note.map(|note| note.chars().count()), Some(256), "cut, with an ellipsis");
}

#[test]
fn the_number_of_data_sets_is_bounded() {
    let text = "$DATASET ip4set @\n10.0.0.1\n".repeat(257);
    let message = read(&text).unwrap_err().to_string();
    assert_eq!(message, "drop.txt:513: \"$DATASET ip4set @\": more than 256 data sets");
    assert!(read(&text[..text.len() - 30]).is_ok());
}

#[test]
fn exclusions_count_as_entries_for_the_limit() {
    let options = ParseOptions { max_entries: 2, ..ParseOptions::default() };
    let text = "10.0.0.0/24\n!10.0.0.1\n!10.0.0.2\n";
    assert!(matches!(read_as(text, &options), Err(ListError::TooManyEntries { .. })));
    assert!(read_as(&text[..22], &options).is_ok());
}

#[test]
fn what_is_ambiguous_is_plain_or_refused() {
    for text in [
        "Org:192.0.2.1\nOrg:192.0.2.2-192.0.2.3",
        "1.2.3.4-1.2.3.5\nOrg:192.0.2.2-192.0.2.3",
        "ALL: 192.0.2.1-192.0.2.2\nALL: 192.0.2.1",
        "1.1.1.1,6,88\n1.1.1.1",
        "{not json",
        "[section]\n192.0.2.1",
        "5.61.209.0\t5.61.209.255\t24\n5.61.210.0",
    ] {
        let message = read(text).unwrap_err().to_string();
        assert!(message.starts_with("drop.txt:") || message.starts_with("drop.txt: not JSON"), "{message}");
    }
    for (text, format) in [
        ("192.0.2.1 # $TTL 5\n#$5 for each\n#$1 is one\n", Format::Plain),
        ("192.0.2.0/24 ; sbl", Format::Plain),
        ("192.0.2.1 Org:192.0.2.1-192.0.2.2", Format::Plain),
        ("2001:db8::1\n::1", Format::Plain),
        ("::ffff:1.2.3.4", Format::Plain),
        ("#$TTL 5\n192.0.2.1\n#$5 for each\n", Format::Rbldnsd),
        ("192.0.2.1 :5", Format::Rbldnsd),
        ("! 192.0.2.1\n192.0.2.0/24", Format::Rbldnsd),
        (":2:\n192.0.2.0/24", Format::Rbldnsd),
    ] {
        assert_eq!(read(text).map(|list| list.format), Ok(format), "{text}");
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let text = "[".repeat(200_000) + &"]".repeat(200_000);
    let options = ParseOptions { address_field: Some("/*/*/*".into()), ..as_format(Format::Json) };
    let message = read_as(&text, &options).unwrap_err().to_string();
    assert!(message.contains("not a string") || message.contains("not JSON"), "{message}");
}

#[test]
fn too_many_values_and_pieces_are_refused() {
    let many: String = (0..300)
        .map(|n| format!("10.0.{}.{} :127.0.{}.{}:\n", n / 256, n % 256, n / 256, n % 256 + 1))
        .collect();
    let message = read(&many).unwrap_err().to_string();
    assert_eq!(message, "drop.txt: more than 256 different A values");

    let mut nested = "$DATASET ip4set @\n".to_owned();
    for n in 0..40 {
        nested.push_str(&format!("10.0.0.0/8 :{}\n!10.0.{n}.7\n", n + 2));
    }
    let options = ParseOptions { max_entries: 100, ..ParseOptions::default() };
    assert!(matches!(read_as(&nested, &options), Err(ListError::TooManyEntries { .. })));
    let options = ParseOptions { max_entries: 1000, ..ParseOptions::default() };
    assert_eq!(read_as(&nested, &options).unwrap().summary.v4, 40 * 41);
}
