//! The table of feeds, sorted by name.

use relay_guard_common::action::Action;

use super::{Families, Feed};
use crate::policy::Applies;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;

/// What most entries have; the rest of each says how it differs.
const USUAL: Feed = Feed {
    name: "",
    title: "",
    urls: &[],
    format: "plain",
    families: Families::V4,
    interval: 6 * HOUR,
    floor: HOUR,
    applies: Applies::Inbound,
    action: Action::Drop,
    widest: None,
    terms: "",
    caution: "",
    homepage: "",
};

/// What blocklist.de asks of its users.
const BLOCKLIST_DE: Feed = Feed {
    terms: "free of charge, without warranty; see the homepage",
    homepage: "https://www.blocklist.de/en/export.html",
    interval: HOUR,
    floor: HOUR / 2,
    ..USUAL
};

const FIREHOL: Feed = Feed {
    terms: "the terms of each list that it is made of",
    homepage: "https://iplists.firehol.org/",
    // The repository is brought up to date once a day.
    interval: DAY,
    floor: 6 * HOUR,
    ..USUAL
};

const IPSUM: Feed = Feed {
    terms: "public domain (Unlicense)",
    homepage: "https://github.com/stamparm/ipsum",
    interval: DAY,
    floor: 6 * HOUR,
    ..USUAL
};

const UCEPROTECT: Feed = Feed {
    format: "rbldnsd",
    interval: HOUR,
    terms: "free of charge; see the homepage",
    caution: "fetched without encryption: somebody on the way can change it",
    homepage: "https://www.uceprotect.net/en/",
    ..USUAL
};

/// Feeds that are known by name.
pub const FEEDS: &[Feed] = &[
    Feed {
        name: "backscatterer",
        title: "servers that send bounces and callouts to forged senders",
        urls: &["http://wget-mirrors.uceprotect.net/rbldnsd-all/ips.backscatterer.org.gz"],
        action: Action::Observe,
        homepage: "https://www.backscatterer.org/",
        ..UCEPROTECT
    },
    Feed {
        name: "binarydefense-banlist",
        title: "attackers seen by Binary Defense's sensors",
        urls: &["https://www.binarydefense.com/banlist.txt"],
        interval: DAY,
        terms: "not for resale; attribution required; see the head of the file",
        homepage: "https://www.binarydefense.com/",
        ..USUAL
    },
    Feed {
        name: "blocklist-de",
        title: "all attackers reported within 48 hours, of every service",
        urls: &["https://lists.blocklist.de/lists/all.txt"],
        families: Families::Both,
        ..BLOCKLIST_DE
    },
    Feed {
        name: "blocklist-de-mail",
        title: "hosts reported for attacks on mail servers within 48 hours",
        urls: &["https://lists.blocklist.de/lists/mail.txt"],
        families: Families::Both,
        ..BLOCKLIST_DE
    },
    Feed {
        name: "blocklist-de-strong",
        title: "attackers for more than two months with more than 5000 attacks",
        urls: &["https://lists.blocklist.de/lists/strongips.txt"],
        families: Families::Both,
        ..BLOCKLIST_DE
    },
    Feed {
        name: "cins-army",
        title: "hosts of poor reputation by the CINS score, not on other lists",
        urls: &["https://cinsscore.com/list/ci-badguys.txt"],
        terms: "free of charge; see the homepage",
        homepage: "https://cinsscore.com/",
        ..USUAL
    },
    Feed {
        name: "cymru-fullbogons",
        title: "address space that nobody has been given",
        urls: &[
            "https://www.team-cymru.org/Services/Bogons/fullbogons-ipv4.txt",
            "https://www.team-cymru.org/Services/Bogons/fullbogons-ipv6.txt",
        ],
        families: Families::Both,
        interval: DAY,
        floor: 4 * HOUR,
        applies: Applies::Both,
        widest: Some((3, 1)),
        terms: "free of charge; see the homepage",
        caution: "holds private and shared address space; keep your own networks protected, and refresh it daily",
        homepage: "https://www.team-cymru.com/bogon-networks",
        ..USUAL
    },
    Feed {
        name: "dshield",
        title: "the 20 networks (/24) that attacked most within three days",
        urls: &["https://feeds.dshield.org/block.txt"],
        format: "dshield",
        terms: "CC BY-NC-SA 2.5: not for commercial use without permission",
        homepage: "https://www.dshield.org/",
        ..USUAL
    },
    Feed {
        name: "et-block-ips",
        title: "Emerging Threats' rules for firewalls: Spamhaus DROP, DShield and botnet controllers",
        urls: &["https://rules.emergingthreats.net/fwrules/emerging-Block-IPs.txt"],
        interval: DAY,
        applies: Applies::Both,
        terms: "free of charge; made of lists with terms of their own",
        homepage: "https://rules.emergingthreats.net/",
        ..USUAL
    },
    Feed {
        name: "et-compromised",
        title: "compromised hosts known to Emerging Threats",
        urls: &["https://rules.emergingthreats.net/blockrules/compromised-ips.txt"],
        interval: DAY,
        terms: "free of charge; the provider states no licence",
        homepage: "https://rules.emergingthreats.net/",
        ..USUAL
    },
    Feed {
        name: "feodo-tracker",
        title: "botnet controllers tracked by abuse.ch",
        urls: &["https://feodotracker.abuse.ch/downloads/ipblocklist.txt"],
        interval: HOUR,
        floor: HOUR / 4,
        applies: Applies::Outbound,
        terms: "CC0",
        caution: "often holds a handful of entries or none; set allow_empty",
        homepage: "https://feodotracker.abuse.ch/blocklist/",
        ..USUAL
    },
    Feed {
        name: "firehol-level1",
        title: "DROP, DShield, bogons and botnet controllers in one; few false positives",
        urls: &["https://raw.githubusercontent.com/firehol/blocklist-ipsets/master/firehol_level1.netset"],
        applies: Applies::Both,
        widest: Some((3, 19)),
        caution: "holds private and shared address space (bogons); keep your own networks protected",
        ..FIREHOL
    },
    Feed {
        name: "firehol-level2",
        title: "attackers of the last two days",
        urls: &["https://raw.githubusercontent.com/firehol/blocklist-ipsets/master/firehol_level2.netset"],
        ..FIREHOL
    },
    Feed {
        name: "firehol-level3",
        title: "attackers, spyware and viruses of the last month",
        urls: &["https://raw.githubusercontent.com/firehol/blocklist-ipsets/master/firehol_level3.netset"],
        action: Action::Observe,
        caution: "false positives are known",
        ..FIREHOL
    },
    Feed {
        name: "greensnow",
        title: "scanners and password guessers, mail servers among their targets",
        urls: &["https://blocklist.greensnow.co/greensnow.txt"],
        terms: "free of charge; see the homepage",
        homepage: "https://greensnow.co/",
        ..USUAL
    },
    Feed {
        name: "ipsum-level3",
        title: "hosts on three or more of some thirty public lists",
        urls: &["https://raw.githubusercontent.com/stamparm/ipsum/master/levels/3.txt"],
        ..IPSUM
    },
    Feed {
        name: "ipsum-level5",
        title: "hosts on five or more of some thirty public lists",
        urls: &["https://raw.githubusercontent.com/stamparm/ipsum/master/levels/5.txt"],
        ..IPSUM
    },
    Feed {
        name: "spamhaus-drop",
        title: "networks that belong to spammers and criminals altogether",
        urls: &["https://www.spamhaus.org/drop/drop_v4.json", "https://www.spamhaus.org/drop/drop_v6.json"],
        format: "drop-json",
        families: Families::Both,
        interval: 12 * HOUR,
        applies: Applies::Both,
        terms: "free of charge; keep date and copyright with the data; at most one fetch an hour",
        homepage: "https://www.spamhaus.org/blocklists/do-not-route-or-peer/",
        ..USUAL
    },
    Feed {
        name: "spamhaus-drop-text",
        title: "as spamhaus-drop, IPv4 alone, in the old text format",
        urls: &["https://www.spamhaus.org/drop/drop.txt"],
        format: "drop-text",
        interval: 12 * HOUR,
        applies: Applies::Both,
        terms: "free of charge; keep date and copyright with the data; at most one fetch an hour",
        caution: "the provider means to end the text format; prefer spamhaus-drop",
        homepage: "https://www.spamhaus.org/blocklists/do-not-route-or-peer/",
        ..USUAL
    },
    Feed {
        name: "uceprotect-level1",
        title: "single hosts that sent spam to traps within seven days",
        urls: &["http://wget-mirrors.uceprotect.net/rbldnsd-all/dnsbl-1.uceprotect.net.gz"],
        ..UCEPROTECT
    },
];
