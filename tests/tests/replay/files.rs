//! Files that are damaged, or none at all; and who may read them.

use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use relay_guard_tests::child::run_to_end;
use relay_guard_tests::guard::refusal;

use super::dialogue::{gzip, message, pcap, pcapng};
use super::{Captures, LIMIT, START, of};

const CLIENT: &str = "10.0.1.66:40000";
const SERVER: &str = "203.0.113.25:25";

#[test]
fn what_is_no_capture_is_refused_in_one_line() -> Result<()> {
    let captures = Captures::new()?;
    let mut unknown = pcap(&[]);
    unknown[20] = 105;
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"220 mail.example.net ESMTP\r\n"),
        ("short", b"\xd4\xc3\xb2\xa1\x02"),
        ("cut.gz", &gzip(&pcap(&[]))[..12]),
        ("zstd", b"\x28\xb5\x2f\xfd\x04\x00"),
        ("wireless", &unknown),
    ] {
        captures.write(name, content)?;
    }
    for (file, words) in [
        ("missing", "cannot read missing: No such file or directory"),
        (".", "cannot read .: it is a directory; name its files"),
        ("empty", "cannot read empty: it is empty"),
        ("text", "cannot read text: it is no capture: neither pcap nor pcapng"),
        ("short", "short: cut off at byte 5, within the header"),
        ("cut.gz", "of what it holds: the end of its gzip data is missing; 0 packets"),
        ("zstd", "it is compressed with zstd; unpack it first"),
        ("wireless", "cannot read wireless: link type 105 is not read; these are: Ethernet (1)"),
    ] {
        for json in [&["--json"][..], &[]] {
            let line = refusal(&captures.run([&[file][..], json].concat())?)?;
            assert!(line.contains(words), "{file}: {line}");
        }
    }
    let output = captures.run(["--port", "0", "text"])?;
    assert!(refusal(&output)?.contains("invalid value '0' for '--port <PORT>'"));
    assert!(refusal(&captures.run([""; 0])?)?.contains("<FILE>..."));
    Ok(())
}

#[test]
fn what_can_be_read_of_a_damaged_file_is_told_before_the_error() -> Result<()> {
    let captures = Captures::new()?;
    let frames = [message(CLIENT, SERVER, START), message(CLIENT, SERVER, START + LIMIT)].concat();
    let packets = frames.len();
    let whole = [pcap(&frames), pcapng(&frames)];
    let mut absurd = [pcap(&frames), vec![0xff; 64]].concat();
    absurd.truncate(whole[0].len() + 40);
    for (name, content, words) in [
        ("cut.pcap", whole[0][..whole[0].len() - 1].to_vec(), "within a packet; "),
        ("cut.pcapng", whole[1][..whole[1].len() - 1].to_vec(), "within a block; "),
        ("absurd.pcap", absurd, "damaged at byte "),
        ("cut.gz", gzip(&whole[0])[..gzip(&whole[0]).len() - 9].to_vec(), "of its gzip data is missing; "),
    ] {
        captures.write(name, content)?;
        let output = captures.run([name, "--json"])?;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = String::from_utf8(output.stderr.clone())?;
        assert!(error.lines().count() == 1 && error.contains(words), "{error}");
        assert!(error.trim_end().ends_with("packets were read"), "{error}");
        let lines = super::lines(&output)?;
        assert_eq!(of("transaction", lines.clone()).len(), 2, "{name}: {lines:?}");
        let file = &of("file", lines)[0];
        assert!(file["packets"].as_u64().is_some_and(|read| read as usize + 1 >= packets), "{file}");
        assert_eq!(format!("relay-guard: {}\n", file["error"].as_str().unwrap_or_default()), error);

        let output = captures.run([name])?;
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stdout)?;
        assert!(text.contains("messages: 2; accepted 2"), "{text}");
    }
    Ok(())
}

#[test]
fn a_bad_file_among_others_does_not_hide_them() -> Result<()> {
    let captures = Captures::new()?;
    captures.write("a.pcap", pcap(&message(CLIENT, SERVER, START)))?;
    captures.write("b.pcap", "no capture")?;
    captures.write("c.pcap", pcap(&message(CLIENT, SERVER, START + Duration::from_secs(60))))?;
    let output = captures.run(["a.pcap", "b.pcap", "c.pcap", "--json"])?;
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(of("transaction", super::lines(&output)?).len(), 2);
    let error = String::from_utf8(output.stderr)?;
    assert!(error.lines().count() == 1 && error.contains("cannot read b.pcap: it is no capture"), "{error}");
    // What is not there is said before anything is read.
    let line = refusal(&captures.run(["a.pcap", "d.pcap", "--json"])?)?;
    assert!(line.starts_with("cannot read d.pcap: No such file"), "{line}");
    Ok(())
}

#[test]
fn standard_input_is_read_as_it_comes() -> Result<()> {
    let captures = Captures::new()?;
    captures.write("a.pcap", gzip(&pcap(&message(CLIENT, SERVER, START))))?;
    let mut command = captures.command(["-", "--json"]);
    command.stdin(File::open(captures.directory.path().join("a.pcap"))?);
    let output = run_to_end(command, LIMIT)?;
    assert!(output.status.success(), "{output:?}");
    let lines = super::lines(&output)?;
    assert_eq!(of("file", lines.clone())[0]["file"], "standard input");
    assert_eq!(of("transaction", lines).len(), 1);
    Ok(())
}

#[test]
fn who_reads_only_the_first_line_gets_no_error() -> Result<()> {
    let captures = Captures::new()?;
    let clients = (0..3000_u32).map(|n| format!("10.0.{}.{}:40000", n >> 8, n & 255));
    let frames: Vec<_> = clients.flat_map(|client| message(&client, SERVER, START)).collect();
    captures.write("a.pcap", pcap(&frames))?;
    let mut command = captures.command(["a.pcap", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut first = String::new();
    BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut first)?;
    assert!(first.starts_with("{\"type\":\"transaction\""), "{first}");
    let mut error = String::new();
    child.stderr.take().context("a pipe")?.read_to_string(&mut error)?;
    let status = child.wait()?;
    assert!(status.success() && error.is_empty(), "{status} {error}");
    Ok(())
}

#[test]
fn no_privileges_are_needed() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        // Then every other test shows it.
        return Ok(());
    }
    let captures = Captures::new()?;
    captures.write("a.pcap", pcap(&message(CLIENT, SERVER, START)))?;
    let directory = captures.directory.path();
    std::fs::set_permissions(directory, Permissions::from_mode(0o755))?;
    // It may be built where only root looks.
    let program = directory.join("program");
    std::fs::copy(&captures.program, &program)?;
    let mut command = Command::new("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
        "--no-new-privs",
    ]);
    command.arg(&program).args(["replay", "a.pcap", "--json"]).current_dir(directory);
    command.env_remove("RELAY_GUARD_CONFIG");
    let output = run_to_end(command, LIMIT)?;
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(super::lines(&output)?, captures.lines(["a.pcap"])?);
    Ok(())
}
