//! What a lab leaves behind: nothing, however it ends.
//!
//! The machine is looked at from outside, by what belongs to one lab alone: the inode numbers of its namespaces, its
//! directory, the ids of its processes. Other labs may come and go meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::child::Child;
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::peers::{Postfix, SmtpSink};
use relay_guard_tests::smtp::{ServerOptions, SmtpServer};
use relay_guard_tests::{Lab, wait};
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(10);

/// What to look for after a lab's end.
#[derive(Debug, Serialize, Deserialize)]
struct Traces {
    namespaces: BTreeSet<u64>,
    processes: BTreeSet<u32>,
    dir: PathBuf,
}

/// A lab with everything running that a test may have running.
struct Busy {
    traces: Traces,
    _peers: (Child, SmtpSink, SmtpServer, Postfix),
    // Last, so that it is dropped last.
    _lab: Lab,
}

impl Busy {
    fn new() -> Result<Self> {
        let lab = Lab::new()?;
        let mut sleeper = lab.gateway.command("sleep");
        sleeper.arg("1000");
        let sleeper = Child::spawn(sleeper, &lab.fresh_path("sleep.log"))?;
        let sink = SmtpSink::start(&lab, &lab.inside, addr::WORKSTATION.sockets(addr::SMTP)[0])?;
        let server = SmtpServer::start_everywhere(&lab.internet, addr::SMTP, ServerOptions::default())?;
        let postfix = Postfix::start(&lab, &lab.mail)?;
        let all = [&lab.internet, &lab.gateway, &lab.inside, &lab.mail];
        let namespaces = all.into_iter().map(|namespace| Ok(namespace.inode()?)).collect::<Result<_>>()?;
        let processes = processes_in(&namespaces);
        ensure!(processes.contains(&sleeper.id()), "{processes:?}");
        // The sleeper, the sink, Postfix's master; its services come as they are needed.
        ensure!(processes.len() >= 3, "{processes:?}");
        let dir = lab.dir().to_path_buf();
        let traces = Traces { namespaces, processes, dir };
        Ok(Self { traces, _peers: (sleeper, sink, server, postfix), _lab: lab })
    }
}

impl Traces {
    /// Processes of the lab's, or of anyone else in its namespaces, that still run.
    fn living(&self) -> BTreeSet<u32> {
        let mut living = processes_in(&self.namespaces);
        living.extend(self.processes.iter().filter(|pid| runs(**pid)));
        living
    }

    fn wait_until_no_process_lives(&self) -> Result<()> {
        wait::until("the end of all the lab's processes", PATIENCE, || {
            Ok(self.living().is_empty().then_some(()))
        })
        .with_context(|| format!("still there: {:?}", self.living()))
    }
}

/// Whether a process exists that is not dead already and only not yet reaped; orphans are for init to reap, which
/// takes its time in some containers.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The state follows the name, which is in parentheses and may contain anything.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Processes with a thread in one of the network namespaces, other than this one.
fn processes_in(namespaces: &BTreeSet<u64>) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let inode = fs::metadata(entry.path().join("ns/net")).map(|namespace| namespace.ino());
        if inode.is_ok_and(|inode| namespaces.contains(&inode)) {
            found.insert(pid);
        }
    }
    found
}

/// What a lab would change on the machine if its devices or mounts got out: the machine's own devices of the same
/// names, and what is mounted on `/sys`.
fn escaped() -> Result<(Vec<&'static str>, usize)> {
    let devices = [addr::OUTSIDE, addr::INSIDE, addr::SERVERS].into_iter();
    let devices = devices.filter(|device| Path::new("/sys/class/net").join(device).exists()).collect();
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    Ok((devices, mounts.lines().filter(|line| line.split(' ').nth(1) == Some("/sys")).count()))
}

#[test]
fn a_panic_leaves_nothing() -> Result<()> {
    let before = escaped()?;
    let mut traces = None;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let busy = Busy::new().expect("a lab");
        traces = Some(Traces {
            namespaces: busy.traces.namespaces.clone(),
            processes: busy.traces.processes.clone(),
            dir: busy.traces.dir.clone(),
        });
        assert_eq!(escaped().expect("the machine"), before, "a running lab does not show on the machine");
        panic!("as planned");
    }));
    let said = ended.expect_err("it panicked").downcast::<&str>().expect("words");
    assert_eq!(*said, "as planned");
    let traces = traces.expect("a lab was there");
    traces.wait_until_no_process_lives()?;
    assert!(!traces.dir.exists(), "{} is still there", traces.dir.display());
    assert_eq!(escaped()?, before);
    Ok(())
}

/// The other half of the test below: run by it as a process of its own, to be killed. Alone, it does nothing.
#[test]
fn victim() -> Result<()> {
    if std::env::var_os("LAB_VICTIM").is_none() {
        return Ok(());
    }
    let busy = Busy::new()?;
    println!("\nTRACES {}", serde_json::to_string(&busy.traces)?);
    loop {
        std::thread::park();
    }
}

#[test]
fn sigkill_leaves_nothing_but_a_directory() -> Result<()> {
    let mut victim = Command::new(std::env::current_exe()?)
        .args(["--exact", "victim", "--nocapture"])
        .env("LAB_VICTIM", "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let output = BufReader::new(victim.stdout.take().context("its output")?);
    let line =
        output.lines().map_while(Result::ok).find_map(|line| line.strip_prefix("TRACES ").map(str::to_owned));
    victim.kill()?;
    victim.wait()?;
    let traces: Traces = serde_json::from_str(&line.context("the victim built no lab")?)?;
    let result = traces.wait_until_no_process_lives();
    let _ = fs::remove_dir_all(&traces.dir);
    result
}

#[test]
fn the_gateway_has_a_bpffs_of_its_own() -> Result<()> {
    let (one, other) = (Lab::new()?, Lab::new()?);
    let pinned = Path::new(BPFFS).join("relay-guard-lab-test");
    one.gateway.run(|| fs::create_dir(&pinned))?;
    assert!(one.gateway.run(|| pinned.exists()));
    assert!(!other.gateway.run(|| pinned.exists()));
    assert!(!pinned.exists());
    // Commands see what threads see, and `/sys` shows the devices of the gateway.
    assert!(one.gateway.command("test").arg("-d").arg(&pinned).status()?.success());
    let devices = one.gateway.run(|| -> Result<BTreeSet<_>> {
        fs::read_dir("/sys/class/net")?.map(|entry| Ok(entry?.file_name())).collect()
    })?;
    assert!(devices.contains(std::ffi::OsStr::new(addr::OUTSIDE)), "{devices:?}");
    Ok(())
}
