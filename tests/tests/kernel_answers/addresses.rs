//! The client's address in text, in every shape that it can have (RFC 5952).

use std::net::IpAddr;

use super::connection::{Connection, Program};
use super::reaction::text;
use super::segment::Segment;
use super::world::{SAID, with_world};

/// Addresses as they are to be written, on no list but that of all addresses.
const SHAPES: &[&str] = &[
    "1.2.3.4",
    "9.10.99.100",
    "11.20.199.200",
    "100.0.0.1",
    "101.110.210.249",
    "203.0.113.250",
    "223.255.255.255",
    "1::",
    "::2",
    "2001:db8::1",
    "2001:db8:0:1:1:1:1:1",
    "2001:db8::1:0:0:1",
    "2001:0:0:1::1",
    "2001::1:0:0:1:1",
    "2001:db9:1:1:1:1:1:0",
    "2001:db9:1:1:1:1::",
    "0:1:1:1:1:1:1:1",
    "::1:1:1:1:1:1",
    "::1:1:1:1:1",
    "::1:0:0:1:1",
    "1:0:1:0:1:0:1:0",
    "1:0:0:1::",
    "1:1:0:0:1::",
    "1234:5678:9abc:def1:2345:6789:abcd:ef12",
    "1234:567:89:a:bcde:f12:34:5",
    "a:b:c:d:e:f:a:b",
    "fe80::ff:fe00:1",
    "fd00:1000:100:10:1::",
    "fd00:0:0:1000::",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "64:ff9b::102:304",
    "::fffe:102:304",
    "::102:304",
    "1::ffff:102:304",
    "2001:db8:a0b0:c00d:e:f00:0:d",
];

#[test]
fn an_address_is_written_as_the_world_writes_it() {
    let line = Segment::data(SAID, "RCPT TO:<a@b>\r\n");
    let refusal = text(15, "550 5.7.1 {address}{address}, odd {address}\r\n");
    with_world(|world| {
        for &shape in SHAPES {
            let client: IpAddr = shape.parse().expect(shape);
            assert_eq!(client.to_string(), shape, "tables say how it is written");
            for program in Program::ALL {
                let connection = Connection::inbound(program, client, 4000, 25).open(world.kernel);
                let request = connection.request(&line);
                let run = program.run(world.kernel, &request, connection.at);
                let said = String::from_utf8_lossy(&run.frame).into_owned();
                assert_eq!(connection.send(world.kernel, &line), Ok(refusal.clone()), "{shape}: {said:?}");
            }
        }
    });
}
