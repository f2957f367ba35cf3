//! Web servers that fail in every way, to a daemon that has a good copy: it stays in force, `list` and the log say what is
//! wrong, other lists do not notice, and once the server is well again, so is the list.

use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use flate2::{Compression, write::GzEncoder};
use relay_guard_tests::guard::{Guard, GuardConfig, Limits, List};
use relay_guard_tests::peers::web::{Authority, Behaviour, Response, WebServer};
use relay_guard_tests::scene::Scene;
use serde_json::{Value, json};

use super::{assert_clean, assert_listed, lines, logged, now, refresh, row, spot, time, web_server, word};

/// Spots of the good copy, of what comes while the server is broken, and of what comes once it is well again.
const OLD: std::ops::Range<u8> = 0..200;
const BROKEN: std::ops::Range<u8> = 200..219;
const NEW: std::ops::Range<u8> = 20..250;

/// Bytes of a list; the bomb makes more.
const LIST_BYTES: u32 = 1 << 20;

/// What `Retry-After` says, in seconds.
const RETRY_AFTER: u64 = 7200;

/// One way to fail: the list's name, what the server does, and words of the error.
struct Failure {
    name: &'static str,
    behaviour: Behaviour,
    error: &'static str,
}

fn failure(name: &'static str, behaviour: impl Into<Behaviour>, error: &'static str) -> Failure {
    Failure { name, behaviour: behaviour.into(), error }
}

/// All ways but those of TLS. The list's /24 is the place in it.
fn failures() -> Result<Vec<Failure>> {
    let broken = |list: u8| lines(list, BROKEN);
    let promised =
        |list: u8, length: &str| format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n{}", broken(list)).into_bytes();
    let chunk = |list: u8| {
        let body = broken(list);
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked";
        format!("{head}\r\n\r\n{:x}\r\n{body}\r\n", body.len()).into_bytes()
    };
    let page = |list: u8| format!("<!DOCTYPE html>\n<html><body><pre>{}</pre></body></html>\n", broken(list));
    Ok(vec![
        failure("not-found", Response::status(404).with_body(broken(0)), "the server answered 404"),
        failure("server-error", Response::status(500).with_body(broken(1)), "the server answered 500"),
        failure(
            "too-many",
            Response::status(429).with("retry-after", &RETRY_AFTER.to_string()),
            "the server answered 429 (too many requests)",
        ),
        failure("redirects", Response::redirect(302, "/redirects"), "redirected more than 5 times"),
        failure(
            "slow",
            Behaviour::RawThenSilence(promised(4, "content-length: 100000")),
            "no complete answer came within 1 s",
        ),
        failure("truncated", Behaviour::Raw(chunk(5)), "truncated: the connection ended after"),
        failure("wrong-length", Behaviour::Raw(promised(6, "content-length: 9999")), " bytes of 9999"),
        failure(
            "two-lengths",
            Behaviour::Raw(promised(7, "content-length: 10\r\ncontent-length: 11")),
            "not valid HTTP",
        ),
        failure("gzip-bomb", Response::ok(bomb()?), "bytes make more than 1048576 (limits.list_bytes)"),
        failure("too-large", Response::ok(vec![b'\n'; LIST_BYTES as usize + 1]), "larger than 1048576 bytes"),
        failure("page", Response::ok(page(10)).with("content-type", "text/plain"), "it is an HTML page"),
        failure("empty", Response::ok(""), "no entry in it"),
        failure("shrunk", Response::ok(broken(12)), "shrunk from 200 to 19 entries"),
        failure("bad-line", Response::ok(broken(13) + "198.19.13.300\n"), ":20: \"198.19.13.300\""),
        failure(
            "reset",
            Behaviour::RawThenReset(Vec::new()),
            "the connection was closed before an answer came",
        ),
    ])
}

/// Few bytes that make twice the limit.
fn bomb() -> Result<Vec<u8>> {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![b'\n'; 2 * LIST_BYTES as usize])?;
    Ok(bomb.finish()?)
}

/// A list that `list refresh` fetches again and again.
fn fetched(name: &str, url: &str) -> List {
    List::new(name, "drop").with("url", url).with("timeout", "1s")
}

/// What `list` says of all lists, in their order.
fn rows(guard: &Guard<'_>) -> Result<Vec<Value>> {
    guard.json(["list", "--json"])?["lists"].as_array().cloned().context("no lists")
}

/// How long the next attempt is to wait at least, in seconds, after so many that failed.
fn least_wait(name: &str, attempts: u64) -> u64 {
    match (name, attempts) {
        ("too-many", _) => RETRY_AFTER,
        // Nobody was bothered: two quick ones, then as for all others.
        ("reset", 1 | 2) => 5 * attempts,
        ("reset", _) => 60 << (attempts - 3),
        _ => 60 << (attempts - 1),
    }
}

/// Three attempts at broken sources, the last of the lists is good: what `list` says after each of them.
fn attempts(guard: &Guard<'_>, expected: &[(&str, &str)]) -> Result<()> {
    let mut before: Vec<Value> = Vec::new();
    for attempt in 1..=3 {
        let asked_at = now();
        let (code, outcomes) = refresh(guard, &["--force"])?;
        assert_eq!(code, 1, "{outcomes:?}");
        for (name, outcome) in &outcomes {
            assert_eq!(outcome, if name == "well" { "unchanged" } else { "failed" }, "{name}");
        }
        let rows = rows(guard)?;
        for (index, (name, error)) in expected.iter().enumerate() {
            let row = &rows[index];
            let context = format!("attempt {attempt} at {name}: {row:#}");
            assert_eq!((&row["name"], &row["state"]), (&json!(name), &json!("stale")), "{context}");
            let told = word(&row["error"]);
            assert!(told.contains(error) && !told.contains('\n'), "no {error:?} in {context}");
            assert!(row["failures"].as_u64() >= Some(attempt), "{context}");
            assert_eq!(row["entries"], OLD.len(), "{context}");
            // The daemon's two clocks do not tick at the same moment.
            let waits = time(&row["next_at"])? + 1 - asked_at;
            assert!(waits >= least_wait(name, attempt), "{waits} s to the next, {context}");
            let since = &row["error_since"];
            assert!(since.is_u64(), "{context}");
            assert_eq!(*since, before.get(index).map_or(since.clone(), |row| row["error_since"].clone()));
        }
        let well = rows.last().context("a list")?;
        let state = (&well["state"], &well["error"], &well["failures"]);
        assert_eq!(state, (&json!("good"), &Value::Null, &json!(0)), "{well:#}");
        before = rows;
    }
    Ok(())
}

#[test]
fn whatever_a_server_does_the_last_good_list_stays_in_force() -> Result<()> {
    let scene = Scene::new()?;
    let lab = &scene.lab;
    let failures = failures()?;
    let (server, other) = (web_server(lab)?, web_server(lab)?);
    let authority = Authority::new()?;
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let secure = WebServer::start_in(&lab.gateway, anywhere, Some(&authority))?;
    let ca_file = lab.write_file("ca.pem", &authority.pem())?;

    let mut config = GuardConfig::for_lab(lab).without_answers();
    config.limits = Some(Limits { list_bytes: Some(LIST_BYTES), ..Limits::default() });
    let mut expected: Vec<(&str, &str)> =
        failures.iter().map(|failure| (failure.name, failure.error)).collect();
    for name in expected.iter().map(|(name, _)| name) {
        config.lists.push(fetched(name, &server.url(&format!("/{name}"))));
    }
    let unknown = fetched("unknown-ca", &secure.url("/list")).with("ca_file", ca_file.display().to_string());
    config.lists.push(unknown);
    expected.push(("unknown-ca", "TLS: its certificate is from an authority that is not trusted here"));
    config.lists.push(fetched("well", &other.url("/list")));
    let places = 0_u8..;
    let places: Vec<(u8, &str)> = places.zip(expected.iter().map(|(name, _)| *name)).collect();
    let well = u8::try_from(places.len())?;

    let good = |spots: &std::ops::Range<u8>| {
        for (place, name) in &places {
            server.script(&format!("/{name}"), Response::ok(lines(*place, spots.clone())));
        }
    };
    let secure_list = |server: &WebServer, spots| {
        server.script("/list", Response::ok(lines(well - 1, spots)));
    };
    good(&OLD);
    secure_list(&secure, OLD);
    other.script("/list", Behaviour::tagged("\"1\"", lines(well, OLD)));
    let guard = Guard::start(lab, &config)?;
    let (code, outcomes) = refresh(&guard, &["--force"])?;
    assert_eq!(code, 0, "{outcomes:?}");
    let assert_held = |spot_of: u8| -> Result<()> {
        for (place, name) in places.iter().chain([&(well, "well")]) {
            assert_listed(&guard, spot(*place, spot_of), &[name])?;
        }
        Ok(())
    };
    assert_held(10)?;

    for failure in &failures {
        server.script(&format!("/{}", failure.name), failure.behaviour.clone());
    }
    let address = secure.address();
    drop(secure);
    let stranger = WebServer::start_in(&lab.gateway, address, Some(&Authority::new()?))?;
    secure_list(&stranger, BROKEN);
    attempts(&guard, &expected)?;
    assert_held(10)?;
    for (place, _) in &places {
        assert_clean(&guard, spot(*place, 210))?;
    }
    scene.assert_blocked(places.iter().map(|(place, _)| spot(*place, 11)));
    scene.assert_deliver(places.iter().map(|(place, _)| spot(*place, 211)));
    for (name, error) in &expected {
        let words = [&format!("list=\"{name}\""), *error, "the last good content stays in force"];
        assert_eq!(logged(&guard, &words), 1, "three attempts at {name} are one piece of news");
    }
    assert_eq!(logged(&guard, &["list=\"well\"", "WARN"]), 0);

    good(&NEW);
    drop(stranger);
    let secure = WebServer::start_in(&lab.gateway, address, Some(&authority))?;
    secure_list(&secure, NEW);
    let (code, outcomes) = refresh(&guard, &["--force"])?;
    assert_eq!(code, 0, "{outcomes:?}");
    for (place, name) in &places {
        let row = row(&guard, name)?;
        let state = (&row["state"], &row["error"], &row["error_since"], &row["failures"]);
        assert_eq!(state, (&json!("good"), &Value::Null, &Value::Null, &json!(0)), "{row:#}");
        assert_eq!(row["entries"], NEW.len());
        assert_listed(&guard, spot(*place, 240), &[name])?;
        assert_clean(&guard, spot(*place, 10))?;
        assert_eq!(logged(&guard, &[&format!("list=\"{name}\""), "its source is good again"]), 1, "{name}");
    }
    scene.assert_blocked(places.iter().map(|(place, _)| spot(*place, 240)));
    scene.assert_deliver(places.iter().map(|(place, _)| spot(*place, 10)));
    assert_eq!(guard.status()?["warnings"], json!([]));
    Ok(())
}
