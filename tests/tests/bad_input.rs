//! Whatever is wrong, one line says what and what to do, nothing panics, and nothing is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::Lab;
use relay_guard_tests::guard::{Guard, GuardConfig, refusal};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::namespace::BPFFS;
use serde_json::Value;

/// A good configuration with the directories of the lab.
fn good(lab: &Lab) -> Result<String> {
    let mut config = GuardConfig::for_lab(lab);
    config.add_list(lab, "drops", "drop", "192.0.2.1\n")?;
    config.to_toml()
}

fn assert_untouched(lab: &Lab) {
    let pins = lab.gateway.run(|| fs::exists(format!("{BPFFS}/relay-guard")).expect("the bpffs can be read"));
    assert!(!pins, "something is pinned");
    assert!(!lab.dir().join("run/control.sock").exists(), "there is a socket");
}

/// The first complaint of `check --json`, which must end with 1, and its words, which must hold it too.
fn checked(guard: &Guard<'_>) -> Result<String> {
    let output = guard.cli(["check", "--json"])?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let errors = report["errors"].as_array().into_iter().flatten();
    let of_lists = report["lists"].as_array().into_iter().flatten();
    let of_lists = of_lists.flat_map(|list| list["errors"].as_array().into_iter().flatten());
    let first = errors.chain(of_lists).next().and_then(Value::as_str);
    let first = first.with_context(|| format!("no error in {report:#}"))?.to_owned();
    let words = String::from_utf8(guard.cli(["check"])?.stdout)?;
    assert!(words.contains(&first), "{first} is not in {words}");
    Ok(first)
}

#[test]
fn a_bad_configuration_is_refused_with_its_place() -> Result<()> {
    let lab = Lab::new()?;
    let good = good(&lab)?;
    let guard = Guard::with_config_text(&lab, &good)?;
    ensure!(guard.cli(["check"])?.status.success(), "the good one is good");
    let file = guard.config_path().display().to_string();
    let replace = |from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in {good}");
        good.replacen(from, to, 1)
    };
    let said = |line: &str| replace("action = \"drop\"", &format!("action = \"refuse\"\n{line}"));
    // What is changed, what must be said, and whether it is about the changed line.
    for (config, words) in [
        (replace("mode =", "mood ="), &["unknown key `mood`", "did you mean `mode`"][..]),
        (replace("own_servers =", "owned ="), &["unknown key `owned`", "known here: own_servers"]),
        (replace("\"enforce\"", "\"enforced\""), &["unknown word `enforced`", "did you mean `enforce`"]),
        (replace("\"enforce\"", "1"), &["wrong type", "text in quotes"]),
        (replace("\"enforce\"", "enforce"), &["string"]),
        (replace("outside = [\"out0\"]", "outside = \"out0\""), &["wrong type", "[ ]"]),
        (replace("inside = [\"in0\"", "inside = [\"out0\""), &["\"out0\"", "both sides"]),
        (replace("outside = [\"out0\"]", "outside = [\"out0\", \"out0\"]"), &["\"out0\"", "twice"]),
        (replace("outside = [\"out0\"]", "outside = [\"a/b\"]"), &["no interface name"]),
        ("mode = \"enforce\"\n".to_owned(), &["no interface", "interfaces.outside"]),
        (good.clone() + "[ports]\nguarded = [0]\n", &["0 is out of range", "1 to 65535"]),
        (good.clone() + "[ports]\nguarded = []\n", &["0 ports"]),
        (good.clone() + "[inspection]\nwindow = \"soon\"\n", &["\"soon\" is no duration", "\"90s\""]),
        (good.clone() + "[inspection]\nwindow = \"1s\"\n", &["out of range", "5s"]),
        (good.clone() + "[zombie]\nattempts = 9\n", &["no key `zombie` any more", "[inspection]"]),
        (
            good.clone() + "[signals.atempts]\nweight = 9\n",
            &["unknown signal `atempts`", "did you mean `attempts`"],
        ),
        (good.clone() + "[signals.attempts]\nfrom = 9\nat = 9\n", &["at (9) is not above from (9)"]),
        (
            good.clone() + "[[containment]]\nscore = 9000\naction = \"drop\"\n",
            &["no host can come to", "9000"],
        ),
        (
            good.clone() + "[[containment]]\nscore = 50\naction = \"allow\"\n",
            &["unknown action \"allow\"", "report"],
        ),
        (
            good.clone() + "[[containment]]\nscore = 50\naction = \"drop\"\nfor = \"0s\"\n",
            &["out of range", "1s"],
        ),
        (good.clone() + "[limits]\ncapture_bytes = 123456\n", &["power of two"]),
        (good.clone() + "[limits]\nflows = 0\n", &["0 is out of range"]),
        (good.clone() + "[limits]\ninside_hosts = \"many\"\n", &["wrong type", "whole number"]),
        (replace("10.0.2.25", "10.0.2.256"), &["\"10.0.2.256\"", "write an address"]),
        (replace("10.0.2.25", "10.0.2.25/24"), &["host bits", "10.0.2.0/24"]),
        (replace("action = \"drop\"", "action = \"deny\""), &["unknown action \"deny\"", "refuse"]),
        (said("text = \"no\\r\\nRSET\""), &["character 3 is '\\r'", "printable ASCII"]),
        (said("text = \"caf\u{e9}\""), &["character 4 is 'é'", "printable ASCII"]),
        (said("text = \"see {page}\""), &["unknown placeholder {page}", "{address}"]),
        (said("text = \"see {url}\""), &["{url} has no value", "info_url"]),
        (said(&format!("text = \"{}\"", "x".repeat(600))), &["101 octets too long", "512 octets"]),
        (replace("name = \"drops\"", "name = \"Drop!\""), &["no name for a list"]),
        (replace(&format!("{BPFFS}/relay-guard"), "relay-guard"), &["absolute path"]),
    ] {
        guard.write_config(&config)?;
        let line = refusal(&guard.cli(["run"])?)?;
        let place = line.strip_prefix(&format!("{file}:")).with_context(|| format!("no place: {line}"))?;
        let number: usize =
            place.split(':').next().and_then(|number| number.parse().ok()).context("a line")?;
        let changed = config.lines().zip(good.lines()).position(|(new, old)| new != old);
        // Where a list refuses, what is wrong is on the line after that.
        let changed = changed.map(|index| index + usize::from(config.contains("\"refuse\"\n")));
        let begun = config.lines().count() > good.lines().count() || number == 1;
        assert!(begun || changed == Some(number - 1), "line {number}, not {changed:?}: {line}");
        for word in words {
            assert!(line.contains(word), "no {word:?} in: {line}");
        }
        assert_eq!(checked(&guard)?, line, "`check` says the same");
        assert_untouched(&lab);
    }
    Ok(())
}

/// Zones and a threshold, one key on each line.
const DNSBL: &str = r#"
[lookups]
timeout = "2s"
[[dnsbl]]
zone = "bl.example.org"
weight = 2
answers = "127.0.0.[2..11;14]"
families = ["ipv4", "ipv6"]
ports = [25]
ttl_min = "1m"
ttl_max = "1h"
[[dnsbl]]
zone = "wl.example.org"
weight = -1
[[thresholds]]
score = 2
action = "refuse"
"#;

#[test]
fn bad_zones_and_thresholds_are_refused_with_their_place() -> Result<()> {
    let lab = Lab::new()?;
    let good = good(&lab)? + DNSBL;
    let guard = Guard::with_config_text(&lab, &good)?;
    let fine = guard.cli(["check"])?;
    let said = String::from_utf8(fine.stdout)?;
    ensure!(fine.status.success() && said.contains("refuse from a score of 2 on"), "{said}");
    let file = guard.config_path().display().to_string();
    // What stands on a line, what it is changed to, and what must be said of that line.
    for (from, to, words) in [
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"127.0.0.[11..2]\"", "character 10: 11..2 is empty"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"127.0.0.[]\"", "nothing is in the brackets"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"127.0.0.256\"", "256 is no octet"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"126.0.0.2\"", "127.0.0.0/8"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"127.0.0.1\"", "matches no listing"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"127.255.255.254\"", "matches no listing"),
        ("answers = \"127.0.0.[2..11;14]\"", "answers = \"listed\"", "character 1: a number is missing"),
        ("zone = \"bl.example.org\"", "zone = \"not a name\"", "no zone's name"),
        ("zone = \"bl.example.org\"", "zone = \"bl..example.org\"", "a part between dots is empty"),
        ("zone = \"bl.example.org\"", "zone = \"https://bl.example.org/\"", "':'"),
        ("zone = \"bl.example.org\"", "zone = \"192.0.2.1\"", "as in an address"),
        ("zone = \"bl.example.org\"", "zone = \"{key}.example.org\"", "key_file"),
        ("zone = \"wl.example.org\"", "zone = \"bl.example.org\"", "already a zone named \"bl.example.org\""),
        ("weight = 2", "weight = 0", "0 weighs nothing"),
        ("weight = 2", "weight = 101", "-100 to 100"),
        ("weight = 2", "weight = \"2\"", "whole number"),
        ("families = [\"ipv4\", \"ipv6\"]", "families = []", "no family"),
        ("families = [\"ipv4\", \"ipv6\"]", "families = [\"ip\"]", "unknown family \"ip\""),
        ("ports = [25]", "ports = [26]", "port 26 is not judged"),
        ("ttl_max = \"1h\"", "ttl_max = \"1s\"", "shorter than ttl_min"),
        ("timeout = \"2s\"", "timeout = \"1m\"", "100ms to 30s"),
        ("timeout = \"2s\"", "resolvers = [\"dns.example.org\"]", "no resolver's address"),
        ("score = 2", "score = 3", "no source can come to a score of 3"),
        ("score = 2", "score = 0", "1 to 10000"),
        ("action = \"refuse\"", "action = \"deny\"", "unknown action \"deny\""),
        ("action = \"refuse\"", "text = \"no\"", "nothing is done at this score"),
        ("[[thresholds]]", "[[treshold]]", "unknown key `treshold`"),
    ] {
        let config = good.replacen(from, to, 1);
        assert_ne!(config, good, "{from}");
        guard.write_config(&config)?;
        let line = refusal(&guard.cli(["run"])?)?;
        let place = line.strip_prefix(&format!("{file}:")).with_context(|| format!("no place: {line}"))?;
        let number: usize =
            place.split(':').next().and_then(|number| number.parse().ok()).context("a line")?;
        let told = config.lines().nth(number - 1).unwrap_or_default();
        // An action that is missing is told of at the threshold's score.
        assert!(told == to || words.contains("nothing is done") && told == "score = 2", "{told}: {line}");
        assert!(line.contains(words), "no {words:?} in: {line}");
        assert_eq!(checked(&guard)?, line, "`check` says the same");
        assert_untouched(&lab);
    }
    let (zones, thresholds) = DNSBL.split_once("[[thresholds]]").context("two parts")?;
    for (config, words) in [
        (good.replace(&format!("[[thresholds]]{thresholds}"), ""), "there is no threshold"),
        (good.replace(zones, ""), "there is no zone"),
    ] {
        guard.write_config(&config)?;
        let line = refusal(&guard.cli(["run"])?)?;
        assert!(line.starts_with(&file) && line.contains(words), "no {words:?} in: {line}");
    }
    Ok(())
}

#[test]
fn a_zone_s_key_is_never_shown() -> Result<()> {
    let lab = Lab::new()?;
    let key = lab.write_file("dqs.key", "s3cretkey\n")?;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
    let zone = |name: &str| format!("[[dnsbl]]\nzone = \"{name}\"\nname = \"keyed\"\nkey_file = {key:?}\n");
    let threshold = "[[thresholds]]\nscore = 1\naction = \"drop\"\n";
    let config = good(&lab)? + &zone("{key}.zen.example.org") + threshold;
    let guard = Guard::with_config_text(&lab, &config)?;
    for arguments in [&["check"][..], &["check", "--json"]] {
        let output = guard.cli(arguments)?;
        let said = String::from_utf8(output.stdout)?;
        ensure!(output.status.success() && said.contains("keyed") && !said.contains("s3cret"), "{said}");
    }
    for (zone_name, content, mode, words) in [
        ("zen.example.org", "s3cretkey", 0o600, "{key} stands in it 0 times"),
        ("{key}.zen example.org", "s3cretkey", 0o600, "no zone's name"),
        ("{key}.zen.example.org", "s3cret key", 0o600, "the key is no part of a name"),
        ("{key}.zen.example.org", "", 0o600, "it is empty"),
        ("{key}.zen.example.org", "s3cretkey", 0o644, "everybody may use that file"),
    ] {
        fs::write(&key, content)?;
        fs::set_permissions(&key, fs::Permissions::from_mode(mode))?;
        guard.write_config(&(good(&lab)? + &zone(zone_name) + threshold))?;
        let line = refusal(&guard.cli(["run"])?)?;
        assert!(line.contains(words) && !line.contains("s3cret"), "no {words:?} in: {line}");
        assert_eq!(checked(&guard)?, line);
    }
    Ok(())
}

#[test]
fn a_configuration_that_is_no_text_is_refused() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::with_config_text(&lab, "")?;
    fs::write(guard.config_path(), b"mode = \"\xff\"")?;
    let line = refusal(&guard.cli(["run"])?)?;
    assert!(line.contains("UTF-8") && line.contains("byte 8"), "{line}");
    fs::remove_file(guard.config_path())?;
    let line = refusal(&guard.cli(["run"])?)?;
    assert!(line.contains("No such file") && line.contains("--config"), "{line}");
    assert_eq!(line.matches("No such file").count(), 1, "{line}");
    fs::create_dir(guard.config_path())?;
    let line = refusal(&guard.cli(["run"])?)?;
    assert!(line.contains("it is a directory"), "{line}");
    Ok(())
}

#[test]
fn a_bad_list_is_refused_with_its_line() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::with_config_text(&lab, &good(&lab)?)?;
    let mut list = GuardConfig::for_lab(&lab);
    let file = list.add_list(&lab, "suspects", "drop", "")?;
    guard.write_config(&list.to_toml()?)?;
    let name = file.display().to_string();
    for (content, words) in [
        (&b"192.0.2.1\n# fine\n192.0.2.300\n"[..], &[":3: \"192.0.2.300\": "][..]),
        (b"192.0.2.1\nspammer.example\n", &[":2: \"spammer.example\": "]),
        (b"192.0.2.1\n192.0.2.9 - 192.0.2.1\n", &[":2: \"192.0.2.1\": ", "ends before it begins"]),
        (b"<html>\n192.0.2.1\n", &["HTML"]),
        (b"10.0.0.0/33\n", &[":1: \"10.0.0.0/33\": "]),
        (b"0.0.0.0/0\n", &[":1: \"0.0.0.0/0\": ", "widest_v4"]),
        (b"bad\nworse\nworst\n", &[":1: \"bad\"", "2 more bad lines"]),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", &[]),
        (b"192.0.2.1\n\0\0\0\n", &[]),
        (b"", &["no entry", "allow_empty = true"]),
    ] {
        fs::write(&file, content)?;
        let line = refusal(&guard.cli(["run"])?)?;
        assert!(line.starts_with("list suspects: ") && line.contains(&name), "{line}");
        for word in words {
            assert!(line.contains(word), "no {word:?} in: {line}");
        }
        let told = checked(&guard)?;
        assert!(told.contains(&name), "{told}");
        assert_untouched(&lab);
    }
    for (doing, words) in [
        (&(|| fs::remove_file(&file)) as &dyn Fn() -> std::io::Result<()>, "No such file"),
        (&|| fs::create_dir(&file), "it is a directory"),
    ] {
        doing()?;
        let line = refusal(&guard.cli(["run"])?)?;
        assert!(line.contains(words) && line.contains(&name), "{line}");
        assert!(checked(&guard)?.contains(words));
        assert_untouched(&lab);
    }
    Ok(())
}

#[test]
fn without_privileges_the_missing_ones_are_named() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::with_config_text(&lab, &good(&lab)?)?;
    let line = refusal(&guard.cli_as_nobody(&["run"], None)?)?;
    for word in ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON", "run as root"] {
        assert!(line.contains(word), "no {word} in: {line}");
    }
    let line = refusal(&guard.cli_as_nobody(&["run"], Some("+net_admin,+bpf"))?)?;
    assert!(
        line.contains("CAP_PERFMON") && !line.contains("CAP_BPF") && !line.contains("CAP_NET_ADMIN"),
        "{line}"
    );
    assert_untouched(&lab);
    // What touches nothing needs nothing.
    assert!(guard.cli_as_nobody(&["check"], None)?.status.success());
    // A list that only root may read.
    let mut config = GuardConfig::for_lab(&lab);
    let file = config.add_list(&lab, "secret", "drop", "192.0.2.1\n")?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600))?;
    guard.write_config(&config.to_toml()?)?;
    let told = guard.cli_as_nobody(&["check"], None)?;
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(said.contains("ermission denied") && said.contains(&file.display().to_string()), "{said}");
    Ok(())
}

#[test]
fn pins_belong_on_a_bpf_file_system() -> Result<()> {
    let lab = Lab::new()?;
    let mut config = GuardConfig::for_lab(&lab);
    config.daemon.pin_dir = lab.dir().join("pins");
    let guard = Guard::new(&lab, &config)?;
    let line = refusal(&guard.cli(["run"])?)?;
    assert!(line.contains("not on a BPF file system") && line.contains("mount -t bpf"), "{line}");
    assert!(!lab.dir().join("pins").exists());
    Ok(())
}

#[test]
fn wrong_arguments_are_refused_in_one_line() -> Result<()> {
    let lab = Lab::new()?;
    let mut guard = Guard::with_config_text(&lab, &good(&lab)?)?;
    guard.run()?;
    guard.wait_ready()?;
    for (arguments, words) in [
        (&["frobnicate"][..], &["'frobnicate'", "--help"][..]),
        (&["stats"], &["'stats'", "'status'"]),
        (&["status", "--verbose"], &["'--verbose'"]),
        (&[], &["subcommand", "--help"]),
        (&["explain"], &["<ADDRESS>"]),
        (&["explain", "spammer.example"], &["\"spammer.example\" is no address"]),
        (&["explain", "192.0.2.300"], &["\"192.0.2.300\" is no address"]),
        (&["explain", "192.0.2.0/24"], &["CIDR", "one address"]),
        (&["explain", "192.0.2.1", "--port", "smtp"], &["'smtp'", "--port"]),
        (&["explain", "192.0.2.1", "--port", "65536"], &["'65536'"]),
        (&["block", "192.0.2.7/24"], &["host bits", "192.0.2.0/24", "192.0.2.7"]),
        (&["block", "nobody"], &["\"nobody\" is no address and no CIDR"]),
        (&["block", "2001:db8::/129"], &["2001:db8::/129"]),
        (&["block", "192.0.2.7", "--for", "ever"], &["'ever'", "--for"]),
        (&["block", "192.0.2.7", "--for", "0s"], &["0 seconds"]),
        (&["allow", "192.0.2.7", "--for", "-5s"], &["'-5'"]),
        (&["block", "192.0.2.7", "--reason", "two\nlines"], &["one line"]),
        (&["remove", "192.0.2.7/24"], &["host bits"]),
        (&["hosts", "workstation"], &["\"workstation\" is no address"]),
        (&["dnsbl", "forget"], &["<ADDRESS>"]),
        (&["dnsbl", "forget", "192.0.2.7", "--all"], &["--all"]),
        (&["dnsbl", "catalogue", "zen.spamhous.org"], &["did you mean \"zen.spamhaus.org\""]),
        (&["listed", "--zones", "some"], &["'some'", "configured, known, all"]),
    ] {
        let line = refusal(&guard.cli(arguments)?).with_context(|| format!("{arguments:?}"))?;
        for word in words {
            assert!(line.contains(word), "{arguments:?}: no {word:?} in: {line}");
        }
    }
    assert_eq!(guard.request("GET", "/v1/verdicts", None)?.json()?, serde_json::json!({"verdicts": []}));
    for help in ["--help", "--version"] {
        let output = guard.cli([help])?;
        assert!(
            output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(),
            "{output:?}"
        );
    }
    Ok(())
}

#[test]
fn commands_without_a_daemon_say_so() -> Result<()> {
    let lab = Lab::new()?;
    let guard = Guard::with_config_text(&lab, &good(&lab)?)?;
    let host = addr::ZOMBIE.v4.to_string();
    for arguments in [
        &["explain", &host][..],
        &["block", &host],
        &["allow", &host],
        &["remove", &host],
        &["verdicts"],
        &["hosts"],
        &["reload"],
    ] {
        let line = refusal(&guard.cli(arguments)?).with_context(|| format!("{arguments:?}"))?;
        assert!(line.contains("not running") && line.contains("relay-guard run"), "{arguments:?}: {line}");
    }
    let output = guard.cli(["status"])?;
    let said = String::from_utf8(output.stdout)?;
    assert!(output.status.code() == Some(1) && output.stderr.is_empty(), "{said}");
    assert!(said.contains("not running") && said.contains("nothing is attached"), "{said}");
    assert!(guard.cli(["detach"])?.status.success(), "there is nothing to do");
    Ok(())
}
