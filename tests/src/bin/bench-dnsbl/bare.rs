//! A client that only asks: as many questions as rbldnsd and a socket allow, nothing else done with an answer than counting.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
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
    let (mut in_flight, mut answers, mut listed, mut lost) = (0, 0_u64, 0_u64, 0);
    let begun = Instant::now();
    while begun.elapsed() < sample {
        while in_flight < IN_FLIGHT {
            socket.send(&question(sources.next(), answers as u16))?;
            in_flight += 1;
        }
        match socket.recv(&mut buffer) {
            Ok(length) => {
                (in_flight, answers) = (in_flight - 1, answers + 1);
                listed += u64::from(is_listed(&buffer[..length])?);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                lost += in_flight;
                in_flight = 0;
            }
            Err(error) => return Err(error).context("rbldnsd is gone"),
        }
    }
    ensure!(lost * 100 <= answers as usize, "{lost} of {answers} questions were lost");
    ensure!(listed > 0 && listed < answers, "{listed} of {answers} are listed: that is another zone");
    Ok(answers as f64 / begun.elapsed().as_secs_f64())
}

/// Whether an answer (RFC 1035 §4.1.1) says that there is such a name.
fn is_listed(answer: &[u8]) -> Result<bool> {
    let [_, _, flags, code, ..] = answer else { bail!("an answer of {} bytes", answer.len()) };
    match code & 0xf {
        _ if flags & 0x80 == 0 => bail!("that is a question"),
        0 => Ok(true),
        3 => Ok(false),
        code => bail!("rbldnsd answers with code {code}"),
    }
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
