//! IPv4: options, lengths, what is not TCP.

use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Frame, protocol};

use super::case::{Case, ignore, listed, outside, pass};
use super::scene::{CLEAN, LISTED, MAIL, ip, listed_syn, syn};

pub fn cases() -> Vec<Case> {
    [options(), lengths(), other_protocols()].concat()
}

fn options() -> Vec<Case> {
    let malformed = ignore(Reason::Malformed);
    let mut cases: Vec<Case> = (5..=15)
        .map(|words| {
            let options = vec![1; (words - 5) * 4];
            outside(format!("IHL {words}"), listed_syn().v4_options(&options), listed())
        })
        .collect();
    cases.extend((0..5).map(|words| outside(format!("IHL {words}"), listed_syn().ihl(words), malformed)));
    cases.extend([
        // The bytes where TCP would be without options say "to port 25".
        outside(
            "options that look like TCP to a guarded port",
            syn(LISTED, MAIL, 80).v4_options(&[0x9c, 0x40, 0, 25, 0, 0, 0, 0]),
            ignore(Reason::OtherPort),
        ),
        outside("version 6 where IPv4 is announced", listed_syn().ip_version(6), malformed),
        outside("version 0 where IPv4 is announced", listed_syn().ip_version(0), malformed),
        outside("IPv4 where IPv6 is announced", listed_syn().ethertype(0x86dd), malformed),
    ]);
    cases
}

fn lengths() -> Vec<Case> {
    let clean = pass(Direction::Inbound, Reason::Clean);
    vec![
        outside("padded to Ethernet's minimum", listed_syn().length(60), listed()),
        outside("padded far beyond", listed_syn().length(1514), listed()),
        outside("a TCP header that is only padding", listed_syn().ip_length(39), ignore(Reason::Truncated)),
        outside("no payload, whatever the padding", listed_syn().ip_length(20), ignore(Reason::Truncated)),
        outside("a total length below the header's", listed_syn().ip_length(19), ignore(Reason::Malformed)),
        outside(
            "a total length below the options'",
            listed_syn().v4_options(&[1; 20]).ip_length(39),
            ignore(Reason::Malformed),
        ),
        outside("a total length of 0 (BIG TCP)", listed_syn().ip_length(0).payload([0; 1000]), listed()),
        outside("a total length of 0 and no TCP header", listed_syn().ip_length(0).length(53), cut()),
        outside("a total length beyond the frame", listed_syn().ip_length(65535), listed()),
        outside("a frame of 1500 bytes", listed_syn().payload([b'x'; 1446]), listed()),
        outside("a jumbo frame from a clean source", syn(CLEAN, MAIL, 25).payload([b'x'; 8946]), clean),
        outside("a jumbo frame from a listed source", listed_syn().payload([b'x'; 8946]), listed()),
        outside("a data offset below 5", listed_syn().data_offset(0), listed()),
        outside("a data offset beyond the segment", listed_syn().data_offset(15), listed()),
    ]
}

fn cut() -> super::outcome::Outcome {
    ignore(Reason::Truncated)
}

fn other_protocols() -> Vec<Case> {
    let not_tcp = ignore(Reason::NotTcp);
    let from_listed = |number, body: &[u8]| Frame::ip(number, ip(LISTED), ip(MAIL), body);
    // What a TCP segment to port 25 would begin with.
    let like_tcp = [0x9c, 0x40, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0];
    vec![
        outside("UDP to port 25", Frame::udp((ip(LISTED), 25), (ip(MAIL), 25)), not_tcp),
        outside("ICMP", Frame::icmp_echo(ip(LISTED), ip(MAIL)), not_tcp),
        outside("GRE", from_listed(protocol::GRE, &like_tcp), not_tcp),
        outside("SCTP to port 25", from_listed(protocol::SCTP, &like_tcp), not_tcp),
        outside("IPv6 in IPv4", from_listed(protocol::IPV6, &like_tcp), not_tcp),
        outside("IPv4 in IPv4", from_listed(4, &like_tcp), not_tcp),
        outside("AH in IPv4", from_listed(51, &like_tcp), not_tcp),
        outside("protocol 255", from_listed(255, &like_tcp), not_tcp),
        outside("UDP and a bad IHL", Frame::udp((ip(LISTED), 25), (ip(MAIL), 25)).ihl(3), not_tcp),
        outside("UDP of 4 bytes", from_listed(protocol::UDP, &[0; 4]), not_tcp),
    ]
}
