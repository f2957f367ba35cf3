//! A client that only asks: as many questions as rbldnsd and a socket allow, nothing else done with an answer than counting.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use relay_guard_tests::dns::reversed;

use super::stage::{RESOLVER, Stage};
use super::zone::{Sources, ZONE};

/// Questions on their way at once: what a socket takes without losing any.
const IN_FLIGHT: usize = 128;
/// After so long without an answer, those on their way are lost.
const PATIENCE: Duration = Duration::from_millis(500);
/// Bytes of an answer that are looked at.
const ANSWER: usize = 512;

/// Answers in a second.
pub(crate) fn measure(stage: &Stage, sample: Duration) -> Result<f64> {
    let socket = stage.lab.gateway.run(|| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)))?;
    socket.connect(RESOLVER)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut sources = Sources::new();
    let mut buffer = [0; ANSWER];
    let (mut in_flight, mut answers, mut lost) = (0, 0_u64, 0);
    let begun = Instant::now();
    while begun.elapsed() < sample {
        while in_flight < IN_FLIGHT {
            socket.send(&question(sources.next(), answers as u16))?;
            in_flight += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(_) => {
                (in_flight, answers) = (in_flight - 1, answers + 1);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                lost += in_flight;
                in_flight = 0;
            }
            Err(error) => return Err(error).context("rbldnsd is gone"),
        }
    }
    ensure!(lost * 100 <= answers as usize, "{lost} of {answers} questions were lost");
    Ok(answers as f64 / begun.elapsed().as_secs_f64())
}

/// A question for an A record (RFC 1035 §4.1): one question, recursion desired.
fn question(source: Ipv4Addr, id: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend(id.to_be_bytes());
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in reversed(source.into()).split('.').chain(ZONE.split('.')) {
        bytes.push(label.len() as u8);
        bytes.extend(label.bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}
