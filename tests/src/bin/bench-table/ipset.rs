//! The same list into ipset, with `ipset restore`, in a namespace of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use relay_guard::table::ClassRange;
use relay_guard_tests::namespace::Namespace;

/// Two, of which the faster counts: each takes much longer than what it is compared with.
const ROUNDS: u32 = 2;

/// How long a restore takes; none where ipset is not installed.
pub(crate) fn restore(dir: &Path, list: &[ClassRange<u32>]) -> Result<Option<Duration>> {
    let file = dir.join("ipset.txt");
    fs::write(&file, script(list))?;
    let mut fastest = None;
    for _ in 0..ROUNDS {
        // Sets belong to the namespace and go with it.
        let namespace = Namespace::new("ipset")?;
        let start = Instant::now();
        let mut command = namespace.command("ipset");
        command.arg("restore").stdin(Stdio::from(File::open(&file)?)).stdout(Stdio::null());
        let status = match command.status() {
            Ok(status) => status,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let time = start.elapsed();
        ensure!(status.success(), "ipset restore failed ({status})");
        fastest = Some(fastest.map_or(time, |fastest: Duration| fastest.min(time)));
    }
    Ok(fastest)
}

/// What `ipset save` would print of such a set.
fn script(list: &[ClassRange<u32>]) -> String {
    // As large as it will be: growing would cost it time.
    let size = list.len().next_power_of_two();
    let mut text = format!("create bench hash:ip family inet hashsize {size} maxelem {size}\n");
    for range in list {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "add bench {}", Ipv4Addr::from(range.first));
    }
    text
}
