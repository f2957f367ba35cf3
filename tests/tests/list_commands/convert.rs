//! `list convert`: formats, sets, where the output goes.

use std::io::Read as _;
use std::process::{Output, Stdio};

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::refusal;
use relay_guard_tests::offline::Offline;

use super::printed;

const MIXED: &str = "\u{feff}# a list\r\n192.0.2.2\r\n192.0.2.3 a note\r\n\r\n2001:db8::/33, 2001:db8:8000::/33\r\n10.0.0.0/24\r\n192.0.2.2";

fn convert(offline: &Offline, arguments: &[&str]) -> Result<Output> {
    offline.list([&["convert"], arguments].concat())
}

#[test]
fn every_format_holds_the_same_set() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", MIXED)?;
    let cidrs = "10.0.0.0/24\n192.0.2.2/31\n2001:db8::/32\n";
    assert_eq!(printed(&convert(&offline, &["list"])?, 0)?, cidrs);
    assert_eq!(printed(&convert(&offline, &["list", "--to", "cidr", "--from", "plain"])?, 0)?, cidrs);
    let ranges =
        "10.0.0.0-10.0.0.255\n192.0.2.2-192.0.2.3\n2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff\n";
    assert_eq!(printed(&convert(&offline, &["list", "--to", "range"])?, 0)?, ranges);
    let netset = printed(&convert(&offline, &["list", "--to", "netset"])?, 0)?;
    assert_eq!(
        netset,
        format!(
            "# 3 entries: 258 IPv4 and 79228162514264337593543950336 IPv6 addresses, minimal and sorted\n\
             # from list\n{cidrs}"
        )
    );
    for json in [["list", "--json", "--allow-empty"], ["list", "--to", "json"]] {
        let value = super::json(&convert(&offline, &json[..])?, 0)?;
        assert_eq!(value["entries"], 3);
        assert_eq!(value["ipv4_addresses"], 258);
        assert_eq!(value["ipv6_addresses"], "79228162514264337593543950336");
        assert_eq!(value["ipv4"], serde_json::json!(["10.0.0.0/24", "192.0.2.2/31"]));
        assert_eq!(value["ipv6"], serde_json::json!(["2001:db8::/32"]));
    }
    let zone = ["list", "--to", "rbldnsd", "--value", "127.0.0.9", "--txt", "see $"];
    let zone = printed(&convert(&offline, &zone)?, 0)?;
    assert!(zone.contains("\n$DATASET ip4trie:ipv4 @\n:127.0.0.9:see $\n10.0.0.0/24\n"), "{zone}");
    assert!(zone.ends_with("\n$DATASET ip6trie:ipv6 @\n:127.0.0.9:see $\n2001:db8::/32\n"), "{zone}");
    Ok(())
}

#[test]
fn what_is_written_reads_as_the_same_set() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", MIXED)?;
    let first = printed(&convert(&offline, &["list"])?, 0)?;
    for (format, from) in [("cidr", "plain"), ("range", "plain"), ("netset", "plain"), ("rbldnsd", "rbldnsd")]
    {
        printed(&convert(&offline, &["list", "--to", format, "-o", format])?, 0)?;
        for from in [from, "auto"] {
            let again = printed(&convert(&offline, &[format, "--from", from])?, 0)?;
            assert_eq!(again, first, "{format}, read as {from}");
        }
    }
    Ok(())
}

#[test]
fn sets_are_united_cut_and_taken_out_in_both_families() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("a", "10.0.0.0/29\n2001:db8::/126\n")?;
    offline.write("b", "10.0.0.8/30\n2001:db8::4\n")?;
    offline.write("c", "10.0.0.2\n10.0.0.3\n10.0.0.9\n2001:db8::1\n2001:db8::4\n")?;
    offline.write("empty", "# nothing\n")?;
    for (arguments, expected) in [
        (&["a", "b"][..], "10.0.0.0/29\n10.0.0.8/30\n2001:db8::/126\n2001:db8::4\n"),
        (&["a", "b", "--intersect", "c"], "10.0.0.2/31\n10.0.0.9\n2001:db8::1\n2001:db8::4\n"),
        (&["a", "--intersect", "c", "b"], ""),
        (&["a", "--except", "c", "b"], "10.0.0.0/31\n10.0.0.4/30\n2001:db8::\n2001:db8::2/127\n"),
        (&["c", "--intersect", "a", "--except", "b"], "10.0.0.2/31\n2001:db8::1\n"),
        (&["c", "--except", "b", "--intersect", "a"], "10.0.0.2/31\n2001:db8::1\n"),
        (&["a", "--except", "a"], ""),
        (&["b", "empty", "--allow-empty"], "10.0.0.8/30\n2001:db8::4\n"),
        (&["b", "--except", "empty", "--allow-empty"], "10.0.0.8/30\n2001:db8::4\n"),
        (&["b", "--intersect", "empty", "--allow-empty"], ""),
    ] {
        assert_eq!(printed(&convert(&offline, arguments)?, 0)?, expected, "{arguments:?}");
    }
    Ok(())
}

#[test]
fn standard_input_and_gzip_are_read() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", "192.0.2.1\n")?;
    offline.write("other", "192.0.2.2\n")?;
    offline.other("gzip", ["-k", "list"])?;
    // A name says nothing: it is known by its content.
    offline.other("mv", ["list.gz", "packed.txt"])?;
    assert_eq!(printed(&convert(&offline, &["packed.txt"])?, 0)?, "192.0.2.1\n");
    for file in ["list", "packed.txt"] {
        let output = offline.list_from(file, ["convert", "-", "other", "--to", "netset"])?;
        let text = printed(&output, 0)?;
        assert!(text.contains("# from standard input, other\n192.0.2.1\n192.0.2.2\n"), "{text}");
    }
    Ok(())
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", "192.0.2.1\n192.0.2.0\n")?;
    offline.write("bad", "192.0.2.300\n")?;
    // Into its own source: everything is read before anything is written.
    assert_eq!(printed(&convert(&offline, &["list", "-o", "list"])?, 0)?, "");
    assert_eq!(offline.read("list")?, "192.0.2.0/31\n");
    refusal(&convert(&offline, &["bad", "--output", "list"])?)?;
    assert_eq!(offline.read("list")?, "192.0.2.0/31\n");
    let files = std::fs::read_dir(offline.path())?.count();
    assert_eq!(files, 2, "nothing is left beside them");
    assert_eq!(printed(&convert(&offline, &["list", "-o", "-"])?, 0)?, "192.0.2.0/31\n");
    Ok(())
}

#[test]
fn what_is_read_with_a_change_is_noted_and_can_be_refused() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", "10.0.0.1/24\n10.0.1.1/24\n")?;
    let output = convert(&offline, &["list"])?;
    assert_eq!(output.stdout, b"10.0.0.0/23\n");
    let note = String::from_utf8(output.stderr)?;
    assert!(note.starts_with("relay-guard: note: list:1: \"10.0.0.1/24\": "), "{note}");
    assert!(note.contains("(and more; `relay-guard list check` shows them)"), "{note}");
    assert_eq!(note.lines().count(), 1, "{note}");
    let line = refusal(&convert(&offline, &["list", "--host-bits", "reject"])?)?;
    assert!(line.starts_with("list:1: \"10.0.0.1/24\": ") && line.contains("and 1 more"), "{line}");
    Ok(())
}

#[test]
fn values_of_a_zone_that_are_lost_are_noted() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("zone", "$DATASET ip4set:x @\n10.0.0.0/24\n10.0.0.1 :5:own\n")?;
    let output = convert(&offline, &["zone", "--to", "rbldnsd"])?;
    assert!(String::from_utf8(output.stdout)?.ends_with(":127.0.0.2:\n10.0.0.0/24\n"));
    let note = "relay-guard: note: zone: its 2 A values are not kept; all get 127.0.0.2\n";
    assert_eq!(String::from_utf8(output.stderr)?, note);
    assert_eq!(printed(&convert(&offline, &["zone"])?, 0)?, "10.0.0.0/24\n");
    Ok(())
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_pipe_sees_no_progress() -> Result<()> {
    let offline = Offline::new()?;
    // Large enough for a progress bar, were there a terminal, and for more than any pipe holds.
    let list: String =
        (0..700_000_u32).map(|n| format!("{}\n", std::net::Ipv4Addr::from(0x0a00_0000 + 2 * n))).collect();
    assert!(list.len() > 8 << 20, "{}", list.len());
    offline.write("list", &list)?;
    offline.write("none", "192.0.2.1\n")?;
    for (arguments, code) in [
        (&["convert", "list"][..], 0),
        (&["diff", "none", "list"], 1),
        (&["diff", "none", "list", "--json"], 1),
    ] {
        let mut child = offline.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut stdout = child.stdout.take().context("a pipe")?;
        stdout.read_exact(&mut [0; 10])?;
        drop(stdout);
        let output = child.wait_with_output()?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    assert_eq!(printed(&convert(&offline, &["list"])?, 0)?, list);
    Ok(())
}
