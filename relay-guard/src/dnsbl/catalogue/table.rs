//! The table of zones, sorted by name.

use std::net::Ipv4Addr;

use super::{Kind, KnownZone};

/// What most entries have; the rest of each says how it differs.
const USUAL: KnownZone = KnownZone {
    zone: "",
    title: "",
    operator: "",
    what: "",
    kind: Kind::Blocks,
    ipv4: true,
    ipv6: false,
    answers: None,
    codes: &[],
    quota: &[],
    policy: &[],
    test_points: true,
    registration: false,
    info_url: "",
    note: "",
};

const SPAMHAUS: KnownZone = KnownZone {
    operator: "The Spamhaus Project",
    ipv6: true,
    info_url: "https://www.spamhaus.org/query/ip/{address}",
    note: "free for small, non-commercial use; refuses to answer public and busy resolvers: ask through a resolver of your own",
    ..USUAL
};

const SPAMHAUS_DQS: &str =
    "takes a key (Data Query Service), in the place of {key}; answers through any resolver";

/// SBL, XBL and PBL in one.
const ZEN: KnownZone = KnownZone {
    title: "Spamhaus ZEN",
    what: "spam sources (SBL, CSS), hijacked networks (DROP), infected hosts (XBL), end users' networks (PBL)",
    codes: &[
        ("127.0.0.2", "SBL: spam sources"),
        ("127.0.0.3", "CSS: low-reputation senders"),
        ("127.0.0.[4..7]", "XBL: infected or misused hosts"),
        ("127.0.0.9", "DROP: networks of criminals"),
        ("127.0.0.[10..11]", "PBL: networks whose hosts are not to send mail directly; policy, no abuse"),
        ("127.0.0.30", "BCL: botnet controllers"),
    ],
    policy: PBL,
    ..SPAMHAUS
};

const PBL: &[Ipv4Addr] = &[Ipv4Addr::new(127, 0, 0, 10), Ipv4Addr::new(127, 0, 0, 11)];

const UCEPROTECT: KnownZone = KnownZone {
    operator: "UCEPROTECT-Network",
    info_url: "https://www.uceprotect.net/en/rblcheck.php?ipr={address}",
    ..USUAL
};

const SPAMRATS: KnownZone = KnownZone {
    operator: "SpamRATS!",
    info_url: "https://www.spamrats.com/lookup.php?ip={address}",
    // Its test entries are its codes: 127.0.0.36 and so on.
    test_points: false,
    ..USUAL
};

const SEM: KnownZone = KnownZone {
    operator: "Spam Eating Monkey",
    info_url: "https://spameatingmonkey.com/lookup/{address}",
    ..USUAL
};

const MAILSPIKE: KnownZone = KnownZone {
    operator: "Mailspike",
    info_url: "https://mailspike.org/iplookup.html",
    test_points: false,
    ..USUAL
};

const FULLBOGONS: KnownZone = KnownZone {
    operator: "Team Cymru",
    what: "address space that no registry has given to anybody",
    info_url: "https://www.team-cymru.com/bogon-networks",
    // All of 127.0.0.0/8 is in it.
    test_points: false,
    ..USUAL
};

/// Well-known zones, sorted by name.
pub const ZONES: &[KnownZone] = &[
    KnownZone {
        zone: "all.s5h.net",
        title: "s5h.net",
        operator: "s5h.net",
        what: "senders to traps and other abuse",
        info_url: "https://www.usenix.org.uk/content/rbl.html",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "all.spamrats.com",
        title: "SpamRATS! All",
        what: "all lists of SpamRATS! in one",
        codes: &[
            ("127.0.0.36", "RATS-Dyna: names that look like end users'"),
            ("127.0.0.37", "RATS-NoPtr: no reverse name"),
            ("127.0.0.38", "RATS-Spam: spam sources"),
            ("127.0.0.43", "RATS-Auth: password guessing"),
        ],
        policy: &[Ipv4Addr::new(127, 0, 0, 36), Ipv4Addr::new(127, 0, 0, 37)],
        ..SPAMRATS
    },
    KnownZone {
        zone: "auth.spamrats.com",
        title: "SpamRATS! Auth",
        what: "hosts that guess passwords of mail accounts",
        ..SPAMRATS
    },
    KnownZone {
        zone: "b.barracudacentral.org",
        title: "Barracuda Reputation Block List",
        operator: "Barracuda Networks",
        what: "spam sources seen by its customers and traps",
        registration: true,
        info_url: "https://www.barracudacentral.org/lookups",
        note: "free of charge; answers only resolvers whose addresses are registered",
        ..USUAL
    },
    KnownZone {
        zone: "backscatter.spameatingmonkey.net",
        title: "SEM-BACKSCATTER",
        what: "servers that send bounces to strangers",
        note: "lists real mail servers: only good for a small weight",
        ..SEM
    },
    KnownZone {
        zone: "bip.virusfree.cz",
        title: "virusfree.cz BIP",
        operator: "virusfree.cz",
        what: "hosts of botnets",
        ipv6: true,
        info_url: "https://www.virusfree.cz/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "bl.blocklist.de",
        title: "blocklist.de",
        operator: "blocklist.de",
        what: "attacks that its users reported: mail, SSH, web, others",
        ipv6: true,
        info_url: "https://www.blocklist.de/en/view.html?ip={address}",
        note: "its attacks need not be about mail",
        ..USUAL
    },
    KnownZone {
        zone: "bl.ipv6.spameatingmonkey.net",
        title: "SEM-IPV6",
        what: "spam sources with IPv6",
        ipv4: false,
        ipv6: true,
        test_points: false,
        ..SEM
    },
    KnownZone {
        zone: "bl.mailspike.net",
        title: "Mailspike Blacklist",
        what: "senders with a bad reputation",
        codes: &[
            ("127.0.0.2", "Z: a wave of spam right now"),
            ("127.0.0.10", "L5: worst reputation"),
            ("127.0.0.11", "L4: very bad reputation"),
            ("127.0.0.12", "L3: bad reputation"),
        ],
        ..MAILSPIKE
    },
    KnownZone {
        zone: "bl.nordspam.com",
        title: "NordSpam BL",
        operator: "NordSpam",
        what: "spam sources",
        info_url: "https://www.nordspam.com/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "bl.score.senderscore.com",
        title: "Validity RNBL",
        operator: "Validity",
        what: "senders with a bad reputation",
        registration: true,
        info_url: "https://senderscore.org/",
        note: "answers only few questions of resolvers whose operator has no account",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "bl.spamcop.net",
        title: "SpamCop Blocking List",
        operator: "Cisco SpamCop",
        what: "spam sources that its users reported; listings end after a day without reports",
        info_url: "https://www.spamcop.net/bl.shtml?{address}",
        note: "its operator advises to weigh it, not to refuse by it alone",
        ..USUAL
    },
    KnownZone { zone: "bl.spameatingmonkey.net", title: "SEM-BLACK", what: "spam sources", ..SEM },
    KnownZone {
        zone: "bl.suomispam.net",
        title: "Suomispam BL",
        operator: "Suomispam Reputation Project",
        what: "senders of spam to Finland",
        info_url: "https://suomispam.net/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "blacklist.woody.ch",
        title: "Woody's SMTP Blacklist",
        operator: "woody.ch",
        what: "spam sources",
        info_url: "https://blacklist.woody.ch/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "db.wpbl.info",
        title: "WPBL",
        operator: "Weighted Private Block List",
        what: "spam sources seen by its members",
        info_url: "http://www.wpbl.info/record?ip={address}",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "dnsbl-1.uceprotect.net",
        title: "UCEPROTECT Level 1",
        what: "single addresses that sent to traps in the last days",
        ..UCEPROTECT
    },
    KnownZone {
        zone: "dnsbl-2.uceprotect.net",
        title: "UCEPROTECT Level 2",
        what: "whole allocations with many Level 1 listings",
        note: "lists neighbours of spammers: only good for a small weight",
        ..UCEPROTECT
    },
    KnownZone {
        zone: "dnsbl-3.uceprotect.net",
        title: "UCEPROTECT Level 3",
        what: "whole autonomous systems with many listings",
        note: "lists large providers with all their customers: never refuse by it",
        ..UCEPROTECT
    },
    KnownZone {
        zone: "dnsbl.dronebl.org",
        title: "DroneBL",
        operator: "DroneBL",
        what: "open proxies, infected hosts, abused routers and VPNs",
        ipv6: true,
        info_url: "https://dronebl.org/lookup?ip={address}",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "dnsbl.spfbl.net",
        title: "SPFBL DNSBL",
        operator: "SPFBL.net",
        what: "senders with a bad reputation; with other answers, hosts that should not send mail",
        ipv6: true,
        answers: Some("127.0.0.2"),
        info_url: "https://matrix.spfbl.net/{address}",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "dyna.spamrats.com",
        title: "SpamRATS! Dyna",
        what: "hosts whose reverse names look like end users'",
        policy: &[Ipv4Addr::new(127, 0, 0, 36)],
        ..SPAMRATS
    },
    KnownZone {
        zone: "hostkarma.junkemailfilter.com",
        title: "Hostkarma",
        operator: "Junk Email Filter",
        what: "senders by reputation",
        kind: Kind::Mixed,
        answers: Some("127.0.0.2"),
        codes: &[
            ("127.0.0.2", "black: spam only"),
            ("127.0.0.3", "yellow: spam and other mail"),
            ("127.0.0.4", "brown: spam, but not enough of it for black"),
        ],
        info_url: "https://wiki.junkemailfilter.com/index.php/Spam_DNS_Lists",
        note: "its white list answers 127.0.0.1, which is no listing anywhere",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "iadb.isipp.com",
        title: "IADB",
        operator: "ISIPP SuretyMail",
        what: "senders whose practices are vouched for",
        kind: Kind::Vouches,
        answers: Some("127.0.1.255"),
        info_url: "https://www.isipp.com/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "ips.backscatterer.org",
        title: "Backscatterer.org",
        operator: "UCEPROTECT-Network",
        what: "servers that send bounces and callouts to strangers",
        info_url: "http://www.backscatterer.org/?ip={address}",
        note: "meant for null senders alone, which nobody knows at connection time: never refuse by it",
        ..USUAL
    },
    KnownZone {
        zone: "ips.whitelisted.org",
        title: "Whitelisted.org",
        operator: "UCEPROTECT-Network",
        what: "servers whose operators vouch for them",
        kind: Kind::Vouches,
        info_url: "http://www.whitelisted.org/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "list.dnswl.org",
        title: "dnswl.org",
        operator: "dnswl.org",
        what: "known mail servers, with how far they can be trusted",
        kind: Kind::Vouches,
        ipv6: true,
        answers: Some("127.0.[2..20].[1..3]"),
        quota: &[Ipv4Addr::new(127, 0, 0, 255)],
        codes: &[
            ("127.0.[2..20].0", "none: a mail server, sends spam too"),
            ("127.0.[2..20].1", "low trust"),
            ("127.0.[2..20].2", "medium trust"),
            ("127.0.[2..20].3", "high trust"),
            ("127.0.0.255", "no listing: too many questions"),
        ],
        info_url: "https://www.dnswl.org/s/?s={address}",
        note: "free up to 100,000 questions a day, from a resolver of your own",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "noptr.spamrats.com",
        title: "SpamRATS! NoPtr",
        what: "hosts without a reverse name that sent spam",
        policy: &[Ipv4Addr::new(127, 0, 0, 37)],
        ..SPAMRATS
    },
    KnownZone {
        zone: "pbl.spamhaus.org",
        title: "Spamhaus PBL",
        what: "end users' networks, whose hosts are not to send mail directly",
        policy: PBL,
        ..SPAMHAUS
    },
    KnownZone {
        zone: "psbl.surriel.com",
        title: "Passive Spam Block List",
        operator: "Rik van Riel",
        what: "senders to spam traps; anybody can have an address removed",
        info_url: "https://psbl.org/listing?ip={address}",
        ..USUAL
    },
    KnownZone {
        zone: "rbl.abuse.ro",
        title: "abuse.ro RBL",
        operator: "abuse.ro",
        what: "spam sources, most of them in Romania",
        info_url: "https://abuse.ro/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "rbl.interserver.net",
        title: "InterServer RBL",
        operator: "InterServer",
        what: "spam sources and attacks seen by a hosting provider",
        info_url: "https://rbl.interserver.net/",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "sbl-xbl.spamhaus.org",
        title: "Spamhaus SBL-XBL",
        what: "spam sources and infected hosts: ZEN without end users' networks",
        ..SPAMHAUS
    },
    KnownZone {
        zone: "sbl.spamhaus.org",
        title: "Spamhaus SBL",
        what: "spam sources, by hand (SBL) and by machine (CSS); networks of criminals (DROP)",
        ..SPAMHAUS
    },
    KnownZone {
        zone: "spam.dnsbl.anonmails.de",
        title: "anonmails.de",
        operator: "anonmails.de",
        what: "senders to spam traps",
        info_url: "https://anonmails.de/dnsbl.php",
        test_points: false,
        ..USUAL
    },
    KnownZone { zone: "spam.spamrats.com", title: "SpamRATS! Spam", what: "spam sources", ..SPAMRATS },
    KnownZone {
        zone: "torexit.dan.me.uk",
        title: "dan.me.uk Tor exits",
        operator: "dan.me.uk",
        what: "exits of the Tor network",
        info_url: "https://www.dan.me.uk/dnsbl",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "truncate.gbudb.net",
        title: "GBUdb Truncate",
        operator: "MicroNeil / Message Sniffer",
        what: "senders of nothing but spam",
        info_url: "https://www.gbudb.com/truncate/",
        test_points: false,
        ..USUAL
    },
    KnownZone { zone: "v4.fullbogons.cymru.com", title: "Full bogons, IPv4", ..FULLBOGONS },
    KnownZone {
        zone: "v6.fullbogons.cymru.com",
        title: "Full bogons, IPv6",
        ipv4: false,
        ipv6: true,
        ..FULLBOGONS
    },
    KnownZone {
        zone: "wl.mailspike.net",
        title: "Mailspike Whitelist",
        what: "senders with a good reputation",
        kind: Kind::Vouches,
        answers: Some("127.0.0.[18..20]"),
        codes: &[
            ("127.0.0.17", "H2: possibly good"),
            ("127.0.0.18", "H3: good reputation"),
            ("127.0.0.19", "H4: very good reputation"),
            ("127.0.0.20", "H5: excellent reputation"),
        ],
        ..MAILSPIKE
    },
    KnownZone {
        zone: "xbl.spamhaus.org",
        title: "Spamhaus XBL",
        what: "infected and misused hosts",
        ..SPAMHAUS
    },
    KnownZone { zone: "zen.spamhaus.org", ..ZEN },
    KnownZone {
        zone: "{key}.combined.mail.abusix.zone",
        title: "Abusix Mail Intelligence",
        operator: "Abusix",
        what: "spam sources, infected hosts, end users' networks",
        ipv6: true,
        registration: true,
        info_url: "https://lookup.abusix.com/search?q={address}",
        note: "takes a key, in the place of {key}; see its operator's pages for what answers mean",
        test_points: false,
        ..USUAL
    },
    KnownZone {
        zone: "{key}.zen.dq.spamhaus.net",
        title: "Spamhaus ZEN (DQS)",
        registration: true,
        note: SPAMHAUS_DQS,
        ..ZEN
    },
];

/// Zones that nobody runs any more, with all below them, and what became of them.
pub const ENDED: &[(&str, &str)] = &[
    ("ahbl.org", "it ended in 2015 and lists the world"),
    ("cbl.abuseat.org", "it is part of xbl.spamhaus.org now"),
    ("dsbl.org", "it ended in 2008"),
    ("five-ten-sg.com", "it ended in 2013"),
    ("ix.dnsbl.manitu.net", "it ended in 2025"),
    ("njabl.org", "it ended in 2013"),
    ("ordb.org", "it ended in 2006 and listed the world in 2008"),
    ("sorbs.net", "it ended in 2024"),
    ("spamcannibal.org", "it ended in 2018 and listed the world"),
];
