//! IPv6: extension headers, lengths, what is not TCP.

use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Ext, Frame};

use super::case::{Case, ignore, listed, outside, pass};
use super::scene::{LISTED, LISTED_V6, MAIL_V6, ip, listed_syn_v6, syn};

pub fn cases() -> Vec<Case> {
    [each_extension(), many_extensions(), lengths(), others()].concat()
}

fn raw(number: u8) -> Ext {
    Ext::Raw { number, length_field: 0, body: vec![0; 6] }
}

fn each_extension() -> Vec<Case> {
    let with = |ext: Ext| listed_syn_v6().ext(ext);
    vec![
        outside("IPv6 without extensions", listed_syn_v6(), listed()),
        outside("hop-by-hop", with(Ext::HopByHop { len: 8 }), listed()),
        outside("hop-by-hop of 2048 bytes", with(Ext::HopByHop { len: 2048 }), listed()),
        outside("routing", with(Ext::Routing { len: 24 }), listed()),
        outside("destination options", with(Ext::DestinationOptions { len: 16 }), listed()),
        outside("authentication of 12 bytes", with(Ext::Authentication { len: 12 }), listed()),
        outside("authentication of 24 bytes", with(Ext::Authentication { len: 24 }), listed()),
        outside("mobility", with(Ext::Mobility { len: 8 }), listed()),
        outside("host identity", with(raw(139)), listed()),
        outside("shim6", with(raw(140)), listed()),
        outside("encrypted", with(Ext::Encapsulated), ignore(Reason::NotTcp)),
        outside("no next header", with(Ext::NoNext), ignore(Reason::NotTcp)),
        outside("an unknown header", with(raw(253)), ignore(Reason::NotTcp)),
    ]
}

fn many_extensions() -> Vec<Case> {
    let times = |count: usize, ext: Ext| (0..count).fold(listed_syn_v6(), |frame, _| frame.ext(ext.clone()));
    let options = Ext::DestinationOptions { len: 8 };
    let all = listed_syn_v6()
        .ext(Ext::HopByHop { len: 16 })
        .ext(Ext::DestinationOptions { len: 24 })
        .ext(Ext::Routing { len: 40 })
        .ext(Ext::Authentication { len: 20 })
        .ext(Ext::DestinationOptions { len: 8 })
        .ext(Ext::Mobility { len: 8 })
        .ext(raw(139))
        .ext(raw(140));
    vec![
        outside("8 different extensions", all.clone(), listed()),
        outside("8 different extensions in 4 tags", all.vlan(1).vlan(2).vlan(3).vlan(4), listed()),
        outside("8 extensions", times(8, options.clone()), listed()),
        outside("9 extensions", times(9, options.clone()), ignore(Reason::TooDeep)),
        outside("9 extensions before UDP", times(9, options).protocol(17), ignore(Reason::TooDeep)),
        outside(
            "extensions of 3400 bytes",
            times(1, Ext::HopByHop { len: 2048 }).ext(Ext::Routing { len: 1352 }),
            listed(),
        ),
        outside(
            "extensions beyond byte 4095",
            times(2, Ext::HopByHop { len: 2048 }),
            ignore(Reason::TooDeep),
        ),
    ]
}

fn lengths() -> Vec<Case> {
    let cut = ignore(Reason::Truncated);
    vec![
        outside("padded IPv6", listed_syn_v6().length(200), listed()),
        outside("a TCP header that is only padding, IPv6", listed_syn_v6().ip_length(19), cut),
        outside(
            "a payload length of 0 (jumbogram)",
            listed_syn_v6().ip_length(0).payload([0; 500]),
            listed(),
        ),
        outside("a payload length of 0 and no TCP header", listed_syn_v6().ip_length(0).length(73), cut),
        outside("a payload length beyond the frame", listed_syn_v6().ip_length(65535), listed()),
        outside(
            "an extension longer than the payload",
            listed_syn_v6().ext(Ext::Raw { number: 60, length_field: 9, body: vec![0; 6] }),
            cut,
        ),
        outside(
            "an extension across the payload's end, TCP in the padding",
            listed_syn_v6().ext(Ext::HopByHop { len: 16 }).ip_length(8),
            cut,
        ),
        outside("an extension cut off", listed_syn_v6().ext(Ext::HopByHop { len: 8 }).length(57), cut),
        outside("a jumbo frame, IPv6", listed_syn_v6().payload([b'x'; 8926]), listed()),
    ]
}

fn others() -> Vec<Case> {
    let mapped = format!("::ffff:{LISTED}");
    vec![
        outside(
            "UDP to port 25, IPv6",
            Frame::udp((ip(LISTED_V6), 25), (ip(MAIL_V6), 25)),
            ignore(Reason::NotTcp),
        ),
        outside("ICMPv6", Frame::icmp_echo(ip(LISTED_V6), ip(MAIL_V6)), ignore(Reason::NotTcp)),
        outside(
            "version 4 where IPv6 is announced",
            listed_syn_v6().ip_version(4),
            ignore(Reason::Malformed),
        ),
        outside("IPv6 where IPv4 is announced", listed_syn_v6().ethertype(0x0800), ignore(Reason::Malformed)),
        // It counts as what it stands for: nothing else sends it.
        outside("a listed IPv4 address, mapped", syn(&mapped, MAIL_V6, 25), listed()),
        outside(
            "a clean IPv4 address, mapped",
            syn("::ffff:192.0.2.7", MAIL_V6, 25),
            pass(Direction::Inbound, Reason::Clean),
        ),
        // Not mapped, only alike.
        outside(
            "a listed IPv4 address, IPv4-compatible",
            syn("1::203.0.113.7", MAIL_V6, 25),
            pass(Direction::Inbound, Reason::Clean),
        ),
    ]
}
