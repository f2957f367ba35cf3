//! Whom this system asks: the `nameserver` lines of `/etc/resolv.conf`, read as resolv.conf(5) and glibc have it.
//!
//! Nothing else of the file matters here, and nothing else in it can be wrong.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The file.
const PATH: &str = "/etc/resolv.conf";

/// The most bytes that it may have.
const MAX_BYTES: u64 = 64 * 1024;

/// The port of DNS; the file has no other.
const PORT: u16 = 53;

/// The machine's own, which is asked if the file names none.
pub const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);

/// The servers in the order of the file; none if there is no file, or nothing in it yet.
///
/// # Errors
/// When the file cannot be read, or no server that it names can; in words.
pub fn servers() -> Result<Vec<SocketAddr>, String> {
    let text = match read(PATH) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(format!("{PATH}: {}", crate::lists::source::os_words(&cause))),
    };
    parse(&text, index).map_err(|cause| format!("{PATH}: {cause}"))
}

fn read(path: &str) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_BYTES} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The interface's number.
fn index(name: &str) -> Option<u32> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    netdevice::name_to_index(socket, name).ok()
}

fn parse(text: &str, index: impl Fn(&str) -> Option<u32>) -> Result<Vec<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let named: Vec<&str> = text.lines().filter_map(server).collect();
    let Some(first) = named.first() else { return Ok(vec![LOCAL]) };
    let known: Vec<SocketAddr> = named.iter().filter_map(|server| address(server, &index)).collect();
    if known.is_empty() {
        return Err(format!("{:?} is not the address of a nameserver", shown(first)));
    }
    Ok(known)
}

/// What stands behind the keyword, which must begin the line.
fn server(line: &str) -> Option<&str> {
    let value = line.strip_prefix("nameserver").filter(|value| value.starts_with([' ', '\t']))?;
    value.trim_start_matches([' ', '\t']).split([' ', '\t', ';', '#', '\r']).next()
}

/// An address, which may have its interface's name or number behind a percent sign.
fn address(text: &str, index: impl Fn(&str) -> Option<u32>) -> Option<SocketAddr> {
    let Some((ip, scope)) = text.split_once('%') else {
        return Some(SocketAddr::new(text.parse().ok()?, PORT));
    };
    let ip: Ipv6Addr = ip.parse().ok()?;
    let scope = scope.parse().ok().or_else(|| index(scope))?;
    Some(SocketAddrV6::new(ip, PORT, 0, scope).into())
}

/// So much of a word as fits into a line.
fn shown(word: &str) -> String {
    word.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Result<Vec<String>, String> {
        let index = |name: &str| (name == "eth0").then_some(7);
        Ok(parse(text, index)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nameservers_are_read_as_the_c_library_reads_them() {
        for (text, servers) in [
            ("nameserver 192.0.2.1\nnameserver\t 2001:db8::53\n", &["192.0.2.1:53", "[2001:db8::53]:53"][..]),
            ("nameserver fe80::1%eth0\nnameserver fe80::2%3\n", &["[fe80::1%7]:53", "[fe80::2%3]:53"]),
            ("nameserver fe80::1%gone\nnameserver 192.0.2.1", &["192.0.2.1:53"]),
            ("search  bad..name .\x01 -\nnameserver 192.0.2.1\noptions what:ever", &["192.0.2.1:53"]),
            (
                "search \u{fffd}\u{fffd}\nnameserver 192.0.2.1 # here\r\nnameserver 192.0.2.2;x",
                &["192.0.2.1:53", "192.0.2.2:53"],
            ),
            (
                "; nameserver 192.0.2.1\n#nameserver 192.0.2.1\n nameserver 192.0.2.1\nnameservers 192.0.2.1",
                &["127.0.0.1:53"],
            ),
            ("options edns0\n", &["127.0.0.1:53"]),
            ("", &[]),
        ] {
            assert_eq!(known(text).unwrap(), servers, "{text:?}");
        }
    }

    #[test]
    fn where_none_can_be_read_it_is_said() {
        for word in ["dns.example", "192.0.2", "fe80::1%gone", "192.0.2.1%eth0", ""] {
            let cause = known(&format!("nameserver {word}\n")).unwrap_err();
            assert_eq!(cause, format!("{word:?} is not the address of a nameserver"));
        }
        assert!(known(&format!("nameserver {}", "x".repeat(5000))).unwrap_err().len() < 120);
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read() {
        assert!(read("/dev/zero").unwrap_err().to_string().contains("larger than 65536 bytes"));
        assert_eq!(index("lo"), Some(1));
        assert_eq!(index("no such interface"), None);
    }
}
