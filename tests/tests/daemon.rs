//! The running daemon, asked and steered through its commands; what it says is checked against real connections.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, List, Ports, refusal};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{IN_VAIN, Scene, assert_delivered, assert_unanswered, clean, listed, listed_lines, spare};
use relay_guard_tests::smtp::{Delivery, Outcome};
use relay_guard_tests::wait;
use serde_json::{Value, json};

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Exit code and JSON of a command.
fn ask(guard: &Guard<'_>, words: &[&str]) -> Result<(i32, Value)> {
    let output = guard.cli(words.iter().copied().chain(["--json"]))?;
    let json = serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?}: {output:?}"))?;
    Ok((output.status.code().context("killed")?, json))
}

fn explain(guard: &Guard<'_>, address: IpAddr) -> Result<(i32, Value)> {
    ask(guard, &["explain", &address.to_string()])
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether anything is left in the gateway's pin directory.
fn pins_left(scene: &Scene) -> bool {
    scene.lab.gateway.run(|| fs::exists(format!("{BPFFS}/relay-guard")).expect("the bpffs can be read"))
}

#[test]
fn status_and_explain_say_what_the_kernel_does() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.hosts.excepted.push(spare(9)[0]);
    let list = config.lists[0].file.display().to_string();
    let guard = Guard::start(&scene.lab, &config)?;

    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!(code, 0);
    assert_eq!(status["mode"], "enforce");
    assert_eq!(status["start"], "fresh");
    assert_eq!(status["pid"], guard.daemon_id().expect("it runs"));
    assert_eq!(status["warnings"], json!([]));
    let interfaces = status["interfaces"].as_array().context("interfaces")?;
    let seen: Vec<_> = interfaces.iter().map(|one| (&one["name"], &one["side"], &one["state"], &one["mode"])).collect();
    let native = |name: &str, side: &str| (json!(name), json!(side), json!("attached"), json!("native"));
    let expected =
        [native(addr::INSIDE, "inside"), native(addr::OUTSIDE, "outside"), native(addr::SERVERS, "inside")];
    assert_eq!(seen, expected.each_ref().map(|(a, b, c, d)| (a, b, c, d)));
    assert_eq!((&status["lists"][0]["entries"], &status["lists"][0]["error"]), (&json!(2), &Value::Null));

    for (address, line, net) in [
        (listed(5)[0], 2, addr::LISTED_V4.to_string()),
        (listed(5)[1], 3, addr::LISTED_V6.to_string()),
    ] {
        let (code, explained) = explain(&guard, address)?;
        let inbound = &explained["inbound"];
        assert_eq!((code, &inbound["action"], &inbound["reason"]), (1, &json!("drop"), &json!("listed")));
        assert_eq!(inbound["effect"], "stopped");
        let entry = json!({"list": "drops", "action": "drop", "file": list, "line": line, "text": net});
        assert_eq!(inbound["lists"], json!([entry]), "{explained:#}");
        let said = text(&guard.cli(["explain", &address.to_string()])?);
        assert!(said.contains(&format!("{list}:{line}: {net}")), "{said}");
    }
    for address in clean(5) {
        let (code, explained) = explain(&guard, address)?;
        assert_eq!((code, &explained["inbound"]["reason"]), (0, &json!("clean")), "{explained:#}");
        assert_eq!(explained["inbound"]["lists"], json!([]));
    }
    for (address, declared) in [
        (addr::MAIL_SERVER.v4.into(), "mail-server"),
        (addr::MAIL_SERVER.v6.into(), "mail-server"),
        (spare(9)[0], "excepted"),
    ] {
        let (code, explained) = explain(&guard, address)?;
        assert_eq!((code, &explained["inbound"]["reason"]), (0, &json!("protected")), "{explained:#}");
        assert_eq!(explained["declared"], declared, "{explained:#}");
    }
    let (code, other_port) = ask(&guard, &["explain", &listed(5)[0].to_string(), "--port", "80"])?;
    assert_eq!((code, &other_port["inbound"]), (0, &Value::Null), "{other_port:#}");
    let (code, submission) = ask(&guard, &["explain", &listed(5)[0].to_string(), "--port", "587"])?;
    assert_eq!((code, &submission["inbound"]["reason"], &submission["outbound"]), (1, &json!("listed"), &Value::Null));
    // Asking is not sending: nothing of it is counted.
    assert_eq!(guard.status()?["totals"]["inbound"], 0);
    Ok(())
}

#[test]
fn blocks_and_allows_hold_on_the_wire() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let [host_v4, host_v6] = clean(20);
    let nets = ["198.19.7.0/24", "2001:db8:5a3e:7::/64"];
    let within = [nth(addr::SPARE_V4, 7 * 256 + 3), "2001:db8:5a3e:7::3".parse()?];
    scene.assert_deliver(within.into_iter().chain([host_v4, host_v6]));

    for target in [&host_v4.to_string(), &host_v6.to_string(), nets[0], nets[1]] {
        let (code, answer) = ask(&guard, &["block", target, "--reason", "tried passwords"])?;
        assert_eq!((code, &answer["warnings"]), (0, &json!([])), "{answer:#}");
    }
    scene.assert_blocked(within.into_iter().chain([host_v4, host_v6]));
    scene.assert_deliver(clean(21).into_iter().chain([nth(addr::SPARE_V4, 8 * 256)]));
    let (code, explained) = explain(&guard, within[0])?;
    assert_eq!((code, &explained["inbound"]["reason"]), (1, &json!("admin-block")), "{explained:#}");
    assert_eq!(explained["verdicts"][0]["net"], nets[0]);
    assert_eq!(explained["verdicts"][0]["reason"], "tried passwords");

    // An allow wins over a block, whichever is narrower or newer, and over lists.
    for target in [within[0], within[1], listed(20)[0], listed(20)[1]] {
        assert_eq!(ask(&guard, &["allow", &target.to_string()])?.0, 0);
    }
    scene.assert_deliver(within.into_iter().chain(listed(20)));
    let (code, answer) = ask(&guard, &["block", &format!("{}/32", within[0])])?;
    assert_eq!((code, &answer["verdict"]["kind"]), (0, &json!("block")), "the block replaces the allow");
    scene.assert_blocked([within[0]]);
    let (_, explained) = explain(&guard, within[1])?;
    assert_eq!(explained["inbound"]["reason"], "admin-allow", "{explained:#}");

    let (code, all) = ask(&guard, &["verdicts"])?;
    assert_eq!((code, all["verdicts"].as_array().map(Vec::len)), (0, Some(8)), "{all:#}");
    assert_eq!(guard.status()?["verdicts"]["administrator"], 8);
    for verdict in all["verdicts"].as_array().context("verdicts")? {
        let net = verdict["net"].as_str().context("a CIDR")?;
        assert_eq!(ask(&guard, &["remove", net])?.0, 0, "{net}");
    }
    assert_eq!(ask(&guard, &["verdicts"])?.1, json!({"verdicts": []}));
    let (code, answer) = ask(&guard, &["remove", nets[0]])?;
    assert_eq!((code, &answer["removed"]), (1, &json!(false)), "there is nothing to remove");
    scene.assert_deliver(within.into_iter().chain([host_v4, host_v6]));
    scene.assert_blocked(listed(20));
    Ok(())
}

#[test]
fn a_block_inside_a_protected_network_works_and_warns() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let host = addr::MONITOR;
    let mail = host.addresses().map(|address| Scene::outbound(address, 5));
    assert_delivered(&scene.lab.inside, &mail);
    for address in host.addresses() {
        let (code, answer) = ask(&guard, &["block", &address.to_string()])?;
        let warning = answer["warnings"][0].as_str().unwrap_or_default();
        assert!(code == 0 && warning.contains(&address.to_string()), "{answer:#}");
    }
    assert_unanswered(&scene.lab.inside, &mail.clone().map(|mail| mail.connect_timeout(IN_VAIN)));
    let said = text(&guard.cli(["block", &addr::MAIL_SERVER.v4.to_string(), "--for", "1h"])?);
    assert!(said.lines().any(|line| line.starts_with("warning:")), "{said}");
    for address in host.addresses() {
        assert_eq!(ask(&guard, &["remove", &address.to_string()])?.0, 0);
    }
    assert_delivered(&scene.lab.inside, &mail);
    Ok(())
}

#[test]
fn a_block_ends_by_itself_also_without_a_daemon() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &scene.config()?)?;
    let host = clean(30);
    let (net, within) = ("198.19.30.0/24", nth(addr::SPARE_V4, 30 * 256 + 1));
    for target in [&host[0].to_string(), &host[1].to_string(), net] {
        let (code, answer) = ask(&guard, &["block", target, "--for", "3s"])?;
        let (added, until) = (answer["verdict"]["added"].as_u64(), answer["verdict"]["until"].as_u64());
        assert_eq!((code, until), (0, added.map(|added| added + 3)), "{answer:#}");
    }
    scene.assert_blocked(host.into_iter().chain([within]));
    assert_eq!(ask(&guard, &["block", &clean(31)[0].to_string(), "--for", "2s"])?.0, 0);
    guard.wait_for("/v1/verdicts", "the entries to be over", |all| all["verdicts"] == json!([]))?;
    scene.assert_deliver(host.into_iter().chain([within, clean(31)[0]]));

    // The kernel itself keeps the time.
    assert_eq!(ask(&guard, &["block", &host[0].to_string(), "--for", "3s"])?.0, 0);
    scene.assert_blocked([host[0]]);
    guard.kill9();
    wait::until("the block to be over", PATIENCE, || {
        let attempt = Scene::inbound(host[0]).connect_timeout(IN_VAIN).attempt_in(&scene.lab.internet);
        Ok(attempt.is_delivered().then_some(()))
    })?;
    scene.assert_blocked(listed(1));
    Ok(())
}

#[test]
fn a_changed_list_is_picked_up_and_a_bad_one_is_not() -> Result<()> {
    let scene = Scene::new()?;
    let config = scene.config()?;
    let file = config.lists[0].file.clone();
    let mut guard = Guard::start(&scene.lab, &config)?;
    scene.assert_deliver(spare(1));
    let entries = |entries: u64| move |status: &Value| status["lists"][0]["entries"] == entries;

    fs::write(&file, format!("{}{}\n{}\n", listed_lines(), spare(1)[0], spare(1)[1]))?;
    guard.wait_for_status("the longer list", entries(4))?;
    scene.assert_blocked(spare(1).into_iter().chain(listed(1)));

    let bad = scene.lab.write_file("replacement", &format!("{}\n198.18.66.1 198.18.66.300\n", spare(2)[0]))?;
    fs::rename(bad, &file)?;
    let status = guard.wait_for_status("the bad line", |status| status["lists"][0]["error"].is_string())?;
    let error = status["lists"][0]["error"].as_str().context("an error")?;
    assert!(error.contains(&format!("{}:2: \"198.18.66.300\"", file.display())), "{error}");
    assert!(!error.contains('\n'), "{error}");
    assert_eq!(status["lists"][0]["entries"], 4, "the last good content");
    assert!(status["warnings"].to_string().contains("198.18.66.300"), "{status:#}");
    let said = text(&guard.cli(["status"])?);
    assert!(said.contains("stale") && said.contains("198.18.66.300"), "{said}");
    scene.assert_blocked(spare(1).into_iter().chain(listed(1)));
    scene.assert_deliver([spare(2)[0]]);
    // Nor does a restart or a reload take it.
    let (code, refused) = ask(&guard, &["reload"])?;
    assert!(code == 1 && refused["error"].as_str().is_some_and(|error| error.contains(":2:")), "{refused:#}");

    fs::remove_file(&file)?;
    guard.wait_for_status("the missing file", |status| {
        status["lists"][0]["error"].as_str().is_some_and(|error| error.contains("No such file"))
    })?;
    scene.assert_blocked(listed(1));

    fs::write(&file, listed_lines())?;
    let status = guard.wait_for_status("the good list", entries(2))?;
    assert_eq!(status["lists"][0]["error"], Value::Null);
    assert_eq!(status["warnings"], json!([]));
    scene.assert_blocked(listed(1));
    scene.assert_deliver(spare(1));
    assert!(guard.terminate()?.success());
    Ok(())
}

#[test]
fn a_reload_changes_everything_or_nothing() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    let before = guard.status()?;

    // Bad in the middle: everything else in it is new and must not come into force.
    let mut new = config.clone();
    new.mode = "observe";
    new.ports = Some(Ports { guarded: vec![2525], watched: vec![2525] });
    new.lists.clear();
    let broken = new.to_toml()?.replace("[hosts]", "[hosts]\nexempted = []");
    for bad in [broken, "mode = enforce".to_owned(), String::new()] {
        guard.write_config(&bad)?;
        let complaints = guard.log_text().matches("reload failed").count();
        guard.reload();
        wait::until("the refusal in the log", PATIENCE, || {
            Ok((guard.log_text().matches("reload failed").count() > complaints).then_some(()))
        })?;
        for key in ["mode", "interfaces", "lists", "table"] {
            assert_eq!(guard.status()?[key], before[key], "{key}");
        }
    }
    scene.assert_blocked(listed(2));
    scene.assert_deliver(clean(2));
    // A list that cannot be read, and a key that takes a restart.
    let mut unreadable = config.clone();
    unreadable.lists.push(List { name: "more".to_owned(), file: scene.lab.dir().join("nowhere"), action: "drop" });
    let mut moved = config.clone();
    moved.daemon.pin_dir = format!("{BPFFS}/elsewhere").into();
    for (bad, word) in [(unreadable, "nowhere"), (moved, "daemon.pin_dir")] {
        guard.write_config(&bad.to_toml()?)?;
        let (code, answer) = ask(&guard, &["reload"])?;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(code == 1 && error.contains(word) && !error.contains('\n'), "{answer:#}");
    }
    scene.assert_blocked(listed(2));

    config.lists[0].action = "observe";
    config.add_list(&scene.lab, "more", "drop", &format!("{}\n{}\n", addr::CLEAN_V4, addr::CLEAN_V6))?;
    guard.write_config(&config.to_toml()?)?;
    assert_eq!(ask(&guard, &["reload"])?.0, 0);
    scene.assert_deliver(listed(2));
    scene.assert_blocked(clean(2));

    config.mode = "observe";
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    guard.wait_for_status("observe mode", |status| status["mode"] == "observe")?;
    scene.assert_deliver(listed(3).into_iter().chain(clean(3)));

    config.mode = "enforce";
    config.lists[0].action = "drop";
    config.lists.truncate(1);
    config.ports = Some(Ports { guarded: vec![587], watched: vec![25] });
    guard.write_config(&config.to_toml()?)?;
    guard.reload();
    guard.wait_for_status("enforce mode", |status| status["mode"] == "enforce")?;
    scene.assert_deliver(listed(4).into_iter().chain(clean(4)));
    let submission = listed(4).map(|source| {
        let server = SocketAddr::new(addr::MAIL_SERVER.like(source), 587);
        Delivery::new(source, server).connect_timeout(IN_VAIN)
    });
    assert_unanswered(&scene.lab.internet, &submission);
    assert_eq!(guard.status()?["pid"], before["pid"], "it is still the same daemon");
    Ok(())
}

#[test]
fn the_socket_speaks_http_and_refuses_in_one_line_of_json() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    for target in ["/v1/status", "/v1/hosts", "/v1/verdicts", "/v1/explain?address=192.0.2.7&port=587"] {
        let answer = guard.request("GET", target, None)?;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json()?.is_object());
    }
    let block = r#"{"net": "198.51.100.77/32", "kind": "block", "for_s": 60, "reason": "by curl"}"#;
    let answer = guard.request("POST", "/v1/verdicts", Some(block))?;
    assert_eq!((answer.status, &answer.json()?["verdict"]["reason"]), (200, &json!("by curl")));
    scene.assert_blocked([nth(addr::CLEAN_V4, 77)]);
    let answer = guard.request("DELETE", "/v1/verdicts?net=198.51.100.77/32", None)?;
    assert_eq!((answer.status, &answer.json()?["removed"]), (200, &json!(true)));
    scene.assert_deliver([nth(addr::CLEAN_V4, 77)]);

    let long = format!(r#"{{"net": "192.0.2.1/32", "kind": "block", "reason": "{}"}}"#, "x".repeat(300));
    let huge = format!(r#"{{"net": "192.0.2.1/32", "kind": "block", "reason": "{}"}}"#, "x".repeat(100_000));
    for (method, target, body, status) in [
        ("GET", "/", None, 404),
        ("GET", "/v2/status", None, 404),
        ("DELETE", "/v1/status", None, 405),
        ("GET", "/v1/reload", None, 405),
        ("GET", "/v1/explain", None, 400),
        ("GET", "/v1/explain?address=nobody", None, 400),
        ("GET", "/v1/explain?address=192.0.2.7&port=70000", None, 400),
        ("DELETE", "/v1/verdicts", None, 400),
        ("DELETE", "/v1/verdicts?net=192.0.2.0/33", None, 400),
        ("POST", "/v1/verdicts", None, 415),
        ("POST", "/v1/verdicts", Some("{"), 400),
        ("POST", "/v1/verdicts", Some(r#"{"net": "192.0.2.1/32"}"#), 422),
        ("POST", "/v1/verdicts", Some(r#"{"net": "192.0.2.1/32", "kind": "block", "until": 3}"#), 422),
        ("POST", "/v1/verdicts", Some(r#"{"net": "192.0.2.1/32", "kind": "refuse"}"#), 422),
        ("POST", "/v1/verdicts", Some(r#"{"net": "192.0.2.1/32", "kind": "block", "for_s": 0}"#), 422),
        ("POST", "/v1/verdicts", Some(&long), 422),
        ("POST", "/v1/verdicts", Some(&huge), 413),
    ] {
        let answer = guard.request(method, target, body)?;
        assert_eq!(answer.status, status, "{method} {target}: {answer:?}");
        let failure = answer.json().with_context(|| format!("{method} {target}"))?;
        let error = failure["error"].as_str().with_context(|| format!("{method} {target}: {failure}"))?;
        assert!(!error.is_empty() && !error.contains('\n') && answer.body.lines().count() == 1, "{answer:?}");
    }
    assert_eq!(guard.request("GET", "/v1/verdicts", None)?.json()?, json!({"verdicts": []}));
    Ok(())
}

#[test]
fn others_are_kept_out_of_the_socket() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let mode = |path: &std::path::Path| Ok::<_, std::io::Error>(fs::metadata(path)?.permissions().mode() & 0o7777);
    assert_eq!(mode(&guard.run_dir())?, 0o700);
    assert_eq!(mode(&guard.run_dir().join("control.sock"))?, 0o600);
    assert_eq!(mode(&scene.lab.dir().join("state"))?, 0o700);
    scene.lab.gateway.run(|| -> Result<()> {
        assert_eq!(mode(&std::path::Path::new(BPFFS).join("relay-guard"))?, 0o700);
        Ok(())
    })?;
    ensure!(guard.cli(["block", "198.51.100.1"])?.status.success());
    assert_eq!(mode(&scene.lab.dir().join("state/verdicts.json"))?, 0o600);

    let mut stranger = scene.lab.gateway.command("setpriv");
    stranger.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]);
    let own = guard.command(["status"]);
    stranger.arg(own.get_program()).args(own.get_args());
    let output = relay_guard_tests::child::run_to_end(stranger, PATIENCE)?;
    let error = refusal(&output)?;
    assert!(error.contains("permission denied") && error.contains("root"), "{error}");
    Ok(())
}

#[test]
fn a_second_daemon_is_refused() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let pid = guard.daemon_id().expect("it runs");
    let error = refusal(&guard.cli(["run"])?)?;
    assert!(error.contains("already running") && error.contains(&pid.to_string()), "{error}");
    assert_eq!(guard.status()?["pid"], pid, "the first one is unharmed");
    scene.assert_blocked(listed(1));
    Ok(())
}

#[test]
fn stopping_keeps_or_detaches_as_configured() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    let mut guard = Guard::start(&scene.lab, &config)?;
    assert_eq!(guard.terminate()?.code(), Some(0));
    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!((code, &status["running"]), (1, &json!(false)));
    // XDP and tc egress on each of three interfaces.
    assert_eq!(status["attached"].as_array().map(Vec::len), Some(6), "{status:#}");
    scene.assert_blocked(listed(1));
    scene.assert_deliver(clean(1));

    config.daemon.on_stop = Some("detach");
    guard.write_config(&config.to_toml()?)?;
    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "adopted");
    scene.assert_blocked(listed(1));
    assert_eq!(guard.terminate()?.code(), Some(0));
    assert!(!pins_left(&scene));
    let (code, status) = ask(&guard, &["status"])?;
    assert_eq!((code, &status["attached"]), (1, &json!([])));
    scene.assert_deliver(listed(1).into_iter().chain(clean(1)));
    Ok(())
}

#[test]
fn detach_takes_everything_off_with_and_without_a_daemon() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &scene.config()?)?;
    scene.assert_blocked(listed(1));
    let (code, answer) = ask(&guard, &["detach"])?;
    assert_eq!((code, answer["detached"].as_array().map(Vec::len)), (0, Some(6)), "{answer:#}");
    assert!(guard.wait_for_end()?.success(), "the daemon ends, and well");
    assert!(!pins_left(&scene));
    scene.assert_deliver(listed(1));

    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "fresh");
    scene.assert_blocked(listed(1));
    guard.kill9();
    scene.assert_blocked(listed(1));
    assert_eq!(ask(&guard, &["detach"])?.0, 0);
    assert!(!pins_left(&scene));
    scene.assert_deliver(listed(1).into_iter().chain(clean(1)));
    let again = guard.cli(["detach"])?;
    assert!(again.status.success() && text(&again).contains("nothing was attached"), "{again:?}");
    // Taken off means off: no program is left on the devices either.
    let links = scene.lab.gateway.command("ip").args(["-d", "link"]).output()?;
    assert!(!text(&links).contains("xdp"), "{}", text(&links));
    Ok(())
}

#[test]
fn a_message_under_way_outlives_reloads() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let mut slow = Scene::inbound(clean(50)[0]);
    slow.content = "a line of this message\n".repeat(40_000);
    let outcome = std::thread::scope(|scope| {
        let delivery = scope.spawn(|| slow.attempt_in(&scene.lab.internet));
        while !delivery.is_finished() {
            assert!(guard.cli(["reload"]).is_ok_and(|output| output.status.success()));
        }
        delivery.join().expect("no panic")
    });
    assert_eq!(outcome, Outcome::Delivered);
    Ok(())
}
