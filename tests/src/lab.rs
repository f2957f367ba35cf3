//! The lab: internet, gateway, inside network and mail server as four namespaces joined by veth pairs.
//!
//! ```text
//! internet ── eth0 ─── out0 ┐           ┌ in0 ─── eth0 ── inside (workstation, zombie, monitor, a crowd)
//!   192.0.2.1     192.0.2.2 │  gateway  │ 10.0.1.1
//!                           └───────────┴ srv0 ── eth0 ── mail (10.0.2.25)
//! ```
//!
//! IPv4 and IPv6 alike; the gateway routes, nothing translates addresses. The internet namespace owns whole address
//! blocks, so that a client there can bind to any source and a zombie finds a server at any destination. Knows
//! nothing of the program under test.

pub mod addresses;

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use tempfile::TempDir;

use crate::namespace::Namespace;
use addresses as addr;

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
        // Readable for the users that mail servers become; what is secret below it has a mode of its own.
        let dir = tempfile::Builder::new()
            .prefix("relay-guard-lab-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .context("cannot make the lab's directory")?;
        let lab = Self {
            internet: Namespace::new("internet")?,
            gateway: Namespace::with_bpffs("gateway")?,
            inside: Namespace::new("inside")?,
            mail: Namespace::new("mail")?,
            dir,
            files: AtomicUsize::new(0),
        };
        lab.wire().context("cannot wire the lab")?;
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
        for net in guarded_networks().into_iter().filter(|net| net.addr().is_ipv4() == source.is_ipv4()) {
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
        self.gateway.ip(&self.gateway_lines())?;
        self.internet.ip(&internet_lines())?;
        self.inside.ip(&inside_lines())?;
        self.mail.ip(&mail_lines())
    }

    fn gateway_lines(&self) -> String {
        let mut lines = String::from("link set lo up\n");
        let links = [
            (
                addr::OUTSIDE,
                &self.internet,
                addr::GATEWAY.addresses(),
                [addr::LINK_V4.into(), addr::LINK_V6.into()],
            ),
            (addr::INSIDE, &self.inside, first_hosts(inside_nets()), inside_nets()),
            (addr::SERVERS, &self.mail, first_hosts(server_nets()), server_nets()),
        ];
        for (device, peer, addresses, nets) in links {
            let (far_end, peer) = (addr::FAR_END, peer.path());
            lines += &format!("link add {device} type veth peer name {far_end} netns {peer}\n");
            lines += &device_lines(device, addresses, nets);
        }
        lines += &default_routes(addr::INTERNET.addresses(), addr::OUTSIDE);
        for (net, via) in crowd_nets().into_iter().zip(addr::WORKSTATION.addresses()) {
            lines += &format!("route add {net} via {via} dev {}\n", addr::INSIDE);
        }
        lines
    }
}

fn internet_lines() -> String {
    let mut lines = String::from("link set lo up\n");
    let nets = [addr::LINK_V4.into(), addr::LINK_V6.into()];
    lines += &device_lines(addr::FAR_END, addr::INTERNET.addresses(), nets);
    let blocks: [IpNet; 8] = [
        addr::CLEAN_V4.into(),
        addr::CLEAN_V6.into(),
        addr::LISTED_V4.into(),
        addr::LISTED_V6.into(),
        addr::SPARE_V4.into(),
        addr::SPARE_V6.into(),
        addr::REMOTE_SERVERS_V4.into(),
        addr::REMOTE_SERVERS_V6.into(),
    ];
    for block in blocks {
        lines += &any_ip(block);
    }
    for hole in [IpNet::from(addr::BLACK_HOLE_V4), IpNet::from(addr::BLACK_HOLE_V6)] {
        lines += &format!("route add blackhole {hole}\n");
    }
    for net in guarded_networks() {
        let gateway = addr::GATEWAY.like(net.addr());
        lines += &format!("route add {net} via {gateway} dev {}\n", addr::FAR_END);
    }
    lines
}

fn inside_lines() -> String {
    let mut lines = String::from("link set lo up\n");
    lines += &device_lines(addr::FAR_END, addr::WORKSTATION.addresses(), inside_nets());
    for host in [addr::ZOMBIE, addr::MONITOR] {
        lines += &address_lines(addr::FAR_END, host.addresses(), inside_nets());
    }
    for net in crowd_nets() {
        lines += &any_ip(net);
    }
    lines + &default_routes(first_hosts(inside_nets()), addr::FAR_END)
}

fn mail_lines() -> String {
    let mut lines = String::from("link set lo up\n");
    lines += &device_lines(addr::FAR_END, addr::MAIL_SERVER.addresses(), server_nets());
    lines + &default_routes(first_hosts(server_nets()), addr::FAR_END)
}

fn inside_nets() -> [IpNet; 2] {
    [addr::INSIDE_V4.into(), addr::INSIDE_V6.into()]
}

fn server_nets() -> [IpNet; 2] {
    [addr::SERVERS_V4.into(), addr::SERVERS_V6.into()]
}

fn crowd_nets() -> [IpNet; 2] {
    [addr::CROWD_V4.into(), addr::CROWD_V6.into()]
}

/// Everything behind the gateway.
fn guarded_networks() -> impl IntoIterator<Item = IpNet> {
    [inside_nets(), server_nets(), crowd_nets()].into_iter().flatten()
}

/// The gateway's addresses in its inside networks.
fn first_hosts(nets: [IpNet; 2]) -> [IpAddr; 2] {
    nets.map(|net| addr::nth(net, 1))
}

fn device_lines(device: &str, addresses: [IpAddr; 2], nets: [IpNet; 2]) -> String {
    format!("link set {device} up\n") + &address_lines(device, addresses, nets)
}

fn address_lines(device: &str, addresses: [IpAddr; 2], nets: [IpNet; 2]) -> String {
    let with_prefix = |(address, net): (IpAddr, IpNet)| {
        let nodad = if address.is_ipv6() { " nodad" } else { "" };
        format!("address add {address}/{} dev {device}{nodad}\n", net.prefix_len())
    };
    addresses.into_iter().zip(nets).map(with_prefix).collect()
}

fn default_routes(gateways: [IpAddr; 2], device: &str) -> String {
    gateways.map(|gateway| format!("route add default via {gateway} dev {device}\n")).concat()
}

/// Makes every address of a block local: clients can bind to all of them, servers listen on all of them.
fn any_ip(block: IpNet) -> String {
    format!("route add local {block} dev lo\n")
}
