//! What is kept of inside hosts: attempts, and how they were answered.

use std::net::IpAddr;

use relay_guard::datapath::{TcProgram, TcSight};
use relay_guard_common::host::HostRecord;
use relay_guard_tests::frames::{Frame, flags};

use super::scene::{HOST, HOST_V6, ip, segment, syn, with_scene};
use super::support::kernel::{At, Kernel};

/// Sequence number of every SYN here.
const SEQUENCE: u32 = 0xffff_ffff;

/// A connection between an inside host and a server, as both ends' segments.
#[derive(Clone, Copy)]
struct Connection<'a> {
    host: &'a str,
    port: u16,
    server: &'a str,
}

impl Connection<'_> {
    fn syn(&self) -> Frame {
        segment(self.host, self.port, self.server, 25).numbers(SEQUENCE, 0)
    }

    /// An answer to the SYN: its acknowledgment is the sequence number after it, which wraps to 0 here.
    fn answer(&self, bits: u8) -> Frame {
        segment(self.server, 25, self.host, self.port).flags(bits).numbers(7, SEQUENCE.wrapping_add(1))
    }

    fn syn_ack(&self) -> Frame {
        self.answer(flags::SYN | flags::ACK)
    }

    fn reset(&self) -> Frame {
        self.answer(flags::RST | flags::ACK)
    }
}

/// The host opens it: seen coming in on the inside.
fn opens(kernel: &mut Kernel, frame: &Frame) {
    let inside = kernel.ifindex(At::Inside);
    kernel.datapath.run_frame_on(&frame.build(), Some(inside)).expect("a test-run");
}

/// A server's segment to it: seen leaving on the inside.
fn hears(kernel: &mut Kernel, frame: &Frame) {
    let sight = TcSight { ifindex: kernel.ifindex(At::Inside), ingress_ifindex: kernel.ifindex(At::Outside) };
    kernel.datapath.run_tc(TcProgram::Egress, &frame.build(), sight).expect("a test-run");
}

/// A server's segment to the gateway: seen coming in on the outside.
fn comes_in(kernel: &mut Kernel, frame: &Frame) {
    let outside = kernel.ifindex(At::Outside);
    kernel.datapath.run_frame_on(&frame.build(), Some(outside)).expect("a test-run");
}

fn record(kernel: &Kernel, host: &str) -> Option<HostRecord> {
    let hosts = kernel.datapath.hosts().expect("hosts are read");
    hosts.into_iter().find(|(key, _)| *key == ip(host).into()).map(|(_, record)| record)
}

/// (attempts, established, refused, stopped) since the record was made; those of the running window are the same.
fn counts(kernel: &Kernel, host: &str) -> (u64, u64, u64, u64) {
    let record = record(kernel, host).expect("a record");
    let counts = (record.attempts, record.established, record.refused, record.stopped);
    let window = record.current;
    assert_eq!((window.attempts, window.established, window.refused, window.stopped), counts);
    counts
}

fn destinations(kernel: &Kernel, host: &str) -> u32 {
    record(kernel, host).expect("a record").current.sketch.iter().map(|word| word.count_ones()).sum()
}

#[test]
fn attempts_and_answers_count_once() {
    for (host, servers) in [
        (HOST, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
        (HOST_V6, ["2001:db8:c1ea::1", "2001:db8:c1ea::2", "2001:db8:c1ea::3"]),
    ] {
        with_scene(|kernel| {
            let [accepts, refuses, silent] = servers.map(|server| Connection { host, port: 40000, server });
            for connection in [accepts, refuses, silent] {
                // Retransmitted twice.
                for _ in 0..3 {
                    opens(kernel, &connection.syn());
                }
            }
            assert_eq!(counts(kernel, host), (3, 0, 0, 0));
            for _ in 0..2 {
                hears(kernel, &accepts.syn_ack());
                hears(kernel, &refuses.reset());
            }
            assert_eq!(counts(kernel, host), (3, 1, 1, 0));
            assert_eq!(destinations(kernel, host), 3);
            // A connection that was accepted is not refused later.
            hears(kernel, &accepts.reset());
            // What opens or answers nothing: a host's ACK and data, a RST that acknowledges nothing.
            opens(kernel, &accepts.syn().flags(flags::ACK).payload("EHLO x\r\n"));
            hears(kernel, &silent.answer(flags::RST));
            hears(kernel, &silent.answer(flags::ACK));
            assert_eq!(counts(kernel, host), (3, 1, 1, 0));
            // Another port is another attempt, to the same destination.
            opens(kernel, &Connection { port: 40001, ..accepts }.syn());
            assert_eq!(counts(kernel, host), (4, 1, 1, 0));
            assert_eq!(destinations(kernel, host), 3);
            let record = record(kernel, host).expect("a record");
            assert!(record.last_seen_ns >= record.window_start_ns && record.window_start_ns > 0);
            assert_eq!(record.previous.attempts, 0);
        });
    }
}

#[test]
fn many_destinations_fill_the_sketch() {
    with_scene(|kernel| {
        for last in 1..=200 {
            let server = format!("192.0.2.{last}");
            opens(kernel, &Connection { host: HOST, port: 40000, server: &server }.syn());
        }
        let bits = destinations(kernel, HOST);
        // 200 of 1024 bits at random: 182 are expected to be set, with a deviation of 4.
        assert!((160..=200).contains(&bits), "{bits}");
        assert_eq!(counts(kernel, HOST).0, 200);
    });
}

#[test]
fn a_stopped_attempt_is_counted_as_one() {
    with_scene(|kernel| {
        let contained = Connection { host: "10.0.1.66", port: 40000, server: "192.0.2.1" };
        opens(kernel, &contained.syn());
        assert_eq!(counts(kernel, contained.host), (1, 0, 0, 1));
        kernel.enforce(false);
        opens(kernel, &Connection { port: 40001, ..contained }.syn());
        assert_eq!(counts(kernel, contained.host), (2, 0, 0, 1));
    });
}

#[test]
fn replies_on_the_outside_count_for_whom_asked_alone() {
    with_scene(|kernel| {
        let asked = Connection { host: HOST, port: 40000, server: "192.0.2.1" };
        let never_asked = Connection { port: 50000, ..asked };
        opens(kernel, &asked.syn());
        comes_in(kernel, &never_asked.syn_ack());
        assert_eq!(counts(kernel, HOST), (1, 0, 0, 0));
        comes_in(kernel, &asked.syn_ack());
        assert_eq!(counts(kernel, HOST), (1, 1, 0, 0));
        // Seen once more where it leaves.
        hears(kernel, &asked.syn_ack());
        assert_eq!(counts(kernel, HOST), (1, 1, 0, 0));
        // On the inside it is its host's for certain, remembered or not.
        hears(kernel, &never_asked.syn_ack());
        assert_eq!(counts(kernel, HOST), (1, 2, 0, 0));
    });
}

#[test]
fn only_hosts_that_open_smtp_have_a_record() {
    with_scene(|kernel| {
        let others = [syn(HOST, "192.0.2.1", 587), syn(HOST, "192.0.2.1", 443)];
        for frame in &others {
            opens(kernel, frame);
        }
        opens(kernel, &syn(HOST, "192.0.2.1", 25).flags(flags::ACK));
        comes_in(kernel, &syn("203.0.113.7", "10.0.2.25", 25));
        hears(kernel, &Connection { host: HOST, port: 40000, server: "192.0.2.1" }.syn_ack());
        // Mail to our own servers.
        opens(kernel, &syn(HOST, "10.0.2.25", 25));
        opens(kernel, &syn("2001:db8:1::5", "2001:db8:2::25", 25));
        assert_eq!(kernel.datapath.hosts().expect("hosts are read"), []);
        opens(kernel, &syn(HOST, "192.0.2.1", 25));
        let known: Vec<IpAddr> = vec![ip(HOST)];
        let keys = kernel.datapath.hosts().expect("hosts are read").into_iter().map(|(key, _)| key);
        assert_eq!(keys.collect::<Vec<_>>(), known.into_iter().map(Into::into).collect::<Vec<_>>());
        kernel.datapath.forget_host(ip(HOST).into());
        assert!(record(kernel, HOST).is_none());
    });
}
