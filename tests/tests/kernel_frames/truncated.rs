//! Frames that end too early: they pass, whoever they are from.

use relay_guard_common::reason::Reason;

use super::case::{Case, ignore, listed, outside};
use super::scene::{listed_syn, listed_syn_v6};

const WHOLE_V4: usize = 14 + 20 + 20;
const WHOLE_V6: usize = 14 + 40 + 20;

pub fn cases() -> Vec<Case> {
    let cut = ignore(Reason::Truncated);
    let mut cases = vec![
        outside("all of it, IPv4", listed_syn().length(WHOLE_V4), listed()),
        outside("all of it, IPv6", listed_syn_v6().length(WHOLE_V6), listed()),
        outside("IPv4 options cut off", listed_syn().v4_options(&[1; 40]).length(14 + 40), cut),
        outside("TCP behind options cut off", listed_syn().v4_options(&[1; 40]).length(14 + 60 + 19), cut),
        // What TCP's options say is not asked for: the fixed header is whole.
        outside("TCP options cut off", listed_syn().tcp_options(&[1; 40]).length(WHOLE_V4), listed()),
    ];
    for (length, where_) in [
        (14, "after Ethernet"),
        (15, "in the version byte's neighbourhood"),
        (23, "before IPv4's protocol"),
        (24, "after IPv4's protocol"),
        (33, "in IPv4's addresses"),
        (34, "after IPv4"),
        (37, "in TCP's ports"),
        (38, "after TCP's ports"),
        (47, "before TCP's flags"),
        (53, "in TCP's last byte"),
    ] {
        cases.push(outside(format!("IPv4 cut {where_}"), listed_syn().length(length), cut));
    }
    for (length, where_) in [
        (14, "after Ethernet"),
        (20, "before IPv6's next header"),
        (22, "in IPv6's addresses"),
        (54, "after IPv6"),
        (57, "in TCP's ports"),
        (73, "in TCP's last byte"),
    ] {
        cases.push(outside(format!("IPv6 cut {where_}"), listed_syn_v6().length(length), cut));
    }
    cases
}
