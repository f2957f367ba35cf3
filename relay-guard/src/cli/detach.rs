//! `relay-guard detach`: the way out that always works.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hyper::Method;

use super::{Arguments, Outcome, directories, output};
use crate::{
    control::{
        api::Done,
        client::{self, ClientError},
    },
    daemon::Lock,
    datapath::Pins,
};

/// How long a running daemon may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let directories = directories::of(arguments);
    let pins = Pins::at(&directories.pin_dir);
    let before = pins.hooks();
    match client::call::<Done>(&directories.run_dir, Method::POST, "/v1/detach", None::<&()>) {
        Ok(_) => wait_for_end(&directories.run_dir)?,
        Err(ClientError::NotRunning(_)) => {
            if let Some(pid) = Lock::holder(&directories.run_dir) {
                bail!("a daemon (pid {pid}) runs but does not answer; end it, then detach again");
            }
        }
        Err(error) => return Err(error.into()),
    }
    // The daemon has done it already, or there is none.
    pins.detach_all()
        .map_err(|failures| anyhow::anyhow!(failures.join("; ")))
        .context("not everything could be removed; run as root")?;
    let interfaces: Vec<_> = before
        .iter()
        .map(|hook| serde_json::json!({ "interface": hook.interface, "hook": hook.hook, "mode": hook.mode }))
        .collect();
    if arguments.json {
        output::json(&serde_json::json!({ "detached": interfaces }))?;
    } else if before.is_empty() {
        output::line("nothing was attached");
    } else {
        for hook in &before {
            output::line(format!("detached {} ({} {})", hook.interface, hook.hook, hook.mode));
        }
    }
    Ok(Outcome::Fine)
}

fn wait_for_end(run_dir: &std::path::Path) -> anyhow::Result<()> {
    let start = Instant::now();
    while let Some(pid) = Lock::holder(run_dir) {
        if start.elapsed() > PATIENCE {
            bail!("the daemon (pid {pid}) does not end; end it, then detach again");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
