//! `list diff`.

use anyhow::Result;
use relay_guard_tests::offline::Offline;

use super::{json, printed};

#[test]
fn differences_are_cidrs_in_order_with_their_side() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("old", "10.0.0.0/30\n192.0.2.1\n2001:db8::1\n")?;
    offline.write("new", "10.0.0.2\n10.0.0.3\n9.0.0.0/31\n192.0.2.2\n2001:db8::1\n2001:db8:1::/48\n")?;
    let text = printed(&offline.list(["diff", "old", "new"])?, 1)?;
    assert_eq!(
        text,
        "+ 9.0.0.0/31\n- 10.0.0.0/31\n- 192.0.2.1\n+ 192.0.2.2\n+ 2001:db8:1::/48\n\
         3 IPv4 and 2^80 IPv6 addresses added, 3 IPv4 addresses removed\n"
    );
    let report = json(&offline.list(["diff", "old", "new", "--json"])?, 1)?;
    assert_eq!(
        report,
        serde_json::json!({
            "same": false,
            "added": {
                "entries": 3, "ipv4_addresses": 3, "ipv6_addresses": "1208925819614629174706176",
                "cidrs": ["9.0.0.0/31", "192.0.2.2", "2001:db8:1::/48"],
            },
            "removed": {
                "entries": 2, "ipv4_addresses": 3, "ipv6_addresses": 0, "cidrs": ["10.0.0.0/31", "192.0.2.1"],
            },
        })
    );
    let back = printed(&offline.list(["diff", "new", "old"])?, 1)?;
    assert!(back.starts_with("- 9.0.0.0/31\n+ 10.0.0.0/31\n"), "{back}");
    let all = printed(
        &offline.list_from("old", ["diff", "empty", "-", "--allow-empty"]).and_then(|_| {
            offline.write("empty", "")?;
            offline.list_from("old", ["diff", "empty", "-", "--allow-empty"])
        })?,
        1,
    )?;
    assert!(all.ends_with("5 IPv4 and 1 IPv6 addresses added, nothing removed\n"), "{all}");
    Ok(())
}

#[test]
fn the_same_addresses_are_no_difference_however_they_are_written() -> Result<()> {
    let offline = Offline::new()?;
    offline.write("old", "10.0.0.0/24\n10.0.0.7\n::ffff:192.0.2.1\n")?;
    offline.write("new", "192.0.2.1 # why\r\n10.0.0.128/25\r\n10.0.0.0/25\r\n")?;
    assert_eq!(printed(&offline.list(["diff", "old", "new"])?, 0)?, "the same addresses\n");
    let report = json(&offline.list(["diff", "old", "new", "--json"])?, 0)?;
    assert_eq!((&report["same"], &report["added"]["cidrs"]), (&true.into(), &serde_json::json!([])));
    Ok(())
}
