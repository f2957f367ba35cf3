//! The lab: internet, gateway, inside network and mail server as four namespaces joined by veth pairs.
//!
//! ```text
//! internet ── eth0 ─── out0 ┐           ┌ in0 ─── eth0 ── inside (workstation, zombie, monitor, a crowd)
//!   192.0.2.1     192.0.2.2 │  gateway  │ 10.0.1.1
//!                           └───────────┴ srv0 ── eth0 ── mail (10.0.2.25)
//! ```
//!
//! IPv4 and IPv6 alike; the gateway routes, nothing translates addresses. The internet namespace owns whole address
//! blocks, so that a client there can bind to any source and a zombie finds a server at any destination. With
//! [`Lab::tagged`], what runs between internet and gateway has a VLAN tag. Knows nothing of the program under test.
//!
//! An XDP program that sends a frame back by the veth that it came by (`XDP_TX`) needs an XDP program at the other end
//! too, so all far ends have one that passes everything. Without, the kernel drops such frames, silently
//! (`veth_xdp_xmit` in `drivers/net/veth.c`). GRO at the far end is not enough: frames are taken then, but nobody is told
//! (`veth_xdp_flush` asks for a program), and they lie there until something else comes by.
//! `tests/tests/lab.rs` sends frames back, with and without.

pub mod addresses;
mod offloads;
mod programs;
mod wiring;

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::namespace::Namespace;
use addresses as addr;

pub use programs::{Attached, Flow, FlowKey, LossyLink, OneWay};

/// Four joined namespaces and a directory. All of it goes when this is dropped, and the namespaces even when the
/// process is killed.
#[derive(Debug)]
pub struct Lab {
    /// The internet: clean and listed senders, remote mail servers.
    pub internet: Namespace,
    /// The gateway that is guarded; it has a private `/sys` with a bpffs of its own.
    pub gateway: Namespace,
    /// The inside hosts.
    pub inside: Namespace,
    /// The own mail server.
    pub mail: Namespace,
    programs: Vec<Attached>,
    dir: TempDir,
    files: AtomicUsize,
}

/// Before any device exists, so that all of them start with it. Written out, as the machine may have it otherwise.
const SETTINGS: &[(&str, &str)] = &[
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/accept_local", "0"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    // Addresses are usable at once, and nobody waits for a router.
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    // Unlike IPv4, IPv6 lets no one bind to an address that is local by route alone.
    ("ipv6/ip_nonlocal_bind", "1"),
    // The machine's buckets are no business of the lab.
    ("ipv4/icmp_ratelimit", "0"),
    ("ipv6/icmp/ratelimit", "0"),
];

const FORWARDING: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
];

impl Lab {
    /// Builds the lab; all links are up and all addresses usable when this returns.
    ///
    /// # Errors
    /// Without root, without `ip`, or on a kernel without veth or bpffs.
    pub fn new() -> Result<Self> {
        Self::with_tags(false)
    }

    /// Builds one whose link between internet and gateway is a VLAN, [`addresses::VLAN`]: whatever crosses it has the tag, and
    /// what has none gets lost. The tag is in the frame: as on network cards that take tags out, the kernel would otherwise
    /// keep it beside the frame, where no XDP program sees it. Tags are put on and taken off by the lab's own programs, as
    /// not every kernel has VLAN devices; they come before the guard's at tc.
    ///
    /// # Errors
    /// See [`Lab::new`].
    pub fn tagged() -> Result<Self> {
        Self::with_tags(true)
    }

    fn with_tags(tagged: bool) -> Result<Self> {
        // Readable for the users that mail servers become; what is secret below it has a mode of its own.
        let dir = tempfile::Builder::new()
            .prefix("relay-guard-lab-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .context("cannot make the lab's directory")?;
        let mut lab = Self {
            internet: Namespace::new("internet")?,
            gateway: Namespace::with_bpffs("gateway")?,
            inside: Namespace::new("inside")?,
            mail: Namespace::new("mail")?,
            programs: Vec::new(),
            dir,
            files: AtomicUsize::new(0),
        };
        lab.wire().context("cannot wire the lab")?;
        for namespace in [&lab.internet, &lab.inside, &lab.mail] {
            lab.programs.push(programs::receive_from_xdp(namespace, addr::FAR_END)?);
        }
        if tagged {
            for (namespace, device) in [(&lab.internet, addr::FAR_END), (&lab.gateway, addr::OUTSIDE)] {
                lab.programs.push(programs::tag(namespace, device)?);
            }
            lab.keep_tags_in_frames(true)?;
        }
        Ok(lab)
    }

    /// The lab's own directory, removed with it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// A path in the lab's directory that no one else uses, such as `3-smtp-sink.log` for `smtp-sink.log`.
    #[must_use]
    pub fn fresh_path(&self, name: &str) -> PathBuf {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        self.dir().join(format!("{number}-{name}"))
    }

    /// Writes a file into the lab's directory under a fresh name and returns its path.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.fresh_path(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Has programs in the gateway ask the resolver at this address, port 53, unless they are told of another: there is
    /// another resolv.conf, which only they see.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn resolve_in_gateway(&self, resolver: IpAddr) -> Result<()> {
        let file = self.write_file("resolv.conf", &format!("nameserver {resolver}\n"))?;
        let mut mount = self.gateway.command("mount");
        let status = mount.arg("--bind").arg(file).arg("/etc/resolv.conf").status()?;
        ensure!(status.success(), "cannot put another /etc/resolv.conf in the gateway: {status}");
        Ok(())
    }

    /// Takes the program off the far end of a link that takes frames from XDP programs of the gateway; for the lab's own test.
    #[doc(hidden)]
    pub fn receive_nothing_from_xdp(&mut self) {
        self.programs.clear();
    }

    /// Chooses the source address that clients in the internet namespace get which bind to none (`smtp-source` cannot
    /// bind). It must be one of the internet's own, such as one of [`addresses::LISTED_V4`].
    ///
    /// # Errors
    /// When `source` is not an address of the internet namespace.
    pub fn prefer_source(&self, source: IpAddr) -> Result<()> {
        let mut lines = String::new();
        if source.is_ipv6() {
            // As a preferred source, IPv6 wants an address of a device, not only one that is local by route.
            lines += &format!("address replace {source}/128 dev lo nodad\n");
        }
        for net in
            wiring::guarded_networks().into_iter().filter(|net| net.addr().is_ipv4() == source.is_ipv4())
        {
            let gateway = addr::GATEWAY.like(source);
            lines += &format!("route replace {net} via {gateway} dev {} src {source}\n", addr::FAR_END);
        }
        self.internet.ip(&lines)
    }

    fn wire(&self) -> Result<()> {
        for namespace in [&self.internet, &self.gateway, &self.inside, &self.mail] {
            namespace.sysctl(SETTINGS)?;
        }
        self.gateway.sysctl(FORWARDING)?;
        self.gateway.ip(&wiring::gateway_lines(self))?;
        self.internet.ip(&wiring::internet_lines())?;
        self.inside.ip(&wiring::inside_lines())?;
        self.mail.ip(&wiring::mail_lines())
    }
}
