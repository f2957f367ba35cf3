//! SYNs: how many are answered in a second.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use relay_guard_common::action::Action;
use relay_guard_tests::bench::Times;

use super::Scale;
use super::report::{Rate, Syns};
use super::rig::{Rig, Subject, Tally};
use super::traffic::Family;

/// What part of the bare program's rate refusing should reach.
const REFUSE_GOAL: f64 = 0.5;
/// What part of the SYNs has to be answered, or the figure is not one of answering.
const LEAST_ANSWERED: f64 = 0.99;

/// Picoseconds in a second.
const SECOND: f64 = 1e12;

/// One of those that are compared.
#[derive(Debug, Clone, Copy)]
struct Contender {
    name: &'static str,
    subject: Subject,
    /// Rules of nftables, where the kernel answers.
    rules: Option<&'static str>,
    answers: fn(&Tally) -> u64,
    goal: Option<f64>,
}

const BARE: Contender = Contender {
    name: "bare XDP_TX",
    subject: Subject::Bare,
    rules: None,
    answers: |tally| tally.syns,
    goal: None,
};
const REFUSE: Contender = Contender {
    name: "guard: refuse",
    subject: Subject::Guard(Action::Refuse),
    rules: None,
    answers: |tally| tally.syn_acks,
    goal: Some(REFUSE_GOAL),
};
const RESET: Contender = Contender {
    name: "guard: reset",
    subject: Subject::Guard(Action::Reset),
    rules: None,
    answers: |tally| tally.resets,
    goal: None,
};
/// It resets whatever the source, which is the least that it can do.
const NFT_INPUT: Contender = Contender {
    name: "nftables: reject, input",
    subject: Subject::Stack,
    rules: Some(
        "table inet bench { chain c { type filter hook input priority 0; tcp dport 25 reject with tcp reset; }; }",
    ),
    answers: |tally| tally.resets,
    goal: None,
};
const NFT_PREROUTING: Contender = Contender {
    name: "nftables: reject, prerouting",
    rules: Some(
        "table inet bench { chain c { type filter hook prerouting priority -300; \
         tcp dport 25 reject with tcp reset; }; }",
    ),
    ..NFT_INPUT
};
const NFT_INGRESS: Contender = Contender {
    name: "nftables: reject, ingress",
    rules: Some(
        "table netdev bench { chain c { type filter hook ingress device bench1 priority 0; \
         tcp dport 25 reject with tcp reset; }; }",
    ),
    ..NFT_INPUT
};

const V4: [Contender; 6] = [BARE, REFUSE, RESET, NFT_INPUT, NFT_PREROUTING, NFT_INGRESS];
const V6: [Contender; 3] = [BARE, REFUSE, RESET];

/// Measures all contenders, in turns, so that what else the machine does meets all of them alike.
pub(crate) fn measure(rig: &mut Rig<'_>, family: Family, scale: Scale) -> Result<Vec<Syns>> {
    eprintln!("measuring: {}", family.title());
    let contenders = match family {
        Family::V4 => &V4[..],
        Family::V6 => &V6[..],
    };
    rig.prepare(&rig.listed.syns(family)?)?;
    let mut times = vec![Times::new(); contenders.len()];
    for _ in 0..scale.rounds {
        for (times, contender) in times.iter_mut().zip(contenders) {
            times.add(round(rig, contender, scale.syns)?);
        }
    }
    let rates: Vec<Rate> = times.iter().map(Rate::of).collect();
    let bare = rates[0];
    let rows = contenders.iter().zip(rates);
    Ok(rows
        .map(|(contender, rate)| Syns::new(family.title(), contender.name, rate, bare, contender.goal))
        .collect())
}

/// Picoseconds per answered SYN.
fn round(rig: &mut Rig<'_>, contender: &Contender, syns: u32) -> Result<u64> {
    rig.place(contender.subject)?;
    set_rules(rig, contender.rules.unwrap_or_default())?;
    let before = (contender.answers)(&rig.tally()?);
    let time = rig.send(syns)?;
    let answered = (contender.answers)(&rig.tally()?) - before;
    ensure!(
        answered as f64 >= f64::from(syns) * LEAST_ANSWERED,
        "{}: {answered} of {syns} SYNs were answered: what was measured is something else",
        contender.name
    );
    Ok((time.as_secs_f64() * SECOND / answered as f64) as u64)
}

/// Makes these the only rules of the server's end.
fn set_rules(rig: &Rig<'_>, rules: &str) -> Result<()> {
    let mut command = rig.wire.server.command("nft");
    command.args(["-f", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run nft (package nftables)")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(format!("flush ruleset\n{rules}\n").as_bytes())?;
    }
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "nft: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
