//! Running a case through every program that may meet its frame.

use relay_guard::datapath::{CounterRow, FrameRun, TcProgram, TcSight};
use relay_guard_common::counter::Effect;

use super::case::{Case, Expect};
use super::support::kernel::Kernel;

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
/// Lets later filters have their say; -1 as the kernel returns it.
const TC_ACT_UNSPEC: u32 = u32::MAX;
const TC_ACT_SHOT: u32 = 2;

const ETHERNET_LEN: usize = 14;
/// Payloads below this length fit into one page with all that the kernel puts around them.
const TC_MAX_LEN: usize = 3000;

/// Runs all cases, and says of each that fails what came instead.
pub fn all(kernel: &mut Kernel, cases: &[Case]) {
    let failures: Vec<String> = cases.iter().flat_map(|case| one(kernel, case)).collect();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

fn one(kernel: &mut Kernel, case: &Case) -> Vec<String> {
    let ifindex = kernel.ifindex(case.at);
    let sight = TcSight { ifindex, ingress_ifindex: ifindex };
    let Case { what, frame, expect, .. } = case;
    let mut failures = vec![check(kernel, &format!("{what} (XDP)"), frame, *expect, XDP, |kernel| {
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
    expect: Expect,
) -> Option<String> {
    check(kernel, what, frame, expect, TC, |kernel| {
        kernel.datapath.run_tc(program, frame, sight).unwrap_or_else(|error| panic!("{what}: {error}"))
    })
}

/// Return codes of (pass, drop).
type Codes = (u32, u32);
const XDP: Codes = (XDP_PASS, XDP_DROP);
const TC: Codes = (TC_ACT_UNSPEC, TC_ACT_SHOT);

fn check(
    kernel: &mut Kernel,
    what: &str,
    frame: &[u8],
    expect: Expect,
    codes: Codes,
    run: impl FnOnce(&mut Kernel) -> FrameRun,
) -> Option<String> {
    let before = counters(kernel);
    let result = run(kernel);
    let moved = moved(&before, &counters(kernel));
    let code = if expect.effect == Effect::Stopped { codes.1 } else { codes.0 };
    // A frame in several buffers counts as long as its first.
    let bytes = moved.first().map_or(0, |row| row.2.min(frame.len() as u64));
    let linear = frame.len() <= TC_MAX_LEN;
    let wanted = [(expect, 1, if linear { frame.len() as u64 } else { bytes })];
    if result.frame != frame {
        return Some(format!("{what}: the frame was changed: {:02x?}", result.frame));
    }
    (code != result.code || wanted != moved[..])
        .then(|| format!("{what}:\n  wanted {code} {wanted:?}\n  got    {} {moved:?}", result.code as i32))
}

/// All counters of the kernel.
pub fn counters(kernel: &Kernel) -> Vec<CounterRow> {
    kernel.datapath.counters().expect("counters are read")
}

/// Counters that differ: what they count, and by how many packets and bytes.
fn moved(before: &[CounterRow], after: &[CounterRow]) -> Vec<(Expect, u64, u64)> {
    let mut moved = Vec::new();
    for row in after {
        let CounterRow { reason, direction, effect, count } = *row;
        let expect = Expect { reason, direction, effect };
        let same = |row: &&CounterRow| (row.reason, row.direction, row.effect) == (reason, direction, effect);
        let old = before.iter().find(same).map_or((0, 0), |row| (row.count.packets, row.count.bytes));
        if old != (count.packets, count.bytes) {
            moved.push((expect, count.packets - old.0, count.bytes - old.1));
        }
    }
    moved
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

/// Whether a test-run of a tc program takes it: there is a payload, as long as an IP header where it is announced, and
/// all in one page.
fn tc_takes(frame: &[u8]) -> bool {
    let Some((&[.., high, low], payload)) = frame.split_first_chunk::<ETHERNET_LEN>() else { return false };
    let shortest = match [high, low] {
        [0x08, 0x00] => 20,
        [0x86, 0xdd] => 40,
        _ => 1,
    };
    (shortest..TC_MAX_LEN).contains(&payload.len())
}
