//! Two namespaces and the wire between them: the clients' end, and the server's.

use std::net::Ipv4Addr;

use anyhow::Result;
use ipnet::Ipv4Net;

use super::stay_on_one_cpu;
use crate::namespace::Namespace;

/// The clients' device.
pub const CLIENT_DEVICE: &str = "bench0";
/// The server's.
pub const SERVER_DEVICE: &str = "bench1";
/// The Ethernet address of the clients' device.
pub const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// And of the server's.
pub const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
/// The server.
pub const SERVER_V4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 25);
/// Where dialogues come from: what RFC 2544 sets aside for measuring.
pub const DIALOGUES: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(198, 18, 0, 0), 15);

/// A way to every client that needs no asking: a router that is only an Ethernet address.
const DEVICES: &str = "\
link add bench0 address 02:00:00:00:00:01 type veth peer name bench1 address 02:00:00:00:00:02
";
const SERVER: &str = "\
address add 203.0.113.25/32 dev bench1
link set lo up
link set bench1 up
neighbour add 192.0.2.1 lladdr 02:00:00:00:00:01 dev bench1 nud permanent
route add default via 192.0.2.1 dev bench1 onlink
";

/// Nothing waits for room where the kernel's stack is measured.
const SERVER_SETTINGS: &[(&str, &str)] = &[
    ("ipv4/ip_unprivileged_port_start", "0"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/tcp_max_syn_backlog", "65536"),
    ("ipv4/tcp_max_tw_buckets", "1000000"),
    ("core/somaxconn", "65535"),
];

/// The two ends. They go when this is dropped.
#[derive(Debug)]
pub struct Wire {
    /// The clients' end.
    pub client: Namespace,
    /// The server's.
    pub server: Namespace,
    /// The index of the clients' device, in their namespace.
    pub client_index: u32,
    /// And of the server's, in its.
    pub server_index: u32,
}

impl Wire {
    /// Makes both ends, and the wire between them.
    ///
    /// # Errors
    /// Without root.
    pub fn new() -> Result<Self> {
        let (client, server) = (Namespace::new("client")?, Namespace::new("server")?);
        server.sysctl(SERVER_SETTINGS)?;
        // Neighbour discovery would be counted as answers.
        for end in [&client, &server] {
            end.sysctl(&[("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1")])?;
        }
        client.ip(&format!("{DEVICES}link set bench1 netns {}\nlink set bench0 up\n", server.path()))?;
        server.ip(SERVER)?;
        let (client_index, server_index) = (client.ifindex(CLIENT_DEVICE)?, server.ifindex(SERVER_DEVICE)?);
        Ok(Self { client, server, client_index, server_index })
    }

    /// Does `work` at the clients' end, on one CPU: the frames that it sends, and all that comes of them, stay there.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn on_one_cpu<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        self.client.run(|| {
            stay_on_one_cpu()?;
            work()
        })
    }
}
