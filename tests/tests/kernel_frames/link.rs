//! Ethernet, tags, PPPoE.

use relay_guard_common::reason::Reason;
use relay_guard_tests::frames::Frame;

use super::case::{Case, ignore, listed, outside};
use super::outcome::Outcome;
use super::scene::{CLEAN, MAIL, ip, listed_syn, listed_syn_v6};

pub fn cases() -> Vec<Case> {
    [tagged(), pppoe(), others()].concat()
}

const TAG_TYPES: [u16; 3] = [0x8100, 0x88a8, 0x9100];

fn tagged() -> Vec<Case> {
    let mut cases = Vec::new();
    for (tags, expect) in
        [(1, listed()), (2, listed()), (3, listed()), (4, listed()), (5, ignore(Reason::TooDeep))]
    {
        for (first, name) in TAG_TYPES.iter().enumerate() {
            // All of one type, and each type in each place.
            let same = (0..tags).fold(listed_syn(), |frame, id| frame.tag(*name, id));
            let mixed = (0..tags).fold(listed_syn_v6(), |frame, id| {
                frame.tag(TAG_TYPES[(first + usize::from(id)) % 3], id | 0xe000)
            });
            cases.push(outside(format!("{tags} tags of {name:#x}"), same, expect));
            cases.push(outside(format!("{tags} mixed tags from {name:#x}, IPv6"), mixed, expect));
        }
    }
    cases.extend([
        outside("a tag cut in half", listed_syn().vlan(5).length(16), ignore(Reason::Truncated)),
        outside("a tag and nothing", listed_syn().vlan(5).length(18), ignore(Reason::Truncated)),
        outside("a tagged ARP", Frame::arp([192, 0, 2, 1].into(), [192, 0, 2, 2].into()).vlan(5), not_ip()),
        // MACsec is no tag that is followed.
        outside("an unknown tag", listed_syn().tag(0x88e5, 5), not_ip()),
    ]);
    cases
}

fn pppoe() -> Vec<Case> {
    let session = || listed_syn().pppoe(7);
    vec![
        outside("PPPoE session, IPv4", session(), listed()),
        outside("PPPoE session, IPv6", listed_syn_v6().pppoe(7), listed()),
        outside("PPPoE session in a VLAN", listed_syn().vlan(7).pppoe(7), listed()),
        outside("PPPoE session in 4 tags", four_tags(listed_syn_v6()).pppoe(7), listed()),
        outside("PPPoE session, LCP", listed_syn().pppoe_protocol(7, 0xc021), not_ip()),
        outside(
            "PPPoE session, IPv6 said to be IPv4",
            listed_syn_v6().pppoe_protocol(7, 0x0021),
            malformed(),
        ),
        outside("PPPoE discovery", changed(&session(), 13, 0x63), not_ip()),
        outside("PPPoE session with a discovery code", changed(&session(), 15, 0xa7), not_ip()),
        outside("PPPoE of another version", changed(&session(), 14, 0x21), not_ip()),
        outside("PPPoE of another type", changed(&session(), 14, 0x12), not_ip()),
        outside("PPPoE cut before the protocol", session().length(20), ignore(Reason::Truncated)),
    ]
}

fn others() -> Vec<Case> {
    vec![
        outside("ARP", Frame::arp([192, 0, 2, 1].into(), [192, 0, 2, 2].into()), not_ip()),
        outside("LLDP", Frame::ethernet(0x88cc, &[2, 7, 4, 0, 0, 0]), not_ip()),
        outside("an 802.3 length", Frame::ethernet(0x0026, &[0x42, 0x42, 3]), not_ip()),
        outside("MPLS", listed_syn().ethertype(0x8847), not_ip()),
        outside("ICMP to the mail server", Frame::icmp_echo(ip(CLEAN), ip(MAIL)), ignore(Reason::NotTcp)),
        outside(
            "to a multicast Ethernet address",
            listed_syn().ethernet_addresses([0xff; 6], [2, 0, 0, 0, 0, 9]),
            listed(),
        ),
    ]
}

fn four_tags(frame: Frame) -> Frame {
    frame.service_vlan(1).vlan(2).tag(0x9100, 3).vlan(4)
}

fn changed(frame: &Frame, at: usize, byte: u8) -> Vec<u8> {
    let mut frame = frame.build();
    frame[at] = byte;
    frame
}

fn not_ip() -> Outcome {
    ignore(Reason::NotIp)
}

fn malformed() -> Outcome {
    ignore(Reason::Malformed)
}
