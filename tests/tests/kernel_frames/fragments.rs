//! Fragments: judged where TCP's header is, dropped where it is hidden (RFC 1858, RFC 3128), else passed.

use relay_guard_common::reason::Reason;
use relay_guard_common::role::Direction;
use relay_guard_tests::frames::{Ext, Frame};

use super::case::{Case, drop, ignore, inside, listed, outside, pass, stray};
use super::outcome::Outcome;
use super::scene::{CLEAN, CLEAN_V6, HOST, LISTED, MAIL, MAIL_V6, ip, listed_syn, listed_syn_v6, syn};

pub fn cases() -> Vec<Case> {
    [first_v4(), hidden_v4(), later_v4(), v6(), v6_chains()].concat()
}

fn tiny() -> Outcome {
    drop(Direction::Unknown, Reason::TinyFragment)
}

fn overlapping() -> Outcome {
    drop(Direction::Unknown, Reason::OverlappingFragment)
}

fn clean() -> Outcome {
    pass(Direction::Inbound, Reason::Clean)
}

/// The first fragment of a segment with 100 bytes of payload, cut after `length` of its bytes.
fn first(frame: Frame, length: usize) -> Frame {
    frame.payload([b'x'; 100]).fragment(0, true).piece(0..length)
}

fn first_v4() -> Vec<Case> {
    let options = syn(CLEAN, MAIL, 25).tcp_options(&[1; 40]);
    vec![
        outside("a first fragment with TCP's header, listed", first(listed_syn(), 24), listed()),
        outside("a first fragment with TCP's header, clean", first(syn(CLEAN, MAIL, 25), 24), clean()),
        outside("a first fragment with just TCP's header", first(listed_syn(), 20), listed()),
        outside("a first fragment with all of TCP's options", first(options.clone(), 60), clean()),
        outside("a first fragment without some of TCP's options", first(options, 56), tiny()),
        outside(
            "a first fragment behind IPv4 options",
            first(listed_syn().v4_options(&[1; 40]), 24),
            listed(),
        ),
    ]
}

fn hidden_v4() -> Vec<Case> {
    let clean_syn = |port| syn(CLEAN, MAIL, port);
    vec![
        outside("8 bytes of TCP to our port", first(clean_syn(25), 8), tiny()),
        outside("16 bytes of TCP to our port", first(clean_syn(587), 16), tiny()),
        outside("8 bytes of TCP to our port, padded", first(clean_syn(25), 8).length(60), tiny()),
        outside("a data offset below 5, in a fragment", first(clean_syn(25).data_offset(4), 24), tiny()),
        outside("a data offset beyond the fragment", first(clean_syn(25).data_offset(15), 24), tiny()),
        outside("8 bytes of TCP to another port", first(clean_syn(80), 8), ignore(Reason::OtherPort)),
        outside("a first fragment without any byte", first(clean_syn(25), 0), tiny()),
        inside("8 bytes of TCP from a host of ours", first(syn(HOST, CLEAN, 25), 8), tiny()),
        inside(
            "8 bytes of TCP to a port not watched",
            first(syn(HOST, CLEAN, 587), 8),
            ignore(Reason::NotJudged),
        ),
        stray("8 bytes of TCP where nothing is judged", first(clean_syn(25), 8), ignore(Reason::NotJudged)),
        stray(
            "no byte of TCP where nothing is judged",
            first(clean_syn(25), 0),
            ignore(Reason::TinyFragment),
        ),
        outside("8 bytes of UDP", udp().fragment(0, true).piece(0..8), ignore(Reason::NotTcp)),
    ]
}

fn udp() -> Frame {
    Frame::udp((ip(LISTED), 25), (ip(MAIL), 25)).payload([0; 100])
}

fn later_v4() -> Vec<Case> {
    let part = |offset, more| listed_syn().payload([b'x'; 3000]).fragment(offset, more).piece(8..600);
    let later = ignore(Reason::LaterFragment);
    vec![
        outside("a fragment at offset 8", part(8, true), overlapping()),
        outside("a last fragment at offset 8", part(8, false), overlapping()),
        inside("a fragment at offset 8 from a host of ours", part(8, true), overlapping()),
        stray(
            "a fragment at offset 8 where nothing is judged",
            part(8, true),
            ignore(Reason::OverlappingFragment),
        ),
        outside("UDP at offset 8", udp().fragment(8, true).piece(8..64), ignore(Reason::NotTcp)),
        outside("a fragment at offset 16", part(16, true), later),
        outside("a fragment at offset 1480", part(1480, true), later),
        outside("a last fragment at offset 65528", part(65528, false), later),
    ]
}

fn v6() -> Vec<Case> {
    let clean_syn = || syn(CLEAN_V6, MAIL_V6, 25);
    let part = |offset, more| listed_syn_v6().payload([b'x'; 900]).fragment(offset, more).piece(8..600);
    let later = ignore(Reason::LaterFragment);
    vec![
        outside("an atomic fragment", listed_syn_v6().fragment(0, false), listed()),
        outside("an atomic fragment with 8 bytes of TCP", clean_syn().fragment(0, false).piece(0..8), cut()),
        outside("a first fragment with TCP's header, IPv6", first(listed_syn_v6(), 24), listed()),
        outside("8 bytes of TCP, IPv6", first(clean_syn(), 8), tiny()),
        outside("8 bytes of TCP, IPv6, padded", first(clean_syn(), 8).length(100), tiny()),
        outside("8 bytes of TCP to another port, IPv6", first(syn(CLEAN_V6, MAIL_V6, 80), 8), other_port()),
        outside("a fragment at offset 8, IPv6", part(8, true), overlapping()),
        outside("a last fragment at offset 8, IPv6", part(8, false), overlapping()),
        outside("UDP at offset 8, IPv6", part(8, true).protocol(17), later),
        outside("a fragment at offset 16, IPv6", part(16, true), later),
        outside("a last fragment, IPv6", part(1232, false), later),
    ]
}

fn cut() -> Outcome {
    ignore(Reason::Truncated)
}

fn other_port() -> Outcome {
    ignore(Reason::OtherPort)
}

fn v6_chains() -> Vec<Case> {
    let options = || Ext::DestinationOptions { len: 8 };
    let before = || listed_syn_v6().ext(Ext::HopByHop { len: 8 }).ext(Ext::Routing { len: 8 });
    vec![
        outside("a first fragment behind extensions", first(before(), 24), listed()),
        outside(
            "a first fragment with an extension in it",
            listed_syn_v6().payload([b'x'; 100]).fragment(0, true).ext(options()).piece(0..24),
            listed(),
        ),
        outside(
            "8 bytes of TCP behind an extension in a fragment",
            syn(CLEAN_V6, MAIL_V6, 25).fragment(0, true).ext(options()).piece(0..8),
            tiny(),
        ),
        outside(
            "a fragment at offset 8 behind extensions",
            before().fragment(8, true).piece(8..20),
            overlapping(),
        ),
        // Nothing at offset 8 of an extension header is TCP's flags.
        outside(
            "an extension at offset 8",
            listed_syn_v6().fragment(8, true).ext(options()),
            ignore(Reason::LaterFragment),
        ),
        // The second fragment header says "whole", and the first one is still right.
        outside(
            "8 bytes of TCP in an atomic fragment in a first fragment",
            syn(CLEAN_V6, MAIL_V6, 25).fragment(0, true).fragment(0, false).piece(0..8),
            tiny(),
        ),
    ]
}
