//! The gateway's own mail, by a real socket: its segments are in pieces, as no test-run makes them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use relay_guard::datapath::Device;

use super::support::kernel::At;
use super::world::{DESTINATION, World, with_world};

/// Longer than a reply from this very machine takes, however busy it is.
const PATIENCE: Duration = Duration::from_secs(10);

/// Nobody is there: all that is sent to it is answered here.
const NEIGHBOUR: &str = "lladdr 02:00:00:00:00:99 dev outside nud permanent";

/// Runs `ip` in this thread's namespace.
fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {arguments}");
}

/// Gives the outside device addresses and a way to the refused destinations, and attaches the programs to it.
fn attach(world: &mut World<'_>) {
    for device in ["lo", "outside", "inside"] {
        ip(&format!("link set {device} up"));
    }
    for (address, v6) in
        [("198.51.100.1/24 dev outside", false), ("2001:db8:aaaa::1/64 dev outside nodad", true)]
    {
        let destination = DESTINATION.client(v6);
        ip(&format!("address add {address}"));
        ip(&format!("neighbour add {destination} {NEIGHBOUR}"));
        ip(&format!("route add {destination} dev outside"));
    }
    let ifindex = world.kernel.ifindex(At::Outside);
    let device = Device { name: "outside".into(), ifindex, ethernet: true };
    world.kernel.datapath.attach(&device).expect("the programs attach");
}

/// Says lines, each when the one before has been refused. The first that is not.
fn talk(server: IpAddr, lines: &[String]) -> Result<(), String> {
    let failed = |what: &str, error: &dyn std::fmt::Display| format!("{server}, {what}: {error}");
    let mut stream = TcpStream::connect_timeout(&(server, 25).into(), PATIENCE)
        .map_err(|error| failed("connect", &error))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|error| failed("set a timeout", &error))?;
    let mut reader = BufReader::new(stream.try_clone().map_err(|error| failed("share", &error))?);
    let mut replies_with = |code: &str, what: &str| {
        let mut reply = String::new();
        reader.read_line(&mut reply).map_err(|error| failed(what, &error))?;
        let expected = if code.is_empty() { reply.is_empty() } else { reply.starts_with(code) };
        if expected { Ok(()) } else { Err(failed(what, &reply)) }
    };
    replies_with("220 ", "greeting")?;
    for line in lines {
        let what = format!("a line of {} octets", line.len());
        stream.write_all(line.as_bytes()).map_err(|error| failed(&what, &error))?;
        replies_with("550 5.7.1 ", &what)?;
    }
    stream.write_all(b"QUIT\r\n").map_err(|error| failed("QUIT", &error))?;
    replies_with("221 ", "QUIT")?;
    // The server has closed its side: nothing comes any more, and it is no error.
    replies_with("", "the end")
}

/// Segments with a wrong checksum that this thread's namespace has seen.
fn checksum_errors() -> u64 {
    let table = std::fs::read_to_string("/proc/thread-self/net/snmp").expect("counters of the network");
    let mut rows = table.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = (rows.next().expect("names"), rows.next().expect("values"));
    let mut columns = names.split(' ').zip(values.split(' '));
    let value = columns.find(|(name, _)| *name == "InCsumErrors").expect("a counter of checksum errors").1;
    value.parse().expect("a number")
}

/// Up to half of the window that a client is given: it sends no more at once.
#[test]
fn lines_of_every_length_are_answered() {
    let rcpt = |length: usize| format!("RCPT TO:<{}>\r\n", "x".repeat(length - 12));
    let lengths = [20, 180, 200, 202, 203, 230, 256, 300, 512, 800, 1024];
    let lines: Vec<String> = lengths.map(rcpt).to_vec();
    with_world(|mut world| {
        attach(&mut world);
        for v6 in [false, true] {
            if let Err(failure) = talk(DESTINATION.client(v6), &lines) {
                panic!("{failure}");
            }
        }
        assert_eq!(checksum_errors(), 0);
    });
}
