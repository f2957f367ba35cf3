//! The control socket: HTTP for those who may.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::{Guard, refusal};
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::Scene;
use serde_json::json;

#[test]
fn the_socket_speaks_http_and_refuses_in_one_line_of_json() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    for target in [
        "/v1/status",
        "/v1/refused",
        "/v1/hosts",
        "/v1/lists",
        "/v1/verdicts",
        "/v1/explain?address=192.0.2.7&port=587",
    ] {
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
    let mode = |path: &Path| Ok::<_, std::io::Error>(fs::metadata(path)?.permissions().mode() & 0o7777);
    assert_eq!(mode(&guard.run_dir())?, 0o700);
    assert_eq!(mode(&guard.run_dir().join("control.sock"))?, 0o600);
    assert_eq!(mode(&scene.lab.dir().join("state"))?, 0o700);
    scene.lab.gateway.run(|| -> Result<()> {
        assert_eq!(mode(&Path::new(BPFFS).join("relay-guard"))?, 0o700);
        Ok(())
    })?;
    ensure!(guard.cli(["block", "198.51.100.1"])?.status.success());
    assert_eq!(mode(&scene.lab.dir().join("state/verdicts.json"))?, 0o600);

    let output = guard.cli_as_nobody(&["status"], None)?;
    let error = refusal(&output)?;
    assert!(error.contains("permission denied") && error.contains("root"), "{error}");
    Ok(())
}
