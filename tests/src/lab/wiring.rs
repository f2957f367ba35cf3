//! The lab's devices, addresses and routes, as lines for `ip -batch`.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Lab;
use super::addresses as addr;

pub(super) fn gateway_lines(lab: &Lab) -> String {
    let mut lines = String::from("link set lo up\n");
    let links = [
        (
            addr::OUTSIDE,
            &lab.internet,
            addr::GATEWAY.addresses(),
            [addr::LINK_V4.into(), addr::LINK_V6.into()],
        ),
        (addr::INSIDE, &lab.inside, first_hosts(inside_nets()), inside_nets()),
        (addr::SERVERS, &lab.mail, first_hosts(server_nets()), server_nets()),
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

pub(super) fn internet_lines() -> String {
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

pub(super) fn inside_lines() -> String {
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

pub(super) fn mail_lines() -> String {
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
pub(super) fn guarded_networks() -> impl IntoIterator<Item = IpNet> {
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
