//! Running a case through every program that may meet its frame.

use relay_guard::datapath::{FrameRun, TcProgram, TcSight};

use super::case::Case;
use super::outcome::{Codes, LINEAR_LEN, Outcome, counters, moved, tc_takes};
use super::support::kernel::Kernel;

const ETHERNET_LEN: usize = 14;

/// Runs all cases, and says of each that fails what came instead.
pub fn all(kernel: &mut Kernel, cases: &[Case]) {
    let failures: Vec<String> = cases.iter().flat_map(|case| one(kernel, case)).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn one(kernel: &mut Kernel, case: &Case) -> Vec<String> {
    let ifindex = kernel.ifindex(case.at);
    let sight = TcSight { ifindex, ingress_ifindex: ifindex };
    let Case { what, frame, expect, .. } = case;
    let mut failures = vec![check(kernel, &format!("{what} (XDP)"), frame, *expect, Codes::XDP, |kernel| {
        kernel.datapath.run_frame_on(frame, Some(ifindex)).unwrap_or_else(|error| panic!("{what}: {error}"))
    })];
    if tc_takes(frame) {
        failures.push(tc(kernel, &format!("{what} (tc)"), TcProgram::Ingress, frame, sight, *expect));
    }
    if let Some(packet) = packet(frame) {
        failures.push(tc(
            kernel,
            &format!("{what} (tc, no link)"),
            TcProgram::IngressL3,
            packet,
            sight,
            *expect,
        ));
    }
    failures.into_iter().flatten().collect()
}

/// Runs a frame through a tc program.
pub fn tc(
    kernel: &mut Kernel,
    what: &str,
    program: TcProgram,
    frame: &[u8],
    sight: TcSight,
    expect: Outcome,
) -> Option<String> {
    check(kernel, what, frame, expect, Codes::TC, |kernel| {
        kernel.datapath.run_tc(program, frame, sight).unwrap_or_else(|error| panic!("{what}: {error}"))
    })
}

fn check(
    kernel: &mut Kernel,
    what: &str,
    frame: &[u8],
    expect: Outcome,
    codes: Codes,
    run: impl FnOnce(&mut Kernel) -> FrameRun,
) -> Option<String> {
    let before = counters(kernel);
    let result = run(kernel);
    let moved = moved(&before, &counters(kernel));
    let code = codes.of(expect.effect);
    let len = frame.len() as u64;
    // A frame in several buffers is counted as long as the first of them.
    let bytes = moved.first().filter(|_| frame.len() > LINEAR_LEN).map_or(len, |row| row.2.min(len));
    let wanted = [(expect, 1, bytes)];
    if result.frame != frame {
        return Some(format!("{what}: the frame was changed: {:02x?}", result.frame));
    }
    (code != result.code || wanted != moved[..])
        .then(|| format!("{what}:\n  wanted {code} {wanted:?}\n  got    {} {moved:?}", result.code as i32))
}

/// The IP packet in an untagged frame, if its ethertype tells the truth.
fn packet(frame: &[u8]) -> Option<&[u8]> {
    let (header, packet) = frame.split_at_checked(ETHERNET_LEN)?;
    let version = match header[12..] {
        [0x08, 0x00] => 4,
        [0x86, 0xdd] => 6,
        _ => return None,
    };
    (tc_takes(packet) && packet[0] >> 4 == version).then_some(packet)
}
