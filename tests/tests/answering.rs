//! What the daemon tells the kernel to answer: responses, the rules and verdicts that name them, keys, and addresses that
//! get nothing. That they are sent as they stand there is tested elsewhere.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, HashMap, Map, MapData};
use relay_guard::policy::responses::{generic, render};
use relay_guard_common::action::Action;
use relay_guard_common::address::Address;
use relay_guard_common::class::{Class, MAX_CLASSES, Rule};
use relay_guard_common::reason::Reason;
use relay_guard_common::respond::limits::Answering;
use relay_guard_common::respond::response::{LineId, Rate, Response};
use relay_guard_common::verdict::Verdict;
use relay_guard_tests::guard::{Answers, Guard, GuardConfig, List, Step};
use relay_guard_tests::lab::addresses as addr;
use relay_guard_tests::namespace::BPFFS;
use relay_guard_tests::scene::{Scene, assert_delivered};
use relay_guard_tests::wait;
use serde_json::Value;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// More than any step here takes; only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// One of the gateway's pinned maps; there is one directory of them.
fn map(name: &str) -> Result<Map> {
    let directories = fs::read_dir(format!("{BPFFS}/relay-guard"))?.filter_map(Result::ok);
    let maps = directories.map(|entry| entry.path()).find(|path| path.to_string_lossy().contains("/maps-"));
    let data = MapData::from_pin(maps.context("no maps are pinned")?.join(name))?;
    Ok(match name {
        "VERDICTS" | "OWN_ADDRESSES" => Map::HashMap(data),
        _ => Map::Array(data),
    })
}

/// What the kernel holds.
struct Kernel {
    responses: Vec<Response>,
    answering: Answering,
    own: BTreeSet<IpAddr>,
    /// Rules of inbound mail that name a response, each once.
    rules: BTreeSet<(u8, u16)>,
    verdicts: Vec<Verdict>,
}

impl Kernel {
    fn read(scene: &Scene) -> Result<Self> {
        scene.lab.gateway.run(|| {
            let responses: Array<_, Response> = map("RESPONSES")?.try_into()?;
            let answering: Array<_, Answering> = map("ANSWERING")?.try_into()?;
            let own: HashMap<_, Address, u8> = map("OWN_ADDRESSES")?.try_into()?;
            let classes: Array<_, Class> = map("CLASSES")?.try_into()?;
            let verdicts: HashMap<_, Address, Verdict> = map("VERDICTS")?.try_into()?;
            let classes: Vec<Class> =
                (0..MAX_CLASSES).map(|class| classes.get(&class, 0)).collect::<Result<_, _>>()?;
            let rules = classes.iter().flat_map(|class| class.inbound);
            Ok(Self {
                responses: responses.iter().collect::<Result<_, _>>()?,
                answering: answering.get(&0, 0)?,
                own: own.keys().map(|address| address.map(IpAddr::from)).collect::<Result<_, _>>()?,
                rules: rules
                    .filter(|rule| rule.param != 0)
                    .map(|Rule { action, param, .. }| (action, param))
                    .collect(),
                verdicts: verdicts
                    .iter()
                    .map(|entry| entry.map(|(_, verdict)| verdict))
                    .collect::<Result<_, _>>()?,
            })
        })
    }

    fn line(&self, place: u16, line: LineId) -> String {
        String::from_utf8_lossy(&render(&self.responses[usize::from(place)], line, CLIENT)).into_owned()
    }

    /// The place that the one rule names, and what it says to a recipient.
    fn said(&self, action: Action) -> Result<(u16, String)> {
        let [(found, place)] = self.rules.iter().copied().collect::<Vec<_>>()[..] else {
            anyhow::bail!("one rule: {:?}", self.rules);
        };
        ensure!(found == action as u8, "action {found}");
        Ok((place, self.line(place, LineId::Recipient)))
    }
}

fn config(scene: &Scene, action: &'static str, text: &str) -> Result<GuardConfig> {
    let mut config = scene.config()?;
    let list = config.lists.remove(0);
    config.lists.push(List { action, ..list }.with("text", text));
    config.answers = Some(Answers {
        name: Some("gateway.example.com".to_owned()),
        per_second: Some(1000),
        tarpit_per_second: Some(10),
        ..Answers::default()
    });
    Ok(config)
}

#[test]
fn responses_in_use_are_never_rewritten_and_keys_are_kept() -> Result<()> {
    let scene = Scene::new()?;
    let mut guard = Guard::start(&scene.lab, &config(&scene, "refuse", "one, {address}")?)?;
    let first = Kernel::read(&scene)?;
    let (one, text) = first.said(Action::Refuse)?;
    assert_eq!(text, "550 5.7.1 one, 192.0.2.1\r\n");
    assert_eq!(first.line(one, LineId::Greeting), "220 gateway.example.com SMTP\r\n");
    assert_eq!(first.responses[0], generic());
    let Answering { keys, total, prefix, tarpit, prefix_v4, prefix_v6, .. } = first.answering;
    assert!(keys.current != [0; 2] && keys.previous == [0; 2], "{keys:?}");
    assert_eq!(total, Rate { interval_us: 1000, tolerance_us: 999_000 });
    assert_eq!(prefix, Rate { interval_us: 10_000, tolerance_us: 1_990_000 });
    assert_eq!(tarpit, Rate { interval_us: 100_000, tolerance_us: 900_000 });
    assert_eq!((prefix_v4, prefix_v6), (24, 56));

    // What rules said until now stays where it is.
    let mut second = config(&scene, "limit", "two, {address}")?;
    second.answers = second.answers.map(|answers| Answers { per_second: Some(2000), ..answers });
    guard.write_config(&second.to_toml()?)?;
    ensure!(guard.cli(["reload"])?.status.success());
    let second = Kernel::read(&scene)?;
    let (two, text) = second.said(Action::Limit)?;
    assert_eq!(text, "550 5.7.1 two, 192.0.2.1\r\n");
    assert_ne!(two, one);
    assert_eq!(second.responses[usize::from(one)], first.responses[usize::from(one)]);
    let limit = &second.responses[usize::from(two)];
    assert_eq!((limit.over, limit.prefix_v4, limit.prefix_v6), (Action::Refuse as u8, 32, 64));
    assert_eq!(limit.rate, Rate { interval_us: 2_000_000, tolerance_us: 18_000_000 });
    let total = Rate { interval_us: 500, tolerance_us: 999_500 };
    assert_eq!(second.answering, Answering { total, ..first.answering });

    // Nor does the next daemon touch what is in force before its own rules are.
    guard.kill9();
    let mut third = config(&scene, "refuse", "three, {address}")?;
    third.answers = third.answers.map(|answers| Answers { per_second: Some(500), ..answers });
    guard.write_config(&third.to_toml()?)?;
    guard.run()?;
    assert_eq!(guard.wait_ready()?["start"], "adopted");
    let third = Kernel::read(&scene)?;
    let (three, text) = third.said(Action::Refuse)?;
    assert_eq!(text, "550 5.7.1 three, 192.0.2.1\r\n");
    assert_ne!(three, two);
    assert_eq!(third.responses[usize::from(two)], *limit);
    assert_eq!(third.answering.keys, keys, "connections of clients outlive the daemon");
    assert_eq!(third.answering.total.interval_us, 2000);
    Ok(())
}

#[test]
fn own_addresses_get_no_answer() -> Result<()> {
    let scene = Scene::new()?;
    let guard = Guard::start(&scene.lab, &scene.config()?)?;
    let addresses = scene.lab.gateway.command("ip").args(["-j", "address"]).output()?;
    let interfaces: Value = serde_json::from_slice(&addresses.stdout)?;
    let infos = interfaces.as_array().into_iter().flatten().flat_map(|one| one["addr_info"].as_array());
    let expected: BTreeSet<IpAddr> = infos
        .flatten()
        .flat_map(|info| [&info["local"], &info["broadcast"]])
        .filter_map(|address| address.as_str()?.parse().ok())
        .collect();
    assert!(expected.len() > 4, "{interfaces:#}");
    let own = Kernel::read(&scene)?.own;
    assert!(own.is_superset(&expected), "{own:?}\n{expected:?}");

    // The address, and those of its network.
    let new = [8, 9, 15].map(|host| IpAddr::from(Ipv4Addr::new(203, 0, 113, host)));
    scene.lab.gateway.ip(&format!("address add 203.0.113.9/29 dev {}", addr::OUTSIDE))?;
    wait::until("the new address", PATIENCE, || {
        let own = Kernel::read(&scene)?.own;
        Ok(new.iter().all(|address| own.contains(address)).then_some(()))
    })?;
    scene.lab.gateway.ip(&format!("address del 203.0.113.9/29 dev {}", addr::OUTSIDE))?;
    wait::until("the address to be forgotten", PATIENCE, || {
        let own = Kernel::read(&scene)?.own;
        Ok(new.iter().all(|address| !own.contains(address)).then_some(()))
    })?;
    drop(guard);
    Ok(())
}

#[test]
fn contained_hosts_are_told_and_blocked_ones_are_not() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = scene.config()?;
    config.stop_beyond("attempts", 8, Step::new(100, "refuse"));
    config.answers =
        Some(Answers { outbound_text: Some("not you, {address}".to_owned()), ..Answers::default() });
    let mut guard = Guard::start(&scene.lab, &config)?;
    let mails: Vec<_> = (0..9).map(|n| Scene::outbound(addr::ZOMBIE.v4.into(), n)).collect();
    assert_delivered(&scene.lab.inside, &mails);
    guard.wait_for_status("the zombie to be contained", |status| status["verdicts"]["contained"] == 1)?;
    ensure!(guard.cli(["block", "198.51.100.40"])?.status.success());
    let kernel = Kernel::read(&scene)?;
    let [contained] = kernel.verdicts.iter().filter(|verdict| verdict.until > 0).collect::<Vec<_>>()[..]
    else {
        anyhow::bail!("one is contained: {:?}", kernel.verdicts);
    };
    let rule = contained.rules[0];
    assert_eq!((rule.action, rule.reason), (Action::Refuse as u8, Reason::Contained as u8));
    assert_eq!(kernel.line(rule.param, LineId::Recipient), "550 5.7.1 not you, 192.0.2.1\r\n");
    let blocked = kernel.verdicts.iter().find(|verdict| verdict.until == 0).context("one is blocked")?;
    assert_eq!(blocked.rules, Verdict::default().rules);

    // Another text, from the next daemon: the verdict follows, and what it said until then is not rewritten.
    let before = &kernel.responses[usize::from(rule.param)];
    guard.kill9();
    config.answers = None;
    guard.write_config(&config.to_toml()?)?;
    guard.run()?;
    guard.wait_ready()?;
    let kernel = Kernel::read(&scene)?;
    assert_eq!(kernel.responses[usize::from(rule.param)], *before);
    let told = kernel.verdicts.iter().find(|verdict| verdict.until > 0).context("one is contained")?;
    assert_ne!(told.rules[0].param, rule.param);
    let text = "550 5.7.1 this host may not send mail directly; use submission on port 587\r\n";
    assert_eq!(kernel.line(told.rules[0].param, LineId::Recipient), text);
    config.containment = vec![Step::new(100, "tarpit")];
    guard.write_config(&config.to_toml()?)?;
    ensure!(guard.cli(["reload"])?.status.success());
    let kernel = Kernel::read(&scene)?;
    let stuck = kernel.verdicts.iter().find(|verdict| verdict.until > 0).context("one is contained")?;
    assert_eq!((stuck.rules[0].action, stuck.rules[0].param), (Action::Tarpit as u8, 0));
    Ok(())
}
