//! Lists through the running daemon: from files, directories, web servers and commands into the kernel, with everything
//! that can go wrong on the way. What the daemon says is checked against the loaded program and real connections.

mod ages;
mod broken;
mod checked;
mod directions;
mod kept;
mod local;
mod many;
mod meanwhile;
mod offline_start;
mod refreshed;
mod reloads;
mod shown;
mod zones;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::guard::Guard;
use relay_guard_tests::lab::Lab;
use relay_guard_tests::lab::addresses::{self as addr, nth};
use relay_guard_tests::peers::web::WebServer;
use relay_guard_tests::wait;
use serde_json::Value;

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// The `n`th address of the `list`th /24 that lists of these tests hold addresses of.
fn spot(list: u8, n: u8) -> IpAddr {
    nth(addr::SPARE_V4, u32::from(list) * 256 + u32::from(n))
}

/// A line for each of these spots of a /24.
fn lines(list: u8, spots: impl IntoIterator<Item = u8>) -> String {
    spots.into_iter().map(|n| format!("{}\n", spot(list, n))).collect()
}

/// A web server where the daemon reaches it.
fn web_server(lab: &Lab) -> Result<WebServer> {
    WebServer::start_in(&lab.gateway, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None)
}

/// Exit code and JSON of a command.
fn ask(guard: &Guard<'_>, words: &[&str]) -> Result<(i32, Value)> {
    let output = guard.cli(words.iter().copied().chain(["--json"]))?;
    let json = serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?}: {output:?}"))?;
    Ok((output.status.code().context("killed")?, json))
}

/// `list refresh` with these words: the exit code, and the outcome of each list by name.
fn refresh(guard: &Guard<'_>, words: &[&str]) -> Result<(i32, Vec<(String, String)>)> {
    let (code, answer) = ask(guard, &[&["list", "refresh"], words].concat())?;
    let rows = answer["lists"].as_array().with_context(|| format!("no lists: {answer:#}"))?;
    let outcome = |row: &Value| (word(&row["name"]), word(&row["outcome"]));
    Ok((code, rows.iter().map(outcome).collect()))
}

/// Refreshes one list, which must end with an exit code and an outcome.
#[track_caller]
fn assert_refresh(guard: &Guard<'_>, words: &[&str], code: i32, outcome: &str) -> Result<()> {
    let name = words.first().copied().unwrap_or_default();
    assert_eq!(refresh(guard, words)?, (code, vec![(name.to_owned(), outcome.to_owned())]), "{words:?}");
    Ok(())
}

/// The list of a name among all that `list --json`, or the daemon itself, tells.
fn named(all: &Value, name: &str) -> Option<Value> {
    all["lists"].as_array().into_iter().flatten().find(|row| row["name"] == name).cloned()
}

/// What `list --json` says of a list.
fn row(guard: &Guard<'_>, name: &str) -> Result<Value> {
    let all = guard.json(["list", "--json"])?;
    named(&all, name).with_context(|| format!("no list {name}: {all:#}"))
}

/// Waits until what the daemon says of a list is as wanted, and returns it.
fn wait_for_row(guard: &Guard<'_>, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let is_so = |all: &Value| named(all, name).is_some_and(|row| wanted(&row));
    let all = guard.wait_for("/v1/lists", &format!("{what} ({name})"), is_so)?;
    named(&all, name).with_context(|| format!("no list {name}: {all:#}"))
}

/// What the loaded program says of an address.
fn explain(guard: &Guard<'_>, address: IpAddr) -> Result<Value> {
    guard.request("GET", &format!("/v1/explain?address={address}"), None)?.json()
}

/// The reason for what becomes of inbound mail from an address, and the lists that hold it.
fn judged(guard: &Guard<'_>, address: IpAddr) -> Result<(String, Vec<String>)> {
    let explained = explain(guard, address)?;
    let lists = explained["inbound"]["lists"].as_array().into_iter().flatten();
    Ok((word(&explained["inbound"]["reason"]), lists.map(|listing| word(&listing["list"])).collect()))
}

/// Asserts that inbound mail from an address is stopped because these lists hold it.
#[track_caller]
fn assert_listed(guard: &Guard<'_>, address: IpAddr, lists: &[&str]) -> Result<()> {
    let lists: Vec<_> = lists.iter().map(|list| (*list).to_owned()).collect();
    assert_eq!(judged(guard, address)?, ("listed".to_owned(), lists), "{address}");
    Ok(())
}

/// Asserts that no list holds an address.
#[track_caller]
fn assert_clean(guard: &Guard<'_>, address: IpAddr) -> Result<()> {
    assert_eq!(judged(guard, address)?, ("clean".to_owned(), Vec::new()), "{address}");
    Ok(())
}

/// A JSON string, or nothing.
fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A time in JSON, seconds since the epoch.
fn time(value: &Value) -> Result<u64> {
    value.as_u64().with_context(|| format!("no time: {value}"))
}

/// How many lines of the daemon's log hold all of these words.
fn logged(guard: &Guard<'_>, words: &[&str]) -> usize {
    guard.log_text().lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

/// What a command printed, which must have ended with `code`.
fn printed(output: &Output, code: i32) -> Result<String> {
    ensure!(output.status.code() == Some(code), "not {code}: {output:?}");
    Ok(String::from_utf8(output.stdout.clone())?)
}

/// Now, in seconds since the epoch.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Waits until a second has begun that is later than `second`, so that what happens from now on bears another time.
fn wait_until_after(second: u64) -> Result<()> {
    wait::until("the next second", PATIENCE, || Ok((now() > second).then_some(())))
}
