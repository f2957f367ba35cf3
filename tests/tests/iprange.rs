//! The real iprange (a Debian package) and `list convert` and `list diff` print the same, byte for byte, for the same
//! files.
//!
//! Only what both mean the same is fed. Where they differ, ours is stricter, because a list decides who is blocked:
//! - Names, and anything else that is no address: iprange asks the DNS; ours refuses the line, names are never resolved.
//! - Short and octal forms (`10.1`, `010.0.0.1`): iprange reads them as inet_aton does; ours refuses, they are ambiguous.
//! - Reversed ranges: iprange swaps the ends; ours refuses, one of them is a mistake.
//! - Ranges of CIDRs (`10.0.0.0/24 - 10.0.3.0/24`): only iprange.
//! - `192.0.2.1 a note`: iprange takes the first word for a name, and warns; ours reads the note.
//! - Prefixes wider than /8 and lists without an entry: ours wants `--widest-v4` and `--allow-empty`.
//! - IPv6, `//` comments, several addresses per line: only ours.
//! - An entry up to 255.255.255.255 before one from 0.0.0.0: iprange 1.0.4 takes them for neighbours, and of
//!   `128.0.0.0/1` and `0.0.0.0/1` it makes two addresses. Generated entries do not start at 0.0.0.0.
//! - The difference of two files: iprange writes both sides as one, but not always the fewest CIDRs; ours says which side
//!   each is from. Both are united before they are compared.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::Output;

use anyhow::{Result, ensure};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use relay_guard_tests::offline::Offline;

const FILES: [&str; 3] = ["a", "b", "c"];

/// Addresses that meet often, at the end of the family, and anywhere but in 0.0.0.0/8.
fn address() -> impl Strategy<Value = u32> {
    prop_oneof![
        6 => 0x0a00_0000_u32..0x0a00_0200,
        2 => 0xc0a8_0000_u32..0xc0a9_0000,
        1 => (0_u32..8).prop_map(|below| u32::MAX - below),
        1 => 0x0100_0000..=u32::MAX,
    ]
}

/// Prefix lengths: mostly long, so that not everything is one network.
fn length() -> impl Strategy<Value = u32> {
    prop_oneof![1 => 8_u32..=32, 20 => 20_u32..=32]
}

fn mask(length: u32) -> Ipv4Addr {
    u32::MAX.checked_shl(32 - length).unwrap_or(0).into()
}

/// An entry as a list may write it; host bits may be set.
fn entry() -> impl Strategy<Value = String> {
    let ip = |address: u32| Ipv4Addr::from(address);
    let ends = (address(), 0_u32..300).prop_map(|(first, more)| (first, first.saturating_add(more)));
    prop_oneof![
        4 => address().prop_map(move |address| ip(address).to_string()),
        4 => (address(), length()).prop_map(move |(address, length)| format!("{}/{length}", ip(address))),
        2 => (address(), length()).prop_map(move |(address, length)| format!("{}/{}", ip(address), mask(length))),
        3 => (ends, one_of(&["-", " - ", " -", "\t-  "]))
            .prop_map(move |((first, last), dash)| format!("{}{dash}{}", ip(first), ip(last))),
    ]
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

/// A line without its end.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => entry(),
        2 => (entry(), one_of(&[" # a comment", "#192.0.2.1", "\t; 192.0.2.2", " ", "\t"]))
            .prop_map(|(entry, tail)| entry + tail),
        1 => (one_of(&[" ", "\t", "  \t "]), entry()).prop_map(|(blanks, entry)| blanks.to_owned() + &entry),
        1 => one_of(&["", " ", "# comment 192.0.2.3", "; comment", "#"]).prop_map(str::to_owned),
    ]
}

/// A file: lines that may repeat, LF or CRLF, with or without an end of the last line.
fn file() -> impl Strategy<Value = String> {
    let repeats = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (prop::collection::vec(line(), 0..40), repeats, any::<bool>(), any::<bool>()).prop_map(
        |(mut lines, repeats, crlf, ended)| {
            for index in repeats.iter().filter(|_| !lines.is_empty()).collect::<Vec<_>>() {
                lines.push(index.get(&lines).clone());
            }
            let end = if crlf { "\r\n" } else { "\n" };
            let mut text = lines.join(end);
            if ended && !text.is_empty() {
                text.push_str(end);
            }
            text
        },
    )
}

struct Both {
    offline: Offline,
    files: Vec<String>,
}

impl Both {
    fn new(files: &[String]) -> Result<Self> {
        let offline = Offline::new()?;
        for (name, text) in FILES.iter().zip(files) {
            offline.write(name, text)?;
        }
        Ok(Self { offline, files: files.to_vec() })
    }

    fn ours(&self, arguments: &[&str]) -> Result<Output> {
        self.offline.list([arguments, &["--allow-empty", "--widest-v4", "0"]].concat())
    }

    /// The same output and exit code 0 of `iprange THEIRS` and `relay-guard list convert OURS`.
    fn agree(&self, theirs: &[&str], ours: &[&str]) -> Result<()> {
        let expected = self.offline.other("iprange", theirs)?;
        let output = self.ours(&[&["convert"], ours].concat())?;
        let [expected_text, text] = [&expected, &output].map(|o| String::from_utf8_lossy(&o.stdout));
        ensure!(
            expected.status.success() && output.status.success() && expected_text == text,
            "iprange {theirs:?} ({}):\n{expected_text}\nconvert {ours:?} ({}):\n{text}{}\nfiles: {:?}",
            expected.status,
            output.status,
            String::from_utf8_lossy(&output.stderr),
            self.files
        );
        Ok(())
    }

    /// What `list diff` says of both sides, united, is what `iprange --diff` prints; so are the exit codes.
    fn differences_agree(&self) -> Result<()> {
        let expected = self.offline.other("iprange", ["a", "--diff", "b"])?;
        let output = self.ours(&["diff", "a", "b"])?;
        ensure!(expected.status.code() == output.status.code(), "{expected:?}\n{output:?}\n{:?}", self.files);
        let mut both = String::new();
        for line in String::from_utf8(output.stdout)?.lines() {
            if let Some(cidr) = line.strip_prefix("+ ").or_else(|| line.strip_prefix("- ")) {
                writeln!(both, "{cidr}")?;
            }
        }
        self.offline.write("ours", &both)?;
        self.offline.write("theirs", &expected.stdout)?;
        let [ours, theirs] = ["ours", "theirs"].map(|file| self.offline.other("iprange", [file]));
        ensure!(ours?.stdout == theirs?.stdout, "{both}\n{expected:?}\n{:?}", self.files);
        Ok(())
    }
}

/// Runs `test` with files for many cases.
fn with_files(cases: u32, count: usize, test: impl Fn(&Both) -> Result<()>) -> Result<()> {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let outcome = TestRunner::new(config).run(&prop::collection::vec(file(), count), |files| {
        let run = || test(&Both::new(&files)?);
        run().map_err(|error| TestCaseError::fail(format!("{error:#}")))
    });
    outcome.map_err(|error| anyhow::anyhow!("{error}"))
}

#[test]
fn one_file_makes_the_same_cidrs_and_ranges() -> Result<()> {
    with_files(250, 1, |both| {
        both.agree(&["a"], &["a"])?;
        both.agree(&["--print-ranges", "a"], &["a", "--to", "range"])
    })
}

#[test]
fn several_files_make_the_same_union_intersection_and_difference() -> Result<()> {
    with_files(120, 3, |both| {
        both.agree(&["a", "b", "c"], &["a", "b", "c", "--to", "cidr"])?;
        both.agree(&["--common", "a", "b", "c"], &["a", "--intersect", "b", "c"])?;
        both.agree(&["a", "--except", "b", "c"], &["a", "--except", "b", "c"])?;
        both.agree(&["a", "b", "--except", "c"], &["a", "b", "--except", "c"])?;
        both.differences_agree()
    })
}

#[test]
fn the_same_addresses_are_no_difference() -> Result<()> {
    let files = ["10.0.0.0/25\n10.0.0.128-10.0.0.255\n", "10.0.0.0/255.255.255.0\n"].map(str::to_owned);
    let both = Both::new(&files)?;
    both.differences_agree()?;
    ensure!(both.ours(&["diff", "a", "b"])?.status.success());
    Ok(())
}

#[test]
fn everything_and_nothing_are_the_same() -> Result<()> {
    for file in ["0.0.0.0/0\n", "0.0.0.0-255.255.255.255", "0.0.0.0/1\n128.0.0.0/1\n", "", "# nothing\n\r\n"]
    {
        let both = Both::new(&[file.to_owned()])?;
        both.agree(&["a"], &["a"])?;
        both.agree(&["--print-ranges", "a"], &["a", "--to", "range"])?;
    }
    Ok(())
}
