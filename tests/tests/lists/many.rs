//! As many lists as there may be, all of one address.

use anyhow::{Context as _, Result};
use relay_guard_tests::guard::{Guard, GuardConfig, refusal};
use relay_guard_tests::scene::Scene;
use serde_json::{Value, json};

use super::{ask, assert_listed, explain, lines, spot};

/// The most lists.
const MOST: u8 = 64;

/// Packets counted for each list, in their order.
fn hits(guard: &Guard<'_>) -> Result<Vec<u64>> {
    let all = guard.json(["list", "--json"])?;
    let rows = all["lists"].as_array().context("no lists")?;
    rows.iter().map(|row| row["packets"].as_u64().context("no packets")).collect()
}

#[test]
fn sixty_four_lists_are_all_counted() -> Result<()> {
    let scene = Scene::new()?;
    let mut config = GuardConfig::for_lab(&scene.lab);
    let names: Vec<String> = (0..MOST).map(|n| format!("list-{n}")).collect();
    for (place, name) in (0..MOST).zip(&names) {
        // One address that all of them hold, one of each pair of neighbours, and its own.
        let own = lines(place, [1, 2]);
        let neighbour = lines((place + 1) % MOST, [2]);
        config.add_list(&scene.lab, name, "drop", &format!("{}{own}{neighbour}", lines(200, [7])))?;
    }
    let guard = Guard::start(&scene.lab, &config)?;
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_listed(&guard, spot(200, 7), &all)?;
    assert_eq!(hits(&guard)?, vec![0; usize::from(MOST)]);

    scene.assert_blocked([spot(200, 7)]);
    let of_all = hits(&guard)?;
    assert!(of_all[0] >= 1 && of_all.iter().all(|hits| *hits == of_all[0]), "{of_all:?}");
    scene.assert_blocked([spot(63, 1)]);
    let of_last = hits(&guard)?;
    assert_eq!(of_last[..63], of_all[..63]);
    assert!(of_last[63] > of_all[63], "{of_last:?}");
    // Held by the 10th and, as its neighbour, the 9th.
    scene.assert_blocked([spot(10, 2)]);
    let of_two = hits(&guard)?;
    let more = (0..usize::from(MOST)).filter(|index| of_two[*index] > of_last[*index]);
    assert_eq!(more.collect::<Vec<_>>(), [9, 10]);
    assert_listed(&guard, spot(10, 2), &["list-9", "list-10"])?;
    let explained = explain(&guard, spot(10, 2))?;
    let found: Vec<&Value> = explained["inbound"]["lists"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|listing| &listing["line"])
        .collect();
    assert_eq!(found, [&json!(4), &json!(3)], "{explained:#}");
    scene.assert_deliver([spot(200, 8), spot(64, 1)]);

    // What was counted outlives new contents and new actions.
    std::fs::write(&config.lists[63].file, lines(63, [1, 2, 3]))?;
    assert_eq!(ask(&guard, &["list", "refresh"])?.0, 0);
    assert_eq!(hits(&guard)?, of_two);
    scene.assert_blocked([spot(200, 7)]);
    let of_63 = hits(&guard)?;
    assert!(of_63[..63].iter().zip(&of_two).all(|(now, before)| now > before), "{of_63:?}");
    assert_eq!(of_63[63], of_two[63]);

    let one_more = config.clone();
    config.add_list(&scene.lab, "one-more", "drop", &lines(100, [1]))?;
    guard.write_config(&config.to_toml()?)?;
    let (code, answer) = ask(&guard, &["reload"])?;
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(code == 1 && error.contains("65 lists; write at most 64"), "{answer:#}");
    assert!(refusal(&guard.cli(["run"])?)?.contains("65 lists"));
    assert_eq!(hits(&guard)?, of_63);
    guard.write_config(&one_more.to_toml()?)?;
    assert_eq!(ask(&guard, &["reload"])?.0, 0);
    Ok(())
}
