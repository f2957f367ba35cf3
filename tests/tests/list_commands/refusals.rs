//! Whatever is wrong, one line says what and what to do, with exit code 2 and nothing on standard output.

use anyhow::Result;
use relay_guard_tests::guard::refusal;
use relay_guard_tests::offline::Offline;

#[test]
fn files_that_are_no_lists_are_refused_in_one_line() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("good", "192.0.2.1\n")?;
    offline.write("binary", [0xff, 0xd8, 0xff, 0xe0, 0, 1, 2, 3])?;
    offline.write("utf16", [0xff, 0xfe, b'1', 0, b'.', 0])?;
    offline.write("page", "<!DOCTYPE html>\n<html><body>404 192.0.2.1</body></html>\n")?;
    offline.write("empty", "")?;
    offline.write("bad", "192.0.2.1\n192.0.2.256\n")?;
    offline.write("bomb", vec![b'\n'; 1 << 20])?;
    offline.other("gzip", ["bomb"])?;
    offline.other("sh", ["-c", "gzip -c good | head -c 20 > cut.gz"])?;
    for (file, words) in [
        ("missing", "cannot read missing: No such file or directory"),
        (".", "cannot read .: it is a directory"),
        ("binary", "not a text file"),
        ("utf16", "UTF-16"),
        ("page", "page"),
        ("empty", "no entry"),
        ("bad", "bad:2: \"192.0.2.256\": not an IPv4 address"),
        ("bomb.gz", "make more than 65536 (--max-bytes); raise the limit"),
        ("cut.gz", "cannot unpack cut.gz: its end is missing"),
    ] {
        let commands: [&[&str]; 5] = [
            &["convert", "good", file],
            &["convert", "good", "--except", file],
            &["diff", file, "good"],
            &["overlap", "good", file],
            &["search", "192.0.2.1", file],
        ];
        for command in commands {
            let line = refusal(&offline.list([command, &["--max-bytes", "65536"]].concat())?)?;
            assert!(line.contains(words), "{command:?}: {line}");
        }
    }
    Ok(())
}

#[test]
fn arguments_are_refused_in_one_line() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("good", "192.0.2.1\n192.0.2.2\n")?;
    for (arguments, words) in [
        (&["convert"][..], "<FILE>"),
        (&["check"], "<FILE>"),
        (&["diff", "good"], "<B>"),
        (&["search"], "<ADDRESS>"),
        (&["compare", "good"], "unrecognized subcommand 'compare'"),
        (
            &["convert", "good", "--to", "cidrs"],
            "'--to <FORMAT>'; [possible values: cidr, range, rbldnsd, netset, json]",
        ),
        (&["convert", "good", "--from", "sendmail"], "invalid value 'sendmail' for '--from <FORMAT>'"),
        (&["check", "good", "--host-bits", "keep"], "[possible values: mask, reject]"),
        (&["check", "good", "--widest-v4", "33"], "33 is not in 0..=32"),
        (&["check", "good", "--widest-v6", "129"], "129 is not in 0..=128"),
        (&["convert", "good", "--except"], "a value is required for '--except <FILE>...'"),
        (&["convert", "good", "--json", "--to", "cidr"], "--json and --to cidr contradict each other"),
        (&["convert", "good", "--value", "192.0.2.1"], "127.0.0.0/8"),
        (&["convert", "good", "--value", "localhost"], "not an IPv4 address"),
        (&["convert", "good", "--txt", "one\ntwo"], "control characters"),
        (&["convert", "good", "-o", "no/such/directory"], "cannot write no/such/directory: "),
        (&["convert", "good", "-o", "."], "cannot write .: "),
        (&["convert", "good", "--max-entries", "1"], "more than 1 entries"),
        (&["convert", "good", "--max-bytes", "10"], "more than 10 bytes; raise --max-bytes"),
        (&["convert", "good", "--max-line-bytes", "8"], "longer than 8 bytes"),
    ] {
        let line = refusal(&offline.list(arguments)?)?;
        assert!(line.contains(words), "{arguments:?}: {line}");
    }
    let long = "x".repeat(256);
    let line = refusal(&offline.list(["convert", "good", "--txt", &long])?)?;
    assert!(line.contains("longer than 255 bytes"), "{line}");
    Ok(())
}

#[test]
fn help_explains_every_command_with_examples() -> Result<()> {
    let offline = Offline::new()?;
    for command in ["check", "convert", "diff", "overlap", "search"] {
        let output = offline.list([command, "--help"])?;
        let text = String::from_utf8(output.stdout)?;
        assert!(output.status.success() && text.contains("Examples:\n"), "{text}");
        assert!(text.contains(&format!("relay-guard list {command} ")), "{text}");
        assert!(text.contains("--max-bytes") && text.contains("drop-json"), "{text}");
    }
    Ok(())
}
