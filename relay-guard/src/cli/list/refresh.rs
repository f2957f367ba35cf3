//! `relay-guard list refresh`: read or fetch lists now.

use std::time::Duration;

use hyper::Method;

use super::super::{Arguments, Outcome, directories, output, progress::Progress};
use crate::control::{
    api::{RefreshRequest, Refreshed},
    client,
};

/// How long the daemon may take for it: slow servers are waited for.
const TIME: Duration = Duration::from_secs(15 * 60);

pub(in super::super) fn run(arguments: &Arguments, request: &RefreshRequest) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let progress =
        Progress::waiting(&format!("refreshing {}", request.name.as_deref().unwrap_or("all lists")));
    let path = "/v1/lists/refresh";
    let refreshed: Refreshed =
        client::call_within(TIME, &directories.run_dir, Method::POST, path, Some(request))?;
    drop(progress);
    if arguments.json {
        output::json(&refreshed)?;
    } else {
        for list in &refreshed.lists {
            let tone = match list.outcome.as_str() {
                "changed" | "unchanged" => output::Tone::Good,
                "not-yet" => output::Tone::Warn,
                _ => output::Tone::Bad,
            };
            output::line(format!("{}: {}: {}", list.name, output::tint(&list.outcome, tone), list.message));
        }
    }
    let failed = refreshed.lists.iter().any(|list| list.outcome == "failed");
    Ok(if failed { Outcome::No } else { Outcome::Fine })
}
