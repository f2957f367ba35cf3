//! Anonymous network namespaces, held by file descriptors alone.
//!
//! Nothing is bound below `/run/netns` and nothing is named: a namespace ends when the last descriptor and the last
//! process in it end, so that even SIGKILL of the owner leaves nothing behind, and any number can exist at once.
//! Knows nothing of addresses, routes or SMTP.

mod counters;
mod enter;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change};

/// Where the bpffs of a namespace made by [`Namespace::with_bpffs`] is mounted.
pub const BPFFS: &str = "/sys/fs/bpf";

/// One network namespace, and for the gateway a mount namespace with it.
#[derive(Debug)]
pub struct Namespace {
    name: &'static str,
    target: enter::Target,
}

impl Namespace {
    /// A fresh network namespace with only a loopback device, which is down. `name` is for messages alone.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN.
    pub fn new(name: &'static str) -> Result<Self> {
        Self::create(name, false)
    }

    /// Like [`Namespace::new`], with a private mount namespace whose `/sys` shows the devices of this network
    /// namespace and whose [`BPFFS`] is empty and its own.
    ///
    /// # Errors
    /// Without CAP_SYS_ADMIN, or where the kernel has no bpffs.
    pub fn with_bpffs(name: &'static str) -> Result<Self> {
        Self::create(name, true)
    }

    fn create(name: &'static str, mounts: bool) -> Result<Self> {
        let made = thread::spawn(move || -> io::Result<enter::Target> {
            enter::leave(mounts)?;
            if mounts {
                mount_private()?;
            }
            Ok(enter::Target {
                net: open_own("net")?,
                mount: if mounts { Some(open_own("mnt")?) } else { None },
            })
        });
        let target = made
            .join()
            .unwrap_or_else(|panic| resume_unwind(panic))
            .with_context(|| format!("cannot make the namespace {name:?} (the lab needs root)"))?;
        Ok(Self { name, target })
    }

    /// The name given at creation.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A path by which other processes of this machine can name the network namespace, as long as `self` lives:
    /// `ip link set DEVICE netns PATH`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.target.net.as_raw_fd())
    }

    /// The inode number of the network namespace: equal for a process or thread that is in it.
    ///
    /// # Errors
    /// When `/proc` is not mounted.
    pub fn inode(&self) -> io::Result<u64> {
        Ok(fs::metadata(self.path())?.ino())
    }

    /// A command that will run inside. It is killed when the *thread* that spawns it ends, so spawn long-lived ones
    /// from the test's own thread, not inside [`Namespace::run`]. With a mount namespace, its working directory
    /// becomes `/`: give absolute paths.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        enter::enter_on_exec(&mut command, self.target.clone());
        command
    }

    /// Runs `work` on a fresh thread inside and returns its result; a panic in it goes on in the caller. Sockets
    /// made in `work` stay in this namespace wherever they are used later; tokio runtimes built in it, and threads
    /// started by it, are inside too.
    ///
    /// # Panics
    /// When `work` does, or when the namespace cannot be entered.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                self.enter();
                work()
            });
            inside.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Starts a thread inside that outlives this call.
    ///
    /// # Panics
    /// The thread does, when the namespace cannot be entered.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let inside = Self { name: self.name, target: self.target.clone() };
        thread::spawn(move || {
            inside.enter();
            work()
        })
    }

    fn enter(&self) {
        if let Err(error) = enter::enter_thread(&self.target) {
            panic!("cannot enter the namespace {:?}: {error}", self.name);
        }
    }

    /// Runs one `ip -batch` with the given lines (without the leading `ip`), stopping at the first that fails.
    ///
    /// # Errors
    /// With the words of `ip` and the lines, when one fails.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let mut child = self
            .command("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run `ip` (package iproute2)")?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(lines.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "ip in the namespace {:?}: {}\n{lines}",
            self.name,
            complaint.trim()
        );
        Ok(())
    }

    /// Writes a setting below `/proc/sys/net`, such as `("ipv4/ip_forward", "1")`.
    ///
    /// # Errors
    /// When the kernel has no such setting or refuses the value.
    pub fn sysctl(&self, settings: &[(&str, &str)]) -> Result<()> {
        self.run(|| {
            for (key, value) in settings {
                // The kernel resolves this path by the network namespace of the thread that opens it.
                let path = Path::new("/proc/sys/net").join(key);
                fs::write(&path, value).with_context(|| format!("{}: cannot set {value}", path.display()))?;
            }
            Ok(())
        })
    }

    /// Whether something listens on this TCP port, IPv4 or IPv6, read from the kernel without connecting.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn listens_on(&self, port: u16) -> Result<bool> {
        self.run(|| {
            for table in ["tcp", "tcp6"] {
                let text = fs::read_to_string(Path::new("/proc/thread-self/net").join(table))?;
                if text.lines().skip(1).any(|line| is_listener(line, port)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// The names of the network devices inside, loopback left out.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn devices(&self) -> Result<Vec<String>> {
        let text = self.run(|| fs::read_to_string("/proc/thread-self/net/dev"))?;
        let names = text.lines().skip(2).filter_map(|line| line.split(':').next()).map(str::trim);
        Ok(names.filter(|name| *name != "lo").map(str::to_owned).collect())
    }

    /// The index of a device inside.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn ifindex(&self, device: &str) -> Result<u32> {
        let found = self.run(|| -> Result<Option<u32>> {
            let socket =
                rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
            Ok(rustix::net::netdevice::name_to_index(&socket, device).ok())
        })?;
        match found {
            Some(index) => Ok(index),
            None => bail!("the namespace {:?} has no device {device}", self.name),
        }
    }
}

/// A line of `/proc/net/tcp`: `sl local_address rem_address st …`, addresses as `HEX:PORT`, state 0A is LISTEN.
fn is_listener(line: &str, port: u16) -> bool {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let local = fields.next().and_then(|address| address.rsplit(':').next());
    let state = fields.nth(1);
    state == Some("0A") && local.and_then(|hex| u16::from_str_radix(hex, 16).ok()) == Some(port)
}

fn open_own(kind: &str) -> io::Result<Arc<OwnedFd>> {
    let file = File::open(Path::new("/proc/thread-self/ns").join(kind))?;
    Ok(Arc::new(OwnedFd::from(file)))
}

/// In a fresh mount namespace: cut it off from the machine's, then mount what belongs to the new network namespace.
fn mount_private() -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    mount("sysfs", "/sys", "sysfs", MountFlags::empty(), None)?;
    mount("bpf", BPFFS, "bpf", MountFlags::empty(), None)?;
    Ok(())
}
