//! `list check`.

use std::net::Ipv4Addr;

use anyhow::Result;
use relay_guard_tests::offline::Offline;

use super::{assert_fits, json, printed};

#[test]
fn a_good_list_is_described() -> Result<()> {
    let offline = Offline::new()?;
    offline.write(
        "good.txt",
        "# comment\n192.0.2.0/24 a note\n192.0.2.1\n192.0.2.1\n2001:db8::/32\n::ffff:192.0.2.9\n",
    )?;
    let text = printed(&offline.list(["check", "good.txt"])?, 0)?;
    assert!(
        text.contains("good.txt: 256 IPv4 addresses, 2^96 IPv6 addresses, 2 CIDRs when minimal"),
        "{text}"
    );
    assert!(text.contains("1 IPv4-mapped, 1 comments, 1 notes"), "{text}");
    assert_fits(text.lines().last().unwrap_or_default());
    let row: Vec<_> = text.lines().last().into_iter().flat_map(str::split_whitespace).collect();
    assert_eq!(row, ["good.txt", "plain", "5", "1", "0", "good"]);
    let report = json(&offline.list(["check", "good.txt", "--json"])?, 0)?;
    assert_eq!(report["ok"], true);
    let file = &report["files"][0];
    assert_eq!(
        (&file["file"], &file["state"], &file["format"]),
        (&"good.txt".into(), &"good".into(), &"plain".into())
    );
    assert_eq!(file["summary"]["entries"], 5);
    assert_eq!(file["summary"]["duplicates"], 1);
    assert_eq!(file["addresses"]["ipv4_addresses"], 256);
    assert_eq!(file["addresses"]["ipv6_addresses"], "79228162514264337593543950336");
    assert_eq!(file["addresses"]["entries"], 2);
    assert_eq!(file["errors"], serde_json::json!([]));
    Ok(())
}

#[test]
fn every_bad_line_has_its_place_text_and_cause() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("bad", "192.0.2.1\n192.0.2.300\n10.0.0.0/33\nexample.org\n0.0.0.0/0\n")?;
    offline.write("good", "192.0.2.1\n")?;
    let text = printed(&offline.list(["check", "good", "bad"])?, 1)?;
    for start in [
        "error: bad:2: \"192.0.2.300\": not an IPv4 address",
        "error: bad:3: \"10.0.0.0/33\": the prefix length",
        "error: bad:4: \"example.org\": not an address",
        "error: bad:5: \"0.0.0.0/0\": wider than /8",
    ] {
        assert!(text.lines().any(|line| line.starts_with(start)), "{start} is not in\n{text}");
    }
    let report = json(&offline.list(["check", "good", "bad", "--json"])?, 1)?;
    assert_eq!(report["ok"], false);
    assert_eq!(report["files"][0]["state"], "good");
    let bad = &report["files"][1];
    assert_eq!(
        (&bad["state"], &bad["summary"], &bad["more_errors"]),
        (&"refused".into(), &().into(), &0.into())
    );
    assert_eq!(bad["errors"][3]["line"], 5);
    assert_eq!(bad["errors"][3]["text"], "0.0.0.0/0");
    let [message, cause] = ["message", "cause"].map(|key| bad["errors"][3][key].as_str().unwrap_or_default());
    assert_eq!(message, format!("bad:5: \"0.0.0.0/0\": {cause}"));
    Ok(())
}

#[test]
fn what_is_too_much_to_show_is_counted() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("bad", "nonsense.example\n".repeat(50))?;
    let text = printed(&offline.list(["check", "--from", "plain", "bad"])?, 1)?;
    assert_eq!(text.matches("error: bad:").count(), 20 + 1, "{text}");
    assert!(text.contains("error: bad: and 30 more bad lines\n"), "{text}");
    let report = json(&offline.list(["check", "--from", "plain", "--json", "bad"])?, 1)?;
    assert_eq!(report["files"][0]["more_errors"], 30);
    Ok(())
}

#[test]
fn a_fault_of_the_whole_file_has_no_line() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("empty", "# nothing\n")?;
    offline.write("binary", b"192.0.2.1\n\0\n")?;
    for (arguments, cause) in [
        (&["empty"][..], "no entry"),
        (&["binary"], "not a text file"),
        (&["empty", "--max-line-bytes", "3"], "longer than 3 bytes"),
    ] {
        let output = offline.list([&["check", "--json"], arguments].concat())?;
        let report = json(&output, 1)?;
        let fault = &report["files"][0]["errors"][0];
        assert!(fault["cause"].as_str().is_some_and(|text| text.contains(cause)), "{report:#}");
        assert_eq!(fault["line"].is_null(), arguments.len() == 1, "{report:#}");
    }
    assert!(printed(&offline.list(["check", "empty", "--allow-empty"])?, 0)?.contains("0 IPv4 addresses"));
    Ok(())
}

#[test]
fn warnings_are_shown_and_are_no_fault() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("list", "10.0.0.1/24\n")?;
    let text = printed(&offline.list(["check", "list"])?, 0)?;
    assert!(text.starts_with("warning: list:1: \"10.0.0.1/24\": bits are set"), "{text}");
    assert!(text.contains("1 with host bits"), "{text}");
    let report = json(&offline.list(["check", "list", "--json"])?, 0)?;
    assert_eq!(report["files"][0]["warnings"].as_array().map(Vec::len), Some(1));
    assert!(
        printed(&offline.list(["check", "list", "--host-bits", "reject"])?, 1)?
            .starts_with("error: list:1: ")
    );
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_the_others_are_checked() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("good", "192.0.2.1\n")?;
    offline.write("bad", "192.0.2\n")?;
    for (arguments, line) in [
        (
            &["check", "bad", "missing", "good"][..],
            "relay-guard: cannot read missing: No such file or directory\n",
        ),
        (
            &["check", "missing", ".", "good", "--json"],
            "relay-guard: cannot read missing: No such file or directory (and 1 more that cannot be read)\n",
        ),
    ] {
        let output = offline.list(arguments)?;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr)?, line);
        let text = String::from_utf8(output.stdout)?;
        assert!(text.contains("unreadable") && text.contains("good"), "{text}");
    }
    Ok(())
}

#[test]
fn the_table_fits_a_terminal() -> Result<()> {
    let offline = Offline::new()?;
    let name = "a".repeat(60) + ".txt";
    offline.write(
        &name,
        (0..1_000_000_u32).map(|n| format!("{}\n", Ipv4Addr::from(0x0100_0000 + n / 2))).collect::<String>(),
    )?;
    let text = printed(&offline.list(["check", &name])?, 0)?;
    let table: Vec<_> = text.lines().rev().take(2).collect();
    assert!(table[1].trim_start().starts_with("FILE"), "{text}");
    assert!(table[0].contains("…") && table[0].contains("  1 000 000     500 000  "), "{text}");
    table.into_iter().for_each(assert_fits);
    Ok(())
}
